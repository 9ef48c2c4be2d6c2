"""The host's side of a reader: a scanner part in a world of its own, with a codec on a tty."""

import os

from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Misreading, Reading, Scanner
from paybench.devices.trace import Injected, Sent
from paybench.devices.world import World
from paybench.hil.reader import ByteReader


class Host:
    """A scanner in whose place a real one stands, on a tty; or, with a script, a recording."""

    def __init__(self, codec, path=None, script=None):
        self.world = World(script=script)
        self.env = self.world.env
        self.scanner = Scanner(self.world, "A.register.scanner")
        till = Port(self.env, "A.register", "cable")
        self.world.connect(self.scanner.port, till, LinkProfile())
        self._tty = -1 if path is None else os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.written = []
        self.reader = ByteReader(self.scanner, self.world, codec, print, self._write)
        self.env.attach(self.scanner.name, self.reader)
        if path is not None:
            self.env.wall.loop.add_reader(self._tty, self._readable)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.env.close()
        if self._tty >= 0:
            os.close(self._tty)

    @property
    def heard(self):
        """What came of the reader's bytes: readings and misreadings, in order."""
        return [event.message for event in self.world.trace if isinstance(event, Sent)]

    @property
    def readings(self):
        return [message for message in self.heard if isinstance(message, Reading)]

    @property
    def misreadings(self):
        return [message for message in self.heard if isinstance(message, Misreading)]

    @property
    def injected(self):
        return [event for event in self.world.trace if isinstance(event, Injected)]

    def listens(self, condition):
        """Let the world run until something holds, and settle."""
        assert self.env.wait_until(condition, 30), self.heard
        self.env.settle()

    def _readable(self):
        self.env.inject(self.scanner.name, os.read(self._tty, 65536))

    def _write(self, data):
        self.written.append(data)
        if self._tty >= 0:
            os.write(self._tty, data)


def replayed(host, codec):
    """The same bytes again, from the recording, with nothing attached."""
    with Host(codec, script=host.injected) as again:
        again.env.run()
        return again
