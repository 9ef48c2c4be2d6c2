"""Drawings of traces: ladders, golden texts, and what messages are said to say.

The golden files are drawn from the traces beside them, so that they change with the drawing and
not with the devices. To write them anew, and look at the difference:

    python tests/scenarios/test_ladder.py
"""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from paybench.bank.account import AccountNumber
from paybench.bank.bank import Bank
from paybench.bank.money import Money
from paybench.bank.secret import Secret
from paybench.bank.settlement import Outcome, Reason
from paybench.devices.bank_host import BankHost
from paybench.devices.cash_register import CashRegister
from paybench.devices.faults import Fault
from paybench.devices.link import LinkProfile
from paybench.devices.message import Message
from paybench.devices.phone import Phone
from paybench.devices.purchase import PurchaseDeclined
from paybench.devices.scanner import Misreading, Reading
from paybench.devices.settling import InquiryAnswer, SettledResult
from paybench.devices.trace import (
    Act,
    Altered,
    AnyEvent,
    Decision,
    Delivered,
    Displayed,
    Injected,
    Lost,
    Sent,
    State,
    Verdict,
)
from paybench.devices.world import World
from paybench.scenarios.gist import gist
from paybench.scenarios.golden_text import golden
from paybench.scenarios.ladder import WIDTH_MIN, Ladder, ansi, draw

GOLDEN = Path(__file__).parent / "golden_ladder"
ALTERED = Fault(1, "alter", {"information.amount": Money(1250, "EUR")})
VARIANTS = {
    "relayed": {},
    "direct": {"settles": "direct"},
    "insufficient": {"balance": "1.00"},
    "declined": {"declines": True},
    "lost": {"faults": {"D4": Fault(1, "lose")}},
    "altered": {"faults": {"D3": ALTERED}},
    "duplicate": {"faults": {"D3": Fault(1, "duplicate")}},
}
WIDTHS = (80, 120)
KEY = b"k" * 32


def purchase(seed=1, settles="relayed", balance="20.00", faults=None, *, declines=False):
    """Fig 3, run on simulated devices: its events."""
    world, bank = World(seed=seed), Bank()
    world.staged = True
    shop, customer = AccountNumber(1, 1), AccountNumber(1, 2)
    bank.open_account(shop, "A")
    bank.open_account(customer, "B", approval_key=KEY)
    bank.fund(customer, Money.parse(balance, "EUR"), "f1")
    host = BankHost(world, bank)
    register = CashRegister(world, "A.register", account=shop, shop="A", settles=settles)
    phone = Phone(world, "B.phone", account=customer, password="2468", approval_key=KEY)
    line = LinkProfile(latency_s=0.03, jitter_s=0.02)
    world.connect(register.bank_line, host.network, line)
    world.connect(phone.network, host.network, line)
    for step, fault in (faults or {}).items():
        world.faults.add(step, msgspec.structs.replace(fault))  # a fault counts itself down
    register.scan("4901234567894", price="2.50")
    register.bill(phone)
    if declines:
        phone.decline()
    else:
        phone.approve(password="2468")
    world.trace.events.append(Verdict(world.env.now_ns, "passed", ""))
    return world.trace.events


def encoded(events):
    hide = {"enc_hook": str}
    return b"".join(msgspec.json.encode(event, **hide) + b"\n" for event in events)


def decoded(lines):
    return [msgspec.json.decode(line, type=AnyEvent) for line in lines.splitlines()]


def recorded(variant):
    """A variant's trace as it came from a file: messages are dicts."""
    return decoded((GOLDEN / f"{variant}.jsonl").read_bytes())


def drawings(variant):
    """What a variant's golden files should hold, by file name."""
    events = recorded(variant)
    texts = {f"{variant}.{width}.txt": draw(events, width=width) for width in WIDTHS}
    files = {name: "".join(f"{line}\n" for line in lines) for name, lines in texts.items()}
    return files | {f"{variant}.golden.txt": golden(events)}


def message(step, said, sender="A.register", receiver="bank", at_ns=0, number=0):
    """A message that arrives: its two events."""
    return [
        Sent(at_ns, number, step, sender, receiver, "", said),
        Delivered(at_ns, number, step, sender, receiver, ""),
    ]


# -- golden files ------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_draws_as_before(variant):
    """Each variant of Fig 3 is drawn to the character as its golden files show, at both widths."""
    for name, text in drawings(variant).items():
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), name


def test_docs_show_what_is_drawn():
    """The drawing on the docs page is the golden one, line by line."""
    page = (Path(__file__).parents[2] / "docs" / "ladder.md").read_text(encoding="utf-8")
    shown = [line.removeprefix("    ") for line in page.splitlines()]
    lines = draw(recorded("lost"))
    start = shown.index(lines[0])
    assert shown[start : start + len(lines)] == lines


