"""An asyncio loop in a thread of its own, for stacks that must go on while the world stands still.

A world's loop runs only while the world is advanced. A BLE link cannot wait for that: it is set up
before the world starts, and its heartbeat goes on between two verbs of a scenario.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_LAST_WORDS_S = 1.0
_JOIN_S = 5.0


class LoopThread:
    """Runs from its making until `close`.

    Args:
        name: The thread's name, for those who debug.
    """

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Whether the caller is in this thread."""
        return threading.current_thread() is self._thread

    def run(self, work: Coroutine[Any, Any, T], limit_s: float) -> T:
        """Have the thread do something, and wait for it.

        Args:
            work: What to do.
            limit_s: Wall time in seconds after which it is cancelled.

        Raises:
            TimeoutError: It took longer. Whatever the work raises comes through.
        """

        async def bounded() -> T:
            async with asyncio.timeout(limit_s):
                return await work

        future = asyncio.run_coroutine_threadsafe(bounded(), self.loop)
        try:
            return future.result(limit_s + _LAST_WORDS_S)
        except BaseException:
            future.cancel()
            raise

    def post(self, call: Callable[..., object], *arguments: object) -> None:
        """Have the thread call something soon; nothing happens when it has ended."""
        call_soon(self.loop, call, *arguments)

    def close(self) -> None:
        """Cancel what is going on, and end the thread; harmless when it has ended."""
        self.post(self.loop.stop)
        if not self.is_current:
            self._thread.join(_JOIN_S)

    def _main(self) -> None:
        loop = self.loop
        # What ends the process is for the main thread, which would go on waiting if we took it.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=_LAST_WORDS_S))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def call_soon(
    loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object
) -> None:
    """Have another thread's loop call something soon; nothing happens when it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
