"""A database server as the bank works with it: what it keeps, and what it has not been told yet."""

from .storage import Change, DatabaseServer, DataFile, Kept, Leg, Line, LogRecord, Standing

Step = tuple[LogRecord, Leg, Kept, DataFile]
"""A record, what it does at once and to which account, and that account's data file afterwards."""


class Follower:
    """One database server, and the changes that are done and not yet written to it.

    Args:
        server: what is followed up.
        name: as in Fig 11: 300a, 300b, …
    """

    def __init__(self, server: DatabaseServer, name: str) -> None:
        self.server = server
        self.name = name
        self.flushes = 0
        self.written = 0
        self.forget()

    def forget(self) -> None:
        """Fall back to what the server holds; the log has the rest."""
        standing = self.server.standing
        self.withdrawn_to = standing.withdrawn_to
        self.deposited_to = standing.deposited_to
        self.in_transit_minor = standing.in_transit_minor
        self.arrived_to = standing.arrived_to
        self._kept: dict[int, Kept] = {}
        self._lines: list[Line] = []

    @property
    def standing(self) -> Standing:
        """How it stands with what is not written yet."""
        return Standing(
            self.withdrawn_to, self.deposited_to, self.in_transit_minor, self.arrived_to
        )

    @property
    def backlog(self) -> int:
        """How many lines are not written yet."""
        return len(self._lines)

    def note(self, kept: Kept, line: Line | None) -> None:
        """An account has changed, with a new line in its history or with none."""
        self._kept[id(kept)] = kept
        if line is not None:
            self._lines.append(line)

    def follow(self, *, on_disk: bool = False) -> None:
        """Write what is not written yet, in one step.

        Raises:
            StorageError: nothing was written.
        """
        standing = self.standing
        if standing == self.server.standing and not (self._kept or on_disk):
            return
        self.server.write(Change(list(self._kept.values()), self._lines, standing, on_disk))
        self.flushes += 1
        self.written += len(self._lines)
        self._kept, self._lines = {}, []
