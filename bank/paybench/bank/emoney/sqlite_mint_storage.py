"""The durable storage of a mint: one SQLite file beside those of its bank."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from paybench.bank.storage.sqlite_file import SqliteFile

from .certificate import Certificate
from .datum import Datum
from .fork import Fork
from .mint_storage import MintStorage

# The trigger holds what the mint decides: each minor unit is paid once, whoever writes here.
MINT_VERSION = 2
"""Of the tables below; raised with every change to one."""

MINT = """
CREATE TABLE certificate (
    purse_id TEXT PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE paid (
    mintage_id TEXT NOT NULL,
    end_minor INTEGER NOT NULL,
    start_minor INTEGER NOT NULL CHECK (start_minor < end_minor),
    datum BLOB NOT NULL,
    PRIMARY KEY (mintage_id, end_minor)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER paid_once BEFORE INSERT ON paid
WHEN EXISTS (
    SELECT 1 FROM paid WHERE mintage_id = NEW.mintage_id
    AND end_minor > NEW.start_minor AND start_minor < NEW.end_minor
)
BEGIN SELECT raise(ABORT, 'part of it was paid before'); END;

CREATE TABLE fork (
    number INTEGER PRIMARY KEY,
    spender BLOB NOT NULL,
    before BLOB NOT NULL,
    fork BLOB NOT NULL,
    UNIQUE (spender, before)
) STRICT;
"""

_OVERLAPPING = """
SELECT datum FROM paid WHERE mintage_id = ? AND end_minor > ? AND start_minor < ?
ORDER BY end_minor LIMIT 1
"""

_encode = msgspec.msgpack.Encoder().encode
_datum = msgspec.msgpack.Decoder(Datum).decode
_fork = msgspec.msgpack.Decoder(Fork).decode


class SqliteMintStorage(MintStorage):
    """Keeps a mint in `mint.sqlite`; what a method adds is on the disk when it returns.

    Args:
        folder: where the file is, and the bank's are; it exists.

    Raises:
        StorageVersionError: the file is of another schema version.
        StorageError: it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._file = SqliteFile(folder / "mint.sqlite", MINT, "FULL", MINT_VERSION)

    def add_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate."""
        values = (certificate.purse_id, certificate.key, certificate.signature)
        self._file.rows("INSERT INTO certificate VALUES (?, ?, ?)", values)

    def certificate(self, purse_id: str) -> Certificate | None:
        """The certificate of the purse with this id."""
        return self._certificate("SELECT * FROM certificate WHERE purse_id = ?", purse_id)

    def certificate_of(self, key: bytes) -> Certificate | None:
        """The certificate of the purse with this public key."""
        return self._certificate("SELECT * FROM certificate WHERE key = ?", key)

    def add_paid(self, data: Iterable[Datum]) -> None:
        """Keep the data as paid.

        Raises:
            StorageError: one of them overlaps with one that is kept.
        """
        rows = [
            (datum.mintage.transfer_id, datum.end_minor, datum.start_minor, _encode(datum))
            for datum in data
        ]
        self._file.write(("INSERT INTO paid VALUES (?, ?, ?, ?)", rows))

    def paid_overlapping(self, datum: Datum) -> Datum | None:
        """The first of the data kept as paid that overlaps with this one."""
        place = (datum.mintage.transfer_id, datum.start_minor, datum.end_minor)
        rows = self._file.rows(_OVERLAPPING, place)
        return _datum(rows[0][0]) if rows else None

    def add_fork(self, fork: Fork) -> None:
        """Keep a fork."""
        self._file.rows(
            "INSERT OR IGNORE INTO fork (spender, before, fork) VALUES (?, ?, ?)",
            (fork.spender, fork.before, _encode(fork)),
        )

    def forks(self) -> list[Fork]:
        """Every fork kept."""
        return [_fork(row) for (row,) in self._file.rows("SELECT fork FROM fork ORDER BY number")]

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self._file.close()

    def _certificate(self, sql: str, value: str | bytes) -> Certificate | None:
        rows = self._file.rows(sql, (value,))
        return Certificate(*rows[0]) if rows else None
