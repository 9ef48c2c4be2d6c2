import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.bank import (
    AccountNumber,
    Approval,
    DecidedBy,
    Held,
    Money,
    Outcome,
    Proof,
    Reason,
    Restriction,
    SettlingInformation,
)
from paybench.bank.authentication import Method
from paybench.bank.secret import MASK, Secret
from paybench.bank.tin import (
    AuthenticationAnswered,
    FromPaying,
    Purchase,
    Refusal,
    State,
    TerminalDetails,
    TerminalKind,
    ToPaying,
)
from paybench.devices.admission import Way
from paybench.devices.document import Document
from paybench.devices.message import Message
from paybench.devices.phone import HEARS, TAKES
from paybench.devices.scanner import Reading
from paybench.devices.settling import Inquiry, SettlementDemand
from paybench.devices.tin_messages import PayingCall, PayingNotice
from paybench.devices.vending import Item
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.frame import PAYLOAD_MAX_BYTES
from paybench.hil.wire.message import TYPES, Channel, Provision, decode, encode

accounts = st.builds(AccountNumber, st.integers(0, 999), st.integers(0, 9_999_999))
amounts = st.builds(Money, st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY"]))
texts = st.text(max_size=8)
restrictions = st.none() | st.builds(
    Restriction,
    st.integers(0, 366 * 24 * 3600),
    st.sampled_from(Held),
    st.integers(1, 150),
    st.sampled_from(DecidedBy),
)
approvals = st.builds(
    Approval,
    texts,
    accounts,
    accounts,
    amounts,
    st.integers(0, 2**63 - 1),
    st.binary(max_size=32),
    restrictions,
)
outcomes = st.builds(
    Outcome,
    texts,
    st.booleans(),
    amounts,
    st.none() | st.sampled_from(Reason),
    texts,
    st.none() | amounts,
    st.none() | st.integers(0, 2**63 - 1),
)
terminals = st.builds(TerminalDetails, texts, texts, texts, st.sampled_from(TerminalKind))
documents = st.builds(Document, texts, texts, texts, st.binary(max_size=64), st.binary(max_size=64))
fields = {
    AccountNumber: accounts,
    Money: amounts,
    Approval: approvals,
    SettlingInformation: st.builds(
        SettlingInformation,
        texts,
        accounts,
        accounts,
        amounts,
        st.none() | approvals,
        texts,
        restrictions,
    ),
    Outcome: outcomes,
    Outcome | None: st.none() | outcomes,
    Proof: st.builds(
        Proof,
        accounts,
        texts,
        texts,
        st.binary(max_size=64),
        st.integers(0, 2**63 - 1),
        st.binary(max_size=32),
    ),
    Document: documents,
    Document | None: st.none() | documents,
    tuple[Item, ...]: st.lists(
        st.builds(Item, texts, texts, amounts, st.booleans()), max_size=3
    ).map(tuple),
    Way: st.sampled_from(Way),
    TerminalDetails: terminals,
    tuple[Purchase, ...]: st.lists(
        st.builds(Purchase, texts, st.integers(0, 2**63 - 1), terminals, amounts), max_size=2
    ).map(tuple),
    Secret: st.builds(Secret, texts),
    Method: st.sampled_from(Method),
    tuple[Method, ...]: st.lists(st.sampled_from(Method), max_size=3).map(tuple),
    Refusal: st.sampled_from(Refusal),
    State: st.sampled_from(State),
    State | None: st.none() | st.sampled_from(State),
    Reason | None: st.none() | st.sampled_from(Reason),
    Restriction | None: restrictions,
    Money | None: st.none() | amounts,
    int: st.integers(0, 2**63 - 1),
    int | None: st.none() | st.integers(0, 2**63 - 1),
    bool: st.booleans(),
    str: texts,
    bytes: st.binary(max_size=32),
    tuple[str, ...]: st.lists(texts, max_size=3).map(tuple),
}


def built(kind):
    """Any message or body of a kind."""
    return st.builds(kind, *[fields[field.type] for field in msgspec.structs.fields(kind)])


for envelope in (PayingCall, PayingNotice):
    [body] = msgspec.structs.fields(envelope)
    fields[body.type] = st.one_of([built(kind) for kind in typing.get_args(body.type)])
messages = st.one_of([built(kind) for kind in TYPES])
APPS_ON_THE_WIRE = {"collector", "payer", "vending", "wallet"}
ACCOUNT = AccountNumber(1, 1)
INQUIRY = [1, 1, "S108", {"type": "Inquiry", "settlement_id": "till-1/77"}]
pack = msgspec.msgpack.encode


@given(
    messages,
    st.sampled_from(Channel),
    st.from_regex("[A-Za-z][A-Za-z0-9._-]{0,15}", fullmatch=True),
)
def test_every_message_comes_back(message, channel, step):
    """Whatever may be said on a wire is read there as it was said."""
    payload = encode(channel, step, message)
    assert len(payload) <= PAYLOAD_MAX_BYTES
    decoded = decode(payload)
    assert (decoded.channel, decoded.step, decoded.message) == (channel, step, message)
    assert type(decoded.message) is type(message)


def test_every_message_of_a_phone_is_taken():
    """Whatever a phone takes over the short-range link, or hears, may come from a wire."""
    taken = [*TAKES.items(), *HEARS.items()]
    assert {kind for kind, app in taken if app in APPS_ON_THE_WIRE} <= set(TYPES)


def test_every_body_of_a_phone_is_taken():
    """What is said over the paying network, either way, is all there is to be said."""
    for envelope, bodies in ((PayingCall, FromPaying), (PayingNotice, ToPaying)):
        [body] = msgspec.structs.fields(envelope)
        assert set(typing.get_args(body.type)) == set(typing.get_args(bodies))


def test_an_answer_is_a_secret_but_on_the_wire():
    """A password goes over the wire as it is, and is shown neither when taken nor when refused."""
    said = PayingCall(AuthenticationAnswered("tin-1", 1, Secret("correct horse")))
    payload = encode(Channel.TELEPHONE, "auth", said)
    assert b"correct horse" in payload
    decoded = decode(payload)
    assert decoded.message.body.answer.reveal() == "correct horse"
    assert "correct horse" not in f"{decoded} {decoded.message!r}"
    assert MASK in repr(decoded)


@pytest.mark.parametrize(
    "answer", [["correct horse"], {"correct horse": 1}, b"correct horse", "correct horse"]
)
def test_the_refusal_of_an_answer_does_not_show_it(answer):
    """An answer of another form, or in a message with something too much, is in no sentence."""
    body = {"type": "AuthenticationAnswered", "session": "x", "order": 1, "answer": answer}
    said = {"type": "PayingCall", "body": body | {"more": "correct horse"}}
    with pytest.raises(MessageRefused) as refused:
        decode(pack([1, 3, "auth", said]))
    assert "correct" not in str(refused.value)


@given(st.binary(max_size=1100))
def test_garbage_is_refused_and_nothing_else(garbage):
    """Random bytes are refused in a sentence, whatever they are."""
    with pytest.raises(MessageRefused, match=r".{20}"):
        decode(garbage)


@given(messages, st.integers(0), st.integers(1, 255))
def test_a_mutated_payload_is_refused_or_says_what_it_says(message, at, mask):
    """A payload with a byte changed is refused, or is the one right encoding of another message."""
    payload = bytearray(encode(Channel.NETWORK, "D3", message))
    payload[at % len(payload)] ^= mask
    try:
        decoded = decode(bytes(payload))
    except MessageRefused:
        return
    assert encode(decoded.channel, decoded.step, decoded.message) == payload


def changed(**places):
    """The inquiry with values of its array replaced."""
    return pack([places.get(f"at{n}", item) for n, item in enumerate(INQUIRY)])


MAP = b"\x94\x01\x01\xa4S108"
NAMED = b"\xa4type\xa7Inquiry\xadsettlement_id"


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "the payload is no"),
        (pack({}), "the payload is no"),
        (pack(INQUIRY) + b"\0", "trailing characters"),
        (pack(INQUIRY)[:-1], "truncated"),
        (bytes(1025), "at most 1024 bytes, and this one 1025"),
        (changed(at0=2), "a message of version 2; this is version 1"),
        (changed(at0="1"), "a message of version '1'; this is version 1"),
        (changed(at1=4), "Invalid enum value 4 - at `$[1]`"),
        (changed(at2="S 108"), "'S 108' is no step"),
        (changed(at2=""), "'' is no step"),
        (changed(at2="S108\n"), "is no step"),
        (changed(at2="S" * 17), "length <= 16"),
        (
            changed(at3={"type": "Inquest"}),
            "'Inquest', which is not in the protocol's table; did you mean",
        ),
        (changed(at3={"type": ["Inquiry"] * 9}), "the payload is no"),
        (changed(at3={"settlement_id": "x"}), "missing required field `type`"),
        (changed(at3={"type": "Inquiry"}), "missing required field `settlement_id`"),
        (changed(at3={**INQUIRY[3], "settlement_id": 5}), "Expected `str`, got `int`"),
        (changed(at3={**INQUIRY[3], "extra": 1}), "there is no '[3].extra'"),
        (pack([*INQUIRY, 5]), "there is no '[4]'"),
        (changed(at3=dict(reversed(INQUIRY[3].items()))), "stand in another order"),
        (MAP + b"\x82" + NAMED + b"\xd9\x01x", "not in its shortest form, or a field stands"),
        (MAP + b"\x83" + NAMED + b"\xa1x" + b"\xadsettlement_id\xa1y", "a field stands twice"),
        (MAP + b"\x83" + NAMED + b"\xa1x" + b"\xa1z" + b"\x91" * 900 + b"\xc0", "is no '[3].z["),
        (MAP + b"\x83" + NAMED + b"\xa1x" + b"\xa1z\xdd\xff\xff\xff\xff", "truncated"),
        (b"\x91" * 1000, "the payload is no"),
        (MAP + b"\x82" + NAMED + b"\xa1\xff", "utf-8"),
    ],
)
def test_a_refusal_says_what_is_wrong(payload, sentence):
    """Every way to be no message is answered in a sentence that names it."""
    with pytest.raises(MessageRefused) as refused:
        decode(payload)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("depth", [0, 300, 600, 850])
