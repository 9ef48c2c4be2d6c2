"""A bank that is served on loopback from a thread, its clients, and whoever means it ill."""

import asyncio
import socket
import threading
from contextlib import contextmanager, suppress

from paybench.bank import AccountNumber, Bank, Money, SettlingInformation, sign
from paybench.hil.bank_face.certificate import (
    OWN_NAME,
    as_der,
    certificate_of,
    own_certificate,
    server_context,
)
from paybench.hil.bank_face.credentials import Credentials
from paybench.hil.bank_face.devices_file import Devices, Role, add_device
from paybench.hil.bank_face.frames import FRAME_MAX_BYTES, FrameReader, framed
from paybench.hil.bank_face.handshake import CLIENTS, Handshake, digest_of, fresh_nonce
from paybench.hil.bank_face.limits import Limits
from paybench.hil.bank_face.messages import VERSION, Login, Request, encode, read_reply
from paybench.hil.bank_face.remote_bank import RemoteBank
from paybench.hil.bank_face.server import BankServer

ANNA, BAKERY, KIOSK = AccountNumber(1, 1), AccountNumber(2, 1), AccountNumber(2, 2)
KEYS = {ANNA: b"anna's approval key, 32 bytes ..", KIOSK: b"the kiosk's own approval key ..."}
NOW_NS = 7_000_000_000


def eur(text):
    return Money.parse(text, "EUR")


def order(settlement_id, amount, counter, payee=BAKERY, restriction=None):
    """What Anna signs."""
    body = {
        "settlement_id": settlement_id,
        "payer": ANNA,
        "payee": payee,
        "amount": eur(amount),
        "restriction": restriction,
    }
    return SettlingInformation(**body, approval=sign(KEYS[ANNA], **body, counter=counter))


def found(storage=None):
    """Anna has 100.00, the bakery has no key, the kiosk has one."""
    bank = Bank(storage)
    bank.open_account(ANNA, "Anna", approval_key=KEYS[ANNA])
    bank.open_account(BAKERY, "Bakery")
    bank.open_account(KIOSK, "Kiosk", approval_key=KEYS[KIOSK])
    bank.fund(ANNA, eur("100.00"), "salary")
    return bank


class Served:
    """A bank while it is served.

    Args:
        bank: The bank.
        home: A folder with its keys and its certificate, which several banks may share.
        limits: What clients are granted.
    """

    def __init__(self, bank, home, limits):
        self.bank = bank
        self.home = home
        self.said = []
        certificate = own_certificate(home)
        self.pem = certificate_of(certificate)
        self.server = BankServer(
            bank,
            Devices(home),
            server_context(certificate),
            as_der(self.pem),
            limits=limits,
            say=self.said.append,
            now_ns=lambda: NOW_NS,
        )
        self.port = 0
        self._stop = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()

        def ready(port):
            self.port = port
            self._ready.set()

        await self.server.serve("127.0.0.1", 0, self._stop, ready)

    def start(self):
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self):
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def credentials(self, role=Role.HOST):
        """Those of the home's host, or of its terminal."""
        return Credentials(str(role), KEY_OF[self.home, role].hex(), OWN_NAME, self.pem)

    def client(self, role=Role.HOST, **options):
        """A well-behaved client."""
        return RemoteBank("127.0.0.1", self.port, self.credentials(role), **options)

    def raw(self, *, login=True, role=Role.HOST):
        """A client that does what it likes."""
        return Raw(self, self.credentials(role), login=login)


KEY_OF = {}
"""The devices' keys, by home and role: what only their clients' files have."""


def make_home(folder):
    """A folder with keys for a host and a terminal."""
    for role in Role:
        KEY_OF[folder, role] = add_device(folder, str(role), role)
    return folder


@contextmanager
def served(home, bank=None, **limits):
    """A bank, served; the bank is closed in the end."""
    with found() if bank is None else bank as ours:
        serving = Served(ours, home, Limits(**limits))
        serving.start()
        try:
            yield serving
        finally:
            serving.stop()


class Raw:
    """A socket with TLS to a served bank, logged in or not."""

    def __init__(self, serving, credentials, *, login=True):
        self.plain = socket.create_connection(("127.0.0.1", serving.port), timeout=10)
        self.socket = credentials.context().wrap_socket(self.plain, server_hostname=OWN_NAME)
        self.frames = FrameReader(FRAME_MAX_BYTES)
        self.number = 0
        self.hello = self.receive()
        if login:
            self.send(self.login(credentials))
            self.welcome = self.receive()

    def login(self, credentials, name=None):
        """A login to this connection."""
        name = name or credentials.name
        digest = digest_of(self.socket.getpeercert(binary_form=True))
        nonce = fresh_nonce()
        handshake = Handshake(self.hello.nonce, nonce, name, digest)
        return Login(VERSION, name, nonce, handshake.proof(credentials.key_bytes, CLIENTS))

    def send(self, message):
        self.socket.sendall(framed(encode(message)))

    def ask(self, call):
        """Send a request, and do not wait for its answer."""
        self.number += 1
        self.send(Request(self.number, call))

    def receive(self):
        """The next message; None when the connection is closed."""
        while (payload := self.frames.take()) is None:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not data:
                return None
            self.frames.feed(data)
        return read_reply(payload)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
