"""Test vectors: examples of everything on the wire, for whoever implements the protocol anew.

    python -m paybench.hil.wire.vectors > docs/wire-vectors.json

All bytes are in hex. docs/wire-protocol.md says what each part is for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import msgspec

from paybench.bank.account import AccountNumber
from paybench.bank.approval import Approval, canonical_bytes
from paybench.bank.money import Money
from paybench.devices import base45
from paybench.devices.plain_profile import BILL, PlainBill, PlainCode, PlainProfileError
from paybench.devices.settling import (
    Inquiry,
)
from paybench.hil.emvco import crc
from paybench.hil.wire.cobs import stuff, unstuff
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.examples import APPROVAL, APPROVAL_KEY, MESSAGES, RESTRICTED
from paybench.hil.wire.exchange import Exchange, Restarted
from paybench.hil.wire.frame import DELIMITER, Frame, FrameDecoder, Kind, Noise
from paybench.hil.wire.message import Channel, decode, encode
from paybench.hil.wire.tin_examples import SAID

if TYPE_CHECKING:
    from paybench.devices.message import Message

BENCH_SESSION, DEVICE_SESSION, NEXT_DEVICE_SESSION = 0x11223344, 0xA1B2C3D4, 0xA1B2C3D5
_MS = 1_000_000

_STUFFINGS = (
    b"",
    b"\0",
    b"\x11\x22\0\x33",
    b"\x11\0\0\0",
    bytes(range(1, 255)),
    bytes(range(255)),
    bytes(range(1, 256)),
    bytes(range(1, 255)) + b"\0",
)
_FRAMES = (
    Frame(Kind.HELLO, 0, 0, 8, bytes.fromhex("1122334400000000")),
    Frame(Kind.WELCOME, 0, 0, 8, bytes.fromhex("a1b2c3d411223344")),
    Frame(Kind.DATA, 0, 0, 8, b"hello"),
    Frame(Kind.DATA, 0xFFFF, 0x0100, 1, b"\0" * 3),
    Frame(Kind.DATA, 1, 2, 3, bytes(n % 255 + 1 for n in range(1024))),
    Frame(Kind.ACK, 0, 1, 8),
    Frame(Kind.RESET, 0, 0, 0, b"\x02powered off"),
)


def vectors() -> dict[str, object]:
    """All test vectors, as they stand in docs/wire-vectors.json."""
    return {
        "checksum": {"of": b"123456789".hex(), "is": "31c3"},
        "stuffing": [{"plain": plain.hex(), "stuffed": stuff(plain).hex()} for plain in _STUFFINGS],
        "frames": [_frame(frame) for frame in _FRAMES],
        "noise": [_noise(wire) for wire in _noises()],
        "approval": _signature(APPROVAL),
        "restricted_approval": _signature(RESTRICTED),
        "messages": [
            {
                "channel": channel,
                "step": step,
                "message": _plain(message),
                "payload": encode(channel, step, message).hex(),
            }
            for channel, step, message in MESSAGES
        ],
        "refused": [_refusal(payload) for payload in _refused()],
        "dialogue": _dialogue(),
        "plain_profile": _plain_profile(),
    }


def _frame(frame: Frame) -> dict[str, object]:
    wire = frame.encode()
    return {
        "kind": frame.kind.name,
        "sequence": frame.sequence,
        "acknowledgement": frame.acknowledgement,
        "credit": frame.credit,
        "payload": frame.payload.hex(),
        "plain": (unstuff(wire[: -len(DELIMITER)]) or b"").hex(),
        "wire": wire.hex(),
    }


def _noises() -> list[bytes]:
    sound = _FRAMES[2].encode()
    return [
        sound[:5] + b"\x55" + sound[6:],
        sound[:5] + sound[6:],
        b"\x05ab\0",
        b"\x01" * 12 + b"\0",
        b"\x55" * 1041 + b"\0",
    ]


def _noise(wire: bytes) -> dict[str, object]:
    [noise] = FrameDecoder().feed(wire)
    assert isinstance(noise, Noise)
    return {"wire": wire.hex(), "why": noise.why}


def _signature(approval: Approval) -> dict[str, str]:
    body = (approval.settlement_id, approval.payer, approval.payee, approval.amount)
    return {
        "key": APPROVAL_KEY.hex(),
        "canonical": canonical_bytes(*body, approval.counter, approval.restriction).hex(),
        "signature": approval.signature.hex(),
    }


def _refused() -> list[bytes]:
    right = encode(Channel.NETWORK, "S108", Inquiry("x"))
    extra = right.replace(b"\x82\xa4type", b"\x83\xa4type") + b"\xa1z\x01"
    wanted, _, answered, *_ = (encode(Channel.TELEPHONE, *said) for said in SAID)
    return [
        right.replace(b"\x94\x01", b"\x94\x02"),
        right.replace(b"Inquiry", b"Inquest"),
        right.replace(b"\x94\x01\x01", b"\x94\x01\x07"),
        right[:-1],
        right[:-2],
        extra,
        right[:-2] + b"\xd9\x01x",
        right.replace(b"S108", b"S 08"),
        wanted.replace(b"TinWanted", b"TinWasted"),
        wanted.replace(b"\x82\xa4type\xa9", b"\x83\xa4type\xa9") + b"\xabterminal_id\xa0",
        answered.replace(b"\xadcorrect horse", b"\x07"),
    ]


def _refusal(payload: bytes) -> dict[str, object]:
    try:
        decode(payload)
    except MessageRefused as refused:
        return {"payload": payload.hex(), "why": str(refused)}
    raise AssertionError("it must be refused")


_BASE45 = (b"", b"AB", b"Hello!!", b"base-45", b"ietf!", b"\0\0\0", b"\xff\xff\xff")
"""The examples of RFC 9285, 4.3 and 4.4, and the ends of a group's range."""

