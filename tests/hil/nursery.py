"""Processes that begin at once: forked from one that has imported what takes long to import."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from types import SimpleNamespace

from processes import HANG_UP_S

_NURSERY = """
import json, os, runpy, signal, socket, sys, traceback, warnings
import paybench.hil.ble.backend, paybench.hil.ble.central, paybench.hil.virtual.ble_peripheral
import bleak, bumble.gatt, bumble.transport.unix, paybench.hil.ble.hci, paybench.hil.ble.radio
import paybench.hil.virtual.bridge, paybench.hil.virtual.cable, paybench.hil.virtual.camera
import paybench.hil.virtual.phone, paybench.hil.virtual.scanner
warnings.simplefilter("ignore", RuntimeWarning)  # runpy minds that the module is there already
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
parent = socket.socket(fileno=0)
while True:
    order, streams, _, _ = socket.recv_fds(parent, 65536, 2)
    if not order:
        sys.exit()
    child = os.fork()
    if child:
        for stream in streams:
            os.close(stream)
        parent.send(b"%d" % child)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    kind, what, *sys.argv[1:] = json.loads(order)
    status = 1
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__")
        else:
            exec(what, {"__name__": "__main__"})
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)
"""


class Nursery:
    """Begins processes; they end with it."""

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _NURSERY]
            self._process = subprocess.Popen(command, stdin=theirs)

    @contextmanager
    def process(self, *arguments):
        """``-m MODULE …`` or ``-c SCRIPT …`` in a process of its own, hung up in the end."""
        child = _Child(self._socket, [str(argument) for argument in arguments])
        try:
            yield child
        finally:
            try:
                child.hang_up()
            finally:
                child.stdin.close()
                child.stdout.close()

    @contextmanager
    def twin(self, module, *arguments):
        """A twin's process, as `processes.twin` gives it."""
        with self.process("-m", f"paybench.hil.virtual.{module}", *arguments) as child:
            words, stdin = child.stdout.readline().split(), child.stdin.buffer

            def pull(_wish=""):
                stdin.write(b"\n")
                stdin.flush()

            yield words, SimpleNamespace(stdin=stdin, pull=pull, kill=child.kill)

    def close(self):
        self._socket.close()
        self._process.wait()


class _Child:
    def __init__(self, nursery, arguments):
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        socket.send_fds(nursery, [json.dumps(arguments).encode()], [their_in, their_out])
        os.close(their_in)
        os.close(their_out)
        self.stdin = os.fdopen(our_out, "w")
        self.stdout = os.fdopen(our_in)
        self._pid = int(nursery.recv(32))

    def send_signal(self, number):
        with suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def hang_up(self):
        """Have it end in its own way: a radio that is killed leaves its socket behind."""
        with suppress(ProcessLookupError):  # it has ended already
            ends = os.pidfd_open(self._pid)
            self.send_signal(signal.SIGTERM)
            self.send_signal(signal.SIGCONT)  # it may have been stopped
            ended = select.select([ends], [], [], HANG_UP_S)[0]
            os.close(ends)
            self.kill()
            assert ended, "it was told to hang up, and did not"

    def kill(self):
        self.send_signal(signal.SIGKILL)
