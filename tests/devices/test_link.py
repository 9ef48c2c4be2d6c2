"""A link takes its time, keeps the order, loses as asked, and is where faults strike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.faults import Fault
from paybench.devices.link import MILLION, LinkProfile
from paybench.devices.message import Message
from paybench.devices.port import Port
from paybench.devices.trace import Altered, Delivered, Lost, Sent
from paybench.devices.world import World

MS = 1_000_000


class Amount(Message, frozen=True):
    minor: int
    currency: str


class Bill(Message, frozen=True):
    number: int
    amount: Amount = Amount(250, "EUR")

    @property
    def correlation(self):
        return f"bill-{self.number}"


class Line:
    """Two devices on a link with a profile."""

    def __init__(self, seed=0, picks=None, **profile):
        self.world = World(seed, picks)
        self.env = self.world.env
        self.one = Port(self.env, "one", "port")
        self.other = Port(self.env, "other", "port")
        self.world.connect(self.one, self.other, LinkProfile(**profile))

    def say(self, number, step="D1"):
        self.one.send(Bill(number), step)

    def strike(self, kind, times=1, step="D1", **how):
        self.world.faults.add(step, Fault(times, kind, **how))

    def arrivals(self, receiver="other"):
        """Number and time of what arrived, in order."""
        self.env.run()
        return [
            (self.world.trace.events[event.number].message.number, event.at_ns)
            for event in self.events(Delivered)
            if event.receiver == receiver
        ]

    def events(self, kind):
        return [event for event in self.world.trace if isinstance(event, kind)]


def test_latency_is_exact():
    """A message arrives just after the link's latency, and the trace tells both ends of it."""
    line = Line(latency_s=0.0123)
    line.say(7)
    assert line.arrivals() == [(7, 12_300_000)]
    assert list(line.world.trace) == [
        Sent(0, 0, "D1", "one", "other", "bill-7", Bill(7)),
        Delivered(12_300_000, 0, "D1", "one", "other", "bill-7"),
    ]
    assert line.other.drain() == [Bill(7)]


def test_a_link_leads_both_ways():
    """What goes forth can be answered on the same link."""
    line = Line(latency_s=0.001)
    line.say(1)
    line.other.send(Bill(2), "D2")
    assert line.arrivals() == [(1, MS)]
    assert line.arrivals("one") == [(2, MS)]


def test_connecting_twice_keeps_the_first_link():
    """Laying a link that is there already changes nothing."""
    line = Line(latency_s=0.001)
    line.world.connect(line.one, line.other, LinkProfile(latency_s=5))
    line.say(1)
    assert line.arrivals() == [(1, MS)]


PAUSES_MS = st.lists(st.integers(0, 3), min_size=2, max_size=30)


@given(st.integers(), PAUSES_MS, st.integers(1, 50), st.integers(0, 5))
def test_jitter_stays_in_its_bounds_and_never_reorders(seed, pauses_ms, jitter_ms, latency_ms):
    """Each message takes latency plus at most the jitter, unless it waits for the one before it."""
    line = Line(seed, latency_s=latency_ms / 1000, jitter_s=jitter_ms / 1000)
    sent_ns = []

    def talker():
        for number, pause_ms in enumerate(pauses_ms):
            yield line.env.timeout(pause_ms / 1000)
            sent_ns.append(line.env.now_ns)
            line.say(number)

    line.env.process(talker())
    arrivals = line.arrivals()
    assert [number for number, _ in arrivals] == list(range(len(pauses_ms)))
    former_ns = 0
    for sent_at_ns, (_, at_ns) in zip(sent_ns, arrivals, strict=True):
        earliest_ns = sent_at_ns + latency_ms * MS
        assert max(earliest_ns, former_ns) <= at_ns
        assert at_ns <= max(earliest_ns + jitter_ms * MS, former_ns)
        former_ns = at_ns


