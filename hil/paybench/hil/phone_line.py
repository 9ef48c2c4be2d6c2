"""The line to a real phone: the wire protocol between a phone's ports here and the phone there.

The bench's first message tells the phone who it is in this run: account, key and password are made
from the run's seed, so that a replay checks the recorded signatures with the same key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.world import IGNORED
from paybench.hil.conversation import SESSION_BYTES, Conversation
from paybench.hil.wire.errors import MessageRefused
from paybench.hil.wire.message import Channel, Provision, Shown, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from paybench.devices.message import Message
    from paybench.devices.remote_phone import RemotePhone
    from paybench.devices.world import World


class PhoneLine:
    """Carries what arrives at a phone's ports to the phone, and back what it says.

    It is the `Source` of the environment and the `Line` of the phone. The first input is the
    session id of this end, which the driver draws when it starts and the recording keeps.
    """

    def __init__(
        self,
        phone: RemotePhone,
        world: World,
        write: Callable[[bytes], None],
        operator: Callable[[str], None],
        byte_ns: int = 0,
    ) -> None:
        self._phone = phone
        self._world = world
        self._write = write
        self._operator = operator
        self._byte_ns = byte_ns
        self._talk: Conversation | None = None
        self._early: list[bytes] = []

    # -- Line -----------------------------------------------------------------------------------

    def say(self, channel: int, message: Message) -> None:
        """Send the phone what has arrived at one of its ports."""
        # Steps are the bench's business: the phone is told the message, not its place in a flow.
        try:
            self._send(encode(Channel(channel), type(message).__name__[:16], message))
        except MessageRefused as refused:
            why = f"what {self._phone.name} was to be told: {refused}"
            self._world.decided("bench", IGNORED, why)

    def ask(self, wish: str) -> None:
        """Ask the phone's customer for something."""
        self._operator(wish)

    # -- Source ---------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes came from the phone; the very first are our own session id."""
        if self._talk is None:
            self._talk = Conversation(
                self._world.env,
                data[:SESSION_BYTES],
                write=self._write,
                hear=self._hear,
                restarted=self._provision,
                lost=self._phone.lose,
                byte_ns=self._byte_ns,
            )
            self._provision()
            for payload in self._early:
                self._talk.say(payload)
            self._early.clear()
            return
        self._talk.receive(data)
        self._phone.heard = self._phone.heard or self._talk.noise

    def lost(self, why: str) -> None:
        """The line broke."""
        if self._talk is not None:
            self._talk.cut(why)
        self._phone.lose(why)

    def found(self) -> None:
        """The line is mended: go on where it broke."""
        if self._talk is not None:
            self._talk.mend()
        self._phone.find()

    def _provision(self) -> None:
        self._send(encode(Channel.BENCH, "provision", Provision(**self._phone.identity())))

    def _send(self, payload: bytes) -> None:
        if self._talk is None:
            self._early.append(payload)
        else:
            self._talk.say(payload)

    def _hear(self, payload: bytes) -> None:
        try:
            wire = decode(payload)
        except MessageRefused as refused:
            self._phone.heard = str(refused)
            self._world.decided("bench", IGNORED, f"what {self._phone.name} said: {refused}")
            return
        message = wire.message
        if isinstance(message, Shown):
            self._phone.shown(message.lines)
        elif wire.channel is Channel.BENCH:
            self._phone.heard = f"a {type(message).__name__} for the bench"
        else:
            self._phone.hear(wire.channel, wire.step, message)
