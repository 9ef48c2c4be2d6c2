"""The environment is SimPy's: the same programs give the same logs, to the nanosecond."""

import re

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.environment import Environment
from paybench.devices.errors import ClockError, Unsettled
from paybench.devices.port import Port
from paybench.devices.trace import Act
from paybench.devices.world import World


class Log:
    """What a program saw, and when."""

    def __init__(self, env):
        self.env = env
        self.lines = []

    def __call__(self, *what):
        self.lines.append((round(self.env.now * 1e9), *what))

    def attempt(self, what, deed):
        """Log a deed's result, or the kind of its failure."""
        try:
            self(what, deed())
        except Exception as failure:  # noqa: BLE001 - the failure is what is compared
            self(what, type(failure).__name__, re.sub("0x[0-9a-f]+", "", str(failure)))


# -- the programs: ordinary SimPy, each given an environment and a log -----------------------------


def ties(env, log):
    def clerk(name, delays):
        for delay in delays:
            value = yield env.timeout(delay, value=(name, delay))
            log(name, value)
        return name

    clerks = [env.process(clerk(name, [1, 0, 0.5, 0.5, 0, 1])) for name in "abc"]
    env.process(clerk("d", [0.5, 0.5, 1, 0]))
    env.run()
    log([c.value for c in clerks], env.peek())


def stores(env, log):
    store = simpy.Store(env, capacity=2)

    def producer(name):
        for i in range(4):
            yield store.put((name, i))
            log("put", name, i)
            yield env.timeout(0.25)

    def consumer(name):
        while True:
            log(name, (yield store.get()))
            yield env.timeout(0.75)

    for name in "pq":
        env.process(producer(name))
    for name in "xyz":
        env.process(consumer(name))
    env.run()
    log(store.items)


def sorted_and_filtered_stores(env, log):
    by_priority, by_wish = simpy.PriorityStore(env), simpy.FilterStore(env)

    def fill():
        for number in (5, 1, 4, 2, 3):
            yield by_priority.put(simpy.PriorityItem(number, str(number)))
            yield by_wish.put(number)
            yield env.timeout(0.5)

    def take(wish):
        log("got", wish, (yield by_wish.get(lambda item: item == wish)))
        log("first", (yield by_priority.get()).item)

    env.process(fill())
    for wish in (3, 5, 4):
        env.process(take(wish))
    env.run()


def preemption(env, log):
    desk = simpy.PreemptiveResource(env, capacity=2)

    def customer(name, arrives, priority, *, preempt):
        yield env.timeout(arrives)
        with desk.request(priority=priority, preempt=preempt) as turn:
            try:
                yield turn
                log(name, "served")
                yield env.timeout(2)
                log(name, "done")
            except simpy.Interrupt as interrupt:
                log(name, "lost the desk", interrupt.cause.usage_since)

    for i in range(7):
        env.process(customer(i, i * 0.5, 5 - i, preempt=i % 3 != 0))
    env.run()
    log(desk.count, len(desk.queue))


def containers(env, log):
    tank = simpy.Container(env, capacity=10, init=3)

    def pour(amount, pause):
        for _ in range(3):
            yield env.timeout(pause)
            yield tank.put(amount)
            log("poured", amount, tank.level)

    def draw(amount):
        for _ in range(2):
            yield tank.get(amount)
            log("drew", amount, tank.level)

    env.process(pour(4, 0.5))
    env.process(pour(3, 0.75))
    env.process(draw(5))
    env.process(draw(2))
    env.run()


def interrupts(env, log):
    def sleeper(name):
        for delay in (4, 2, 1):
            try:
                yield env.timeout(delay)
                log(name, "slept", delay)
            except simpy.Interrupt as interrupt:
                log(name, "woken", interrupt.cause)
        return name

    sleepers = [env.process(sleeper(name)) for name in "ab"]

    def waker():
        sleepers[0].interrupt("before it began")
        yield env.timeout(1)
        for sleeper in sleepers:
            sleeper.interrupt("once")
            sleeper.interrupt("twice")
        log.attempt("oneself", env.active_process.interrupt)
        yield env.timeout(2)  # just when a time-out of theirs is due
        for sleeper in sleepers:
            log.attempt("again", sleeper.interrupt)
        yield sleepers[0] & sleepers[1]
        log.attempt("too late", sleepers[0].interrupt)

    env.process(waker())
    env.run()
    log([s.is_alive for s in sleepers], env.active_process)


