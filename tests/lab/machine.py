"""The guest: started, listened to, and ended."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from disks import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MEMORY = "1500M"
CORES = 2
KERNEL = "root=/dev/vda rw quiet loglevel=3 console=ttyS0 init=/start"
EMULATED = "tcg,thread=multi"


def run(debian: Path, packages: Path, tests: Sequence[str], report: Path, limit_s: float) -> None:
    """Run tests in the guest; its console is shown as it comes.

    Args:
        debian: The folder with kernel and disk. The disk stays as it is.
        packages: The disk with the Python packages.
        tests: What pytest shall run, as paths below the project.
        report: Where the guest's report goes, a line of JSON for each test.
        limit_s: The guest is ended after so many seconds.
    """
    command = [
        *("qemu-system-x86_64", "-no-user-config", "-nodefaults", "-no-reboot"),
        *("-accel", acceleration(), "-cpu", "max", "-smp", str(CORES), "-m", MEMORY),
        *("-display", "none", "-serial", "stdio", "-serial", f"file:{report}"),
        *("-kernel", str(debian / "vmlinuz"), "-initrd", str(debian / "initrd")),
        *("-drive", f"file={debian / 'disk'},if=virtio,format=raw,snapshot=on"),
        *("-drive", f"file={packages},if=virtio,format=raw,readonly=on"),
        "-virtfs",
        f"local,path={PROJECT},mount_tag=paybench,security_model=none,readonly=on",
        "-append",
        f'{KERNEL} paybench={PROJECT} tests="{" ".join(tests)}"',
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as guest:
        alarm = threading.Timer(limit_s, guest.kill)
        alarm.start()
        try:
            assert guest.stdout is not None
            for line in guest.stdout:
                sys.stdout.write(line.decode(errors="replace").replace("\r", ""))
                sys.stdout.flush()
        finally:
            alarm.cancel()
            guest.kill()


def acceleration() -> str:
    """KVM if it works. That /dev/kvm is there says little: the processor may not let it."""
    probe = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "max", "-nodefaults"]
    done = subprocess.run(
        [*probe, "-display", "none", "-qmp", "stdio"],
        input=b'{"execute": "qmp_capabilities"}{"execute": "quit"}',
        capture_output=True,
        check=False,
    )
    return "kvm" if done.returncode == 0 else EMULATED
