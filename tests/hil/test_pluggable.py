"""Things that go away and come back: how long is waited, and when no more."""

import pytest

from paybench.devices.scanner import Scanner
from paybench.devices.trace import Injected
from paybench.devices.world import World
from paybench.hil.errors import PortUnavailable
from paybench.hil.pluggable import FIRST_RETRY_S, LONGEST_RETRY_S, PluggableDriver
from paybench.hil.spec import Spec

NAME = "A.register.scanner"


class Thing:
    """A transport whose thing does what a test says; `opened` counts."""

    def __init__(self):
        self.opened = self.closed = 0
        self.is_missing = False
        self.take = None

    def open(self):
        if self.is_missing:
            raise PortUnavailable("it is not there")
        self.opened += 1

    def start(self, _loop, take):
        self.take = take

    def close(self):
        self.closed += 1


class Ear:
    """A source that only listens."""

    def __init__(self):
        self.heard = []

    def received(self, data):
        self.heard.append(data)

    def lost(self, why):
        self.heard.append(why)

    def found(self):
        self.heard.append("back")


class Bench:
    """A driver with a thing, in a world whose pauses take no time but are noted."""

    def __init__(self, options=None):
        self.thing, self.ear = Thing(), Ear()
        self.world = World()
        self.part = Scanner(self.world, NAME)
        self.driver = PluggableDriver(Spec("thing", "here", options or {}), self.thing)
        self.driver.open()
        self.driver.attach(self.part, self.world, self.ear)
        self.loop = self.world.env.wall.loop
        self.pauses_s = []
        self.loop.call_later, self._call_later = self._soon, self.loop.call_later

    def _soon(self, delay_s, call, *arguments):
        if getattr(call, "__qualname__", "").startswith("PluggableDriver."):
            self.pauses_s.append(delay_s)
            return self.loop.call_soon(call, *arguments)
        return self._call_later(delay_s, call, *arguments)

    def until(self, condition):
        end_s = self.loop.time() + 30
        while not condition():
            assert self.loop.time() < end_s
            self.turns()

    def turns(self, count=1):
        """Let the loop go round, whether anything comes into the world or not."""
        for _ in range(count):
            self.world.env.wait_until(lambda: False, 0.001)

    def lose(self, said=b""):
        """The thing says something, perhaps, and goes away; until it is back."""
        backs = self.ear.heard.count("back")
        if said:
            self.thing.take(said, "")
        self.thing.take(b"", "pulled")
        self.until(lambda: self.ear.heard.count("back") > backs)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.driver.close()
    bench.world.env.close()


def test_a_thing_that_comes_and_goes_in_silence_is_looked_for_ever_later(bench):
    """Pauses double up to the longest; once it has said something, they are short again."""
    for _ in range(8):
        bench.lose()
    assert bench.pauses_s == [min(FIRST_RETRY_S * 2**n, LONGEST_RETRY_S) for n in range(8)]
    bench.lose(b"hello")
    bench.lose()
    assert bench.pauses_s[8:] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S]


def test_a_thing_that_stays_away_is_looked_for_ever_later(bench):
    """Each attempt that fails makes the next pause longer; in the end it is back, and heard."""
    bench.thing.is_missing = True
    bench.thing.take(b"", "pulled")
    bench.until(lambda: len(bench.pauses_s) >= 5)
    bench.thing.is_missing = False
    bench.until(lambda: "back" in bench.ear.heard)
    bench.thing.take(b"1", "")
    bench.until(lambda: b"1" in bench.ear.heard)
    assert bench.ear.heard == ["pulled", "back", b"1"]
    assert bench.pauses_s[:5] == [FIRST_RETRY_S * 2**n for n in range(5)]
    inputs = [(e.data, e.lost) for e in bench.world.trace if isinstance(e, Injected)]
    assert inputs == [(b"", "pulled"), (b"", ""), (b"1", "")]


def test_what_a_thing_says_after_its_loss_is_dropped(bench):
    """A loss is told once, whoever notices it again."""
    bench.thing.is_missing = True
    for lost in ("pulled", "pulled again"):
        bench.thing.take(b"", lost)
        bench.thing.take(b"late", "")
    bench.until(lambda: bench.ear.heard and len(bench.pauses_s) >= 2)
    bench.turns(20)
    assert bench.ear.heard == ["pulled"]
    assert not bench.driver.is_there


def test_a_part_given_up_for_good_is_not_looked_for(bench):
    """Who finds within the run that a thing is no use ends the search."""
    bench.thing.take(b"", "pulled")
    bench.part.returns = False
    bench.until(lambda: len(bench.pauses_s) >= 1)
    bench.turns(20)
    assert (bench.thing.opened, bench.pauses_s) == (1, [FIRST_RETRY_S])


def test_a_thing_that_comes_back_when_nobody_wants_it_is_let_go_of(bench):
    """Closed while it is looked for: what was opened then is closed again."""
    bench.thing.take(b"", "pulled")
    bench.driver.close()
    bench.until(lambda: bench.thing.opened == 2)
    bench.until(lambda: bench.thing.closed == 3)  # lost, closed, opened for nobody
    bench.turns(20)
    assert "back" not in bench.ear.heard


def test_reconnect_no_looks_for_nothing():
    """With the option the part is gone for good."""
    bench = Bench({"reconnect": "no"})
    assert not bench.part.returns
    bench.thing.take(b"", "pulled")
    bench.until(lambda: bench.ear.heard == ["pulled"])
    bench.turns(20)
    assert bench.thing.opened == 1
    bench.driver.close()
    bench.world.env.close()