def conditions(env, log):
    def chooser():
        quick, slow, slowest = (env.timeout(d, value=d) for d in (1, 2, 3))
        got = yield quick | slow
        log(list(got.values()), slow in got)
        got = yield (quick & slow) | slowest
        log(list(got.values()))
        got = yield env.all_of([slow, slowest])
        log(list(got.todict().values()))
        log(list((yield env.any_of([])).values()), list((yield env.all_of([])).values()))
        same = [env.timeout(1, value=i) for i in range(3)]
        log(list((yield env.any_of(same)).values()))
        bell = env.event()
        env.process(ringer(bell))
        try:
            yield bell & env.timeout(1)
        except ValueError as failure:
            log("condition failed", failure.args)

    def ringer(bell):
        yield env.timeout(0.5)
        bell.fail(ValueError("no"))

    env.process(chooser())
    env.run()


def a_losing_get_swallows(env, log):
    store = simpy.Store(env)

    def patient():
        got = yield store.get() | env.timeout(1, value="time is up")
        log(list(got.values()))
        got = yield store.get() | env.timeout(5, value="time is up")
        log(list(got.values()))

    def late():
        for i in range(3):
            yield env.timeout(1.5)
            yield store.put(i)

    env.process(patient())
    env.process(late())
    env.run()
    log(store.items)


def failures(env, log):
    def catcher(event):
        try:
            yield event
        except ValueError as failure:
            log("caught", failure.args)

    def thrower():
        yield env.timeout(1)
        raise ValueError("thrown")

    process = env.process(thrower())
    env.process(catcher(process))
    env.process(catcher(process))
    env.run()
    log(process.ok, process.processed, process.is_alive)

    handled = env.event()
    handled.fail(KeyError("defused"))
    handled.defused = True
    env.run()

    env.event().fail(OSError("nobody listens"))
    env.timeout(1).callbacks.append(lambda _: log("still runs"))
    log.attempt("unhandled", env.run)
    log.attempt("goes on", env.run)
    log.attempt("not an exception", lambda: env.event().fail("no"))
    log.attempt("twice", lambda: env.event().succeed().succeed() and None)


def a_process_that_raises(env, log):
    def bad():
        yield env.timeout(1)
        raise LookupError("bad", 7)

    def good():
        for _ in range(4):
            yield env.timeout(0.5)
            log("good")

    env.process(bad())
    env.process(good())
    log.attempt("run", env.run)
    log.attempt("run on", env.run)


def wrong_yields(env, log):
    def yields_a_number():
        yield 5

    def yields_the_past():
        past = env.timeout(0, value="past")
        yield env.timeout(1)
        log((yield past), (yield past))
        child = env.process(child_process())
        log((yield child))

    def child_process():
        yield env.timeout(0)
        return "child's value"

    env.process(yields_the_past())
    env.run()
    env.process(yields_a_number())
    try:
        env.run()
    except RuntimeError as failure:
        log("Invalid yield value" in str(failure))
    log.attempt("not a generator", lambda: env.process(5))
    log.attempt("negative", lambda: env.timeout(-1))


def run_until_a_time(env, log):
    def ticker():
        while True:
            log("tick")
            yield env.timeout(1)

    env.process(ticker())
    for until in (0.5, 1, 3, 3.25):
        env.run(until=until)
        log("stopped")
    for past in (3.25, 1, 0):
        try:
            env.run(until=past)
        except ValueError:
            log("past")


def run_until_an_event(env, log):
    def worker(delay, value):
        yield env.timeout(delay)
        log("worked", value)
        if value is None:
            raise ArithmeticError("failed")
        return value

    first = env.process(worker(1, "first"))
    first.callbacks.append(lambda event: log("before", event.value))
    later = env.process(worker(2, "later"))
    log(env.run(until=first))
    first_again = env.run(until=first)
    log(first_again)
    log(env.run(until=env.all_of([first, later])).todict() == {first: "first", later: "later"})
    log.attempt("failing", lambda: env.run(until=env.process(worker(1, None))))
    try:
        env.run(until=env.event())
    except RuntimeError as failure:
        log("never", 'No scheduled events left but "until" event was not' in str(failure))


