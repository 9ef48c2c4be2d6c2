"""Virtual twins in processes of their own, for tests of drivers."""

import select
import subprocess
import sys
from contextlib import contextmanager

PASSWORD = "2468"
HANG_UP_S = 30.0
"""Whoever takes longer to end has not been told to: it hangs."""


@contextmanager
def twin(module, *arguments):
    """A twin's process; gives its first line's words, and the process with `pull()`.

    In the end it is told to hang up, since a radio that is killed leaves its socket behind.
    """
    command = [sys.executable, "-m", f"paybench.hil.virtual.{module}", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            words = process.stdout.readline().decode().split()

            def pull(_wish=""):
                process.stdin.write(b"\n")
                process.stdin.flush()

            process.pull = pull
            yield words, process
        finally:
            process.terminate()
            try:
                process.wait(HANG_UP_S)
            finally:
                process.kill()


def written_to(tty, count):
    """So many bytes of what was written to a tty: the kernel hands them over when it likes."""
    data = b""
    while len(data) < count and select.select([tty], [], [], 10)[0]:
        data += tty.read()
    return data


class Customers:
    """Whoever holds the phones: types on the right one what is asked for, with the password.

    Args:
        answer: What they answer when a phone asks them who they are.
        processes: The phones' processes, by whose they are.
    """

    def __init__(self, answer="", /, **processes):
        self._answer = answer
        self._processes = processes

    def __call__(self, wish):
        what, _, phone = wish.rpartition(" on ")
        match what.split():
            case ["approve", *_]:
                keys = f"approve {PASSWORD}"
            case ["choose", number]:
                keys = f"choose {number} {PASSWORD}"
            case ["bill", _, *how]:
                keys = f"bill {' '.join(how)}"
            case ["answer"]:
                keys = f"answer {self._answer}"
            case ["scan", *_]:
                keys = what  # as it is: a code may have spaces, and several in a row
            case words:
                keys = " ".join(words)
        stdin = self._processes[phone.partition(".")[0]].stdin
        stdin.write(keys.encode() + b"\n")
        stdin.flush()