def test_deep_nesting_is_refused_from_anywhere(depth):
    """A payload nested as deep as it can be is refused, however deep the caller stands."""
    nested = MAP + b"\x83" + NAMED + b"\xa1x" + b"\xa1z" + b"\x91" * 960 + b"\xc0"

    def down(left):
        return decode(nested) if left == 0 else down(left - 1)

    with pytest.raises(MessageRefused):
        down(depth)


def test_a_field_with_a_default_must_be_there():
    """What Python would fill in, a device has to say."""
    information = SettlingInformation(
        "x", AccountNumber(1, 1), AccountNumber(1, 2), Money(1, "EUR"), None
    )
    plain = msgspec.msgpack.decode(
        encode(Channel.NETWORK, "D3", SettlementDemand("x", information))
    )
    del plain[3]["information"]["terminal"]
    with pytest.raises(MessageRefused, match=r"\[3\].information.terminal is missing"):
        decode(pack(plain))


def test_a_field_that_may_be_left_out_is_never_nil():
    """There is one way to say that nothing is restricted: not to speak of it."""
    information = SettlingInformation(
        "x", AccountNumber(1, 1), AccountNumber(1, 2), Money(1, "EUR"), None
    )
    plain = msgspec.msgpack.decode(
        encode(Channel.NETWORK, "D3", SettlementDemand("x", information))
    )
    plain[3]["information"]["restriction"] = None
    with pytest.raises(MessageRefused, match=r"there is no '\[3\].information.restriction'"):
        decode(pack(plain))