@pytest.mark.parametrize("variant", VARIANTS)
def test_live_messages_draw_like_recorded_ones(variant):
    """Message objects of a run and the dicts of its trace file give the same drawings."""
    events = purchase(**VARIANTS[variant])
    again = decoded(encoded(events))
    assert draw(events) == draw(again)
    assert golden(events) == golden(again)


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_text_does_not_depend_on_the_seed(variant):
    """However links jitter, also when D4 and D6 swap places, one flow has one golden text."""
    texts = {golden(purchase(seed=seed, **VARIANTS[variant])) for seed in range(20)}
    assert len(texts) == 1


def test_golden_text_follows_what_happens():
    """A golden text differs between any two variants: each leaves its trace in it."""
    assert len({golden(recorded(variant)) for variant in VARIANTS}) == len(VARIANTS)


def test_golden_text_keeps_order_within_a_lifeline():
    """Sorting out what ran side by side never swaps two events of one device."""
    shown = [Displayed(n, "Z.phone", (str(n),)) for n in range(5)]
    events = [*shown[:3], Displayed(3, "A.phone", ("first",)), *shown[3:]]
    lines = golden(events).splitlines()[2:]
    assert lines == ["A.phone shows [first]", *(f"Z.phone shows [{n}]" for n in range(5))]


def test_golden_text_puts_effects_after_causes():
    """A message stands after what its sender did before, though the receiver's name sorts first."""
    events = [Displayed(0, "Z", ("CALLING",)), *message("T1", {"payload": "x"}, "Z", "A")]
    assert golden([*events, Displayed(0, "A", ("CALLED",))]).splitlines()[2:] == [
        "Z shows [CALLING]",
        "Z -> A: T1 x",
        "A shows [CALLED]",
    ]


# -- streaming ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("asks_for_header", [True, False])
def test_streaming_equals_drawing(variant, asks_for_header):
    """Fed event by event, a ladder that knows its participants prints what `draw` does."""
    events = recorded(variant)
    names = ["A.register", "B.phone", "bank"][: 2 if variant == "declined" else 3]
    ladder = Ladder(names)
    lines = ladder.header() if asks_for_header else []
    for event in events:
        lines += ladder.feed(event)
    assert lines + ladder.rest() == draw(events)


def test_newcomers_get_a_header():
    """A participant nobody announced appears under a new header, on its first row at the latest."""
    ladder = Ladder()
    lines = [line for event in recorded("relayed") for line in ladder.feed(event)]
    headers = [line.split() for line in lines if line.strip().startswith("A.register")]
    assert headers == [["A.register"], ["A.register", "B.phone"], ["A.register", "B.phone", "bank"]]
    arrival = next(n for n, line in enumerate(lines) if "D3" in line)
    assert lines[arrival - 2] == ""
    assert lines[arrival - 1].endswith("bank")


def test_is_printed_as_it_happens():
    """A message appears with its arrival, and the feeding of its sending prints nothing."""
    sent, delivered = message("D3", {"amount": {"amount_minor": 250, "currency": "EUR"}})
    ladder = Ladder(["A.register", "bank"])
    ladder.header()
    assert ladder.feed(sent) == []
    assert len(ladder.feed(delivered)) == 1


# -- rows --------------------------------------------------------------------------------------


def test_a_part_belongs_to_its_device():
    """A scanner has no lifeline: what it reads stands at its register's."""
    lines = draw(recorded("relayed"))
    assert "scanner" not in "".join(lines)
    assert any("│ ▪ scanned 4901234567894 " in line for line in lines)


def test_lost_arrow_ends_before_the_receiver():
    """A lost message's arrow ends in a cross short of its receiver, whose lifeline is whole."""
    lines = draw(recorded("lost"))
    row = next(line for line in lines if "✗" in line)
    assert row[11] == "│"
    assert "◄" not in row
    assert row.endswith("✗── D4 settled ─┤")
    assert "lost by a fault of the scenario" in lines[lines.index(row) + 1]


def test_alteration_names_what_changed():
    """An altered message shows both amounts, or the changed field if the gist is the same."""
    assert "D3 altered: 12.50 EUR, was 2.50 EUR" in golden(recorded("altered"))
    said = {"information": {"payee": 1, "amount": {"amount_minor": 250, "currency": "EUR"}}}
    other = {"information": said["information"] | {"payee": 2}}
    sent, delivered = message("D3", said)
    events = [sent, Altered(0, 0, "D3", "A.register", "bank", "", other), delivered]
    assert "D3 altered: information.payee" in golden(events)


def test_what_never_arrived_is_told_at_the_end():
    """A message still under way when the trace ends is drawn once, with or without a verdict."""
    sent, _ = message("D3", {"payload": "x"})
    for events in ([sent], [sent, Verdict(9, "failed", "no D4")]):
        lines = draw(events)
        assert sum("D3 x" in line for line in lines) == 1
        assert any("under way when the trace ended" in line for line in lines)


