import tracemalloc
from binascii import crc_hqx
from random import Random

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.hil.wire.cobs import stuff
from paybench.hil.wire.errors import ExchangeFull, WireError
from paybench.hil.wire.exchange import Exchange, Restarted, State, Timing
from paybench.hil.wire.frame import DELIMITER, Frame, FrameDecoder, Kind
from paybench.hil.wire.window import QUEUE_MAX, unwrap

MS = 1_000_000


class Line:
    """Two exchanges and the bytes on their way; what happens to those is up to the test."""

    def __init__(self, window=4, sessions=(11, 22)):
        self.now_ns = 0
        self.ends = [Exchange(session, window=window) for session in sessions]
        self.way = [bytearray(), bytearray()]  # to each end
        self.sent = [[], []]
        self.got = [[], []]
        self.held = [0, 0]
        self.frames = [set(), set()]  # ever put on the way to each end
        self.spies = [FrameDecoder(), FrameDecoder()]
        self.new_sessions = 100
        self.plug(0)
        self.plug(1)

    def transmit(self):
        for end in (0, 1):
            data = self.ends[end].to_transmit(self.now_ns)
            self.frames[1 - end].update(FrameDecoder().feed(data))
            self.way[1 - end] += data

    def send(self, end, payload):
        self.ends[end].send(payload)
        self.sent[end].append(payload)
        self.transmit()

    def deliver(self, to, count=None, mangle=lambda data: data):
        """Bring the first bytes on the way to an end, as they come out of the mangle."""
        way = self.way[to]
        count = len(way) if count is None else min(count, len(way))
        data = mangle(bytes(way[:count]))
        del way[:count]
        if self.ends[to].state is not State.DOWN:
            forged = [f for f in self.spies[to].feed(data) if isinstance(f, Frame)]
            if not self.frames[to].issuperset(forged):
                reject()  # the one in 65536 that a checksum of 16 bits lets through
        self.got[to] += self.ends[to].receive(data)
        self.transmit()

    def wait(self, at_least_ns=0):
        deadlines = [e.next_deadline_ns for e in self.ends if e.next_deadline_ns is not None]
        self.now_ns = max(self.now_ns + at_least_ns, min(deadlines, default=0))
        for end in self.ends:
            end.on_deadline(self.now_ns)
        self.transmit()

    def pull(self, end):
        self.ends[end].link_down("pulled")
        self.way[0].clear()
        self.way[1].clear()

    def plug(self, end):
        self.spies[end] = FrameDecoder()
        self.ends[end].link_up()
        self.transmit()

    def hold(self, end, count):
        """Have an end keep so many of what it was given."""
        change = count - self.held[end]
        self.held[end] = count
        if change > 0:
            self.ends[end].hold(change)
        else:
            self.ends[end].release(-change)
        self.transmit()

    def heal(self):
        """From here on the line is good: let everything come to rest."""
        for end in (0, 1):
            self.hold(end, 0)
            if self.ends[end].state in {State.DOWN, State.SILENT}:
                self.plug(end)
        for _ in range(1000):
            if any(self.way):
                self.deliver(0)
                self.deliver(1)
            elif any(e.next_deadline_ns is not None for e in self.ends):
                self.wait()
            else:
                return
        raise AssertionError("it does not come to rest")


def flipped(at, mask):
    def mangle(data):
        if not data:
            return data
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]

    return mangle


def cut(start, size):
    return lambda data: data[: start % (len(data) + 1)] + data[start % (len(data) + 1) + size :]


def padded(at, noise):
    return lambda data: data[: at % (len(data) + 1)] + noise + data[at % (len(data) + 1) :]


manglings = st.one_of(
    st.just(lambda data: data),
    st.just(lambda _: b""),
    st.just(lambda data: data * 2),
    st.builds(flipped, st.integers(0, 99), st.integers(1, 255)),
    st.builds(cut, st.integers(0, 99), st.integers(1, 40)),
    st.builds(padded, st.integers(0, 99), st.binary(max_size=8)),
)
ends = st.integers(0, 1)
payloads = st.binary(max_size=12) | st.sampled_from([bytes(300), b"\xff" * 254])
deeds = st.one_of(
    st.tuples(st.just("send"), ends, payloads),
    st.tuples(st.just("deliver"), ends, st.none() | st.integers(1, 40), manglings),
    st.tuples(st.just("wait"), st.integers(0, 300).map(lambda ms: ms * MS)),
    st.tuples(st.just("pull"), ends),
    st.tuples(st.just("plug"), ends),
    st.tuples(st.just("hold"), ends, st.integers(0, 4)),
)