_BILLS = (
    PlainBill(APPROVAL.settlement_id, APPROVAL.payee, APPROVAL.amount, "A", "A.register"),
    PlainBill("1", AccountNumber(999, 9_999_999), Money(10**15, "JPY"), "Ä\N{EURO SIGN}"),
)
_CODES = (PlainCode("TIN", b"482915037264"), PlainCode("TICKET", bytes(range(96))))


def _plain_profile() -> dict[str, object]:
    """The QR codes of docs/plain_profile.md."""
    codes = [PlainCode.parse(bill.text) for bill in _BILLS] + list(_CODES)
    return {
        "checksum": {"of": b"123456789".hex(), "is": crc("123456789")},
        "base45": [{"data": data.hex(), "text": base45.encode(data)} for data in _BASE45],
        "codes": [{"kind": c.kind, "body": c.body.hex(), "text": c.text} for c in codes],
        "bills": [{"bill": msgspec.to_builtins(b), "text": b.text} for b in _BILLS],
        "refused": [_no_code(text) for text in _no_codes()],
        "no_bills": [_no_bill(body) for body in _no_bodies()],
    }


def _no_codes() -> list[str]:
    text = _BILLS[0].text
    small = _CODES[0].text
    return [
        "",
        text.lower(),
        text[:-1],
        text.replace("K", "L", 1),
        "PB2:" + text[4:],
        _sealed("PB1:ticket:BB8"),
        _sealed("PB1:TICKETS99:BB8"),
        _sealed("PB1::BB8"),
        _sealed("PB1:TIN"),
        _sealed("PB1:TIN:"),
        _sealed("PB1:TIN:B"),
        _sealed("PB1:TIN:::"),
        _sealed("PB1:TIN:GGX"),
        _sealed(f"PB1:TIN:{base45.encode(bytes(513))}"),
        small + " ",
        small[:-4] + small[-4:].lower(),
    ]


def _sealed(head: str) -> str:
    return head + crc(head)


def _no_code(text: str) -> dict[str, object]:
    try:
        PlainCode.parse(text)
    except PlainProfileError as refused:
        return {"text": text, "why": str(refused)}
    raise AssertionError("it must be refused")


