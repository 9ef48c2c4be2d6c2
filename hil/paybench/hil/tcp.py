"""The tcp and tls drivers: readers, displays and devices on a socket.

    tcp:10.0.0.7:4001
    tcp:127.0.0.1:4001?mode=listen
    tls:till.example:4433?ca=lab-ca.pem&cert=bench.pem&key=bench.key

A connection is made when the driver opens, or, with `mode=listen`, accepted then: for things that
call us. TLS proves who is there by the system's authorities or by `ca`; there is no way to leave
that out.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING

from paybench.hil.byte_driver import READER_OPTIONS, ByteDriver
from paybench.hil.errors import PortLost, PortUnavailable, SpecError
from paybench.hil.transport import nothing, watch

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.hil.spec import Spec
    from paybench.hil.transport import Take

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
READ_BYTES = 65536
WRITE_TIMEOUT_S = 0.5
OPTIONS = {
    "mode": "connect, or listen for things that call us",
    "wait": "whole seconds to wait for the connection, default 10",
}
TLS_OPTIONS = OPTIONS | {
    "ca": "file of the authority to trust instead of the system's",
    "cert": "file of our own certificate, where the other side wants one",
    "key": "file of its key",
    "name": "name the other side's certificate must have, where it is not its address",
}


class TcpDriver(ByteDriver):
    """A code reader or a line display behind a TCP connection."""

    options = OPTIONS | READER_OPTIONS

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, TcpTransport(spec))


class TlsDriver(ByteDriver):
    """A code reader or a line display behind a TLS connection."""

    options = TLS_OPTIONS | READER_OPTIONS

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, TlsTransport(spec))


class TcpTransport:
    """A TCP connection."""

    def __init__(self, spec: Spec) -> None:
        self.name = spec.address
        host, colon, port = spec.address.rpartition(":")
        if not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise SpecError(f"{spec.address!r}: expected host:port, e.g. 127.0.0.1:4001")
        self._host, self._port = host.strip("[]"), int(port)
        self._listens = spec.choice("mode", "connect", "listen") == "listen"
        self._wait_s = spec.number("wait", 10, 1, 3600)
        self._socket: socket.socket | None = None
        self._stop_reading: Callable[[], None] = nothing

    def open(self) -> None:
        """Make or accept the connection.

        Raises:
            PortUnavailable: Nobody is there, or it is not who it should be.
        """
        try:
            plain = self._accept() if self._listens else self._connect()
            try:
                self._socket = self._secured(plain)
            except BaseException:
                plain.close()
                raise
        except TimeoutError as error:
            raise PortUnavailable(
                f"{self.name}: nobody answered within {self._wait_s} s: is the thing there "
                f"switched on, and its network?"
            ) from error
        except ConnectionRefusedError as error:
            raise PortUnavailable(
                f"{self.name}: nothing listens there: start the server, or check the port"
            ) from error
        except OSError as error:  # ssl's errors are OSErrors
            raise PortUnavailable(f"{self.name}: {self._why_not(error)}") from error
        self._socket.setblocking(False)

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Watch the socket."""
        assert self._socket is not None
        self._stop_reading = watch(loop, self._socket.fileno(), self._read, take)

    def discard(self) -> None:
        """Drop what waits in the socket.

        Raises:
            PortLost: The connection is gone.
        """
        more = True
        while more:
            data, lost = self._read()
            if lost:
                raise PortLost(lost)
            more = len(data) >= READ_BYTES

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            PortLost: The connection is gone, or takes nothing any more.
        """
        assert self._socket is not None
        rest = memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[self._socket.send(rest) :]
                except _WOULD_BLOCK:
                    if not select.select([], [self._socket], [], WRITE_TIMEOUT_S)[1]:
                        raise PortLost(f"{self.name} takes no more bytes") from None
        except OSError as error:
            raise PortLost(f"{self.name} takes no more bytes ({error})") from error

    def close(self) -> None:
        """Close the connection."""
        self._stop_reading()
        self._stop_reading = nothing
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), timeout=self._wait_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _accept(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.create_server((self._host, self._port), family=family) as server:
            server.settimeout(self._wait_s)
            connection, _ = server.accept()
        connection.settimeout(self._wait_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _secured(self, connection: socket.socket) -> socket.socket:
        return connection

    def _why_not(self, error: OSError) -> str:
        return f"it cannot be reached ({error.strerror or error})"

    def _read(self) -> tuple[bytes, str]:
        """Everything that has arrived; and why there will be nothing more, if so."""
        assert self._socket is not None
        data = b""
        try:
            while len(data) < READ_BYTES:
                more = self._socket.recv(READ_BYTES)
                if not more:
                    return data, f"{self.name} closed the connection"
                data += more
        except _WOULD_BLOCK:
            return data, ""
        except OSError as error:
            return data, f"{self.name} went away ({error})"
        return data, ""


class TlsTransport(TcpTransport):
    """A TLS connection, both ends known."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._files = {key: spec.options.get(key) for key in ("ca", "cert", "key")}
        self._name = spec.options.get("name", self._host)
        if self._files["key"] and not self._files["cert"]:
            raise SpecError("key=… needs cert=… beside it")
        if self._listens and not self._files["cert"]:
            raise SpecError("mode=listen needs cert=…: whoever calls wants to know who we are")

    def _secured(self, connection: socket.socket) -> socket.socket:
        purpose = ssl.Purpose.CLIENT_AUTH if self._listens else ssl.Purpose.SERVER_AUTH
        try:
            context = ssl.create_default_context(purpose, cafile=self._files["ca"])
            if self._files["cert"]:
                context.load_cert_chain(self._files["cert"], self._files["key"])
        except OSError as error:
            files = ", ".join(file for file in self._files.values() if file)
            raise OSError(f"its certificates cannot be read: {error} ({files})") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._listens:
            if self._files["ca"]:
                context.verify_mode = ssl.CERT_REQUIRED
            return context.wrap_socket(connection, server_side=True)
        return context.wrap_socket(connection, server_hostname=self._name)

    def _why_not(self, error: OSError) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not to be trusted ({error.verify_message}): name its "
                f"authority with ca=FILE, and its name with name=NAME"
            )
        if isinstance(error, ssl.SSLError):
            return f"no TLS with it ({error.reason or error}): does it speak TLS, and know us?"
        return super()._why_not(error)
