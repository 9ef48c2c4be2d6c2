"""Wall time: real inputs reach simulated devices, and a recorded run replays to the same trace."""

import os
import threading
from collections import deque
from contextlib import contextmanager

import pytest
import simpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.devices.bank_host import BankHost
from paybench.devices.cash_register import CashRegister
from paybench.devices.environment import Environment
from paybench.devices.errors import ClockError, Diverged, Unsettled
from paybench.devices.lateness import Lateness
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message
from paybench.devices.phone import Phone
from paybench.devices.port import Port
from paybench.devices.scanner import Reading
from paybench.devices.trace import Act, Injected, State
from paybench.devices.world import World

MS = 1_000_000
LONG_S = 20.0  # a wait that only a failing test ever waits out


class Inbox:
    """A source that keeps what came."""

    def __init__(self, env):
        self.env = env
        self.came = []
        self.heard = env.event()

    def received(self, data):
        self._note(data)

    def lost(self, why):
        self._note(why)

    def _note(self, what):
        self.came.append((what, self.env.now_ns))
        if not self.heard.triggered:
            self.heard.succeed(what)


class Pipe:
    """A real file descriptor, read by the loop of wall time; in a replay there is none."""

    def __init__(self, env, name):
        self.env = env
        self.name = name
        self._reader = None
        if env.wall is not None:
            self._reader, self._writer = os.pipe()
            env.wall.loop.add_reader(self._reader, self._ready)

    def _ready(self):
        self.env.inject(self.name, os.read(self._reader, 4096))

    def write(self, data):
        os.write(self._writer, data)

    def unplug(self, why):
        """As a driver's own thread would say it."""
        self.env.wall.loop.call_soon_threadsafe(self.env.inject, self.name, b"", why)

    def close(self):
        if self._reader is not None:
            self.env.wall.loop.remove_reader(self._reader)
            os.close(self._reader)
            os.close(self._writer)


class Feeder:
    """A thread that does deeds, each so many milliseconds after the one before."""

    def __init__(self, deeds):
        self._deeds = deque(deeds)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while self._deeds:
            after_ms, deed = self._deeds.popleft()
            if self._stopped.wait(after_ms / 1000):
                return
            deed()

    def stop(self):
        self._stopped.set()
        self._thread.join()


@contextmanager
def fed(*deeds):
    feeder = Feeder(deeds)
    try:
        yield
    finally:
        feeder.stop()


@pytest.fixture
def env():
    env = Environment()
    yield env
    env.close()


@pytest.fixture
def inbox(env):
    inbox = Inbox(env)
    env.attach("scanner", inbox)
    return inbox


@pytest.fixture
def pipe(env, inbox):  # noqa: ARG001 - a pipe needs wall time
    pipe = Pipe(env, "scanner")
    yield pipe
    pipe.close()


# -- inputs ---------------------------------------------------------------------------------------


def test_bytes_from_another_thread_resume_a_device(env, inbox, pipe):
    """A process that waits for a real thing goes on when its bytes come, and not before."""
    seen = []

    def device():
        seen.append((yield inbox.heard))

    process = env.process(device())
    with fed((2, lambda: pipe.write(b"490\r"))):
        env.run(until=process)
    assert seen == [b"490\r"]
    assert env.trace.events == [Injected(inbox.came[0][1], "scanner", b"490\r")]
    assert env.now_ns >= 1 * MS


def test_another_thread_can_inject_through_the_loop(env, inbox):
    """`call_soon_threadsafe` is the way in for a driver with a thread of its own."""
    inject = (env.inject, "scanner", b"x")
    with fed((1, lambda: env.wall.loop.call_soon_threadsafe(*inject))):
        assert env.wait_until(lambda: inbox.came, LONG_S)
    assert [what for what, _ in inbox.came] == [b"x"]


