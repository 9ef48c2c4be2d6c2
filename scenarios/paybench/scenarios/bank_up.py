"""``paybench bank up``: PostgreSQL servers for a bank, in the foreground until they are stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.bank.errors import BankError
from paybench.bank.storage.bank_file import FILE_NAME, BankFile, write_bank_file
from paybench.bank.storage.postgres_cluster import PostgresCluster
from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from types import FrameType

LOOK_S = 1.0
"""How often it is looked whether a server has ended by itself."""


def up(folder: str, servers: int, spare: int) -> None:
    """Start the servers, say where they are, and stop them on Ctrl-C or SIGTERM.

    Raises:
        UsageError: PostgreSQL is not there or does not start, the folder cannot be used, or a
            server has ended by itself.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cluster = PostgresCluster(Path(folder), servers + spare)
        try:
            cluster.start()
            first = 1 + servers
            urls = cluster.urls
            file = BankFile(urls[0], urls[1:first], urls[first:])
            write_bank_file(Path(folder), file)
            _say(folder, cluster, first)
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)
            while signal.sigtimedwait(signals, LOOK_S) is None:
                ended = cluster.ended()
                if ended is not None:
                    raise UsageError(
                        f"server {ended} has ended by itself, and the others are stopped: see "
                        f"{folder}/{ended}.log"
                    )
        except KeyboardInterrupt:
            pass
        finally:
            cluster.stop()
    except BankError as error:
        raise UsageError(str(error)) from error
    print("stopped")


def _say(folder: str, cluster: PostgresCluster, first: int) -> None:
    for index, part in enumerate(cluster.parts):
        note = "  spare" if index >= first else ""
        print(f"{part:<5} {cluster.shown_url(part)}{note}")
    print(
        f"up: {folder}/{FILE_NAME} has the URLs with the password. Ctrl-C stops them.", flush=True
    )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
