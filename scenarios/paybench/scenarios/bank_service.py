"""A bank over the network: ``paybench bank serve``, ``bank key`` and ``run --bank tls:``."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.bank.bank import Bank
from paybench.bank.errors import BankError
from paybench.hil.bank_face.errors import FaceError
from paybench.scenarios.bank_view import storage_in
from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

    from paybench.hil.bank_face.remote_bank import RemoteBank

FILES_BESIDE = 256
"""Open files that a server needs beside its connections."""


@dataclass(frozen=True)
class Service:
    """How a bank is to be served.

    Attributes:
        folder: Where the bank is, or is to be.
        listen: Address and port, as HOST:PORT; 0 for any port.
        currency: ISO 4217 code of its accounts.
        servers: How many database servers a new one gets.
        lag: How many settlements may be answered before the database servers follow.
        processes: Whether each server of a folder is a process of its own.
        cert: The server's certificate; None for the bank's own.
        cert_key: Its key, if that is in another file.
    """

    folder: str
    listen: str
    currency: str = "EUR"
    servers: int = 1
    lag: int = 0
    processes: bool = False
    cert: str | None = None
    cert_key: str | None = None


def serve(service: Service) -> None:
    """Serve a bank until SIGINT or SIGTERM; says where, and who is dropped and why.

    Raises:
        UsageError: The bank cannot be opened, the address cannot be listened on, or the
            certificate cannot be used.
    """
    from paybench.devices.environment import patient_collector
    from paybench.hil.bank_face.certificate import (
        as_der,
        certificate_of,
        own_certificate,
        server_context,
    )
    from paybench.hil.bank_face.devices_file import Devices
    from paybench.hil.bank_face.server import BankServer

    host, port = address(service.listen)
    with _kept(service) as bank:
        folder = Path(service.folder)
        certificate = Path(service.cert) if service.cert else own_certificate(folder)
        key = Path(service.cert_key) if service.cert_key else None
        server = BankServer(
            bank,
            Devices(folder),
            server_context(certificate, key),
            as_der(certificate_of(certificate)),
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        _allow_files(server.limits.connections_max + FILES_BESIDE)
        where = f"[{host}]" if ":" in host else host

        def ready(listening: int) -> None:
            print(f"serving {service.folder} on tls://{where}:{listening}", flush=True)

        async def until_told() -> None:
            await server.serve(host, port, _told_to_stop(), ready)

        with patient_collector():
            asyncio.run(until_told())


def make_key(folder: str, name: str, role: str, out: str, ca: str | None, server_name: str) -> None:
    """Make a key for a device, and write the file that its client needs.

    Raises:
        UsageError: The name or one of the files cannot be used.
    """
    from paybench.hil.bank_face.certificate import (
        OWN_NAME,
        as_der,
        certificate_of,
        own_certificate,
    )
    from paybench.hil.bank_face.credentials import Credentials, write_credentials
    from paybench.hil.bank_face.devices_file import Role, add_device

    if (ca is None) != (not server_name):
        raise UsageError("--ca and --server-name go together: whom to trust, and by which name")
    if Path(out).exists():
        raise UsageError(f"{out}: is there already: name another file with --out")
    try:
        pem = certificate_of(Path(ca) if ca else own_certificate(Path(folder)))
        as_der(pem)

        def hand_over(key: bytes) -> None:
            file = Credentials(name, key.hex(), server_name or OWN_NAME, pem)
            write_credentials(Path(out), file)

        add_device(Path(folder), name, Role(role), hand_over)
    except FaceError as error:
        raise UsageError(str(error)) from error
    print(f"{name} is a {role} of {folder}; its client's file is {out}, which is secret")


def remote_bank(text: str, key: Path | None) -> RemoteBank:
    """The bank at ``tls://HOST:PORT``.

    Args:
        text: Where it is.
        key: The client's file.

    Raises:
        UsageError: The address or the file cannot be used.
        BankUnreachable: Nobody is there, it is not the bank, or it does not let us in.
    """
    from paybench.hil.bank_face.credentials import read_credentials
    from paybench.hil.bank_face.remote_bank import RemoteBank

    if key is None:
        raise UsageError(f"{text} needs a key: name the client's file with --bank-key FILE")
    host, port = address(text.removeprefix("tls:").removeprefix("//"))
    try:
        return RemoteBank(host, port, read_credentials(key))
    except FaceError as error:
        raise UsageError(str(error)) from error


def address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``.

    Raises:
        UsageError: It is none.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        raise UsageError(f"{text!r} is no address: write host and port, as in 127.0.0.1:7300")
    return host.strip("[]"), int(port)


@contextmanager
def _kept(service: Service) -> Generator[Bank]:
    """The bank of a folder, which is made if there is none.

    Raises:
        UsageError: It cannot be opened or served.
    """
    try:
        path = Path(service.folder)
        storage = storage_in(path, service.servers, processes=service.processes)
        bank = Bank(storage, service.currency, lag_max=service.lag)
        try:
            yield bank
        finally:
            bank.close()
    except (BankError, FaceError) as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{service.listen}: cannot be listened on ({error.strerror})") from error


def _told_to_stop() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    return stop


def _allow_files(count: int) -> None:
    """Have as many files open as the system lets us, up to a number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
