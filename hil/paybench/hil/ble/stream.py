"""What a central and a peripheral have in common: a byte stream in each direction.

The Bluetooth stack lives on a loop in a thread of its own (`LoopThread`). Bytes that come in are
handed over to the world's loop, and count as taken there: while the world stands still the other
side runs out of credit and waits, so nothing piles up.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING

from paybench.hil.ble.credit import Credit
from paybench.hil.ble.loop_thread import LoopThread, call_soon
from paybench.hil.errors import PortLost, PortUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

BACKLOG_MAX_BYTES = 1 << 20
"""So much written that the other side has not taken, and it is given up."""

EXTRA = (
    "BLE needs libraries that are not installed ({name}): "
    "'uv sync --extra ble' or pip install 'paybench[ble]'"
)
CLOSE_S = 2.0
_GRACE_S = 5.0


class BleStream(abc.ABC):
    """A byte stream to somebody over BLE; a central's or a peripheral's end of it.

    Args:
        name: What errors call it, e.g. ``ble-central:phone``.
        open_s: Patience of `open`, in seconds.
        silence_s: Nothing heard of the other side for so many seconds, and it is gone.
    """

    def __init__(self, name: str, *, open_s: float, silence_s: float) -> None:
        self.name = name
        self._open_s = open_s
        self._silence_s = silence_s
        self._thread: LoopThread | None = None
        self._take: Callable[[bytes, str], None] | None = None
        self._lock = threading.Lock()
        self._forget()

    # -- the byte transport, as the world sees it -------------------------------------------------

    def open(self) -> None:
        """Connect; returns when bytes can flow, whether the world runs or not.

        Raises:
            PortUnavailable: There is no adapter, nobody was found in time, or the one found speaks
                something else; the error says what to do.
        """
        self.close()
        self._forget()
        self._thread = thread = LoopThread(f"paybench {self.name}")
        try:
            thread.run(self._connect(), self._open_s + _GRACE_S)
        except ImportError as error:
            self.close()
            raise PortUnavailable(f"{self.name}: {EXTRA.format(name=error.name)}") from error
        except TimeoutError as error:
            self.close()
            raise PortUnavailable(
                f"{self.name}: the Bluetooth stack did not finish within "
                f"{self._open_s + _GRACE_S:g} s: take the adapter out, put it in, and try again"
            ) from error
        except PortLost as error:
            self.close()
            raise PortUnavailable(f"{self.name}: {error}") from error
        except BaseException:
            self.close()
            raise

    def start(self, loop: asyncio.AbstractEventLoop, take: Callable[[bytes, str], None]) -> None:
        """Hand over what comes in, and what has come in since `open`.

        Args:
            loop: The loop to call `take` on; it may stand still at times.
            take: Called with bytes and "", and at most once with b"" and why there will be no more.
        """
        self._loop, self._take = loop, take
        self._schedule()

    def discard(self) -> None:
        """Drop what has come in and was not handed over.

        Raises:
            PortLost: The session is over.
        """
        self._taken(len(self._take_out()))
        if self._why:
            raise PortLost(self._why)

    def write(self, data: bytes) -> None:
        """Send bytes; never waits. What cannot be sent any more ends in `take` with the reason."""
        thread = self._thread
        if thread is None or not data:
            return
        with self._lock:
            self._backlog_bytes += len(data)
            full = self._backlog_bytes > BACKLOG_MAX_BYTES
        if full:
            thread.post(
                self._lose, f"it takes no more bytes: {BACKLOG_MAX_BYTES >> 10} KiB wait already"
            )
        elif thread.is_current:
            self._enqueue(data)
        else:
            thread.post(self._enqueue, data)

    def close(self) -> None:
        """End the session and let go of the adapter; harmless at any time."""
        self._take = None
        thread, self._thread = self._thread, None
        if thread is None:
            return
        # Whatever the stack has to complain of now, the session is over.
        with contextlib.suppress(Exception):
            thread.run(self._end(), CLOSE_S)
        thread.close()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop the Bluetooth stack lives on, for those who have none of their own.

        Raises:
            PortUnavailable: The stream is not open.
        """
        if self._thread is None:
            raise PortUnavailable(f"{self.name} is not open: open it first")
        return self._thread.loop

    # -- what a central and a peripheral do each in its way ---------------------------------------

    @abc.abstractmethod
    async def _connect(self) -> None:
        """Make a session, and `_begin` it."""

    @abc.abstractmethod
    async def _disconnect(self) -> None:
        """End the session and let go of the adapter; the stack may be in any state."""

    @abc.abstractmethod
    def _send_piece(self, piece: bytes) -> Coroutine[None, None, None] | None:
        """Give the stack one piece: at once, or what is to be awaited until it has it."""

    @abc.abstractmethod
    def _piece_bytes(self) -> int:
        """The longest piece of this session."""

    # -- in the stack's thread --------------------------------------------------------------------

    def _forget(self) -> None:
        """Be as before the first session."""
        self._credit = Credit()
        self._why = ""
        self._told = False
        self._arrived: deque[bytes] = deque()
        self._scheduled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outbox = bytearray()
        self._backlog_bytes = 0
        self._begun = False
        self._slow_piece: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def _begin(self, keeping_in_touch: Coroutine[None, None, None]) -> None:
        """Both sides are ready: send, and keep in touch."""
        self._tasks.append(asyncio.create_task(self._until_lost(keeping_in_touch)))
        self._begun = True
        self._send()

    async def _end(self) -> None:
        """Send no more, and disconnect."""
        self._begun = False
        await self._disconnect()

    async def _until_lost(self, work: Coroutine[None, None, None]) -> None:
        if self._why:
            work.close()
            return
        try:
            await work
        # A stack has errors of many trees, and each of them ends the session.
        except Exception as error:  # noqa: BLE001
            self._lose_by(error)

    def _send(self) -> None:
        """Give the stack what there is credit for, until it wants time."""
        credit, outbox = self._credit, self._outbox
        try:
            while self._is_free and outbox and credit.may_send:
                piece = bytes(outbox[: self._piece_bytes()])
                del outbox[: len(piece)]
                credit.sent += 1
                with self._lock:
                    self._backlog_bytes -= len(piece)
                if credit.is_due:
                    self._due.set()
                sending = self._send_piece(piece)
                if sending is not None:
                    # No limit of its own, which would cost as much as the piece: a stack that
                    # hangs here is silent, and keeping in touch notices.
                    self._slow_piece = asyncio.create_task(sending)
                    self._slow_piece.add_done_callback(self._sent)
        except Exception as error:  # noqa: BLE001 - as above
            self._lose_by(error)

    @property
    def _is_free(self) -> bool:
        """Whether the stack can be given a piece."""
        return self._begun and self._slow_piece is None and not self._why

    def _sent(self, piece: asyncio.Task[None]) -> None:
        """The stack has a piece that it did not take at once."""
        self._slow_piece = None
        error = None if piece.cancelled() else piece.exception()
        if isinstance(error, Exception):
            self._lose_by(error)
        self._send()

    def _enqueue(self, data: bytes) -> None:
        self._outbox += data
        self._send()

    def _received(self, piece: bytes) -> None:
        """A piece came in."""
        if self._why:
            return
        try:
            self._credit.arrive()
        except PortLost as error:
            self._lose(str(error))
            return
        self._arrived.append(piece)
        self._schedule()

    def _heard(self, report: bytes) -> None:
        """The other side said how far it is.

        Raises:
            PortLost: Its report cannot be right.
        """
        self._credit.heard(report)
        self._send()

    def _lose_by(self, error: Exception) -> None:
        """There will be nothing more, because of an error."""
        if isinstance(error, PortLost):
            self._lose(str(error))
        elif isinstance(error, TimeoutError):
            self._lose(f"it has not answered for {self._silence_s:g} s")
        else:
            self._lose(f"the Bluetooth stack gave up ({str(error) or type(error).__name__})")

    def _lose(self, why: str) -> None:
        """There will be nothing more."""
        if self._why:
            return
        self._why = f"{self.name}: {why}"
        for task in (*self._tasks, self._slow_piece):
            if task is not None:
                task.cancel()
        self._schedule()

    def _schedule(self) -> None:
        """Have the world's loop take what there is, once for all that comes until then."""
        thread, loop = self._thread, self._loop
        if loop is None or self._scheduled:
            return
        if thread is not None and thread.loop is loop and thread.is_current:
            self._hand_over()
            return
        self._scheduled = True
        call_soon(loop, self._hand_over)

    # -- in the world's thread --------------------------------------------------------------------

    def _hand_over(self) -> None:
        # In this order: what comes in meanwhile schedules another turn, and a loss is told last.
        self._scheduled = False
        why = self._why
        pieces = self._take_out()
        if pieces and self._take is not None:
            self._take(b"".join(pieces), "")
            self._taken(len(pieces))
        if why and not self._told and self._take is not None:
            self._told = True
            self._take(b"", why)

    def _take_out(self) -> list[bytes]:
        pieces: list[bytes] = []
        while self._arrived:
            pieces.append(self._arrived.popleft())
        return pieces

    def _taken(self, pieces: int) -> None:
        """So many pieces count as taken: the other side may send as many more."""
        self._credit.taken += pieces
        thread = self._thread
        if self._credit.is_due and thread is not None:
            thread.post(self._due.set)