@settings(max_examples=rounds(300))
@given(st.integers(1, 4), st.booleans(), st.lists(deeds, max_size=60))
def test_every_payload_arrives_once_and_in_order(window, is_open, story):
    """Loss, repetition, corruption, cuts and pulled cables change nothing once the line is good."""
    line = Line(window)
    if is_open:
        line.heal()
    for deed, *arguments in story:
        getattr(line, deed)(*arguments)
        for end in (0, 1):
            assert line.got[end] == line.sent[1 - end][: len(line.got[end])]
    line.heal()
    assert line.got == line.sent[::-1]
    assert [e.unconfirmed for e in line.ends] == [0, 0]
    assert [e.state for e in line.ends] == [State.OPEN, State.OPEN]


fifo = st.one_of(
    st.tuples(st.just("send"), ends, payloads),
    st.tuples(st.just("deliver"), ends, st.none() | st.integers(1, 40)),
    st.tuples(st.just("deliver"), ends, st.none(), st.builds(cut, st.integers(0, 99), ends)),
    st.tuples(st.just("wait"), st.integers(0, 300).map(lambda ms: ms * MS)),
    st.tuples(st.just("reboot"), ends),
)


# The new life hears a HELLO and then a DATA that were meant for the former one.
MEANT_FOR_THE_FORMER = [
    ("send", 0, b""),
    ("deliver", 0, None),
    ("deliver", 1, None),
    ("wait", 0),
    ("reboot", 1),
    ("send", 1, b""),
    ("deliver", 1, None),
    ("deliver", 0, 20),
]


@settings(max_examples=rounds(200))
@example(MEANT_FOR_THE_FORMER)
@given(st.lists(fifo, max_size=60))
def test_a_reboot_is_recognised_and_nothing_is_doubled(story):
    """Across reboots nothing comes twice or out of order, and nothing is lost without a word."""
    line = Line()
    handed_in = [0, 0]
    died = [set(), set()]  # what each end had not had confirmed when it was switched off
    for deed, end, *arguments in story:
        if deed == "reboot":
            died[end] |= set(line.sent[end])
            line.new_sessions += 1
            line.ends[end] = Exchange(line.new_sessions, window=4)
            line.plug(end)
        elif deed == "send":
            handed_in[end] += 1
            line.send(end, handed_in[end].to_bytes(2, "big") + arguments[0])
        else:
            getattr(line, deed)(end, *arguments)
    line.heal()
    for end in (0, 1):
        got = [item for item in line.got[1 - end] if isinstance(item, bytes)]
        back = [item for item in line.got[end] if isinstance(item, Restarted)]
        unconfirmed = {payload for restarted in back for payload in restarted.unconfirmed}
        assert got == sorted(set(got))  # the number in front grows
        assert set(line.sent[end]) <= set(got) | unconfirmed | died[end]
    assert [e.state for e in line.ends] == [State.OPEN, State.OPEN]


def open_line(window=4):
    line = Line(window)
    line.heal()
    assert [e.state for e in line.ends] == [State.OPEN, State.OPEN]
    return line


def kinds(data):
    return [item.kind for item in FrameDecoder().feed(bytes(data))]


def test_opening_takes_a_hello_and_a_welcome():
    """Both ends say HELLO, both answer, and then each knows the other."""
    line = Line()
    assert kinds(line.way[0]) == kinds(line.way[1]) == [Kind.HELLO]
    assert line.way[0].startswith(DELIMITER)
    line.deliver(0)
    assert kinds(line.way[1]) == [Kind.HELLO, Kind.WELCOME, Kind.HELLO]
    line.heal()
    assert line.ends[0].next_deadline_ns is None