def test_a_piece_of_a_trace_can_be_drawn():
    """An arrival whose sending is not in the trace is an arrow with its step name."""
    assert "─ D4 ─┤" in draw([Delivered(0, 7, "D4", "bank", "A.register", "")])[1]


def test_the_bank_stands_last():
    """Whoever turns up first, the bank's lifeline is the one at the right edge."""
    events = [Delivered(0, 7, "D4", "bank", "A.register", ""), Act(0, "B.phone", "approve", {})]
    header = next(line for line in draw(events) if "B.phone" in line)
    assert header.split() == ["A.register", "B.phone", "bank"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Injected(0, "A.register.scanner", b"4901\r"), "«4901»"),
        (Injected(0, "A.register.scanner", b"\xff\x00\x01\x02\x03"), "«5 bytes»"),
        (Injected(0, "A.register.scanner", b"\x00"), "«1 byte»"),
        (Injected(0, "A.register.scanner", b"", "cable pulled"), "✗ A.register.scanner is gone"),
        (Act(0, "A.register", "scan", {"code": "49", "price": "2.50"}), "▸ scan 49, 2.50"),
        (Decision(0, "A.register", "settled", "Settled.", ""), "◆ settled"),
        (Decision(0, "A.register", "article kept", "no answer", ""), "◆ article kept — no answer"),
        (Displayed(0, "A.register", ()), "[]"),
    ],
)
def test_notes_stand_beside_the_lifeline(event, said):
    """Each kind of note has its sign, and a reason that only repeats the decision is left out."""
    row = draw([event], ["A.register"], times=False)[1]
    assert row.startswith(f"│ {said}")
    assert not said.endswith("settled") or row == f"│ {said}"


def test_states_are_drawn_on_demand():
    """Changes of state are left out unless asked for."""
    events = [State(0, "A.register", "billed", "")]
    assert draw(events, ["A.register"]) == ["           A.register"]
    assert draw(events, ["A.register"], states=True)[1].endswith("│ ○ billed")


def test_a_display_is_a_box():
    """The lines of a display have brackets of one width, wide characters counted as two."""
    rows = draw([Displayed(0, "A.register", ("支払い 250円", "PAID"))], times=False)[1:]
    assert rows == ["│ [支払い 250円]", "│ [PAID        ]"]


def test_variation_selectors_are_dropped():
    """A heart is one column wide, also where it asks to be drawn as a picture two wide."""
    assert draw([Displayed(0, "A", ("I \u2764\ufe0f U",))], times=False)[1] == "│ [I \u2764 U]"


def test_times_align():
    """Up to hours and beyond, the s of the seconds stands in one column; a repeated time is blank.

    From 10,000 s on, decimals give way to digits.
    """
    times_ms = [0, 23, 23, 61_500, 7_205_123, 123_456_789]
    events = [Displayed(ms * 1_000_000, "A", ("X",)) for ms in times_ms]
    assert [line[:12] for line in draw(events, ["A"])[1:]] == [
        "   0.000 s │",
        "   0.023 s │",
        "           │",
        "  61.500 s │",
        "7205.123 s │",
        "123456.7 s │",
    ]


def test_more_participants_than_fit_are_listed():
    """Where lifelines would stand too close, each line names sender and receiver, and its time."""
    names = [f"{letter}.register" for letter in "ABCDEF"]
    events = message("D3", {"payload": "x"}, "A.register", "F.register", 23_000_000)
    assert draw(events, names) == ["   0.023 s  A.register → F.register  D3 x"]
    assert "►" in draw(events, [*names[:4], "F.register"])[-1]


def test_names_do_not_crowd_each_other():
    """Where the last two names do not fit in one line, the last stands above; none is cut."""
    names = [f"{letter}.register" for letter in "ABCDE"]
    above, below = Ladder(names).header()
    assert above.split() + below.split() == [*names[-1:], *names[:-1]]
    assert len(above) == 80
    assert len(Ladder(["A.register", "bank"]).header()) == 1


def test_the_foot_tells_the_verdict():
    """A verdict ends all lifelines, and says why."""
    lines = draw([Verdict(0, "failed", "D4 never came")], ["A", "B"], times=False)
    assert lines[-1] == "└─ failed: D4 never came ───────────────────────┘"


def test_plain_unless_styled():
    """Only a style brings in escape codes, and they add nothing else to the drawing."""
    events = recorded("lost")
    styled = draw(events, style=ansi)
    assert "\x1b" not in "".join(draw(events))
    assert "\x1b[31m" in "".join(styled)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in styled] == draw(events)


# -- any trace at all --------------------------------------------------------------------------

