"""A port loses nothing: a message goes to whoever still listens, or waits for whoever asks next."""

import pytest
import simpy
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from rounds import rounds

from paybench.devices.errors import ReceiveGivenUp, RouteError
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message
from paybench.devices.port import Port
from paybench.devices.trace import Lost
from paybench.devices.world import World

MS = 1_000_000


class Say(Message, frozen=True):
    number: int


class Pair:
    """Two devices with a link that takes no time."""

    def __init__(self):
        self.world = World()
        self.env = self.world.env
        self.mouth = Port(self.env, "A.register", "line")
        self.ear = Port(self.env, "B.phone", "line")
        self.world.connect(self.mouth, self.ear, LinkProfile())

    def say(self, number, at_s=None):
        if at_s is None:
            self.mouth.send(Say(number), "say")
        else:
            at_ns = round(at_s * 1e9)
            self.env.call_at(at_ns, lambda n: self.mouth.send(Say(n), "say"), number)

    def listen(self, log, name, timeout_s=None):
        def process():
            message = yield self.ear.receive(timeout_s)
            log.append((name, self.env.now, message and message.number))

        return self.env.process(process())


@pytest.fixture
def pair():
    return Pair()


# -- who listens no more swallows nothing ---------------------------------------------------------


def its_time_is_up(pair):
    assert (yield pair.ear.receive(timeout_s=1)) is None


def its_condition_went_on(pair):
    heard = pair.ear.receive()
    got = yield heard | pair.env.timeout(1)
    assert heard not in got


def its_background_condition_went_on(pair):
    yield pair.env.any_of([pair.ear.receive(), pair.env.background_timeout(1)])


def a_nested_condition_went_on(pair):
    heard = pair.ear.receive() & pair.env.timeout(0.5)
    yield heard | pair.env.timeout(1)


def the_process_is_interrupted(pair):
    pair.env.process(interrupter(pair.env.active_process, pair.env))
    with pytest.raises(simpy.Interrupt):
        yield pair.ear.receive()


def the_process_is_interrupted_in_a_condition(pair):
    pair.env.process(interrupter(pair.env.active_process, pair.env))
    with pytest.raises(simpy.Interrupt):
        yield pair.ear.receive() | pair.env.timeout(9)


def the_process_is_interrupted_in_a_nested_condition(pair):
    pair.env.process(interrupter(pair.env.active_process, pair.env))
    with pytest.raises(simpy.Interrupt):
        yield (pair.ear.receive() | pair.env.event()) & pair.env.timeout(9)


def nobody_ever_waits(pair):
    pair.ear.receive()
    pair.ear.receive(timeout_s=9)
    yield pair.env.timeout(1)


def its_condition_failed(pair):
    bell = pair.env.event()
    with pytest.raises(OSError, match="bell"):
        yield pair.ear.receive() | bell.fail(OSError("bell"))


def interrupter(process, env):
    yield env.timeout(1)
    process.interrupt()


@pytest.mark.parametrize(
    "giving_up",
    [
        its_time_is_up,
        its_condition_went_on,
        its_background_condition_went_on,
        a_nested_condition_went_on,
        the_process_is_interrupted,
        the_process_is_interrupted_in_a_condition,
        the_process_is_interrupted_in_a_nested_condition,
        nobody_ever_waits,
        its_condition_failed,
    ],
    ids=lambda giving_up: giving_up.__name__,
)
@pytest.mark.parametrize("times", [1, 3])
def test_a_receive_nobody_listens_to_swallows_nothing(pair, giving_up, times):
    """Every later message reaches the next receive, however the former ones were given up."""
    heard = []

    def process():
        for _ in range(times):
            yield from giving_up(pair)
        for _ in range(2):
            message = yield pair.ear.receive(timeout_s=20)
            heard.append(message and message.number)

    process = pair.env.process(process())
    pair.say(1, at_s=5)
    pair.say(2, at_s=6)
    pair.env.run(until=process)
    assert heard == [1, 2]