def test_what_came_before_the_run_is_taken_in_order(env, inbox):
    """Inputs that wait are delivered one after another when the run begins, none lost."""
    for data in (b"1", b"2", b"3"):
        env.inject("scanner", data)
    assert inbox.came == []
    assert env.wait_until(lambda: len(inbox.came) == 3, LONG_S)
    assert [what for what, _ in inbox.came] == [b"1", b"2", b"3"]
    assert [event.data for event in env.trace] == [b"1", b"2", b"3"]
    assert [event.at_ns for event in env.trace] == sorted(at_ns for _, at_ns in inbox.came)


def test_what_is_due_runs_before_the_input(env, inbox):
    """Everything due before an input came has run when it is delivered."""
    seen = []

    def device():
        yield env.timeout(0)
        yield env.timeout(0)
        seen.append("due")
        yield inbox.heard
        seen.append("input")

    env.inject("scanner", b"x")
    env.run(until=env.process(device()))
    assert seen == ["due", "input"]


def test_an_input_that_comes_while_a_process_runs_waits_its_turn(env, inbox):
    """A process can inject (a loopback does): the input is delivered right after, not within it."""
    seen = []

    def device(name):
        yield env.timeout(0.001)
        env.inject("scanner", name.encode())
        seen.append((name, len(inbox.came)))

    for name in "ab":
        env.process(device(name))
    assert env.wait_until(lambda: len(inbox.came) == 2, LONG_S)
    assert seen == [("a", 0), ("b", 0)]
    assert [what for what, _ in inbox.came] == [b"a", b"b"]


def test_the_end_of_a_real_thing_is_recorded_and_told(env, inbox):
    """`lost` reaches the source with its reason, and stands in the trace."""
    env.inject("scanner", lost="unplugged")
    assert env.wait_until(lambda: inbox.came, LONG_S)
    assert [what for what, _ in inbox.came] == ["unplugged"]
    assert env.trace.events == [Injected(inbox.came[0][1], "scanner", b"", "unplugged")]


def test_input_for_a_port_that_was_detached_is_dropped(env, inbox):
    """The last bytes of a thing let go are neither delivered nor recorded."""
    env.attach("display", Inbox(env))
    env.inject("scanner", b"late")
    env.detach("scanner")
    env.inject("display", b"x")
    assert env.wait_until(lambda: len(env.trace) > 0, LONG_S)
    assert inbox.came == []
    assert [(event.port, event.data) for event in env.trace] == [("display", b"x")]


def test_a_failing_source_ends_the_run_with_its_error(env):
    """An error in a driver comes out of the run, and the run can go on after it."""

    class Broken(Inbox):
        def received(self, data):
            raise OSError(f"cannot read {data!r}")

    env.attach("scanner", Broken(env))
    env.inject("scanner", b"x")
    with pytest.raises(OSError, match="cannot read b'x'"):
        env.run(until=LONG_S)
    env.run(until=env.timeout(0.001))


def test_a_failing_process_ends_the_run_with_its_error(env, inbox):  # noqa: ARG001
    """In wall time a process's failure comes out of the run as on SimPy."""

    def device():
        yield env.timeout(0.001)
        raise LookupError("bad")

    env.process(device())
    with pytest.raises(LookupError, match="bad"):
        env.run(until=LONG_S)
    with pytest.raises(LookupError, match="until"):
        env.run(until=env.event().fail(LookupError("until")))


# -- the clock ------------------------------------------------------------------------------------


def test_simpy_programs_keep_their_order_and_exact_times(env, inbox):  # noqa: ARG001
    """In wall time events have the very times and order they have in virtual time."""

    def program(env, log):
        store = simpy.Store(env)

        def producer(name):
            for i in range(4):
                yield env.timeout(0.002)
                log.append((round(env.now * 1e9), name))
                yield store.put((name, i))

        def consumer():
            while True:
                got = yield store.get() | env.timeout(0.0007)
                log.append((round(env.now * 1e9), list(got.values())))

        for name in "abc":
            env.process(producer(name))
        env.process(consumer())
        env.run(until=0.01)
        log.append(round(env.now * 1e9))
        return log

    in_wall_time = program(env, [])
    assert env.in_wall_time
    assert in_wall_time == program(Environment(), [])
    assert in_wall_time == program(simpy.Environment(), [])


