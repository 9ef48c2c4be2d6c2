"""The server: one bank, asked by many connections, whose settlements share their flushes."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter, deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from paybench.bank.committer import Committer
from paybench.bank.errors import BankError
from paybench.bank.outcome import Outcome
from paybench.hil.bank_face.calls import Settle
from paybench.hil.bank_face.connection import CLOSING_S, Connection
from paybench.hil.bank_face.devices_file import KEYS_FILE, Devices, Role
from paybench.hil.bank_face.errors import FaceFileError
from paybench.hil.bank_face.handshake import CLIENTS, KEY_BYTES, SERVERS, Handshake, digest_of
from paybench.hil.bank_face.limits import Limits
from paybench.hil.bank_face.notices import Notices
from paybench.hil.bank_face.wrong_keys import WrongKeys

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from concurrent.futures import Future

    from paybench.bank.bank import Bank
    from paybench.hil.bank_face.calls import Call
    from paybench.hil.bank_face.devices_file import DeviceEntry
    from paybench.hil.bank_face.messages import Login

BACKLOG = 1024
NOBODY = "expected a device's name and key, seen others: make a key with 'paybench bank key'"
# A host makes its own deposits, when its clock says so; what terminals settle the server deposits.
_DEPOSIT_EVERY = 1_000_000
_CHECKS_PER_LIMIT = 4
_CHECK_MIN_S = 0.02


class BankServer:
    """Serves a bank to the devices that have a key.

    The loop moves bytes; the bank's work is done by one thread, the committer's.

    Args:
        bank: The bank; nobody else's while it is served.
        devices: Who may speak with it.
        context: TLS with the server's certificate.
        certificate: That certificate, as DER.
        limits: What clients are granted.
        say: Takes a line about who was dropped and why.
        now_ns: The bank's time for terminals, in nanoseconds; None for the wall's, since the
            bank's epoch.
    """

    def __init__(
        self,
        bank: Bank,
        devices: Devices,
        context: ssl.SSLContext,
        certificate: bytes,
        *,
        limits: Limits | None = None,
        say: Callable[[str], object] = lambda _: None,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self.context = context
        self.limits = limits or Limits()
        self.closing = False
        self._bank = bank
        self._epoch_ns = int(datetime(*bank.epoch.timetuple()[:3], tzinfo=UTC).timestamp()) * 10**9
        self.now_ns = now_ns or self._wall_ns
        self._devices = devices
        self._certificate = digest_of(certificate)
        self._notices = Notices(say, time.monotonic)
        self._wrong_keys = WrongKeys(self.limits.wrong_keys_max, self.limits.wrong_keys_s)
        self._decoy = secrets.token_bytes(KEY_BYTES)
        self._committer = Committer(bank, _DEPOSIT_EVERY, self.limits.waiting_max)
        self._strangers: dict[Connection, None] = {}
        self._connections: dict[Connection, DeviceEntry] = {}
        self._by_device: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: deque[tuple[Connection, int, Call, Future[Any]]] = deque()
        self._rung = self._deposit_due = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(
        self, host: str, port: int, stop: asyncio.Event, ready: Callable[[int], object]
    ) -> None:
        """Serve until told to stop; then answer what is under way, deposit, and close.

        Args:
            host: Address to listen on.
            port: Port, 0 for any that is free.
            stop: Set when it is to stop.
            ready: Told the port as soon as clients may come.

        Raises:
            OSError: The address cannot be listened on.
        """
        loop = self._loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._note_stray)
        with self._committer:
            listener = await loop.create_server(
                lambda: Connection(self), host, port, backlog=BACKLOG
            )
            ready(listener.sockets[0].getsockname()[1])
            checking = loop.create_task(self._check())
            try:
                await stop.wait()
            finally:
                listener.close()
                await self._close()
                checking.cancel()
                self._notices.flush()

    async def _close(self) -> None:
        """Take nothing more, wait for what is under way, and close the connections."""
        self.closing = True
        end_s = time.monotonic() + self.limits.stop_s
        for connection in [*self._strangers, *self._connections]:
            connection.last_orders()
        await _until(lambda: not any(each.waiting for each in self._connections), end_s)
        for connection in [*self._connections]:
            connection.drop("the bank is closing: come back later", said=False)
        end_s = time.monotonic() + 2 * CLOSING_S
        await _until(lambda: not (self._connections or self._strangers), end_s)

    async def _check(self) -> None:
        """See now and then whether somebody takes too long."""
        limits = self.limits
        shortest_s = min(limits.login_s, limits.frame_s, limits.unread_s, limits.idle_s)
        pause_s = max(shortest_s / _CHECKS_PER_LIMIT, _CHECK_MIN_S)
        while True:
            await asyncio.sleep(pause_s)
            now_s = asyncio.get_running_loop().time()
            for connection in [*self._strangers, *self._connections]:
                connection.check(now_s)
            self._check_keys()

    def _check_keys(self) -> None:
        """Shut out whoever's key is not in the keys file any more."""
        for connection, entry in [*self._connections.items()]:
            try:
                known = self._devices.find(connection.name)
            except (FaceFileError, OSError):
                return  # the file is being edited, or broken: who is in stays
            if known != entry:
                connection.drop(f"{KEYS_FILE} has no such key for it any more", final=True)

    # -- connections --------------------------------------------------------------------------

    def let_in(self, stranger: Connection) -> bool:
        """Whether there is room for one more; the oldest stranger may have to go for it."""
        limits = self.limits
        if self.closing:
            return False
        if len(self._connections) + len(self._strangers) >= limits.connections_max:
            self.note(stranger, f"{limits.connections_max} connections are there already")
            return False
        if len(self._strangers) >= limits.strangers_max:
            oldest = next(iter(self._strangers))
            oldest.cut(f"one of {limits.strangers_max} that have not logged in: made room")
        self._strangers[stranger] = None
        return True

    def lose(self, connection: Connection) -> None:
        """A connection is gone."""
        self._strangers.pop(connection, None)
        if connection in self._connections:
            del self._connections[connection]
            self._by_device[connection.name] -= 1
            if not self._by_device[connection.name]:
                del self._by_device[connection.name]

    def keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task until it is done: the loop itself does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def note(self, connection: Connection, why: str) -> None:
        """Tell the owner of something about a connection."""
        who = f"{connection.name} at " if connection.name else ""
        self._notices.note(f"{who}{connection.address}: {why}")

    def log_in(self, connection: Connection, login: Login) -> None:
        """Let a device in, if it proves that it has its key."""
        now_s = time.monotonic()
        wait_s = self._wrong_keys.wait_s(connection.address, now_s)
        if wait_s:
            connection.drop(
                f"too many wrong keys from this address: wait {wait_s:.0f} s", final=True
            )
            return
        entry = self._find(login.name)
        nonce = connection.handshake_nonce(login)
        # Whoever is unknown is held against a key that nobody has: it takes as long.
        key = self._decoy if entry is None else entry.key_bytes
        handshake = Handshake(nonce or b"", login.nonce, login.name, self._certificate)
        proven = handshake.proves(login.proof, key, CLIENTS)
        if entry is None or nonce is None or not proven:
            self._wrong_keys.add(connection.address, now_s)
            connection.drop(NOBODY, final=True)
            return
        if self._by_device[login.name] >= self.limits.per_device_max:
            connection.drop(f"{self.limits.per_device_max} connections of {login.name} are there")
            return
        self._strangers.pop(connection, None)
        self._connections[connection] = entry
        self._by_device[login.name] += 1
        proof = handshake.proof(key, SERVERS)
        epoch = self._bank.epoch.isoformat()
        connection.admit(login, entry.role, proof, self._bank.currency, epoch)

    def _find(self, name: str) -> DeviceEntry | None:
        try:
            return self._devices.find(name)
        except (FaceFileError, OSError) as error:
            self._notices.note(f"nobody new is let in: {error}")
            return None

    # -- requests -----------------------------------------------------------------------------

    def ask(self, connection: Connection, number: int, call: Call) -> None:
        """Have the bank asked; the connection is answered when it has.

        Raises:
            BusyError: Too many wait.
            BankError: The call is too large.
        """
        work = call.batch() or call.ask
        self._committer.ask(work, lambda done: self._take_done(connection, number, call, done))

    def _take_done(self, connection: Connection, number: int, call: Call, done: Any) -> None:
        """An answer is there; said by the committer's thread."""
        assert self._loop is not None
        self._done.append((connection, number, call, done))
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop has closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        """Send all answers that are there, those of a connection together."""
        self._rung = False
        touched: dict[Connection, None] = {}
        while self._done:
            connection, number, call, done = self._done.popleft()
            touched[connection] = None
            connection.answered()
            if isinstance(done, BaseException):
                connection.refuse(number, done)
                continue
            result = done
            if isinstance(call, Settle) and isinstance(result, list):
                result = cast("list[Outcome]", result)[0]
            connection.answer(number, result)
            if connection.role is Role.TERMINAL and isinstance(result, (Outcome, list)):
                self._deposit_soon()
        for connection in touched:
            connection.go_on()

    def _deposit_soon(self) -> None:
        if not self._deposit_due:
            self._deposit_due = True
            assert self._loop is not None
            self._loop.call_later(self.limits.deposit_s, self._deposit)

    def _deposit(self) -> None:
        self._deposit_due = False
        with suppress(BankError):  # busy, or closing: it deposits then
            self._committer.ask(lambda bank: bank.deposit(), lambda _: None)

    def _wall_ns(self) -> int:
        return max(0, time.time_ns() - self._epoch_ns)

    def _note_stray(self, _: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._notices.note(f"{context.get('message')}: {type(error).__name__}: {error}")


async def _until(holds: Callable[[], bool], end_s: float) -> None:
    """Wait until something holds, or until a time of the monotonic clock."""
    while not holds() and time.monotonic() < end_s:  # noqa: ASYNC110 - many set it, none alone
        await asyncio.sleep(_CHECK_MIN_S)
