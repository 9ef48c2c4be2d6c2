"""A real phone, played by a process of its own: the simulated phone behind the wire protocol.

Run it as `python -m paybench.hil.virtual.phone`; docs/phone_line.md tells how. Its customer is
whoever types into its stdin: `approve PASSWORD`, `decline`. What is typed before a bill has come
waits for it, as a customer does.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
from collections import deque
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from paybench.devices.errors import DeviceError
from paybench.devices.link import LinkProfile
from paybench.devices.phone import Phone
from paybench.devices.port import Port
from paybench.devices.purchase import SettlementDemand
from paybench.devices.world import World
from paybench.hil.conversation import SESSION_BYTES, Conversation
from paybench.hil.virtual.tty import VirtualTty
from paybench.hil.wire.message import Channel, Provision, Shown, decode, encode

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Generator, Sequence

    from paybench.hil.transport import Take

READ_BYTES = 65536

_EPILOG = """\
example: a phone on a tty; then the customer's keys
  $ python -m paybench.hil.virtual.phone
  tty /dev/pts/7
  approve 2468
"""


class TwinPhone:
    """A phone whose counterparts are at the other end of a wire."""

    def __init__(self, world: World, write: Callable[[bytes], None], fault: str = "") -> None:
        self._world = world
        self._fault = fault
        self._phone: Phone | None = None
        self._keys: deque[list[str]] = deque()
        self._far = Port(world.env, "register", "far")
        self._bank = Port(world.env, "bank", "far")
        self._talk = Conversation(
            world.env,
            secrets.token_bytes(SESSION_BYTES),
            write=write,
            hear=self._hear,
            restarted=_nothing,
            lost=_nothing,
        )
        for port, channel in ((self._far, Channel.SHORT_RANGE), (self._bank, Channel.NETWORK)):
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
        self._keys.append(words)
        self._do_keys()

    def _do_keys(self, _: object = None) -> None:
        while self._keys and self._phone is not None and self._phone.bill is not None:
            match self._keys.popleft():
                case ["approve", password]:
                    self._phone.approve(password)
                case ["approve", password, taps] if taps.isdecimal():
                    self._phone.approve(password, int(taps))
                case ["decline"]:
                    self._phone.decline()
                case words:
                    sys.stderr.write(f"phone: {' '.join(words)!r}: approve PASSWORD, or decline\n")

    # -- the phone ----------------------------------------------------------------------------

    def _hear(self, payload: bytes) -> None:
        wire = decode(payload)
        message = wire.message
        if isinstance(message, Provision):
            self._be(message)
        elif wire.channel is Channel.SHORT_RANGE:
            self._far.send(message, wire.step)
        elif wire.channel is Channel.NETWORK:
            self._bank.send(message, wire.step)

    def _be(self, who: Provision) -> None:
        if self._phone is not None:
            return  # the bench came back: we are who we were
        self._phone = phone = Phone(
            self._world,
            "phone",
            account=who.account,
            password=who.password,
            approval_key=who.approval_key,
        )
        phone.display.screen = self
        phone.customer = self._do_keys
        self._world.connect(self._far, phone.short_range, LinkProfile())
        self._world.connect(self._bank, phone.network, LinkProfile())

    def _carry(self, port: Port, channel: Channel) -> Generator[Any, Any, None]:
        while True:
            message = yield port.receive()
            step = "D5" if isinstance(message, SettlementDemand) else "D2"
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
                self._phone.press(line.decode(errors="replace").split())
            except DeviceError as error:
                sys.stderr.write(f"phone: {error}\n")

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
        phone = TwinPhone(world, wire.write, options.fault)
        end = world.env.event()
        world.env.attach("wire", phone)
        world.env.attach("keys", _Keys(phone))
        assert world.env.wall is not None

        def take(name: str, data: bytes, lost: str) -> None:
            if lost:
                end.succeed()
            world.env.inject(name, data, lost)

        loop = world.env.wall.loop
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
        wire = BlePeripheral(options.ble_peripheral, options.name)
    else:
        wire = BleCentral(options.name, options.ble_central)
    _say(f"ble {options.name}")
    wire.open()
    stack.callback(wire.close)
    return wire


def _called(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))) as server:
        _say(f"tcp {host}:{server.getsockname()[1]}")
        connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


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
        "--fault",
        choices=["twice", "garbled", "other"],
        default="",
        help="answer twice, with a message that is none, or to another question",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