def test_a_receive_that_was_given_up_cannot_be_waited_for_again(pair):
    """Waiting for it again is an error that says what to do, not a wait for ever."""
    heard = []

    def process():
        former = pair.ear.receive()
        yield former | pair.env.timeout(1)
        yield pair.env.timeout(2)  # a message comes
        with pytest.raises(ReceiveGivenUp, match=r"call port\.receive"):
            yield former
        with pytest.raises(ReceiveGivenUp):
            yield former | pair.env.timeout(9)
        heard.append((yield pair.ear.receive()).number)

    pair.say(1, at_s=2)
    pair.env.run(until=pair.env.process(process()))
    assert heard == [1]


def test_a_condition_that_was_given_up_cannot_be_waited_for_again(pair):
    """A condition made ahead, and nested, tells of its receive being given up when waited for."""
    heard = []

    def process():
        ahead = (pair.ear.receive() | pair.env.event()) & pair.env.timeout(1)
        yield pair.env.timeout(2)  # a message comes
        with pytest.raises(ReceiveGivenUp):
            yield ahead
        heard.append((yield pair.ear.receive()).number)

    pair.say(1, at_s=1.5)
    pair.env.run(until=pair.env.process(process()))
    assert heard == [1]


def test_a_receive_can_be_waited_for_again_before_a_message_comes(pair):
    """A receive that lost its condition still stands until it is given up."""
    heard = []

    def process():
        receive = pair.ear.receive()
        yield receive | pair.env.timeout(1)
        heard.append((yield receive).number)

    pair.say(1, at_s=2)
    pair.env.run(until=pair.env.process(process()))
    assert heard == [1]


def test_a_deadline_that_passed_unheard_gives_none_when_asked(pair):
    """A receive whose time was up while nobody waited for it answers at once; no clock moved."""
    heard = []

    def process():
        receive = pair.ear.receive(timeout_s=1)
        yield pair.env.timeout(3)
        heard.append((pair.env.now, (yield receive), pair.env.now))

    pair.ear.receive(timeout_s=7)
    pair.env.process(process())
    pair.env.run()
    assert heard == [(3, None, 3)]
    assert pair.env.now == 3


# -- deadlines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent_first", [True, False])
@pytest.mark.parametrize("timeout_s", [0, 1, 0.1, 0.000000001])
def test_a_message_at_the_very_deadline_is_in_time(pair, timeout_s, sent_first):
    """A message at the deadline is received, whether it was scheduled before the receive or not."""
    log = []
    if sent_first:
        pair.say(1, at_s=timeout_s)
    pair.listen(log, "a", timeout_s)
    if not sent_first:
        pair.say(1, at_s=timeout_s)
    pair.env.run()
    assert log == [("a", timeout_s, 1)]


def test_a_message_a_nanosecond_after_the_deadline_is_late(pair):
    """It stays in the mailbox, and the receive gave None at its deadline."""
    log = []
    pair.listen(log, "a", timeout_s=1)
    pair.say(1, at_s=1.000000001)
    pair.env.run()
    assert log == [("a", 1, None)]
    assert pair.ear.drain() == [Say(1)]


def test_waiters_are_served_in_order_and_leave_at_their_own_deadlines(pair):
    """The oldest receive that is still in time gets the message, whatever the others' deadlines."""
    log = []
    for name, timeout_s in [("a", 5), ("b", 1), ("c", None), ("d", 3), ("e", 1), ("f", 4)]:
        pair.listen(log, name, timeout_s)
    for number, at_s in enumerate([2, 2, 4]):
        pair.say(number, at_s)
    pair.env.run()
    assert log == [
        ("b", 1, None),
        ("e", 1, None),
        ("a", 2, 0),
        ("c", 2, 1),
        ("d", 3, None),
        ("f", 4, 2),
    ]


def test_a_timely_message_leaves_no_mark_of_its_deadline(pair):
    """A deadline that was met does not keep the run going, nor does its alarm move now."""
    log = []
    pair.listen(log, "a", timeout_s=60)
    pair.say(1, at_s=1)
    pair.env.run()
    assert pair.env.now == 1


def test_a_deadline_does_not_keep_the_world_busy(pair):
    """A world in which everybody only waits for messages is settled."""
    log = []
    pair.listen(log, "a", timeout_s=60)
    pair.env.settle()
    assert (pair.env.now, log) == (0, [])