def _no_bodies() -> list[bytes]:
    right = PlainCode.parse(_BILLS[0].text).body
    return [
        right[:-1],
        right + b"\xc0",
        b"\x98" + right[1:] + b"\xa0",
        right.replace(b"\xcc\xfa", b"\xcd\x00\xfa"),
        right.replace(b"\xcc\xfa", b"\x00"),
        right.replace(b"\xcc\xfa", b"\xff"),
        right.replace(b"EUR", b"EUX"),
        right.replace(b"\xa1A\xaa", b"\xa1\n\xaa"),
        b"\x80",
    ]


def _no_bill(body: bytes) -> dict[str, object]:
    text = PlainCode(BILL, body).text
    try:
        PlainBill.parse(text)
    except PlainProfileError as refused:
        return {"body": body.hex(), "text": text, "why": str(refused)}
    raise AssertionError("it must be refused")


class _Dialogue:
    """Bench and device on one line, with everything said written down."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.ends = {"bench": Exchange(BENCH_SESSION), "device": Exchange(DEVICE_SESSION)}
        self.lines: list[dict[str, object]] = []

    def note(self, event: str) -> None:
        self.lines.append({"at_ms": self.now_ns // _MS, "event": event})

    def speak(self, who: str, *, lost: bool = False) -> bool:
        """What an end has to transmit goes to the other, or gets lost; whether there was any."""
        wire = self.ends[who].to_transmit(self.now_ns)
        if not wire:
            return False
        other = "device" if who == "bench" else "bench"
        got = [] if lost else self.ends[other].receive(wire)
        self.lines.append(
            {
                "at_ms": self.now_ns // _MS,
                "from": who,
                "says": [
                    item.kind.name for item in FrameDecoder().feed(wire) if isinstance(item, Frame)
                ],
                "wire": wire.hex(),
                "lost": lost,
                "delivered": [item.hex() for item in got if isinstance(item, bytes)],
                "restarted": any(isinstance(item, Restarted) for item in got),
            }
        )
        return True

    def rest(self) -> None:
        while self.speak("bench") or self.speak("device"):
            pass

    def wait(self) -> None:
        deadlines = [end.next_deadline_ns for end in self.ends.values()]
        self.now_ns = min(at for at in deadlines if at is not None)
        for end in self.ends.values():
            end.on_deadline(self.now_ns)


def _dialogue() -> list[dict[str, object]]:
    talk = _Dialogue()
    bench, device = talk.ends["bench"], talk.ends["device"]
    talk.note("the link comes up, first at the device")
    device.link_up()
    talk.speak("device", lost=True)
    bench.link_up()
    talk.rest()
    talk.note("the bench sends 'one' and 'two'; the frame of 'one' gets lost")
    bench.send(b"one")
    talk.speak("bench", lost=True)
    bench.send(b"two")
    talk.rest()
    talk.wait()
    talk.rest()
    talk.note("the device answers 'three', and the cable is pulled before that arrives")
    device.send(b"three")
    talk.speak("device", lost=True)
    bench.link_down("pulled")
    device.link_down("pulled")
    talk.note("the cable is put back")
    bench.link_up()
    device.link_up()
    talk.rest()
    talk.note("the bench sends 'four'; the device reboots before that arrives")
    bench.send(b"four")
    talk.speak("bench", lost=True)
    talk.ends["device"] = Exchange(NEXT_DEVICE_SESSION)
    talk.ends["device"].link_up()
    talk.speak("device")
    talk.rest()
    return talk.lines


def _plain(message: Message) -> object:
    """A message as its map, with bytes as hex; an example's secret is what it is for."""
    return _in_hex(
        msgspec.to_builtins(
            message, builtin_types=(bytes,), enc_hook=lambda secret: secret.reveal()
        )
    )


def _in_hex(value: object) -> object:
    """Plain values with bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _in_hex(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_in_hex(item) for item in cast("list[object]", value)]
    return value


def document() -> bytes:
    """The bytes of docs/wire-vectors.json."""
    return msgspec.json.format(msgspec.json.encode(vectors()), indent=1) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(document())
