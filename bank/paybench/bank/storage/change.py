"""A change: all that is written to one database server in one step."""

from collections.abc import Sequence

from msgspec import Struct

from .data_file import DataFile
from .line import Line
from .standing import Standing


class Change(Struct, frozen=True, gc=False):
    """Accounts as they are to be, each once, new lines of their histories, and the standing.

    Args:
        data_files: the accounts that changed; an auxiliary file that is not there yet is made.
        lines: in the order in which they came about.
        standing: of the server when this is written.
        on_disk: whether it has to be on the disk on return: the log would not repeat it.
    """

    data_files: Sequence[DataFile]
    lines: Sequence[Line]
    standing: Standing
    on_disk: bool = False
