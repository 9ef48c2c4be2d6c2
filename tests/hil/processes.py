"""Virtual twins in processes of their own, for tests of drivers."""

import subprocess
import sys
from contextlib import contextmanager


@contextmanager
def twin(module, *arguments):
    """A twin's process; gives its first line's words, and the process with `pull()`."""
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
            process.kill()
