"""The console: poking devices at a prompt, with simulated and with real parts."""

import subprocess
import sys

import pytest

from paybench.hil.virtual.tty import VirtualTty
from paybench.scenarios import Rig
from paybench.scenarios.console import Console
from paybench.scenarios.errors import UsageError

EAN = "4901234567894"
ATTACH = [sys.executable, "-m", "paybench", "attach", "register"]


def say(*lines, role="register"):
    """What a session answers to some lines."""
    session = Console(Rig(), role, {"times": False})
    answers = []
    session.run(lines, answers.append)
    return session, answers


def test_a_purchase_can_be_typed():
    """A sale from scan to handing over, verb by verb, draws the ladder as it goes."""
    session, answers = say(f"scan {EAN} 2.50", "bill B.phone", "B.phone approve 2468", "balances")
    assert session.device.display.lines == ("PAID 2.50",)
    assert answers[-2:] == ["A 2.50 EUR", "B 97.50 EUR"]
    assert any("D3 2.50 EUR" in line for line in answers)


def test_the_phone_can_be_attached_too():
    """Any role can be the one that is spoken to without a name."""
    _, answers = say(
        f"A.register scan {EAN} 1.00", "A.register bill B.phone", "decline", role="phone"
    )
    assert any("DECLINED" in line for line in answers)


def test_help_names_every_verb():
    """Help lists the verbs with their arguments and what they do."""
    _, answers = say("help")
    assert [line.split()[0] for line in answers[:5]] == [
        "bill",
        "key_in",
        "lose_power",
        "regain_power",
        "scan",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("scann 1", "A.register has no verb 'scann': bill, key_in, lose_power, "),
        ("scan 1", "write scan CODE PRICE"),
        ("scan 1 2,50", "2,50"),
        ("bill", "write bill PHONE"),
        ("bill C.phone", "C.phone is no device"),
        ("bill B.phone", "scan an article first"),
        ("B.phone approve 2468 often", "expected a whole number as TAPS"),
        ("wait long", "expected a number of seconds"),
        ("wait -1", "expected a number of seconds"),
        ('scan "1', "cannot be read"),
    ],
)
def test_a_mistake_is_answered_and_the_session_goes_on(line, sentence):
    """Whatever is typed wrong gets a sentence, and the next line works."""
    _, answers = say(line, "", "show")
    mistake = next(answer for answer in answers if answer.startswith("! "))
    assert sentence in mistake
    assert answers[-1].startswith("A.register is idle")


def test_an_unknown_role_is_usage():
    """A role nobody has is refused with those there are."""
    with pytest.raises(UsageError, match="there are: register, phone"):
        Console(Rig(), "gate", {})


def test_a_password_typed_is_not_drawn():
    """What the trace masks, the console's drawing masks."""
    _, answers = say(f"scan {EAN} 2.50", "bill B.phone", "B.phone approve 2468")
    assert not any("2468" in line for line in answers)


def test_a_real_reader_reads_into_the_console():
    """With a reader on a tty, a scan at the prompt waits for it while the world goes on."""
    with (
        VirtualTty() as tty,
        subprocess.Popen(
            [*ATTACH, "--real", f"register.scanner=serial:{tty.path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        process.stdin.write(f"scan {EAN} 2.50\n")
        process.stdin.flush()
        assert process.stderr.readline() == f"» hold {EAN} before A.register.scanner\n"
        tty.write(f"{EAN}\r".encode())
        said, errors = process.communicate("bill B.phone\nB.phone approve 2468\nshow\n", timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert f"«{EAN}»" in said
    assert said.splitlines()[-1] == "A.register is paid; its display: PAID 2.50"


def test_lines_that_come_together_are_all_done():
    """Two lines in one write are two lines, before anything more is typed, also in wall time."""
    with (
        VirtualTty() as tty,
        subprocess.Popen(
            [*ATTACH, "--real", f"phone.display=serial:{tty.path}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        process.stdin.write("balances\nshow\n")
        process.stdin.flush()
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("A.register is idle") for line in lines)
        process.stdin.close()
    assert process.returncode == 0


def test_a_missing_port_blocks_the_console():
    """A real part that is not there ends the command with exit code 3 before it asks anything."""
    done = subprocess.run(
        [*ATTACH, "--real", "register.scanner=serial:/dev/ttyNOWHERE"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "blocked: /dev/ttyNOWHERE: there is no such port" in done.stderr
    assert done.stdout == ""


def test_the_doctor_names_a_command_for_what_it_can_mend():
    """Every finding has a state, and each that is missing has the one command that mends it."""
    from paybench.hil.doctor import GOOD, MISSING, NEEDLESS, examine

    findings = examine()
    assert {finding.state for finding in findings} <= {GOOD, MISSING, NEEDLESS}
    assert all(finding.mend for finding in findings if finding.state == MISSING)
    assert {"serial ports", "cameras", "keyboard readers", "zxing-cpp"} <= {
        finding.what for finding in findings
    }


def test_the_doctor_sees_what_may_not_be_used(tmp_path):
    """A device file that is closed to us is missing a permission, with the group that has it."""
    from paybench.hil.doctor import MISSING, _may_use

    absent = tmp_path / "ttyACM0"  # what cannot be opened is closed, whoever asks
    (finding,) = _may_use("serial ports", [absent], "dialout")
    assert finding.state == MISSING
    assert finding.mend == "sudo usermod -aG dialout $USER"


def test_a_scan_drafts_a_bench_file_and_overwrites_none(tmp_path):
    """The draft is TOML with everything commented out; an existing file stays as it is."""
    import tomllib

    command = [sys.executable, "-m", "paybench", "scan", "--write", "bench.toml"]
    first = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert first.returncode == 0
    assert tomllib.loads((tmp_path / "bench.toml").read_text()) == {}
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert again.returncode == 2
    assert "bench.toml is there already" in again.stderr


def test_a_draft_becomes_a_bench_by_taking_the_marks_away():
    """Without its hash marks, a draft's entry is the TOML a bench file is made of."""
    import tomllib

    from paybench.hil.scan import Found, draft

    text = draft([Found("serial", "/dev/ttyACM0", "Maker Reader", "serial:/dev/ttyACM0")])
    lines = [
        line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# [", "# s"))
    ]
    assert tomllib.loads("\n".join(lines)) == {
        "real": {"register.scanner": {"spec": "serial:/dev/ttyACM0"}}
    }