def test_no_more_than_the_credit_is_sent():
    """Of many payloads only as many go out as the other end has room for."""
    line = open_line(window=3)
    for number in range(10):
        line.send(0, bytes([number]))
    assert kinds(line.way[1]) == [Kind.DATA] * 3


def test_what_is_held_is_no_credit():
    """An end that keeps payloads stops the other one, and lets it go on by releasing them."""
    line = open_line(window=2)
    line.hold(1, 2)
    for number in range(5):
        line.send(0, bytes([number]))
    line.deliver(1)
    line.deliver(0)
    assert line.got[1] == [b"\0", b"\1"]
    assert not any(line.way)
    line.hold(1, 0)
    assert kinds(line.way[0]) == [Kind.ACK]
    line.heal()
    assert line.got[1] == line.sent[0]


def test_credit_that_got_lost_is_asked_for():
    """When the word of new credit is lost, the sender asks by HELLO and never gives up for it."""
    line = open_line(window=1)
    line.hold(1, 1)
    line.send(0, b"first")
    line.send(0, b"second")
    line.deliver(1)
    line.deliver(0)
    for _ in range(20):
        line.wait()
        assert kinds(line.way[1]) == [Kind.HELLO]
        line.deliver(1)
        line.deliver(0)
    line.ends[1].release()
    line.ends[1].to_transmit(line.now_ns)  # lost
    line.heal()
    assert line.got[1] == [b"first", b"second"]


