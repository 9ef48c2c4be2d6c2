"""A serial port server in a process of its own: a tty of this machine, offered on a socket.

It plays the box in a lab elsewhere that a reader hangs on: raw TCP, TLS, or RFC 2217. Run it as
`python -m paybench.hil.virtual.bridge TTY`; docs/tcp.md tells how.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import ssl
import sys
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READ_BYTES = 65536
HANDSHAKE_S = 10.0

_EPILOG = """\
example: a reader of this machine, offered on a port the system chooses
  $ python -m paybench.hil.virtual.bridge /dev/pts/7
  tcp 127.0.0.1:40213
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stdin ends; one connection after another."""
    options = _options(arguments)
    descriptor = os.open(options.tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(descriptor)
    with socket.create_server((options.host, options.port)) as server:
        sys.stdout.write(f"tcp {options.host}:{server.getsockname()[1]}\n")
        sys.stdout.flush()
        secure = _secure(options)
        while True:
            if sys.stdin in select.select([server, sys.stdin], [], [])[0]:
                return 0
            connection, _ = server.accept()
            connection.settimeout(HANDSHAKE_S)
            try:
                with secure(connection) as caller:
                    serve = _serve_rfc2217 if options.rfc2217 else _serve_raw
                    limit = options.cut.pop(0) if options.cut else None
                    if serve(descriptor, caller, limit):
                        return 0
            except OSError as error:
                # A caller that is not who it should be is no reason to stop.
                sys.stderr.write(f"bridge: {error}\n")


def _serve_raw(descriptor: int, caller: socket.socket, limit: int | None) -> bool:
    """Carry bytes both ways until the caller or stdin ends; tell whether it was stdin.

    With a limit, the cable is pulled when so many bytes have been carried: the rest is lost.
    """
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    left = READ_BYTES if limit is None else limit
    while left > 0:
        ready = select.select([descriptor, caller, sys.stdin], [], [])[0]
        if sys.stdin in ready:
            return True
        for source in (descriptor, caller):
            if source not in ready:
                continue
            data = (
                os.read(descriptor, READ_BYTES) if source == descriptor else caller.recv(READ_BYTES)
            )
            if not data:
                return False
            data = data[:left]
            left -= 0 if limit is None else len(data)
            if source == descriptor:
                caller.sendall(data)
            else:
                _write_all(descriptor, data)
    return False


def _serve_rfc2217(descriptor: int, caller: socket.socket, _limit: int | None) -> bool:
    """The same with RFC 2217's commands among the bytes, which pyserial's own manager answers."""
    from serial.rfc2217 import PortManager

    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    settings: Any = _Settings()
    answers: Any = _Answers(caller)
    manager = PortManager(settings, answers)
    while True:
        ready = select.select([descriptor, caller, sys.stdin], [], [])[0]
        if sys.stdin in ready:
            return True
        if descriptor in ready:
            caller.sendall(b"".join(manager.escape(os.read(descriptor, READ_BYTES))))
        if caller in ready:
            data = caller.recv(READ_BYTES)
            if not data:
                return False
            _write_all(descriptor, b"".join(manager.filter(data)))


class _Settings:
    """The settings RFC 2217 asks for. A pseudo-terminal has none, and no modem lines either."""

    baudrate = 9600
    bytesize = 8
    parity = "N"
    stopbits = 1
    xonxoff = rtscts = dtr = rts = break_condition = False
    cts = dsr = cd = True
    ri = False

    def reset_input_buffer(self) -> None:
        """A pseudo-terminal's buffer is its reader's."""

    def reset_output_buffer(self) -> None:
        """Likewise."""


class _Answers:
    """Where the manager writes its answers."""

    def __init__(self, caller: socket.socket) -> None:
        self.write: Callable[[bytes], Any] = caller.sendall


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        select.select([], [descriptor], [])
        rest = rest[os.write(descriptor, rest) :]


def _secure(options: argparse.Namespace) -> Callable[[socket.socket], socket.socket]:
    if options.cert is None:
        return lambda connection: connection
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options.ca)
    context.load_cert_chain(options.cert, options.key)
    if options.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return lambda connection: context.wrap_socket(connection, server_side=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.bridge",
        description=(__doc__ or "").partition("\n")[0],
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tty", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rfc2217", action="store_true", help="speak RFC 2217, not raw bytes")
    parser.add_argument("--cert", type=Path, help="speak TLS, with this certificate")
    parser.add_argument("--key", type=Path, help="the certificate's key")
    parser.add_argument(
        "--cut", type=int, nargs="*", default=[], metavar="BYTES",
        help="hang up after so many bytes, either way; the next number is for the next call",
    )  # fmt: skip
    parser.add_argument("--ca", type=Path, help="callers must show a certificate of this authority")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
