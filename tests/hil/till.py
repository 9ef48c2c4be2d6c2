"""A till with a real scanner and nothing else: for tests of what a driver makes of bytes."""

from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Reading, Scanner
from paybench.devices.trace import State
from paybench.devices.world import World
from paybench.hil.driver import make_driver


class Till:
    """What comes from a scanner; a context, in which the scanner is open.

    Attributes:
        heard: The readings and misreadings, in order.
    """

    def __init__(self, spec):
        self.world = World()
        self.scanner = Scanner(self.world, "scanner")
        self.heard = []
        self._port = Port(self.world.env, "till", "cable")
        self._driver = make_driver(spec)

    def __enter__(self):
        self.world.connect(self.scanner.port, self._port, LinkProfile())
        self._driver.open()
        self._driver.stand_in(self.scanner, self.world, lambda _: None)
        self.world.env.process(self._listen())
        return self

    def __exit__(self, *_):
        self._driver.close()
        self.world.env.close()

    @property
    def readings(self):
        """What was read."""
        return [message.payload for message in self.heard if isinstance(message, Reading)]

    @property
    def states(self):
        """What became of the line."""
        return [event.state for event in self.world.trace if isinstance(event, State)]

    def waits(self, condition, limit_s):
        """Whether a condition came to hold, looked at after each event."""
        return self.world.env.wait_until(condition, limit_s)

    def _listen(self):
        while True:
            self.heard.append((yield self._port.receive()))