# Two columns wide, none wide, right to left, controls, and what stands for nothing at all.
TEXTS = st.text(
    "aB.7 …é日本語한글ｶﾞ💶\u0301\u200b\u202e\ufe0f\x1b\n\tא\U0001f469\u200d", max_size=40
)
NAMES = st.sampled_from(["A", "B.phone", "bank", "A.scanner", "C.register"]) | TEXTS.filter(bool)
SAID = st.builds(dict, payload=TEXTS) | st.builds(dict, why=TEXTS) | st.none()
TIMES = st.integers(0, 10**18)
NUMBERS = st.integers(0, 5)
EVENTS = st.one_of(
    st.builds(Sent, TIMES, NUMBERS, TEXTS, NAMES, NAMES, TEXTS, SAID),
    st.builds(Delivered, TIMES, NUMBERS, TEXTS, NAMES, NAMES, TEXTS),
    st.builds(Lost, TIMES, NUMBERS, TEXTS, NAMES, NAMES, TEXTS, TEXTS),
    st.builds(Altered, TIMES, NUMBERS, TEXTS, NAMES, NAMES, TEXTS, SAID),
    st.builds(Displayed, TIMES, NAMES, st.lists(TEXTS, max_size=3).map(tuple)),
    st.builds(Decision, TIMES, NAMES, TEXTS, TEXTS, TEXTS),
    st.builds(Act, TIMES, NAMES, TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2)),
    st.builds(Injected, TIMES, NAMES, st.binary(max_size=9), TEXTS),
    st.builds(State, TIMES, NAMES, TEXTS, TEXTS),
    st.builds(Verdict, TIMES, st.sampled_from(["passed", "failed"]), TEXTS),
)
TRACES = st.lists(EVENTS, max_size=12)


@given(TRACES, st.integers(WIDTH_MIN, 130), st.booleans(), st.booleans(), st.booleans())
def test_no_line_exceeds_the_width(events, width, times, unicode, live):
    """Whatever is in a trace, every line fits, holds no control character, and is ASCII on demand.

    Columns are counted by another measure than the ladder's own.
    """
    if live:
        ladder = Ladder(width=width, times=times, unicode=unicode, states=True)
        lines = [line for event in events for line in ladder.feed(event)] + ladder.rest()
    else:
        lines = draw(events, width=width, times=times, unicode=unicode, states=True)
    for line in lines:
        assert cell_len(line) <= width
        assert line.isprintable()
        assert line == line.rstrip()
        assert unicode or line.isascii()


@given(TRACES)
def test_every_event_has_its_golden_line(events):
    """A golden text has a line for each event it tells, and one for each that is under way."""
    sent = sum(isinstance(event, Sent) for event in events)
    told = len(events) - sum(isinstance(event, Sent | Altered | State) for event in events)
    assert told <= len(golden(events).splitlines()) - 2 <= told + sent


# -- gists -------------------------------------------------------------------------------------


class _Guarded(Message, frozen=True, gc=False):
    payload: Secret


class _Strange(Message, frozen=True, gc=False):
    payload: object


EUR = Money(250, "EUR")


def as_in_a_file(said):
    return msgspec.to_builtins(
        said, enc_hook=lambda v: str(v) if isinstance(v, Secret) else "object"
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SettledResult("s", Outcome.of("s", EUR, None, EUR)), "settled"),
        (SettledResult("s", Outcome.of("s", EUR, Reason.UNKNOWN_PAYEE)), "refused: unknown-payee"),
        (
            InquiryAnswer("s", Outcome.of("s", EUR, Reason.UNKNOWN_SETTLEMENT)),
            "unknown-settlement",
        ),
        (PurchaseDeclined("s", "no money"), "no money"),
        (Reading("4901"), "4901"),
        (Misreading(5, "no UTF-8"), "5 bytes: no UTF-8"),
        (_Guarded(Secret("2468")), "•••"),
        (_Strange(object()), "object"),
        ({"a": {"b": {"amount": {"amount_minor": 5, "currency": "JPY"}}}}, "5 JPY"),
        ({"amount": {"amount_minor": 5, "currency": "???"}}, "5 minor units of ???"),
        ({"amount": {"amount_minor": 5, "currency": []}}, "5 minor units of []"),
        ({"balance": {"amount_minor": 5, "currency": "EUR"}}, ""),
        (None, ""),
        (7, ""),
    ],
)
def test_gist(said, expected):
    """What matters in a message is found wherever it lies; nothing secret, and never an error."""
    assert gist(said) == expected
    assert gist(as_in_a_file(said)) == expected


if __name__ == "__main__":
    for name, options in VARIANTS.items():
        (GOLDEN / f"{name}.jsonl").write_bytes(encoded(purchase(**options)))
        for file, drawn in drawings(name).items():
            (GOLDEN / file).write_text(drawn, encoding="utf-8")