def test_money_and_accounts_hold_to_their_bounds():
    """A currency nobody knows and an account nobody can have are refused with the bank's words."""
    plain = [1, 0, "D1", {"type": "PurchaseInformation", "settlement_id": "x"}]
    plain[3]["payee"] = {"branch": 1000, "number": 1}
    with pytest.raises(MessageRefused, match="branch to be an integer from 0 to 999"):
        decode(pack(plain))
    plain[3]["payee"] = {"branch": 1, "number": 1}
    plain[3] |= {"shop": "A", "amount": {"amount_minor": 1, "currency": "EUX"}}
    with pytest.raises(MessageRefused, match="ISO 4217"):
        decode(pack(plain))


class Stranger(Message, frozen=True):
    """A message nobody registered."""


@pytest.mark.parametrize(
    ("message", "step", "sentence"),
    [
        (Stranger(), "D1", "a Stranger is nothing for a wire: none of TYPES"),
        (Reading("490"), "scan", "a Reading is nothing for a wire"),
        (Inquiry("x"), "", "'' is no step"),
        (Inquiry("x" * 1024), "S108", "does not fit into a payload of 1024"),
        (Inquiry("\ud800"), "S108", "this Inquiry cannot be encoded"),
        (
            Provision(AccountNumber(1, 1), b"", 1 << 64, "", "", ""),
            "provision",
            "cannot be encoded",
        ),
    ],
)
def test_what_is_no_message_for_a_wire_is_not_sent(message, step, sentence):
    """Unregistered types, nameless steps and endless texts are refused before they are sent."""
    with pytest.raises(MessageRefused) as refused:
        encode(Channel.NETWORK, step, message)
    assert sentence in str(refused.value)