def test_jitter_is_spread_over_its_whole_range():
    """Jitter uses its range from end to end, and 0 is its quiet pick."""
    delays = []
    for seed in range(400):
        line = Line(seed, latency_s=0.010, jitter_s=0.004)
        line.say(0)
        delays.append(line.arrivals()[0][1] - 10 * MS)
    assert 0 <= min(delays) < 0.1 * MS
    assert 3.9 * MS < max(delays) <= 4 * MS
    assert sum(delay < 2 * MS for delay in delays) == pytest.approx(200, abs=40)
    quiet = Line(1, picks=[], latency_s=0.010, jitter_s=0.004, loss_ppm=MILLION // 2)
    quiet.say(0)
    assert quiet.arrivals() == [(0, 10 * MS)]


@pytest.mark.parametrize(
    ("loss_ppm", "lost"), [(0, 0), (1_000, 4), (50_000, 238), (500_000, 2515), (MILLION, 5000)]
)
def test_a_link_loses_as_many_as_asked(loss_ppm, lost):
    """The rate is as asked, and a seed loses the same messages for ever; the trace tells which."""
    line = Line(2026, loss_ppm=loss_ppm)
    for number in range(5000):
        line.say(number)
    arrived = [number for number, _ in line.arrivals()]
    gone = [line.world.trace.events[event.number].message.number for event in line.events(Lost)]
    assert len(gone) == pytest.approx(5000 * loss_ppm / MILLION, abs=75)
    assert sorted(arrived + gone) == list(range(5000))
    assert arrived == sorted(arrived)
    assert len(gone) == lost


def test_the_two_directions_have_chances_of_their_own():
    """What is lost on the way forth says nothing about the way back, nor does traffic there."""

    def gone(*, answered):
        line = Line(5, loss_ppm=MILLION // 2)
        for number in range(100):
            line.say(number)
            if answered:
                line.other.send(Bill(number), "D2")
        return [
            [event.correlation for event in line.events(Lost) if event.sender == sender]
            for sender in ("one", "other")
        ]

    forth, back = gone(answered=True)
    assert forth != back
    assert gone(answered=False) == [forth, []]


@pytest.mark.parametrize("profile", [{}, {"latency_s": 0.1}, {"jitter_s": 0.1}])
def test_a_message_costs_one_place_on_the_agenda(profile):
    """Sending schedules the delivery and nothing else, with chance or without."""
    line = Line(**profile)
    assert line.env.agenda == []
    for number in range(1, 4):
        line.say(number)
        assert len(line.env.agenda) == number
    for number in (2, 1, 0):
        line.env.step()
        assert len(line.env.agenda) == number
    assert line.other.drain() == [Bill(1), Bill(2), Bill(3)]


def test_a_profile_that_cannot_be_is_refused():
    """Negative times and impossible rates are errors where the profile is made."""
    for wrong in (
        {"latency_s": -1},
        {"jitter_s": -0.1},
        {"loss_ppm": -1},
        {"loss_ppm": MILLION + 1},
    ):
        with pytest.raises(ValueError, match="latency and jitter are not negative"):
            LinkProfile(**wrong)


# -- faults ---------------------------------------------------------------------------------------

PROFILES = pytest.mark.parametrize(
    "profile", [{"latency_s": 0.010}, {"latency_s": 0.010, "jitter_s": 1e-9}]
)


def in_ms(arrivals):
    return [(number, round(at_ns / MS)) for number, at_ns in arrivals]


@PROFILES
def test_a_lost_message_does_not_arrive(profile):
    """A `lose` fault takes the next messages of its step, as many as asked, and no other."""
    line = Line(**profile)
    line.strike("lose", times=2)
    line.say(0, step="D3")
    for number in range(1, 5):
        line.say(number)
    assert in_ms(line.arrivals()) == [(0, 10), (3, 10), (4, 10)]
    assert [(event.correlation, event.why) for event in line.events(Lost)] == [
        ("bill-1", "lost by a fault of the scenario"),
        ("bill-2", "lost by a fault of the scenario"),
    ]


@PROFILES
def test_an_altered_message_says_something_else(profile):
    """An `alter` fault changes fields at their paths; the sender's own words stay in the trace."""
    line = Line(**profile)
    line.strike("alter", changes={"amount.minor": 1, "number": 9})
    line.say(1)
    line.say(2)
    line.env.run()
    altered = Bill(9, Amount(1, "EUR"))
    assert line.other.drain() == [altered, Bill(2)]
    assert [event.message for event in line.events(Sent)] == [Bill(1), Bill(2)]
    assert line.events(Altered) == [Altered(0, 0, "D1", "one", "other", "bill-1", altered)]


@PROFILES
def test_a_duplicated_message_arrives_twice(profile):
    """A `duplicate` fault delivers one message two times, before whatever is said next."""
    line = Line(**profile)
    line.strike("duplicate")
    line.say(1)
    line.say(2)
    assert in_ms(line.arrivals()) == [(1, 10), (1, 10), (2, 10)]
    assert len(line.events(Sent)) == 2


@PROFILES
def test_a_delayed_message_holds_up_its_line(profile):
    """A `delay` fault makes a message late, and those after it wait: a line never reorders."""
    line = Line(**profile)
    line.strike("delay", delay_ns=500 * MS)
    line.say(1)
    line.say(2)
    line.env.run(until=0.2)
    line.say(3)
    assert in_ms(line.arrivals()) == [(1, 510), (2, 510), (3, 510)]
    line.say(4)
    assert in_ms(line.arrivals())[-1] == (4, 520)


def test_several_faults_strike_one_after_another():
    """Faults laid in wait for one step befall its messages in the order they were laid."""
    line = Line()
    line.strike("lose")
    line.strike("alter", changes={"number": 70}, times=2)
    line.strike("duplicate")
    for number in range(5):
        line.say(number)
    line.env.run()
    assert [bill.number for bill in line.other.drain()] == [70, 70, 3, 3, 4]
    assert line.world.faults.by_step == {}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("total", r"Bill has no field 'total', only number, amount"),
        ("amount.value", r"Amount has no field 'value', only minor, currency"),
    ],
)
def test_altering_a_field_that_is_not_there_is_an_error(path, sentence):
    """A path that leads nowhere is answered with the fields there are."""
    line = Line()
    line.strike("alter", changes={path: 1})
    with pytest.raises(AttributeError, match=sentence):
        line.say(1)
