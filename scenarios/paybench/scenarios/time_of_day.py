"""The bar of a long run: what time of its day it has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


class TimeOfDay:
    """Shows on a terminal how far a run is; there is no bar until a run tells.

    Args:
        console: Where.
        among: The bar of several runs, if there is one: it goes along with that.
    """

    def __init__(self, console: Console, among: Progress | None = None) -> None:
        self._console = console
        self._among = among
        self._shown: tuple[Progress, TaskID] | None = None

    def show(self, now_s: float, end_s: float) -> None:
        """The run is so far, in seconds, of so many."""
        if self._shown is None:
            from rich.progress import Progress

            progress = self._among or Progress(console=self._console, transient=True)
            progress.start()
            self._shown = progress, progress.add_task("", total=end_s)
        progress, task = self._shown
        hour, minute = divmod(int(now_s) // 60, 60)
        progress.update(task, completed=now_s, description=f"{hour:02d}:{minute:02d}")

    def clear(self) -> None:
        """The run is over."""
        if self._shown is None:
            return
        progress, task = self._shown
        progress.remove_task(task)
        if self._among is None:
            progress.stop()
        self._shown = None