def callbacks_after_the_stop(env, log):
    event = env.timeout(1, value="the event")
    event.callbacks.append(lambda _: log("before the stop"))

    def waits_for_it(name):
        yield env.timeout(0.5)  # so that it waits behind the run
        log(name, (yield event))

    def same_instant():
        yield env.timeout(1)
        log("same instant")

    env.process(same_instant())
    for name in "ab":
        env.process(waits_for_it(name))
    log(env.run(until=event))
    env.run()


def step_and_peek(env, log):
    def walker():
        for delay in (1, 0, 2):
            log("peek inside", env.peek())
            yield env.timeout(delay)

    log(env.peek())
    env.process(walker())
    env.timeout(2.5)
    while env.peek() != float("inf"):
        log("next", env.peek())
        env.step()
    log.attempt("empty", env.step)


def priorities(env, log):
    def note(name, priority, delay):
        event = simpy.Event(env)
        event._ok, event._value = True, None
        event.callbacks.append(lambda _: log(name))
        env.schedule(event, priority=priority, delay=delay)

    for delay in (1, 0):
        for i in range(3):
            note(("normal", i, delay), simpy.events.NORMAL, delay)
            note(("urgent", i, delay), simpy.events.URGENT, delay)
    desk = simpy.PriorityResource(env)

    def customer(priority):
        with desk.request(priority=priority) as turn:
            yield turn
            log("served", priority)
            yield env.timeout(0.5)

    for priority in (2, 0, 1, 0):
        env.process(customer(priority))
    env.run()


def chains_of_events(env, log):
    doors = [env.event() for _ in range(3)]
    doors[0].callbacks.append(doors[1].trigger)
    doors[1].callbacks.append(lambda event: log("opened", event.value))

    def waits(door, name):
        log(name, (yield door))
        log(env.active_process.name, env.active_process.target is not None)

    for i, door in enumerate(doors[:2]):
        env.process(waits(door, i))
    doors[0].succeed("push")
    env.run()
    log(doors[1].triggered, doors[2].triggered)


PROGRAMS = [
    ties,
    stores,
    sorted_and_filtered_stores,
    preemption,
    containers,
    interrupts,
    conditions,
    a_losing_get_swallows,
    failures,
    a_process_that_raises,
    wrong_yields,
    run_until_a_time,
    run_until_an_event,
    callbacks_after_the_stop,
    step_and_peek,
    priorities,
    chains_of_events,
]


def logged(env, program):
    log = Log(env)
    program(env, log)
    log("end")
    return log.lines


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_simpy_program_runs_as_on_simpy(program):
    """An ordinary SimPy program sees the same things, in the same order, at the same times."""
    expected = logged(simpy.Environment(), program)
    assert len(expected) > 2
    assert logged(Environment(), program) == expected


def test_a_clock_that_starts_later_runs_as_on_simpy():
    """An initial time shifts a program as it does on SimPy."""
    assert logged(Environment(100), ties) == logged(simpy.Environment(100), ties)


# -- programs nobody thought of --------------------------------------------------------------------

DELAYS = st.integers(0, 6).map(lambda quarters: quarters / 4)  # exact in floats, and full of ties
OPERATIONS = st.one_of(
    st.tuples(st.just("wait"), DELAYS),
    st.tuples(st.just("put"), st.integers(0, 1), st.integers(0, 99)),
    st.tuples(st.just("get"), st.integers(0, 1)),
    st.tuples(st.just("get or wait"), st.integers(0, 1), DELAYS),
    st.tuples(st.just("use"), DELAYS),
    st.tuples(st.just("interrupt"), st.integers(0, 4)),
    st.tuples(st.just("ring"), st.integers(0, 2)),
    st.tuples(st.just("hear"), st.integers(0, 2)),
    st.tuples(st.just("all"), DELAYS, DELAYS),
    st.tuples(st.just("join"), st.integers(0, 4), DELAYS),
)
RANDOM_PROGRAMS = st.lists(st.lists(OPERATIONS, max_size=6), min_size=1, max_size=5)