def test_wall_time_passes(env, inbox):  # noqa: ARG001
    """With something attached a second is a second, without it is nothing."""
    env.run(until=0.005)
    assert env.wall.now_ns() >= 5 * MS - 1
    env.detach("scanner")
    env.run(until=86_400)
    assert env.wall.now_ns() < 86_400 * 1000 * MS


def test_alarms_ring_in_wall_time(env, inbox):  # noqa: ARG001
    """A receive's deadline comes at its time, and stale ones leave no mark."""
    port = Port(env, "A.register", "line")
    heard = []

    def device():
        heard.append(((yield port.receive(timeout_s=0.002)), env.now_ns))

    env.alarm_at(1 * MS, lambda _: None)
    env.run(until=env.process(device()))
    assert heard == [(None, 2 * MS)]


def test_lateness_is_counted(env, inbox):  # noqa: ARG001
    """Each event that ran in wall time counts, and a busy moment shows as the worst delay."""

    def device():
        for _ in range(5):
            yield env.timeout(0.001)
        began_ns = env.wall.now_ns()
        while env.wall.now_ns() - began_ns < 3 * MS:
            pass
        yield env.timeout(0.001)

    env.run(until=env.process(device()))
    lateness = env.wall.lateness
    assert lateness.count >= 7
    assert lateness.worst_ns >= 2 * MS
    assert 0 < lateness.quantile_ns(0.5) <= lateness.quantile_ns(1.0) <= lateness.worst_ns


@given(st.lists(st.integers(0, 1 << 40), min_size=1), st.floats(0, 1))
def test_a_quantile_of_lateness_is_near_the_true_one(delays_ns, share):
    """A quantile is never below the true one and at most a quarter (or 8 ns) above it."""
    lateness = Lateness()
    for delay_ns in delays_ns:
        lateness.note(delay_ns)
    ranked = sorted(delays_ns)
    # The smallest delay that at least this share of them did not exceed.
    true_ns = next(d for i, d in enumerate(ranked, 1) if i >= share * len(ranked))
    assert true_ns <= lateness.quantile_ns(share) <= true_ns * 1.25 + 8
    assert lateness.worst_ns == ranked[-1]
    assert lateness.count == len(delays_ns)


def test_no_lateness_is_none():
    """Nothing noted is no delay, and what came early counts as in time."""
    lateness = Lateness()
    assert lateness.quantile_ns(0.9) == 0
    lateness.note(-5)
    assert (lateness.count, lateness.worst_ns, lateness.quantile_ns(1)) == (1, 0, 0)


def test_a_settled_world_settles_at_once(env, inbox):  # noqa: ARG001
    """With nothing under way `settle` is over, though real things may still speak."""
    env.alarm_at(env.now_ns + 30_000 * MS, lambda _: None)
    env.settle(limit_s=LONG_S)
    assert env.now_ns < LONG_S * 1000 * MS


def test_a_world_that_never_rests_is_unsettled_in_wall_time(env, inbox):  # noqa: ARG001
    """The limit of `settle` holds in wall time."""

    def restless():
        while True:
            yield env.timeout(0.0005)

    env.process(restless())
    with pytest.raises(Unsettled):
        env.settle(limit_s=0.005)
    assert env.now_ns == 5 * MS


def test_a_condition_that_never_holds_takes_its_whole_limit(env, inbox):  # noqa: ARG001
    """`wait_until` gives up exactly at its limit."""
    assert not env.wait_until(lambda: False, 0.005)
    assert env.now_ns == 5 * MS


def test_a_name_is_attached_once(env, inbox):  # noqa: ARG001
    """Attaching a taken name and detaching a free one are errors that say so."""
    with pytest.raises(ClockError, match="scanner is attached already"):
        env.attach("scanner", Inbox(env))
    env.detach("scanner")
    with pytest.raises(ClockError, match="scanner is not attached"):
        env.detach("scanner")


