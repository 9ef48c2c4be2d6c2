"""What the random trials of a bank on disk have in common: power cuts that take servers back."""

import shutil
import tempfile
from pathlib import Path

from hypothesis.stateful import rule
from town import found

from paybench.bank import Bank
from paybench.bank.storage.sqlite import SqliteStorage


class OnDisk:
    """For a machine whose bank is in files, before the machine itself among the bases."""

    def begin(self, servers) -> None:
        """A bank of so many servers in a folder of its own."""
        self.home = Path(tempfile.mkdtemp(prefix="paybench-test-"))
        self.folder = self.home / "bank"
        self.bank = found(SqliteStorage(self.folder, servers))
        self.keep_accounts()

    def keep_accounts(self) -> None:
        self.bank.close()
        for path in self.folder.glob("accounts*.sqlite"):
            shutil.copy(path, self.home)
        self.bank = Bank(SqliteStorage(self.folder))

    @rule()
    def reopen(self) -> None:
        self.keep_accounts()

    def take_back(self, taken) -> None:
        """What some servers had not yet put on the disk is gone; the log is not."""
        self.bank.close()
        for index, path in enumerate(sorted(self.home.glob("accounts*.sqlite"))):
            if index in taken:
                shutil.copy(path, self.folder)
        self.bank = Bank(SqliteStorage(self.folder))

    def teardown(self) -> None:
        if hasattr(self, "bank"):
            super().teardown()
            self.bank.close()
            shutil.rmtree(self.home)
