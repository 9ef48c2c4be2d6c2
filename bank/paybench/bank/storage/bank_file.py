"""The bank file: where a bank's PostgreSQL servers are; in TOML.

log = "postgresql://paybench:…@log.example/bank"
servers = ["postgresql://paybench:…@one.example/bank", "postgresql://paybench:…@two.example/bank"]
spare = ["postgresql://paybench:…@three.example/bank"]
"""

import json
import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from paybench.bank.errors import StorageError

FILE_NAME = "bank.toml"
_MAX_FILE_BYTES = 64 * 1024

Url = Annotated[str, Meta(pattern="^postgres(ql)?://")]


class BankFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a bank's servers are. Its URLs may hold passwords: it shows none of them.

    Args:
        log: the URL of the log data server.
        servers: the URLs of the database servers, in order.
        spare: those of servers that may be added.
    """

    log: Url
    servers: Annotated[list[Url], Meta(min_length=1)]
    spare: list[Url] = []

    def __repr__(self) -> str:
        return f"BankFile({len(self.servers)} servers, {len(self.spare)} spare)"

    def __rich_repr__(self) -> list[tuple[str, int]]:
        return [("servers", len(self.servers)), ("spare", len(self.spare))]


def is_bank_file(path: Path) -> bool:
    """Whether a path is a bank file, or a folder with one."""
    return _at(path).suffix == ".toml" and _at(path).is_file()


def read_bank_file(path: Path) -> BankFile:
    """Read a bank file, or that of a folder. Unknown keys are refused.

    Raises:
        StorageError: it cannot be read, or says something it must not. No URL is told.
    """
    file = _at(path)
    try:
        text = file.read_bytes()
    except OSError as error:
        raise StorageError(
            f"expected a bank file, seen {file}: {error.strerror}; 'paybench bank up FOLDER' "
            "writes one"
        ) from error
    try:
        if len(text) > _MAX_FILE_BYTES:
            raise msgspec.ValidationError(f"more than {_MAX_FILE_BYTES} bytes")
        return msgspec.toml.decode(text, type=BankFile)
    except (msgspec.DecodeError, ValueError) as error:
        # What tomllib and msgspec say names keys, lines and types, and no value.
        raise StorageError(
            f"{file}: expected log, servers and perhaps spare, with URLs that begin with "
            f"postgresql://, seen: {error}"
        ) from None


def write_bank_file(folder: Path, file: BankFile) -> None:
    """Write the bank file of a folder, for its owner alone.

    Raises:
        StorageError: it cannot be written.
    """
    path = folder / FILE_NAME
    unfinished = path.with_suffix(".new")
    text = f"log = {json.dumps(file.log)}\nservers = {json.dumps(file.servers)}\n"
    if file.spare:
        text += f"spare = {json.dumps(file.spare)}\n"
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as to:
            to.write(text)
        unfinished.rename(path)
    except OSError as error:
        raise StorageError(
            f"expected to write {path}, seen {error}: make room, or choose another folder"
        ) from error


def _at(path: Path) -> Path:
    return path / FILE_NAME if path.is_dir() else path