def test_closing_twice_is_fine(env, inbox):  # noqa: ARG001
    """`close` ends the loop, and does nothing the second time or where there is none."""
    env.close()
    env.close()
    assert env.wall.loop.is_closed()
    Environment().close()


# -- from one clock to the other and back ---------------------------------------------------------


def switching(env, clocks):
    """A process that attaches and detaches, with long times in virtual time and short ones else."""
    for _ in range(3):
        start_ns = env.now_ns
        clocks.append((0, env.in_wall_time))
        yield env.timeout(3600)
        inbox = Inbox(env)
        env.attach("scanner", inbox)
        yield env.timeout(0.002)
        clocks.append((env.now_ns - start_ns, env.in_wall_time))
        assert env.wall.now_ns() >= env.now_ns
        env.inject("scanner", b"x")
        yield inbox.heard | env.timeout(LONG_S)  # the time-out keeps the world busy
        assert inbox.heard.value == b"x"
        env.detach("scanner")


def run_to_a_time(env, process):
    env.run(until=4 * 3600)
    assert process.processed
    assert env.now == 4 * 3600


def run_to_an_event(env, process):
    env.run(until=process)


def settle(env, process):
    env.settle(limit_s=4 * 3600)
    assert process.processed


def wait(env, process):
    assert env.wait_until(lambda: process.processed, 4 * 3600)


@pytest.mark.parametrize("run", [run_to_a_time, run_to_an_event, settle, wait])
def test_attaching_and_detaching_switches_the_clock_during_a_run(env, run):
    """A process may bring a real thing in and let it go, in any kind of run; no time is skipped."""
    clocks = []
    run(env, env.process(switching(env, clocks)))
    assert clocks == [(0, False), (3600 * 1000 * MS + 2 * MS, True)] * 3
    assert not env.in_wall_time


def test_a_run_whose_end_comes_in_the_other_clock_ends_there(env):
    """A run to a time in virtual time that turned into wall time still ends at that time."""

    def device():
        yield env.timeout(1)
        env.attach("scanner", Inbox(env))

    env.process(device())
    env.run(until=1.003)
    assert env.now_ns == 1003 * MS
    assert env.in_wall_time


def test_attaching_between_runs_switches_the_clock(env):
    """Outside a run the clock changes with the next one, going on from where it stands."""
    env.run(until=1000)
    inbox = Inbox(env)
    env.attach("scanner", inbox)
    env.inject("scanner", b"x")
    assert env.wait_until(lambda: inbox.came, LONG_S)
    assert 1000 <= env.now < 1000 + LONG_S
    env.detach("scanner")
    env.run(until=5000)
    env.attach("scanner", inbox)
    env.inject("scanner", b"y")
    assert env.wait_until(lambda: len(inbox.came) == 2, LONG_S)
    assert 5000 <= env.now < 5000 + LONG_S


def test_a_source_may_detach_itself_when_it_is_lost(env):
    """Losing the last real thing brings virtual time back in the midst of the run."""

    class Unplugged(Inbox):
        def lost(self, why):
            super().lost(why)
            env.detach("scanner")

    source = Unplugged(env)
    env.attach("scanner", source)
    env.inject("scanner", lost="unplugged")
    env.run(until=3600)
    assert [what for what, _ in source.came] == ["unplugged"]
    assert not env.in_wall_time


def test_an_act_that_catches_up_may_find_the_clock_switched(env):
    """What is due when somebody acts may let the last real thing go, and the act still happens."""
    env.attach("scanner", Inbox(env))

    def device():
        yield env.timeout(0.0001)
        env.detach("scanner")

    env.process(device())
    began_ns = env.wall.now_ns()
    while env.wall.now_ns() - began_ns < 1 * MS:
        pass
    env.outside("somebody", "acts", {})
    assert not env.in_wall_time
    assert env.trace.events[-1].at_ns >= 1 * MS
    env.run(until=3600)


