"""What a bank and a server's process say to each other: lengths, then MessagePack."""

from typing import Any

import msgspec
from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.approval import ReplayWindow
from paybench.bank.errors import StorageBrokenError, StorageError, StorageVersionError

from . import DataFile, Line, Standing
from .sqlite_rows import ChangeRows, LogRows

LENGTH_BYTES = 4
NAMED = {kind.__name__: kind for kind in (StorageError, StorageVersionError, StorageBrokenError)}

CALLS: dict[str, dict[str, tuple[Any, Any]]] = {
    "log": {
        "resume": (tuple[()], int),
        "append_rows": (tuple[LogRows], None),
        "count_servers": (tuple[int], None),
    },
    "accounts": {
        "resume": (tuple[()], Standing),
        "add": (tuple[list[DataFile]], None),
        "keep_proofs": (tuple[AccountNumber, ReplayWindow], None),
        "data_file": (tuple[AccountNumber], DataFile | None),
        "particular": (tuple[()], list[DataFile]),
        "numbers": (tuple[()], list[AccountNumber]),
        "total_minor": (tuple[()], int),
        "write_rows": (tuple[ChangeRows], None),
        "arrive": (tuple[list[DataFile], list[Line], Standing], None),
        "leave": (tuple[list[AccountNumber], Standing], None),
        "lines": (tuple[int | None, int], list[Line]),
    },
}
"""Of each kind of server the methods, with the types of the arguments and of what is returned."""

encode = msgspec.msgpack.Encoder().encode


class Failed(Struct, frozen=True):
    """What was raised there: the class's name, and its sentence."""

    kind: str
    sentence: str
