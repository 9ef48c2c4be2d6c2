"""What a bank and a database server's process say to each other: lengths, then MessagePack."""

from typing import Any

import msgspec
from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError, StorageError, StorageVersionError

from . import DataFile, Line, Standing
from .sqlite_rows import ChangeRows

LENGTH_BYTES = 4
NAMED = {kind.__name__: kind for kind in (StorageError, StorageVersionError, StorageBrokenError)}

VALUES: dict[str, Any] = {
    "resume": tuple[()],
    "add": tuple[list[DataFile]],
    "keep_proofs": tuple[AccountNumber, ReplayWindow],
    "data_file": tuple[AccountNumber],
    "particular": tuple[()],
    "numbers": tuple[()],
    "total_minor": tuple[()],
    "write_rows": tuple[ChangeRows],
    "arrive": tuple[list[DataFile], list[Line], Standing],
    "leave": tuple[list[AccountNumber], Standing],
    "lines": tuple[int | None, int],
}
"""The types of each method's arguments."""

ANSWERS: dict[str, Any] = dict.fromkeys(VALUES) | {
    "resume": Standing,
    "data_file": DataFile | None,
    "particular": list[DataFile],
    "numbers": list[AccountNumber],
    "total_minor": int,
    "lines": list[Line],
}
"""The type of what each returns."""

encode = msgspec.msgpack.Encoder().encode


class Failed(Struct, frozen=True):
    """What was raised there: the class's name, and its sentence."""

    kind: str
    sentence: str
