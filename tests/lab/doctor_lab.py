"""The doctor, as somebody who is not root."""

import json
import subprocess
import sys

from plug import command, gadget

USER = "clerk"
DEVICES = {"serial ports": "dialout", "keyboard readers": "input", "cameras": "video"}


def test_what_the_doctor_says_mends_it(saw):
    """`paybench doctor`: each permission it misses is there after the one command it names."""
    command("useradd", USER)
    with gadget("scanner"), gadget("wedge"), gadget("camera"):
        before = _findings(3)
        mends = {what: before[what]["mend"] for what in DEVICES}
        assert {what: before[what]["state"] for what in DEVICES} == dict.fromkeys(
            DEVICES, "missing"
        )
        for mend in mends.values():
            assert mend.startswith("sudo ")
            command(*mend.removeprefix("sudo ").replace("$USER", USER).split())
        after = _findings(0)
    assert {after[what]["state"] for what in DEVICES} == {"good"}
    saw("; ".join(mends.values()))


def _findings(status):
    """What the doctor finds for the clerk, by what it looked at."""
    words = ["runuser", "-u", USER, "--", sys.executable, "-m", "paybench", "doctor", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return {finding["what"]: finding for finding in json.loads(done.stdout)}
