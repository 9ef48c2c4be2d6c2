"""A real phone, played by a process of its own: the simulated phone behind the wire protocol.

Run it as `python -m paybench.hil.virtual.phone`; docs/phone_line.md tells how. Its customer is
whoever types into its stdin: `approve PASSWORD`, `decline`, `choose A1 PASSWORD`, `enter TIN`. What
is typed before there is something to answer waits for it, as a customer does.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from paybench.devices.errors import DeviceError
from paybench.devices.link import LinkProfile
from paybench.devices.phone import Phone
from paybench.devices.port import Port
from paybench.devices.world import World
from paybench.hil.ble import SILENCE_S
from paybench.hil.conversation import SESSION_BYTES, Conversation
from paybench.hil.errors import PortUnavailable
from paybench.hil.virtual.phone_keys import Neighbour, PhoneKeys
from paybench.hil.virtual.tty import VirtualTty
from paybench.hil.wire.message import Channel, Provision, Shown, decode, encode

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Generator, Sequence

    from paybench.devices.trace import Sent
    from paybench.hil.transport import Take

READ_BYTES = 65536
RETRY_S = 0.1
TRIES = 3

_EPILOG = """\
example: a phone on a tty; then the customer's keys
  $ python -m paybench.hil.virtual.phone
  tty /dev/pts/7
  approve 2468
"""


class TwinPhone:
    """A phone whose counterparts are at the other end of a wire."""

    def __init__(
        self,
        world: World,
        write: Callable[[bytes], None],
        fault: str = "",
        late_s: float = 0.0,
    ) -> None:
        self._world = world
        self._fault = fault
        self._late_s = late_s
        self._phone: Phone | None = None
        self._far = Port(world.env, "register", "far")
        self._keys = PhoneKeys(Neighbour("register", self._far), _complain)
        self._bank = Port(world.env, "bank", "far")
        self._apparatus = Port(world.env, "apparatus", "far")
        self._talk = Conversation(
            world.env,
            secrets.token_bytes(SESSION_BYTES),
            write=write,
            hear=self._hear,
            restarted=_nothing,
            lost=_nothing,
        )
        self._far_ports = {
            Channel.SHORT_RANGE: self._far,
            Channel.NETWORK: self._bank,
            Channel.TELEPHONE: self._apparatus,
        }
        for channel, port in self._far_ports.items():
            world.env.process(self._carry(port, channel))

    # -- Source: the wire ---------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """Bytes came from the bench."""
        self._talk.receive(data)

    def lost(self, why: str) -> None:
        """The wire broke."""
        self._talk.cut(why)

    def found(self) -> None:
        """The wire is mended."""
        self._talk.mend()

    # -- Screen -------------------------------------------------------------------------------

    def show(self, lines: tuple[str, ...]) -> None:
        """Tell the bench what the phone shows."""
        self._talk.say(encode(Channel.BENCH, "shown", Shown(lines)))

    # -- the customer -------------------------------------------------------------------------

    def press(self, words: list[str]) -> None:
        """The customer types something."""
        self._keys.press(words)
        self._work_keys()

    def _work_keys(self, _: object = None) -> None:
        if self._phone is not None:
            self._keys.work(self._phone)

    # -- the phone ----------------------------------------------------------------------------

    def _hear(self, payload: bytes) -> None:
        wire = decode(payload)
        message = wire.message
        if isinstance(message, Provision):
            self._be(message)
        elif wire.channel in self._far_ports:
            self._far_ports[wire.channel].send(message, wire.step)

    def _be(self, who: Provision) -> None:
        if self._phone is not None:
            return  # the bench came back: we are who we were
        self._phone = phone = Phone(
            self._world,
            who.name,
            account=who.account,
            password=who.password,
            approval_key=who.approval_key,
            owner=who.owner,
            currency=who.currency,
        )
        phone.display.screen = self
        phone.customer = self._work_keys
        self._world.connect(self._far, phone.short_range, LinkProfile())
        self._world.connect(self._bank, phone.network, LinkProfile())
        self._world.connect(self._apparatus, phone.subscribe(), LinkProfile())
        self._work_keys()

    def _carry(self, port: Port, channel: Channel) -> Generator[Any, Any, None]:
        while True:
            sent: Sent = yield port.receive_sent()
            message, step = sent.message, sent.step
            if self._late_s:
                yield self._world.env.timeout(self._late_s)
            payload = encode(channel, step, message)
            if self._fault == "garbled":
                payload = b"\xc1" + payload[1:]
            elif self._fault == "other":
                payload = encode(channel, step, structs.replace(message, settlement_id="another-1"))
            self._talk.say(payload)
            if self._fault == "twice":
                self._talk.say(payload)


class _Keys:
    """Stdin, as a source of the environment."""

    def __init__(self, phone: TwinPhone) -> None:
        self._phone = phone
        self._line = b""

    def received(self, data: bytes) -> None:
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            try:
                # One space parts two words: there may be more within a code.
                self._phone.press(line.decode(errors="replace").strip().split(" "))
            except DeviceError as error:
                _complain(str(error))

    def lost(self, why: str) -> None:
        """Nobody types any more."""

    def found(self) -> None:
        """Stdin does not come back."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the phone until its stdin ends."""
    options = _options(arguments)
    with ExitStack() as stack:
        wire = _wire(options, stack)
        world = World()
        stack.callback(world.env.close)
        phone = TwinPhone(world, wire.write, options.fault, options.late)
        end = world.env.event()
        world.env.attach("wire", phone)
        world.env.attach("keys", _Keys(phone))
        assert world.env.wall is not None
        loop = world.env.wall.loop
        comes_back = bool(options.ble_peripheral or options.ble_central)

        def take(name: str, data: bytes, lost: str) -> None:
            if lost and (name == "keys" or not comes_back):
                end.succeed()
            elif lost:
                come_back()
            world.env.inject(name, data, lost)

        def come_back() -> None:
            # In a thread: it waits for the bench, and the customer's keys must not.
            loop.run_in_executor(None, wire.open).add_done_callback(opened)

        def opened(done: Future[None]) -> None:
            if done.exception() is not None:
                loop.call_later(RETRY_S, come_back)
                return
            wire.start(loop, partial(take, "wire"))
            world.env.inject("wire")

        wire.start(loop, partial(take, "wire"))
        _Descriptor(sys.stdin.fileno(), lambda _: None).start(loop, partial(take, "keys"))
        world.env.run(until=end)
    return 0


