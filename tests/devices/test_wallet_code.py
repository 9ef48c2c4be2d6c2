"""Codes of tickets, admissions and proofs: strict, and of use to nobody but whom they are for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import astuple, replace

from paybench.bank.account import AccountNumber
from paybench.bank.proof import Proof
from paybench.devices.admission import ADMISSION, ENTRY, ENTRY_BY_CODE, AuthenticationDemand
from paybench.devices.admission import AuthenticationAnswer as Answer
from paybench.devices.document import Document
from paybench.devices.errors import OutOfOrder
from paybench.devices.plain_profile import PlainCode, PlainProfileError
from paybench.devices.ticket import TICKET
from paybench.devices.trace import Decision, Sent
from paybench.devices.wallet_code import (
    document_code,
    entry_code,
    made_ns,
    new_challenge,
    read_document,
    read_entry,
)
from paybench.scenarios.rig import Rig

FARES = {("Kita", "Minami"): "3.40"}
WRONG = "This was not signed by the account's holder for this purpose."
names = st.text(st.characters(codec="utf-8"), max_size=20)
documents = st.builds(
    Document,
    st.sampled_from([TICKET, ADMISSION]),
    names,
    names,
    st.binary(max_size=200),
    st.binary(min_size=32, max_size=64),
)
proofs = st.builds(
    Proof,
    st.builds(AccountNumber, st.integers(0, 999), st.integers(0, 9_999_999)),
    st.just(ENTRY_BY_CODE),
    names,
    st.builds(new_challenge, st.integers(0, 2**63), st.integers(0, 2**64 - 1)),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


@given(documents)
def test_a_document_is_read_as_it_was_shown(document):
    """Any ticket and any admission that fits into a code survives it, and as nothing else."""
    text = document_code(document).text
    assert read_document(text, document.kind) == document
    other = TICKET if document.kind == ADMISSION else ADMISSION
    with pytest.raises(PlainProfileError, match="this is a code of the kind"):
        read_document(text, other)


@given(proofs, st.integers(0, 2**63))
def test_a_proof_is_read_as_it_was_shown(proof, now_ns):
    """Any proof for a line survives its code, with the time at which it was made."""
    assert read_entry(entry_code(proof).text) == proof
    later = replace(proof, challenge=new_challenge(now_ns, 0))
    assert made_ns(read_entry(entry_code(later).text)) == now_ns


@given(documents, proofs, st.data())
def test_each_code_has_one_right_body(document, proof, data):
    """Cut off, longer, or not in its shortest form, a body is refused and never misread."""
    for code, read in (
        (document_code(document), lambda text: read_document(text, document.kind)),
        (entry_code(proof), read_entry),
    ):
        values = msgpack.decode(code.body)
        at = data.draw(st.integers(0, len(code.body) - 1))
        flawed = [
            code.body[:at],
            code.body + b"\x00",
            msgpack.encode([*values, 0]),
            b"\xdc\x00" + bytes([len(values)]) + code.body[1:],  # the array's longer head
            msgpack.encode(dict(enumerate(values))),
        ]
        for body in filter(None, flawed):
            with pytest.raises(PlainProfileError):
                read(PlainCode(code.kind, body).text)


@given(
    st.text(max_size=60) | st.binary(max_size=60).map(lambda b: PlainCode("ENTRY", b or b"0").text)
)
def test_any_other_text_is_refused_in_a_sentence(text):
    """Whatever is held before a scanner, nothing but a sentence comes of it."""
    for read in (read_entry, lambda text: read_document(text, TICKET)):
        with pytest.raises(PlainProfileError):
            read(text)


def authenticated(rig, gate, proof):
    """The bank's word on a proof that a gate passes on (D22, D23)."""
    gate.bank_line.send(AuthenticationDemand("session", proof), "D22")
    rig.waits(1)
    [*_, answer] = [e.message for e in rig.world.trace if isinstance(e, Sent) and e.step == "D23"]
    assert isinstance(answer, Answer)
    return answer.authentication


def test_a_lines_proof_counts_at_its_own_gates_and_once(rig):
    """A gate of R passes on proofs for R; one of S does not, and no other device of anybody."""
    ours, theirs = rig.line("R", FARES).gate("Kita", "in"), rig.line("S", FARES).gate("Kita", "in")
    shop = rig.shop("R.gate").cash_register()
    phone = rig.customer("A").phone()
    phone.wallet.show_proof("R")
    proof = read_entry(phone.display.lines[0])
    for crook in (theirs, shop):
        assert authenticated(rig, crook, proof).sentence == WRONG
    for verifier in ("", "S", "S.gate", "R.gate"):
        assert authenticated(rig, theirs, replace(proof, verifier=verifier)).sentence == WRONG
    assert authenticated(rig, ours, proof).authenticated
    assert "used before" in authenticated(rig, ours, proof).sentence


