"""Long runs: a trace that lets go of its past, links that are taken up, chance that is shared."""

import hashlib

import pytest

from paybench.devices.errors import TraceError
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message
from paybench.devices.port import Port
from paybench.devices.trace import Delivered, Header, Lost, Sent, State, Trace
from paybench.devices.world import World
from paybench.scenarios import Rig

HEADER = Header(1, "0", "a scenario", "", "", 0, {}, {})
JITTERY = LinkProfile(latency_s=0.010, jitter_s=0.010)


class Word(Message, frozen=True):
    text: str


def pair(world, profile=JITTERY, names=("A", "B")):
    a, b = (Port(world.env, name, "air") for name in names)
    world.connect(a, b, profile)
    return a, b


def note(trace, count):
    for _ in range(count):
        trace.events.append(State(0, "A", f"state {len(trace)}", ""))


@pytest.mark.parametrize("rounds", [(5,), (40,), (10, 10), (3, 40, 1, 40)])
def test_what_is_let_go_and_what_is_kept_are_the_whole_file(rounds):
    """Bytes handed over, and the events kept, make the file and digest of the whole trace."""
    whole, flowing, handed = Trace(), Trace(), []
    flowing.flow(HEADER, handed.append, keep=5)
    for count in rounds:
        note(whole, count)
        note(flowing, count)
        gone = flowing.gone
        assert flowing.let_go() == flowing.gone - gone
    assert len(flowing) == len(whole) == sum(rounds)
    assert len(flowing.events) < 10
    rest = flowing.encode_kept() if flowing.gone else flowing.encode(HEADER)
    assert b"".join(handed) + rest == whole.encode(HEADER)
    assert flowing.digest(HEADER) == hashlib.sha256(whole.encode(HEADER)).hexdigest()


def test_a_trace_is_kept_whole_by_default():
    """Without a place for them to go, no events are let go of."""
    trace = Trace()
    note(trace, 200_000)
    assert trace.let_go() == 0
    assert len(trace.events) == 200_000


def test_a_trace_that_is_not_whole_says_so():
    """The bytes of a file whose beginning is not kept are asked for in vain, in words that help."""
    trace = Trace()
    trace.flow(HEADER, lambda _: None, keep=2)
    note(trace, 10)
    trace.let_go()
    with pytest.raises(TraceError, match="the first 8 events of this run are not kept"):
        trace.encode(HEADER)
    assert [event.state for event in trace.since(3)] == ["state 8", "state 9"]
    assert [event.state for event in trace.since(9)] == ["state 9"]


def test_messages_keep_their_numbers():
    """A message's number is its place in the whole trace, also when its beginning is gone."""
    numbers = []
    for keep in (10_000, 3):
        world = World()
        world.trace.flow(HEADER, lambda _: None, keep=keep)
        a, _ = pair(world)
        for _ in range(8):
            a.send(Word("hello"), "D1")
            world.env.run()
            world.let_go()
        kept = [event for event in world.trace if isinstance(event, (Sent, Delivered))]
        numbers.append([event.number for event in kept[-2:]])
        assert bool(world.trace.gone) == (keep == 3)
        assert (len(world.choices.picks) < 8) == (keep == 3)
    assert numbers[0] == numbers[1] == [14, 14]


def test_a_link_that_is_taken_up_is_gone():
    """What is on its way still arrives; what is sent then is lost, until the link is laid anew."""
    world = World()
    a, b = pair(world)
    other = Port(world.env, "C", "air")
    world.connect(a, other, JITTERY)
    a.send(Word("before"), "D1", "B")
    world.part(a, b)
    a.send(Word("after"), "D1", "B")
    lost = [event for event in world.trace if isinstance(event, Lost)]
    assert [event.why for event in lost] == ["B is out of reach"]
    world.env.run()
    assert [message.text for message in b.drain()] == ["before"]
    assert [event.why for event in world.trace if isinstance(event, Lost)] == ["B is out of reach"]
    a.send(Word("to the only one there is"), "D1")
    world.part(a, b)  # once more, which is harmless
    world.connect(a, b, JITTERY)
    a.send(Word("again"), "D1", "B")
    world.env.run()
    assert [message.text for message in b.drain()] == ["again"]
    assert [message.text for message in other.drain()] == ["to the only one there is"]


def test_links_of_a_fleet_share_their_chance():
    """With a stream for all links, a link laid anew does not repeat what befell the first one."""

    def latencies(world):
        for _ in range(2):
            a, b = pair(world)
            for _ in range(4):
                start_ns = world.env.now_ns
                a.send(Word("hello"), "D1")
                world.env.run()
                yield world.env.now_ns - start_ns
            world.part(a, b)

    alone, shared = World(), World()
    shared.link_chance = shared.choices.stream("fleet", "links")
    first, second = list(latencies(alone)), list(latencies(shared))
    assert first[:4] == first[4:]
    assert len(set(second)) == 8


def test_a_gate_never_polls_twice_alike():
    """What a gate has a phone sign is made anew for each passage."""
    rig = Rig()
    gate = rig.line("R", {("Kita", "Minami"): "3.40"}).gate("Kita", "in")
    for name in ("A", "B", "C"):
        rig.customer(name).phone().hold_to(gate)
        rig.waits(10)
    sent = [event for event in rig.world.trace if isinstance(event, Sent)]
    challenges = [event.message.challenge for event in sent if event.step == "poll"]
    assert len(set(challenges)) == len(challenges) == 3