def test_waits_double_up_to_the_longest():
    """Retransmissions come after 200, 400, 800 … ms, at most 3.2 s apart, and then no more."""
    line = open_line()
    line.send(0, b"x")
    waits = []
    while line.ends[0].next_deadline_ns is not None:
        before = line.now_ns
        line.wait()
        waits.append((line.now_ns - before) // MS)
    assert waits == [200, 400, 800, 1600, 3200, 3200, 3200, 3200]
    assert kinds(line.way[1]) == [Kind.DATA] * 8
    assert line.ends[0].state is State.SILENT
    assert "a payload was sent 8 times and not answered" in line.ends[0].why


def test_a_slow_line_is_given_time():
    """The wait grows with the bytes under way, by what they take on the line and back."""
    end = Exchange(1, Timing(byte_ns=1 * MS))
    other = Exchange(2)
    end.link_up()
    other.link_up()
    for _ in range(3):
        other.receive(end.to_transmit(0))
        end.receive(other.to_transmit(0))
    end.send(bytes(100))
    end.to_transmit(0)
    assert end.next_deadline_ns == 400 * MS


def test_after_a_loss_only_the_oldest_is_probed():
    """Until the other end is heard of again, one payload at a time is sent again."""
    line = open_line()
    for number in range(4):
        line.send(0, bytes([number]))
    line.way[1].clear()
    line.wait()
    assert kinds(line.way[1]) == [Kind.DATA]
    line.deliver(1)
    line.deliver(0)
    assert kinds(line.way[1]) == [Kind.DATA] * 3


def test_a_silent_exchange_wakes_when_the_peer_does():
    """Having given up is no end: the peer's HELLO opens the exchange, and nothing was lost."""
    line = Line()
    line.send(0, b"early")
    line.pull(1)
    while line.ends[0].state is State.OPENING:
        line.wait()
    assert "HELLO was sent 8 times and not answered" in line.ends[0].why
    line.way[1].clear()
    line.plug(1)
    line.deliver(0)
    line.heal()
    assert line.got[1] == [b"early"]


def test_a_peer_that_leaves_says_so():
    """A RESET ends the waiting at once, with the peer's reason fit to print."""
    line = open_line()
    line.ends[1].end("powered \x1b off")
    line.transmit()
    line.deliver(0)
    assert line.ends[0].state is State.SILENT
    assert line.ends[0].why == "the peer ended the exchange: powered \N{MIDDLE DOT} off"
    assert line.ends[1].why == "we ended the exchange: powered \x1b off"
    line.heal()


def other_version(version):
    plain = bytes([version, 1, 0, 0, 0, 0, 0])
    return stuff(plain + crc_hqx(plain, 0).to_bytes(2, "big")) + DELIMITER


def test_another_version_is_refused_with_a_word():
    """A peer of another version is told so, and our giving up names it too."""
    end = Exchange(1)
    end.link_up()
    end.to_transmit(0)
    end.receive(other_version(2))
    [reset, *_] = FrameDecoder().feed(end.to_transmit(0))
    assert reset.payload == b"\x01a frame of version 2; this is version 1"
    while end.next_deadline_ns is not None:
        end.on_deadline(end.next_deadline_ns)
        end.to_transmit(end.next_deadline_ns or 0)
    assert "last a frame of version 2; this is version 1" in end.why


def test_zeros_are_no_frame_of_version_zero():
    """A checksum that starts at 0 is right for zeros; nobody is told off for them."""
    end = Exchange(1)
    end.link_up()
    end.to_transmit(0)
    end.receive(other_version(0))
    assert end.noise_bytes == 10
    assert end.to_transmit(0) == b""


def test_a_looped_back_line_is_named():
    """An end that hears itself does not take itself for its peer."""
    end = Exchange(1)
    end.link_up()
    for _ in range(20):
        end.receive(end.to_transmit(end.next_deadline_ns or 0))
        end.on_deadline(end.next_deadline_ns or 0)
    assert end.state is State.SILENT
    assert "is the line looped back" in end.why


def test_half_a_frame_does_not_outlive_its_link():
    """What a pulled cable cut in two is not put together when the cable is back."""
    line = open_line()
    line.ends[0].send(b"x")
    data = line.ends[0].to_transmit(0)
    line.ends[1].receive(data[:9])
    line.ends[1].link_down("pulled")
    line.ends[1].link_up()
    assert line.ends[1].receive(data[9:]) == []


def test_a_silent_exchange_wakes_for_a_peer_that_does_not_know_it():
    """A peer that was heard and never heard us may come back: its HELLO wakes us all the same."""
    end, hello = Exchange(1), Frame(Kind.HELLO, 0, 0, 8, bytes.fromhex("0000000200000000"))
    end.link_up()
    end.receive(hello.encode())
    end.to_transmit(0)
    while end.next_deadline_ns is not None:
        end.on_deadline(end.next_deadline_ns)
        end.to_transmit(end.next_deadline_ns or 0)
    assert end.state is State.SILENT
    end.receive(hello.encode())
    assert kinds(end.to_transmit(0)) == [Kind.WELCOME, Kind.HELLO]


def test_an_acknowledgement_of_long_ago_changes_nothing():
    """A line that repeats old frames does not turn the count back."""
    line = open_line()
    line.send(0, b"one")
    line.deliver(1)
    line.send(0, b"two")
    line.deliver(1)
    line.deliver(0, mangle=lambda data: data + data)
    line.send(0, b"three")
    line.heal()
    assert line.got[1] == [b"one", b"two", b"three"]


def test_a_late_acknowledgement_overtakes_a_retransmission():
    """What was acknowledged while it was being sent again is not sent once more."""
    line = open_line()
    for number in range(3):
        line.send(0, bytes([number]))
    line.wait()
    line.deliver(1)
    line.deliver(0)
    line.send(0, b"more")
    assert kinds(line.way[1]) == [Kind.DATA]
    line.heal()
    assert line.got[1] == [b"\0", b"\1", b"\2", b"more"]


def test_a_peer_that_ignores_credit_gets_no_more_than_promised():
    """Payloads we have promised no room for are dropped, however well-formed."""
    line = open_line(window=2)
    frames = [Frame(Kind.DATA, number, 0, 8, bytes([number])) for number in range(9)]
    assert line.ends[1].receive(b"".join(f.encode() for f in frames)) == [b"\0", b"\1"]


def test_the_queue_has_an_end():
    """A peer that takes nothing does not fill our memory."""
    end = Exchange(1)
    for _ in range(QUEUE_MAX):
        end.send(b"x")
    with pytest.raises(ExchangeFull, match="256 payloads wait for the peer"):
        end.send(b"x")


@pytest.mark.parametrize(("session", "window"), [(0, 8), (1 << 32, 8), (1, 0), (1, 256)])
def test_impossible_arguments_are_refused(session, window):
    """A session id of 0 and a window that fits no byte are refused with the range."""
    with pytest.raises(WireError, match="expected 1 to"):
        Exchange(session, window=window)


def test_a_payload_too_long_is_refused_at_once():
    """What fits no frame is refused where it is handed in."""
    with pytest.raises(WireError, match="at most 1024 bytes, and this one 1025"):
        Exchange(1).send(bytes(1025))


def test_numbers_wrap():
    """After 65536 payloads the 16 bits of a frame begin again, and nothing is noticed of it."""
    line = open_line(window=255)
    for start in range(0, 66_300, 255):
        for number in range(start, start + 255):
            line.ends[0].send(number.to_bytes(3, "big"))
        data = line.ends[0].to_transmit(0)
        got = line.ends[1].receive(data)
        assert got == [number.to_bytes(3, "big") for number in range(start, start + 255)]
        line.ends[0].receive(line.ends[1].to_transmit(0))
    assert line.ends[0].unconfirmed == 0


@given(st.integers(0, 1 << 40), st.integers(-(1 << 15), (1 << 15) - 1))
def test_sixteen_bits_tell_the_count(near, off):
    """The low 16 bits of a number give it back to whoever knows it to within 32768."""
    assert unwrap((near + off) & 0xFFFF, near) == near + off


hostile = st.builds(
    lambda kind, sequence, acknowledgement, credit, text, sessions: Frame(
        kind,
        sequence,
        acknowledgement,
        credit,
        {
            Kind.HELLO: b"".join(s.to_bytes(4, "big") for s in sessions),
            Kind.WELCOME: b"".join(s.to_bytes(4, "big") for s in sessions),
            Kind.ACK: b"",
            Kind.DATA: text,
            Kind.RESET: b"\x07" + text,
        }[kind],
    ),
    st.sampled_from(Kind),
    st.integers(0, 12) | st.integers(0, 65535),
    st.integers(0, 12) | st.integers(0, 65535),
    st.integers(0, 255),
    st.binary(max_size=20),
    st.tuples(*[st.sampled_from([0, 1, 2, 3, 0xFFFFFFFF])] * 2),
)


@settings(max_examples=rounds(200))
@given(st.lists(hostile | st.sampled_from(["wait", "send", "up", "down"]), max_size=40))
def test_no_peer_can_break_us(script):
    """Whatever well-formed frames come in whatever order: no error, and the bounds hold."""
    end, now_ns = Exchange(1, window=4), 0
    end.link_up()
    for deed in script:
        if deed == "wait":
            now_ns = end.next_deadline_ns or now_ns
            end.on_deadline(now_ns)
        elif deed == "send":
            end.send(b"ours")
        elif deed == "up":
            end.link_up()
        elif deed == "down":
            end.link_down("pulled")
        else:
            end.receive(deed.encode() * 9)
        data = end.to_transmit(now_ns)
        assert all(isinstance(item, Frame) for item in FrameDecoder().feed(data))
        assert kinds(data).count(Kind.DATA) <= 4


def test_memory_stays_small_whatever_comes():
    """A megabyte bounds an exchange that is fed random, mutated and malicious bytes for long."""
    chance = Random(7)  # noqa: S311 - noise is no secret
    frames = b"".join(Frame(Kind.DATA, n, 0, 9, chance.randbytes(99)).encode() for n in range(400))
    tracemalloc.start()
    try:
        end, peer = Exchange(1), Exchange(2)
        end.link_up()
        peer.link_up()
        for _ in range(3):
            peer.receive(end.to_transmit(0))
            end.receive(peer.to_transmit(0))
        for _ in range(QUEUE_MAX):
            end.send(chance.randbytes(1024))
        for _ in range(rounds(60)):  # times 170 kB: 10 MB, in a soak 1 GB
            mutated = bytearray(frames)
            for _ in range(200):
                mutated[chance.randrange(len(mutated))] ^= 1 << chance.randrange(8)
            for chunk in chance.randbytes(60_000), mutated, b"\1\0" * 2000, b"x" * 60_000:
                end.receive(bytes(chunk))
                end.to_transmit(0)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000
    assert end.noise_bytes > 100_000
