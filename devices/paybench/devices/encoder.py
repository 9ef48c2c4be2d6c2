"""The encoder: seals what a port says for whom it is for, and opens what it hears ([0120])."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from paybench.bank.secret import Secret
from paybench.devices.channel import Channel
from paybench.devices.errors import ChannelError
from paybench.devices.message import Message
from paybench.devices.port import Port

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paybench.devices.device import Device
    from paybench.devices.identity import Identity
    from paybench.devices.trace import Sent

TRIES = 3
ANSWER_TIMEOUT_S = 1.0
WAITING_MAX = 64


class ChannelBegun(Message, frozen=True, gc=False):
    """The first message of a handshake: a fresh key."""

    key: bytes


class ChannelAnswered(Message, frozen=True, gc=False):
    """The second one: a fresh key, and under seal who it is."""

    begun: bytes
    key: bytes
    proof: bytes


class ChannelFinished(Message, frozen=True, gc=False):
    """The third one: under seal who the first is."""

    key: bytes
    proof: bytes


class ChannelLost(Message, frozen=True, gc=False):
    """There is no channel that this record belongs to: begin one.

    Anybody may say so, and nothing follows but another handshake.
    """


class Sealed(Message, frozen=True, gc=False):
    """A message under seal: nobody but the other end can read it."""

    record: bytes


HANDSHAKE = (ChannelBegun, ChannelAnswered, ChannelFinished, ChannelLost)


class _Peer:
    """What an encoder keeps of one other end."""

    def __init__(self) -> None:
        self.channel: Channel | None = None
        self.former: Channel | None = None
        """What the other end may still seal with: where both began at once, it takes the other."""
        self.next: Channel | None = None
        self.begun = b""
        self.answer: ChannelAnswered | None = None
        self.waiting: deque[tuple[Message, str]] = deque(maxlen=WAITING_MAX)
        self.answers: Port | None = None

    def take_up(self, channel: Channel) -> None:
        """A new channel is open."""
        self.channel, self.former = channel, self.channel or self.former

    def opened(self, record: bytes, sender: str) -> bytes:
        """What a record says.

        Raises:
            ChannelError: It was sealed for no channel there is.
        """
        if self.channel is not None:
            try:
                return self.channel.take(record)
            except ChannelError:
                if self.former is None:
                    raise
        if self.former is None:
            raise ChannelError(f"there is no channel to {sender}")
        return self.former.take(record)


class Encoder:
    """Seals and opens what goes through one port.

    The first message to somebody waits until a channel is open; a device that has lost its power
    begins another one. What comes unsealed, or does not open, is refused and noted in the trace.

    Args:
        device: Whose port it is.
        port: The port.
        identity: Who the device is.
    """

    def __init__(self, device: Device, port: Port, identity: Identity) -> None:
        self._device = device
        self._port = port
        self._identity = identity
        self._peers: dict[str, _Peer] = {}
        self._chance = device.world.choices.stream(f"{device.name}/{port.name}", "fresh keys")

    def forget(self) -> None:
        """The power went: so did all keys."""
        self._peers.clear()

    def outgoing(self, message: Message, step: str, to: str) -> Message | None:
        """What goes out instead of a message; None while it waits for a channel."""
        if isinstance(message, HANDSHAKE):
            return message
        peer = self._peers.setdefault(to, _Peer())
        if peer.channel is not None and peer.channel.open:
            return Sealed(peer.channel.seal(_encode(message)))
        peer.waiting.append((message, step))
        if peer.answers is None:
            peer.answers = Port(self._device.env, self._device.name, "channel")
            self._device.run(self._begin(to, peer, peer.answers))
        return None

    def incoming(self, sent: Sent) -> Sent | None:
        """What a message that came in says; None where it says nothing to the device."""
        try:
            if isinstance(sent.message, Sealed):
                return self._opened(sent.message, sent)
            self._shake_hands(sent)
        except ChannelError as refused:
            self._device.decided("refused what came", str(refused), sent.correlation)
        return None

    def _shake_hands(self, sent: Sent) -> None:
        message, sender = sent.message, sent.sender
        peer = self._peers.setdefault(sender, _Peer())
        if isinstance(message, ChannelBegun):
            self._answer(message, sender, peer)
        elif isinstance(message, ChannelAnswered):
            if peer.answers is not None:
                peer.answers.put(sent)
        elif isinstance(message, ChannelFinished):
            self._finish(message, sender, peer)
        elif isinstance(message, ChannelLost):
            peer.channel, peer.former = None, peer.channel or peer.former
        else:
            raise ChannelError(f"a {type(message).__name__} came without a seal")

    def _begin(self, to: str, peer: _Peer, answers: Port) -> Generator[Any, Any, None]:
        """The handshake, from the side that has something to say."""
        channel = Channel(self._identity, self._secret(), to, begins=True)
        begun = ChannelBegun(channel.fresh_key)
        for _ in range(TRIES):
            self._port.send(begun, "channel", to)
            while (sent := (yield answers.receive_sent(ANSWER_TIMEOUT_S))) is not None:
                answer: ChannelAnswered = sent.message
                if answer.begun != channel.fresh_key:
                    continue  # to an earlier handshake
                try:
                    proof = channel.finish(answer.key, answer.proof)
                except ChannelError as refused:
                    self._device.decided("refused a channel", str(refused))
                    continue
                peer.take_up(channel)
                peer.answers = None
                self._port.send(ChannelFinished(channel.fresh_key, proof), "channel", to)
                self._flush(to, peer)
                return
        peer.answers = None
        peer.waiting.clear()
        self._device.decided("no channel", f"{to} did not agree on one")

    def _answer(self, begun: ChannelBegun, sender: str, peer: _Peer) -> None:
        if peer.answer is not None and begun.key == peer.begun:
            self._port.send(peer.answer, "channel", sender)  # it was slow, or came twice
            return
        channel = Channel(self._identity, self._secret(), sender, begins=False)
        proof = channel.answer(begun.key)
        # The former channel is good until the new one is: somebody else may have begun this one.
        peer.next, peer.begun = channel, begun.key
        peer.answer = ChannelAnswered(begun.key, channel.fresh_key, proof)
        self._port.send(peer.answer, "channel", sender)

    def _finish(self, message: ChannelFinished, sender: str, peer: _Peer) -> None:
        if peer.next is None:
            raise ChannelError("no channel was begun")
        peer.next.finished(message.proof)
        peer.take_up(peer.next)
        peer.next = None
        self._flush(sender, peer)

    def _opened(self, message: Sealed, sent: Sent) -> Sent:
        peer = self._peers.setdefault(sent.sender, _Peer())
        try:
            content = _decode(peer.opened(message.record, sent.sender))
        except ChannelError:
            # After a handshake that was not finished, or a loss of power, it is nobody's fault.
            if peer.channel is None or peer.next is not None:
                self._port.send(ChannelLost(), "channel", sent.sender)
            raise
        return msgspec.structs.replace(sent, message=content, correlation=content.correlation)

    def _flush(self, to: str, peer: _Peer) -> None:
        while peer.waiting:
            message, step = peer.waiting.popleft()
            self._port.send(message, step, to)

    def _secret(self) -> bytes:
        drawn = bytes(self._chance.below(256) for _ in range(32))
        # The name keeps two devices with the same draws from having the same key.
        return hashlib.sha256(self._identity.name.encode() + drawn).digest()


_encoder = msgspec.msgpack.Encoder(enc_hook=lambda secret: secret.reveal())
_decoders: dict[str, Callable[[bytes], Message]] = {}


def _encode(message: Message) -> bytes:
    return _encoder.encode(message)


def _decode(content: bytes) -> Message:
    """A message of any type there is, by the name it carries.

    Raises:
        ChannelError: It is none.
    """
    try:
        plain: Any = msgspec.msgpack.decode(content)
        name = plain["type"]
        if name not in _decoders:
            kinds = {kind.__name__: kind for kind in _kinds(Message)}
            _decoders[name] = msgspec.msgpack.Decoder(kinds[name], dec_hook=_secret).decode
        return _decoders[name](content)
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ChannelError("what was sealed is no message") from error


def _secret(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Secret):
        return kind(value)
    raise TypeError(kind)


def _kinds(kind: type[Message]) -> list[type[Message]]:
    return [kind, *(inner for sub in kind.__subclasses__() for inner in _kinds(sub))]