# -- recording and replay -------------------------------------------------------------------------


def script(trace):
    return [event for event in trace if isinstance(event, Act | Injected)]


class Reader:
    """A real code reader in place of the register's scanner: a line is a reading."""

    def __init__(self, register):
        self._port = register.scanner.port
        self._rest = b""

    def received(self, data):
        *lines, self._rest = (self._rest + data).split(b"\r")
        for line in lines:
            self._port.send(Reading(line.decode()), "scan")

    def lost(self, why):
        self._port.send(Reading(why), "scan")


CODES = {"4901234567894": "2.50", "4006381333931": "1.20", "9780201379624": "0.80"}


def sell_what_is_read(world, feed):
    """A customer puts articles before a real reader, and pays by phone."""
    world.staged = True
    bank = Bank()
    shop, customer = AccountNumber(1, 1), AccountNumber(1, 2)
    bank.open_account(shop, "A")
    bank.open_account(customer, "B", approval_key=b"k" * 32)
    bank.fund(customer, Money.parse("20.00", "EUR"), "f1")
    host = BankHost(world, bank)
    register = CashRegister(world, "A.register", account=shop, shop="A")
    phone = Phone(world, "B.phone", account=customer, password="2468", approval_key=b"k" * 32)
    line = LinkProfile(latency_s=0.003, jitter_s=0.002)
    world.connect(register.bank_line, host.network, line)
    world.connect(phone.network, host.network, line)
    env = world.env
    for code, price in CODES.items():
        register.prices[code] = Money.parse(price, "EUR")

    env.attach(register.scanner.name, Reader(register))
    pipe = Pipe(env, register.scanner.name)
    try:
        with feed(pipe):
            world.act(
                "A.register",
                "expects",
                {"what": "three articles"},
                lambda: env.wait_until(
                    lambda: register.sale is not None and len(register.sale.articles) == 3, LONG_S
                ),
            )
        register.bill(phone)
        phone.approve(password="2468")
        world.act(
            "A.register",
            "expects",
            {"what": "paid"},
            lambda: env.wait_until(lambda: register.sale.state == "paid", LONG_S),
        )
        env.detach(register.scanner.name)
        register.key_in("banana", price="0.55")
        return register, bank
    finally:
        pipe.close()
        env.close()


def in_pieces(pipe):
    stream = "".join(f"{code}\r" for code in CODES).encode()
    pieces = [stream[:5], stream[5:17], stream[17:18], stream[18:]]
    return fed(*[(1, lambda piece=piece: pipe.write(piece)) for piece in pieces])


def nothing_real(pipe):  # noqa: ARG001
    return fed()


@pytest.fixture(scope="module")
def recorded():
    world = World(seed=3)
    register, bank = sell_what_is_read(world, in_pieces)
    return world, register, bank


def test_a_purchase_with_a_real_reader(recorded):
    """Readings that come in pieces from outside are rung up, and the sale is paid for."""
    world, register, bank = recorded
    assert bank.balance(AccountNumber(1, 1)) == Money.parse("4.50", "EUR")
    assert bank.total() == Money.parse("0.00", "EUR")
    assert register.sale.articles == ["banana"]
    data = b"".join(event.data for event in world.trace if isinstance(event, Injected))
    assert data == "".join(f"{code}\r" for code in CODES).encode()


def test_a_recorded_purchase_replays_to_the_same_trace(recorded):
    """With the recording as its script the same scenario, with nothing real, gives every event."""
    world, _, bank = recorded
    again = World(seed=3, script=script(world.trace))
    _, bank_again = sell_what_is_read(again, nothing_real)
    assert again.trace.events == world.trace.events
    assert again.env.script_left() == 0
    assert again.env.wall is None
    assert bank_again.balance(AccountNumber(1, 2)) == bank.balance(AccountNumber(1, 2))


