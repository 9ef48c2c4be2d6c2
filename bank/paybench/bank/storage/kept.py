"""What a database server keeps of an account: its data file, and where its history begins."""

from msgspec import Struct

from .data_file import DataFile


class Kept(Struct, gc=False, array_like=True):
    """An account as its server keeps it.

    Args:
        data_file: the account itself; of an auxiliary file only number and balance count.
        newest: the row of its newest line, None when there is none.
        particular_since: the log record after which what is paid to it lands in the auxiliary file
            at the payer's server; None: it is no particular user.
        auxiliary: whether this is an auxiliary file ([0134]).
        server: the index of its server; the bank's own note, which no server keeps.
        place: the account's, computed once, likewise.
    """

    data_file: DataFile
    newest: int | None = None
    particular_since: int | None = None
    auxiliary: bool = False
    server: int = 0
    place: int = -1