class RandomProgram:
    """Some processes with shared stores, a desk and bells."""

    def __init__(self, scripts):
        self.scripts = scripts

    def __call__(self, env, log):
        self.env = env
        self.stores = [simpy.Store(env, capacity=1), simpy.Store(env)]
        self.desk = simpy.Resource(env)
        self.bells = [env.event() for _ in range(3)]
        self.processes = []
        for number, script in enumerate(self.scripts):
            self.processes.append(env.process(self.live(log, number, script)))
        for until in (1, 2.5):
            env.run(until=until)
            log("pause")
        env.run()
        log([len(store.items) for store in self.stores], self.desk.count)

    def live(self, log, number, script):
        for operation, *arguments in script:
            try:
                value = yield from getattr(self, operation.replace(" ", "_"))(*arguments)
                log(number, operation, value)
            except simpy.Interrupt as interrupt:
                log(number, operation, "interrupted by", interrupt.cause)
            except RuntimeError:
                log(number, operation, "refused")

    def wait(self, delay):
        return (yield self.env.timeout(delay, value=delay))

    def put(self, store, item):
        yield self.stores[store].put(item)

    def get(self, store):
        return (yield self.stores[store].get())

    def get_or_wait(self, store, delay):
        got = yield self.stores[store].get() | self.env.timeout(delay, value="time is up")
        return list(got.values())

    def use(self, delay):
        with self.desk.request() as turn:
            yield turn
            yield self.env.timeout(delay)

    def interrupt(self, whom):
        self.processes[whom % len(self.processes)].interrupt(self.env.active_process.name)
        yield self.env.timeout(0)

    def ring(self, bell):
        yield self.bells[bell].succeed(bell)

    def hear(self, bell):
        return (yield self.bells[bell])

    def all(self, one, other):
        timeouts = [self.env.timeout(one, value=one), self.env.timeout(other, value=other)]
        return list((yield self.env.all_of(timeouts)).values())

    def join(self, whom, delay):
        process = self.processes[whom % len(self.processes)]
        got = yield process | self.env.timeout(delay, value="time is up")
        return list(got.values())


@given(RANDOM_PROGRAMS)
def test_any_simpy_program_runs_as_on_simpy(scripts):
    """Whatever processes, stores, interrupts and conditions do, SimPy's log is ours."""
    program = RandomProgram(scripts)
    assert logged(Environment(), program) == logged(simpy.Environment(), program)


@given(st.lists(st.integers(0, 3_000_000_000), min_size=1, max_size=50))
def test_times_add_up_to_the_nanosecond(delays_ns):
    """Timeouts of whole nanoseconds never drift, however many are added up."""
    env = Environment()

    def process():
        for delay_ns in delays_ns:
            yield env.timeout(delay_ns / 1e9)

    env.process(process())
    env.run()
    assert env.now_ns == sum(delays_ns)


# -- alarms, and coming to rest --------------------------------------------------------------------


def nothing(_):
    return None


def test_a_background_timeout_does_not_keep_the_world_busy():
    """A device that does something periodically lets the world settle, and is heard in a run."""
    env = Environment()
    ticks = []

    def ticker():
        while True:
            yield env.background_timeout(1, value="tick")
            ticks.append(env.now)

    def busy():
        yield env.timeout(2.5)

    env.process(ticker())
    env.settle()
    assert (env.now, ticks) == (0, [])
    env.process(busy())
    env.settle()
    assert (env.now, ticks) == (2.5, [1, 2])
    env.run(until=4.5)
    assert ticks == [1, 2, 3, 4]


def test_an_alarm_rings_after_everything_else_of_its_instant():
    """At one instant the agenda comes first, also what it adds then; alarms keep their order."""
    env = Environment()
    seen = []
    for name in ("first", "second"):
        env.background_timeout(1).callbacks.append(lambda _, name=name: seen.append(name))

    def late():
        yield env.timeout(1)
        yield env.timeout(0)
        seen.append("agenda")

    env.process(late())
    env.run()
    assert seen == ["agenda", "first", "second"]


def test_a_stale_alarm_leaves_now_unmoved():
    """The deadline of a receive that got its message neither keeps a run going nor moves now."""
    env = Environment()
    env.alarm_at(7_000_000_000, nothing)
    env.timeout(2)
    env.run()
    assert env.now == 2
    assert env.peek() == float("inf")


