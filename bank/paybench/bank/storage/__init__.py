"""Where a bank keeps its log and its data files. Data access only: the bank decides."""

from typing import Protocol

from .change import Change
from .data_file import DataFile
from .database_server import DatabaseServer
from .entry import Entry
from .kind import Kind
from .leg import Leg
from .line import Line
from .log_record import LogRecord
from .log_server import LogServer
from .standing import Standing

__all__ = [
    "Change",
    "DataFile",
    "DatabaseServer",
    "Entry",
    "Kind",
    "Leg",
    "Line",
    "LogRecord",
    "LogServer",
    "Standing",
    "Storage",
]


class Storage(Protocol):
    """What a bank needs of its storage: one log data server, and database servers (Fig 11).

    Attributes:
        log: the log data server 400.
        servers: the database servers 300a, 300b, … in the order in which they were added.
        outlives_process: whether it is there when the process has ended. Where it is not, there
            is no hurry to write to it.
    """

    outlives_process: bool
    log: LogServer
    servers: list[DatabaseServer]

    def add_server(self) -> DatabaseServer:
        """Add an empty database server, durably; it is the last of `servers` from now on.

        Its standing says that nobody has arrived yet (-1).
        """
        ...

    def close(self) -> None:
        """Let go of files; closing twice is fine."""
        ...