class _Descriptor:
    """A file descriptor of ours, as a transport."""

    def __init__(self, descriptor: int, write: Callable[[bytes], object]) -> None:
        self._descriptor = descriptor
        self.write = write

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Hand over what comes in, and its end."""

        def readable() -> None:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                loop.remove_reader(self._descriptor)
            take(data, "" if data else "it ended")

        loop.add_reader(self._descriptor, readable)


def _wire(options: argparse.Namespace, stack: ExitStack) -> Any:
    """What carries the bytes, open; its address is said first."""
    if options.ble_peripheral or options.ble_central:
        return _radio(options, stack)
    if options.listen is None:
        tty = stack.enter_context(VirtualTty())
        _say(f"tty {tty.path}")
        return _Descriptor(tty.fileno(), tty.write)
    connection = stack.enter_context(_called(options.listen))
    return _Descriptor(connection.fileno(), connection.sendall)


def _radio(options: argparse.Namespace, stack: ExitStack) -> Any:
    from paybench.hil.ble.central import BleCentral
    from paybench.hil.ble.peripheral import BlePeripheral

    if options.ble_peripheral:
        wire = BlePeripheral(options.ble_peripheral, options.name, silence_s=options.silence)
    else:
        wire = BleCentral(options.name, options.ble_central, silence_s=options.silence)
    _say(f"ble {options.name}")
    stack.callback(wire.close)
    for _ in range(TRIES - 1):
        with suppress(PortUnavailable):  # a connection may break off while it is set up
            wire.open()
            return wire
    wire.open()
    return wire


def _called(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))) as server:
        _say(f"tcp {host}:{server.getsockname()[1]}")
        connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _complain(what: str) -> None:
    sys.stderr.write(f"phone: {what}\n")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _nothing(*_: object) -> None:
    """A phone goes on waiting: whoever holds it decides what to do."""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.phone",
        description=(__doc__ or "").partition("\n")[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="be on a socket, not on a tty; port 0 is any"
    )
    parser.add_argument(
        "--ble-peripheral", metavar="HCI", help="be found over Bluetooth on this HCI transport"
    )
    parser.add_argument(
        "--ble-central", metavar="HCI", help="look for the bench over Bluetooth on this one"
    )
    parser.add_argument("--name", default="paybench phone", help="whom to be, or to look for")
    parser.add_argument(
        "--silence", type=float, default=SILENCE_S, metavar="SECONDS",
        help="over Bluetooth: a bench not heard for so long is gone (3)",
    )  # fmt: skip
    parser.add_argument(
        "--fault",
        choices=["twice", "garbled", "other"],
        default="",
        help="answer twice, with a message that is none, or to another question",
    )
    parser.add_argument(
        "--late", type=float, default=0.0, metavar="SECONDS", help="answer so much later (0)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