def test_what_a_poll_gets_is_no_code_and_a_code_no_answer_to_a_poll(rig):
    """A crooked reader that polls in a line's name gets nothing that opens that line's gates."""
    gate = rig.line("R", FARES).gate("Kita", "in")
    phone = rig.customer("A").phone()
    challenge = new_challenge(rig.world.env.now_ns, 5)
    polled = phone.signer.prove(ENTRY, "R", challenge)  # as the phone answers a poll of "R"
    assert authenticated(rig, gate, polled).sentence == WRONG
    phone.wallet.show_picture(entry_code(polled).text)
    gate.read(phone)
    gate.expects(WRONG)
    shown = phone.signer.prove(ENTRY_BY_CODE, "R.gate", challenge)
    assert authenticated(rig, gate, shown).sentence == WRONG


def test_codes_follow_each_other_unlike(rig):
    """No two proofs a phone shows are the same, though made at the same moment."""
    phone = rig.customer("A").phone()
    seen = set()
    for _ in range(3):
        phone.wallet.show_proof("R")
        seen.add(read_entry(phone.display.lines[0]).challenge)
    assert len(seen) == 3


def test_a_locked_phone_shows_no_proof(rig):
    """Who has found a phone and not its password cannot have it tell gates who holds it."""
    phone = rig.customer("A", password="2468").phone()
    shop = rig.shop("S").cash_register()
    shop.key_in("1", price="1.00")
    shop.bill(phone)
    while not phone.approver.locked:
        phone.approve(password="0000")
    phone.wallet.show_proof("R")
    phone.expects("LOCKED")


def test_what_is_not_there_cannot_be_shown(rig):
    """A verb that has nothing to show says so, and so does one that has nothing to read."""
    entrance, phone = rig.venue("T").entrance("Hamlet"), rig.customer("B").phone()
    for show in (phone.wallet.show_ticket, phone.wallet.show_admission):
        with pytest.raises(OutOfOrder, match=r"there is no (ticket|admission) .* on B\.phone"):
            show("Hamlet")
    with pytest.raises(OutOfOrder, match=r"B\.phone shows nothing: have it show a code first"):
        entrance.read(phone)


def test_a_code_read_unasked(rig):
    """A reader is always on: an entrance lets in whoever has a ticket; a gate wants a phone too."""
    gate, phone = rig.line("R", FARES).gate("Kita", "in"), rig.customer("A").phone()
    phone.wallet.show_proof("R")
    gate.scanner.present(phone.display.lines[0])
    gate.expects("HOLD THE PHONE HERE")
    gate.read(phone)
    gate.expects_passed(1)
    entrance = rig.venue("T").entrance("Hamlet")
    entrance.scanner.present("4901234567894")
    entrance.expects("This code is no ticket.")


def test_codes_are_dropped_while_somebody_goes_through(rig):
    """A second code before a busy gate changes nothing, and the trace says so."""
    gate, phone = rig.line("R", FARES).gate("Kita", "in"), rig.customer("A").phone()
    phone.wallet.show_proof("R")
    code = phone.display.lines[0]
    rig.at_once(lambda: gate.read(phone), lambda: gate.scanner.present(code))
    gate.expects_passed(1)
    ignored = [
        e.why for e in rig.world.trace if isinstance(e, Decision) and e.decision == "ignored"
    ]
    assert ignored == ["a code while somebody else goes through"]
    with pytest.raises(OutOfOrder, match="is busy with somebody else"):
        rig.at_once(lambda: gate.meet(phone), lambda: gate.read(phone))


def test_the_vectors_do_not_change():
    """The bytes of a code are what firmware was built to: docs/wallet_code.md."""
    admission = Document(ADMISSION, "R", "R-R.gate-000001", b"\x90", bytes(32))
    assert astuple(admission)[0] == "admission"
    assert document_code(admission).body == (
        b"\x95\xa9admission\xa1R\xafR-R.gate-000001\xc4\x01\x90\xc4\x20" + bytes(32)
    )
    proof = Proof(AccountNumber(2, 1), ENTRY_BY_CODE, "R", new_challenge(10**9, 7), 3, bytes(32))
    assert entry_code(proof).body == (
        b"\x96\x02\x01\xa1R\xc4\x10"
        + bytes.fromhex("000000003b9aca000000000000000007")
        + b"\x03\xc4\x20"
        + bytes(32)
    )