def test_an_alarm_cannot_be_set_into_the_past():
    """Time never runs backwards: a negative time-out is refused, and says so."""
    env = Environment(initial_time=5)
    with pytest.raises(ClockError, match="1 s into the past"):
        env.background_timeout(-1)
    with pytest.raises(ClockError, match=r"0\.5 s into the past"):
        Port(env, "A.register", "bank line").receive(timeout_s=-0.5)
    env.run()
    assert env.now == 5


def test_a_world_that_never_rests_is_unsettled():
    """A process that keeps scheduling ends `settle` at its limit, with the advice what to do."""
    env = Environment()

    def restless():
        while True:
            yield env.timeout(0.25)

    env.process(restless())
    with pytest.raises(Unsettled, match=r"busy 10 s .*env\.background_timeout"):
        env.settle(limit_s=10)
    assert env.now == 10


def test_a_world_settles_when_its_last_event_is_just_at_the_limit():
    """The limit of `settle` is part of its time."""
    env = Environment()
    env.timeout(10)
    env.settle(limit_s=10)
    assert env.now == 10
    env.timeout(10.000000001)
    with pytest.raises(Unsettled):
        env.settle(limit_s=10)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda env: env.settle(),
        lambda env: env.run(until=9),
        lambda env: env.wait_until(lambda: False, 9),
    ],
    ids=["settle", "run", "wait_until"],
)
def test_a_process_cannot_run_its_own_world(wrong):
    """Running the clock from inside a process is refused with advice, and harms nothing."""
    env = Environment()
    seen = []

    def process():
        try:
            wrong(env)
        except ClockError as failure:
            seen.append(str(failure))
        yield env.timeout(1)
        seen.append(env.now)

    env.process(process())
    env.run()
    assert len(seen) == 2
    assert "yield an event instead" in seen[0]
    assert seen[1] == 1


def test_wait_until_stops_at_the_event_that_makes_it_true():
    """A condition is looked at after every event; one that never holds costs the whole limit."""
    env = Environment()
    seen = []

    def process():
        for i in range(4):
            yield env.timeout(1)
            seen.append(i)

    env.process(process())
    assert env.wait_until(lambda: len(seen) == 2, 10)
    assert (env.now, seen) == (2, [0, 1])
    assert env.wait_until(lambda: True, 10)
    assert env.now == 2
    assert not env.wait_until(lambda: len(seen) == 9, 10)
    assert env.now == 12


def test_wait_until_rings_alarms_on_the_way():
    """Waiting lets time-outs pass, and ends at the alarm that makes the condition true."""
    env = Environment()
    rung = env.background_timeout(3)
    assert env.wait_until(lambda: rung.processed, 10)
    assert env.now == 3


def test_a_run_up_to_a_time_leaves_that_instant_undone():
    """What is due exactly at `until`, alarms as well, runs with the next run, as on SimPy."""
    env = Environment()
    alarm, event = env.background_timeout(1), env.timeout(1)
    env.run(until=1)
    assert not alarm.triggered
    assert not event.processed
    env.run(until=1.000000001)
    assert alarm.processed
    assert event.processed


def test_peeking_from_inside_a_run_sees_the_next_thing_due():
    """`peek` shows alarms too, and never the end of the run that is under way."""
    env = Environment()
    seen = []

    def process():
        yield env.timeout(1)
        seen.append(env.peek())
        env.background_timeout(5)
        seen.append(env.peek())
        env.timeout(2)
        seen.append(env.peek())

    env.process(process())
    env.run(until=9)
    assert seen == [float("inf"), 6, 3]


def test_acts_on_the_agenda_of_one_instant_replay_in_the_same_order():
    """An act between two events of one instant comes after both, live and replayed."""

    def story(world):
        world.staged = True
        done = []

        def process(name):
            yield world.env.timeout(1)
            done.append(name)
            world.decided(name, "came")

        for name in "ab":
            world.env.process(process(name))
        world.env.wait_until(lambda: bool(done), 5)
        world.act("somebody", "acts", {}, lambda: None)
        return list(world.trace)

    live = story(World())
    assert [type(event).__name__ for event in live] == ["Decision", "Decision", "Act"]
    assert story(World(script=[e for e in live if isinstance(e, Act)])) == live