def test_a_process_that_hears_may_listen_again_at_once(pair):
    """Two messages of one instant both reach a process that listens in a loop."""
    heard = []

    def process():
        while True:
            heard.append((yield pair.ear.receive(timeout_s=1)))

    pair.env.process(process())
    for number in range(3):
        pair.say(number)
    pair.env.run(until=0.5)
    assert heard == [Say(0), Say(1), Say(2)]


# -- the mailbox, and where messages go -----------------------------------------------------------


def test_the_mailbox_keeps_messages_in_order_until_asked(pair):
    """Messages nobody waited for are received later in the order they came, or drained."""
    for number in range(4):
        pair.say(number)
    pair.env.settle()
    first = pair.ear.receive(timeout_s=0)
    second = pair.ear.receive_sent()
    assert first.value == Say(0)
    assert (second.value.message, second.value.sender) == (Say(1), "A.register")
    assert pair.ear.drain() == [Say(2), Say(3)]
    assert pair.ear.drain() == []


def test_receive_sent_tells_the_sender(pair):
    """A waiting `receive_sent` gives the message with its sender and step, and None when late."""
    heard = []

    def process():
        heard.append((yield pair.ear.receive_sent(timeout_s=2)))
        heard.append((yield pair.ear.receive_sent(timeout_s=2)))

    pair.env.process(process())
    pair.say(1, at_s=1)
    pair.env.run(until=9)
    first, late = heard
    assert (first.message, first.sender, first.step) == (Say(1), "A.register", "say")
    assert late is None


def test_a_port_without_a_link_says_so():
    """Sending where no link was laid is an error naming device and port."""
    port = Port(World().env, "A.register", "bank line")
    with pytest.raises(RouteError, match=r"A\.register has no link on its bank line port"):
        port.send(Say(1), "D3")
    with pytest.raises(RouteError, match="connect it first"):
        port.send(Say(1), "D3", to="bank")


def test_a_port_with_several_links_asks_to_whom(pair):
    """With two links the receiver must be named, and an unknown one is answered with the peers."""
    other = Port(pair.env, "C.phone", "line")
    pair.world.connect(pair.mouth, other, LinkProfile())
    with pytest.raises(RouteError, match=r"say to which of B\.phone, C\.phone"):
        pair.mouth.send(Say(1), "say")
    with pytest.raises(RouteError, match=r"no link to D\.phone .* only to B\.phone, C\.phone"):
        pair.mouth.send(Say(1), "say", to="D.phone")
    assert len(pair.world.trace) == 0
    pair.mouth.send(Say(2), "say", to="C.phone")
    pair.env.settle()
    assert (pair.ear.drain(), other.drain()) == ([], [Say(2)])


# -- whatever happens -----------------------------------------------------------------------------


class Waiter:
    """The model of one receive: who waits, and until when."""

    def __init__(self, name, deadline_ns):
        self.name = name
        self.deadline_ns = deadline_ns