def test_a_replay_that_does_something_else_diverges(recorded):
    """An act the recording does not have there is an error naming both."""
    world, *_ = recorded
    acts = [
        Act(event.at_ns, event.who, "decline", {})
        if getattr(event, "verb", "") == "approve"
        else event
        for event in script(world.trace)
    ]
    with pytest.raises(Diverged, match=r"has B\.phone\.decline at .* does B\.phone\.approve"):
        sell_what_is_read(World(seed=3, script=acts), nothing_real)


def test_a_recording_that_is_too_short_diverges(recorded):
    """An act after the recording's end is an error naming it."""
    world, *_ = recorded
    too_short = script(world.trace)[:-1]
    with pytest.raises(Diverged, match=r"ends before A\.register\.key_in"):
        sell_what_is_read(World(seed=3, script=too_short), nothing_real)


def test_a_recording_that_is_too_long_shows_what_is_left(recorded):
    """Acts that were not played are counted."""
    world, *_ = recorded
    too_long = [*script(world.trace), Act(1 << 50, "B.phone", "approve", {})]
    again = World(seed=3, script=too_long)
    sell_what_is_read(again, nothing_real)
    assert again.env.script_left() == 1


def test_at_one_instant_an_input_comes_last():
    """A recorded input waits for all events and alarms of its instant, and for those they add."""
    env = Environment(script=[Injected(1000 * MS, "scanner", data) for data in (b"1", b"2")])
    seen = []

    class Noted(Inbox):
        def received(self, data):
            seen.append((data, env.now))
            env.timeout(0).callbacks.append(lambda _: seen.append("what the input adds"))

    def ring(_):
        seen.append("alarm")
        env.timeout(0).callbacks.append(lambda _: seen.append("what the alarm adds"))

    env.attach("scanner", Noted(env))
    env.background_timeout(1).callbacks.append(ring)
    env.timeout(1).callbacks.append(lambda _: seen.append("event"))
    env.run()
    assert seen == [
        "event",
        "alarm",
        "what the alarm adds",
        (b"1", 1),
        "what the input adds",
        (b"2", 1),
        "what the input adds",
    ]


# -- any schedule of inputs, acts, alarms and clocks -----------------------------------------------


class Ping(Message, frozen=True):
    number: int


class Bench:
    """Devices with time-outs, periodic work, chance and two real things; all they do is traced."""

    def __init__(self, world, tick_s):
        self.world = world
        self.env = world.env
        self.tick_s = tick_s
        self.readings = 0
        self.answers = 0
        self.here = Port(self.env, "here", "line")
        self.there = Port(self.env, "there", "line")
        self.inner = Port(self.env, "here", "inner")
        self.cable = Port(self.env, "reader", "cable")
        world.connect(self.here, self.there, LinkProfile(latency_s=0.0004, jitter_s=0.0008))
        world.connect(self.cable, self.inner, LinkProfile())
        for process in (self.read(), self.answer(), self.hear(), self.tick()):
            self.env.process(process)

    def note(self, what):
        self.world.trace.events.append(State(self.env.now_ns, "bench", what, ""))

    def read(self):
        """Readings, each asked about; with a deadline that races the input."""
        while True:
            message = yield self.inner.receive(timeout_s=0.001)
            if message is None:
                self.note("no reading")
                continue
            self.readings += 1
            self.note(f"read {message}")
            self.here.send(Ping(self.readings), "ask")

    def answer(self):
        """The other device takes its time, which may coincide with other things."""
        while True:
            message = yield self.there.receive()
            yield self.env.timeout(0.0005 * (message.number % 3))
            self.there.send(message, "answer")

    def hear(self):
        """Answers, with a condition whose losing receive must swallow nothing."""
        while True:
            heard = self.here.receive()
            got = yield heard | self.env.background_timeout(0.0015)
            self.answers += heard in got
            self.note(f"answer {heard.value}" if heard in got else "no answer")

    def tick(self):
        while True:
            yield self.env.background_timeout(self.tick_s)
            self.note("tick")

    def received(self, data):
        for byte in data:
            self.cable.send(Ping(byte), "scan")

    def lost(self, why):
        self.note(f"lost: {why}")
        self.cable.send(Ping(0), "scan")


