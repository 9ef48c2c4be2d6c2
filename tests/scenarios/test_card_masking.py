"""No card number and no PIN is shown anywhere: every card scenario, in everything that is told."""

import base64
import json
from pathlib import Path

import msgspec
import pytest

from paybench.bank.secret import MASK, Secret
from paybench.devices.card import CardInformation, CardNumber
from paybench.devices.errors import DeviceError
from paybench.devices.iso_message import IsoBytes, pack
from paybench.devices.trace import Sent
from paybench.scenarios import scenario
from paybench.scenarios.discovery import in_library
from paybench.scenarios.errors import UsageError
from paybench.scenarios.failure import Kept, describe
from paybench.scenarios.golden_text import golden
from paybench.scenarios.library import cards
from paybench.scenarios.replay import replay
from paybench.scenarios.report import View, facts, print_replay, show
from paybench.scenarios.rig import Rig
from paybench.scenarios.run import Options, run
from paybench.scenarios.session import play

ROOT = Path(__file__).parents[1]
SECRETS = {
    *cards.NUMBERS.values(),
    cards.UNKNOWN,
    cards.MISTYPED,
    *cards.PINS.values(),
    *cards.WRONG_PINS,
}
CASES = [
    pytest.param(told, variant, id=told.label(variant))
    for told in in_library()
    for variant in told.variants or ("",)
    if told.figure == "9"
]


SEPARATORS = str.maketrans("", "", " -.")


def forms(secret):
    """How a secret may stand in a text without separators: plain, hexadecimal, base 64."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    for shift in range(3):  # within something longer: at one of three places in a group
        coded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        yield coded[-(-8 * shift // 6) : -1].lower()


FORMS = [form for secret in sorted(SECRETS) for form in forms(secret)]


def found(text):
    """What of the secrets stands in a text."""
    text = text.translate(SEPARATORS).lower()
    return [form for form in FORMS if form in text]


def records(device):
    """What a device's store has, as text in which bytes are themselves."""
    for name in device.store:
        yield name
        yield bytes(device.store.get(name, msgspec.Raw)).decode("latin-1")


@pytest.mark.parametrize("secret", sorted(SECRETS))
@pytest.mark.parametrize(
    "spell",
    [
        str,
        lambda text: " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
        "-".join,
        lambda text: text.encode().hex().upper(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"0" + text.encode() + b"0").decode(),
        lambda text: base64.b64encode(b"20" + text.encode() + b"04").decode(),
        lambda text: bytes.fromhex(f"46{text}").hex(),
    ],
)
def test_the_search_finds_what_it_looks_for(secret, spell):
    """Each secret is found however it is spelled, so that finding none says something."""
    assert found(f"before {spell(secret)} after")


@pytest.mark.parametrize(("told", "variant"), CASES)
def test_a_run_shows_no_card_number_and_no_pin(told, variant, tmp_path, capsys):
    """Trace, reports, ladder, diagram, golden text and replay of every card scenario, searched."""
    trace = tmp_path / "run.jsonl"
    done = play([(told, variant)], Options(), View(ladder=False), str(trace))[0]
    for form in ("text", "json", "mermaid"):
        show(trace, form)
    again = replay(trace)
    assert again.diverged_at is None
    for as_json in (True, False):
        print_replay(trace, again, as_json=as_json)
    events = done.trace.events
    out, err = capsys.readouterr()
    told_in = {
        "trace": trace.read_text(),
        "JSON": json.dumps([facts(done), trace.read_text()]),
        "events": repr(events),
        "messages": " ".join(str(event.message) for event in events if isinstance(event, Sent)),
        "output": out + err,
        "golden text": golden(events),
        "report of a failure": describe(done, Kept(tmp_path, "nodeid", done.content), 120),
    }
    assert done.verdict == "passed"
    assert {where: what for where, text in told_in.items() if (what := found(text))} == {}


@pytest.mark.parametrize(("told", "variant"), CASES)
def test_shop_and_company_keep_no_card_number_and_no_pin(told, variant):
    """What is in the stores of register and company, to be found by whoever takes them away."""
    rig = Rig()
    try:
        told(rig, variant)
        rig.finish()
        kept = [
            text for device in rig.devices if device.role != "phone" for text in records(device)
        ]
        assert len(kept) > 2
        assert found("\n".join(kept)) == []
    finally:
        rig.close()


def test_golden_files_have_no_card_number_and_no_pin():
    """What is kept of runs in this repository, too: golden texts and recordings."""
    kept = [
        path
        for folder in ("golden", "recordings", "scenarios")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".txt", ".jsonl")
    ]
    assert any("card" in path.name for path in kept)
    assert {path: what for path in kept if (what := found(path.read_text()))} == {}