class PortModel(RuleBasedStateMachine):
    """A port, and a model of it: a line of waiters, a mailbox and a clock of milliseconds."""

    def __init__(self):
        super().__init__()
        self.pair = Pair()
        self.env = self.pair.env
        self.sent = 0
        self.names = 0
        self.log = []
        self.processes = {}
        self.expected = []
        self.line = []
        self.mailbox = []
        self.drained = []

    # what is done to both

    @rule(count=st.integers(1, 3))
    def send(self, count):
        for _ in range(count):
            self.say()
        self.pass_time(1)

    @rule(timeout_ms=st.integers(0, 8), style=st.sampled_from(["time-out", "condition", "from"]))
    def receive_for_a_time(self, timeout_ms, style):
        self.receive(style, timeout_ms)
        self.pass_time(1)

    @rule()
    def receive_for_ever(self):
        self.receive("plain", None)
        self.pass_time(1)

    @rule(timeout_ms=st.integers(0, 4), style=st.sampled_from(["time-out", "condition", "plain"]))
    def receive_as_a_message_comes(self, timeout_ms, style):
        self.receive(style, None if style == "plain" else timeout_ms)
        self.say()
        self.pass_time(1)

    @rule(timeout_ms=st.none() | st.integers(0, 4))
    def receive_and_never_wait(self, timeout_ms):
        receive = self.pair.ear.receive(timeout_ms and timeout_ms / 1000)
        if self.mailbox:
            assert receive.value.number == self.mailbox[0]
            self.drained.append(self.mailbox.pop(0))
        else:
            assert not receive.triggered

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def interrupt(self, data):
        waiter = data.draw(st.sampled_from(self.line))
        self.processes[waiter.name].interrupt()
        self.line.remove(waiter)
        self.expected.append((self.env.now_ns, waiter.name, "interrupted"))
        self.pass_time(1)

    @rule()
    def drain(self):
        assert [message.number for message in self.pair.ear.drain()] == self.mailbox
        self.drained += self.mailbox
        self.mailbox.clear()

    @rule(ticks=st.integers(1, 5))
    def pass_time(self, ticks):
        until_ns = self.env.now_ns + ticks * MS
        self.env.run(until=until_ns / 1e9)
        assert self.env.now_ns == until_ns
        for waiter in [w for w in self.line if w.deadline_ns < until_ns]:
            self.line.remove(waiter)
            self.expected.append((waiter.deadline_ns, waiter.name, None))

    # what must hold

    @invariant()
    def everyone_heard_what_the_model_says(self):
        assert sorted(self.log, key=repr) == sorted(self.expected, key=repr)
        assert [at_ns for at_ns, *_ in self.log] == sorted(at_ns for at_ns, *_ in self.log)

    def teardown(self):
        assert [message.number for message in self.pair.ear.drain()] == self.mailbox
        times = {heard: at_ns for at_ns, _, heard in self.log if isinstance(heard, int)}
        assert [times[number] for number in sorted(times)] == sorted(times.values())
        assert sorted([*times, *self.mailbox, *self.drained]) == list(range(self.sent))

    # the two sides

    def say(self):
        self.pair.say(self.sent)
        if self.line:
            waiter = self.line.pop(0)
            self.expected.append((self.env.now_ns, waiter.name, self.sent))
        else:
            self.mailbox.append(self.sent)
        self.sent += 1

    def receive(self, style, timeout_ms):
        name = self.names = self.names + 1
        timeout_s = None if timeout_ms is None else timeout_ms / 1000
        self.processes[name] = self.env.process(self.waiting(name, style, timeout_s))
        if self.mailbox:
            self.expected.append((self.env.now_ns, name, self.mailbox.pop(0)))
        else:
            end_ns = 1 << 60 if timeout_ms is None else self.env.now_ns + timeout_ms * MS
            self.line.append(Waiter(name, end_ns))

    def waiting(self, name, style, timeout_s):
        try:
            if style == "condition":
                receive = self.pair.ear.receive()
                yield receive | self.env.timeout(timeout_s)
                message = receive.value if receive.triggered else None
            elif style == "from":
                sent = yield self.pair.ear.receive_sent(timeout_s)
                message = sent and sent.message
            else:
                message = yield self.pair.ear.receive(timeout_s)
        except simpy.Interrupt:
            self.log.append((self.env.now_ns, name, "interrupted"))
        else:
            self.log.append((self.env.now_ns, name, message and message.number))


PortModel.TestCase.settings = settings(
    deadline=None, max_examples=rounds(60), stateful_step_count=30
)


class TestPortModel(PortModel.TestCase):
    """Every message is received once, in order, by the oldest who waits, and by nobody too late."""


def test_a_listener_hears_everything_at_once(pair):
    """With a listener nothing waits in the mailbox, and what is put there goes to a receive."""
    heard = []
    pair.ear.listen(heard.append)
    pair.say(1, at_s=1)
    pair.env.run(until=2)
    assert [sent.message for sent in heard] == [Say(1)]
    assert pair.ear.drain() == []
    pair.ear.put(heard[0])
    assert pair.ear.receive().value == Say(1)


def test_a_dark_port_loses_what_arrives(pair):
    """While its device has no power a message is lost, and the trace says why."""
    pair.ear.dark = True
    pair.say(1, at_s=1)
    pair.env.run(until=2)
    assert pair.ear.drain() == []
    lost = [event for event in pair.env.trace if isinstance(event, Lost)]
    assert [event.why for event in lost] == [f"{pair.ear.device} has no power"]