STEPS = st.lists(
    st.one_of(
        st.just(("poke",)),
        st.just(("nothing",)),
        st.tuples(st.just("expect"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("run"), st.integers(1, 3)),
        st.tuples(st.just("think"), st.integers(1, 2)),
        st.tuples(st.just("plug"), st.sampled_from("ab")),
        st.tuples(st.just("plug from within"), st.sampled_from("ab")),
    ),
    min_size=1,
    max_size=7,
)
INPUTS = st.lists(
    st.tuples(
        st.floats(0, 2), st.sampled_from("ab"), st.binary(min_size=1, max_size=3) | st.none()
    ),
    max_size=8,
)


class Story:
    """A scenario: acts, waits and the changing of clocks, the same live and replayed."""

    def __init__(self, world, tick_s, inputs=()):
        self.world = world
        self.env = world.env
        world.staged = True
        self.bench = Bench(world, tick_s)
        self.plugged = set()
        self.env.attach("a", self.bench)
        self.plugged.add("a")
        self.pipes = {name: Pipe(self.env, name) for name in "ab"}
        self.inputs = [(after_ms, self.deed(name, data)) for after_ms, name, data in inputs]

    def deed(self, name, data):
        pipe = self.pipes[name]
        return (lambda: pipe.unplug("pulled")) if data is None else (lambda: pipe.write(data))

    def tell(self, steps):
        try:
            with fed(*self.inputs):
                for number, (step, *arguments) in enumerate(steps):
                    getattr(self, step.replace(" ", "_"))(number, *arguments)
        finally:
            for pipe in self.pipes.values():
                pipe.close()
            self.env.close()
        return list(self.world.trace)

    def act(self, number, deed):
        self.world.act("somebody", f"act {number}", {}, deed)

    def poke(self, number):
        self.act(number, lambda: self.bench.here.send(Ping(number), "poke"))

    def nothing(self, number):
        self.act(number, lambda: None)

    def expect(self, number, more):
        wanted = self.bench.readings + more
        limit_s = 0.002
        self.act(
            number, lambda: self.env.wait_until(lambda: self.bench.readings >= wanted, limit_s)
        )

    def wait(self, _, more):
        wanted = self.bench.answers + more
        self.env.wait_until(lambda: self.bench.answers >= wanted, 0.002)

    def run(self, _, ms):
        self.env.run(until=self.env.now + ms / 1000)

    def think(self, _, ms):
        """The scenario's own code takes real time; nothing in the world may depend on it."""
        wall = self.env.wall
        began_ns = wall.now_ns() if wall else 0
        while wall and wall.now_ns() - began_ns < ms * MS / 2:
            pass

    def plug(self, number, name):
        self.act(number, lambda: self.change(name))

    def plug_from_within(self, number, name):
        def later():
            yield self.env.timeout(0.0003)
            self.change(name)
            yield self.env.timeout(0.0003)

        self.act(number, lambda: self.env.process(later()) and None)

    def change(self, name):
        if name in self.plugged:
            self.plugged.remove(name)
            self.env.detach(name)
        else:
            self.plugged.add(name)
            self.env.attach(name, self.bench)


@settings(deadline=None, max_examples=rounds(60), suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, INPUTS, st.integers(0, 9), st.sampled_from([0.0007, 0.00005]))
def test_whatever_comes_in_whenever_replays_to_the_same_trace(steps, inputs, seed, tick_s):
    """Inputs, acts, time-outs and changes of clock race; the replay of the record never differs."""
    recorded = Story(World(seed), tick_s, inputs).tell(steps)
    again = World(seed, script=script(recorded))
    assert Story(again, tick_s).tell(steps) == recorded
    assert again.env.script_left() == 0