def broken(rig):
    """A purchase that is not what the scenario says, with a card that will not do."""
    register, phone, authority = cards.shop(rig)
    cards.bill(register, phone)
    cards.pay(phone)
    return register, phone, authority


def fails(rig):
    """An expectation that is not met."""
    broken(rig)[1].expects("NOT PAID")


def keeps_a_card_that_is_none(rig):
    """A number that is too long."""
    broken(rig)[1].cards.add("1", cards.NUMBERS["1"] * 2, "12/27", "B", cards.PINS["1"])


def knows_no_such_card(rig):
    """A card that somebody else has issued."""
    broken(rig)[2].report_stolen(cards.UNKNOWN)


def has_a_bug(rig):
    """The bench itself is wrong: the error has a traceback, and says what it was about."""
    phone = broken(rig)[1]
    raise RuntimeError(f"{list(phone.cards.cards())} {phone.store} {vars(phone.cards)}")


def issues_a_number_twice(rig):
    """The scenario asks for what cannot be."""
    broken(rig)
    customer = rig.customer("D")
    customer.phone()
    customer.card("1", number=cards.NUMBERS["1"], expiry="12/27", pin="1234", limit="1")


def issues_what_is_none(rig):
    """Likewise, and the number is too long."""
    rig.card_company("C")
    customer = rig.customer("D")
    customer.phone()
    number = cards.NUMBERS["1"] * 2
    customer.card("1", number=number, expiry="12/27", pin=cards.PINS["1"], limit="1")


@pytest.mark.parametrize("told", [fails, keeps_a_card_that_is_none, knows_no_such_card, has_a_bug])
def test_an_error_shows_no_card_number_and_no_pin(told, tmp_path, capsys):
    """A run that fails, by whatever error, says so without them."""
    done = play([(scenario()(told), "")], Options(), View())[0]
    assert done.verdict in ("failed", "error")
    text = describe(done, Kept(tmp_path, "nodeid", done.content), 120)
    text += capsys.readouterr().out + repr(done.failure) + done.detail
    assert found(text) == []


@pytest.mark.parametrize("told", [issues_a_number_twice, issues_what_is_none])
def test_a_wrong_scenario_is_told_so_without_them(told):
    """What a scenario asks for and cannot have is refused with a masked number."""
    with pytest.raises(UsageError, match="cannot issue") as error:
        run(scenario()(told))
    assert found(f"{error.value} {error.value.__cause__}") == []


def test_what_does_not_fit_a_message_is_not_shown():
    """The error about a card message names the field, and not what is in it; nor does its cause."""
    for fields in (
        {"2": cards.NUMBERS["1"] * 2},
        {"2": cards.NUMBERS["1"], "4": "x"},
        {"2": "½", "110": cards.PINS["1"]},
    ):
        with pytest.raises(DeviceError) as error:
            pack("0100", fields, bytes(16))
        assert found(f"{error.value} {error.value.__cause__}") == []
        assert error.value.__suppress_context__


def test_a_card_number_shows_its_ends_only():
    """The first six and the last four digits: as much as may be seen; of anything else nothing."""
    assert str(CardNumber(cards.NUMBERS["1"])) == "4111 11•• •••• 1111"
    assert repr(CardNumber("378282246310005")) == "3782 82•• •••0 005"
    assert f"{CardNumber('6759649826438453219')}" == "6759 64•• •••• •••3 219"
    for none in ("", "4111", "x" * 16, "4" * 20, "٤" * 16):
        assert str(CardNumber(none)) == MASK


def test_a_message_on_the_line_shows_what_may_be_seen():
    """The trace tells what was asked, of which card nearly, and never the PIN block or the code."""
    number, pin = cards.NUMBERS["1"], cards.PINS["1"]
    block = "46" + pin + "A" * 6 + "0" * 16
    message = pack("0100", {"2": number, "4": "000000000250", "48": pin, "110": block}, bytes(16))
    shown = str(message)
    assert "0100 4111 11•• •••• 1111 | 2=411111••••••1111 4=000000000250 48=•••" in shown
    assert found(shown) == []
    assert found(str(IsoBytes(message.iso.data[:-9]))) == []
    card = CardInformation("s", "1", CardNumber(number), "2712", "B", Secret(pin))
    assert found(repr(card)) == []


def test_a_run_is_searched_for_what_it_really_had():
    """The secrets are what the scenarios use: each was in a message of one of the runs."""
    seen = set()
    for case in CASES:
        told, variant = case.values
        for event in run(told, variant).trace.events:
            if isinstance(event, Sent) and isinstance(event.message, CardInformation):
                seen |= {event.message.number.reveal(), event.message.pin.reveal()}
    assert seen == SECRETS
