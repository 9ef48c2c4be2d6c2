"""A database server as the bank works with it: what it keeps, and what it has not been told yet."""

from .storage import Change, DatabaseServer, DataFile, Line, Standing


class Follower:
    """One database server, and the changes that are done and not yet written to it.

    Args:
        server: what is followed up.
        name: as in Fig 11: 300a, 300b, …

    Attributes:
        changed: the data files that have changed, by their objects' identity.
        lines: the new lines of their histories.
        flushes: how often the server was written to.
        written: how many lines were written to it.
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
        self.changed: dict[int, DataFile] = {}
        self.lines: list[Line] = []
        self._moved = False

    @property
    def standing(self) -> Standing:
        """How it stands with what is not written yet."""
        return Standing(
            self.withdrawn_to, self.deposited_to, self.in_transit_minor, self.arrived_to
        )

    def moves_on(self, withdrawn_to: int, deposited_to: int) -> None:
        """All is done up to these records, whether or not there was anything to do here."""
        if deposited_to > self.deposited_to:
            self.deposited_to = deposited_to
            self._moved = True
        if withdrawn_to > self.withdrawn_to:
            self.withdrawn_to = withdrawn_to
            self._moved = True

    def note(self, data_file: DataFile) -> None:
        """An account has changed, with no new line in its history."""
        self.changed[id(data_file)] = data_file

    def follow(self, *, on_disk: bool = False) -> None:
        """Write what is not written yet, in one step.

        Raises:
            StorageError: nothing was written.
        """
        if not (self.changed or self._moved or on_disk):
            return
        standing = self.standing
        self.server.write(Change(list(self.changed.values()), self.lines, standing, on_disk))
        self.flushes += 1
        self.written += len(self.lines)
        self.changed, self.lines = {}, []
        self._moved = False
