"""Files that may be read and not written: nothing is answered that is not on the disk."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from town import eur, order

from paybench.bank import Bank
from paybench.bank.storage.sqlite import SqliteStorage

# Root may write to anything: the child gives that right up first. Others never had it.
TRIES = """
import ctypes, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from town import eur, order
from paybench.bank import Bank, StorageError
from paybench.bank.storage.sqlite import SqliteStorage
libc = ctypes.CDLL(None, use_errno=True)
head = (ctypes.c_uint32 * 2)(0x20080522, 0)
sets = (ctypes.c_uint32 * 6)()
assert libc.capget(head, sets) == 0
sets[0] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
sets[1] &= ~0b110
assert libc.capset(head, sets) == 0
try:
    bank = Bank(SqliteStorage(Path(sys.argv[1])))
    bank.settle(order("s1", eur("0.01"), 1), 1)
    print("answered")
except StorageError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("locked", "sentence"),
    [
        (["log.sqlite"], "log.sqlite"),
        (["accounts.sqlite"], "accounts.sqlite"),
        (["lock"], "choose another folder"),
        ([".", "log.sqlite", "accounts.sqlite", "lock"], "choose another folder"),
        (["."], "read and write"),
    ],
    ids=["log", "accounts", "lock", "all", "folder"],
)
def test_refuses_what_it_cannot_write(founded, tmp_path, locked, sentence):
    """A read-only file or folder is named, nothing is answered; asked again, it settles once."""
    folder = tmp_path / "bank"
    shutil.copytree(founded, folder)
    for name in locked:
        (folder / name).chmod(0o555 if name == "." else 0o444)
    command = [sys.executable, "-c", TRIES, str(folder), str(Path(__file__).parent)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    folder.chmod(0o755)
    for name in locked:
        (folder / name).chmod(0o755)
    assert (run.returncode, run.stdout) == (1, ""), run.stderr
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr
    with Bank(SqliteStorage(folder)) as bank:
        assert bank.settle(order("s1", eur("0.01"), 1), 2).payer_balance == eur("9.99")
        assert bank.audit() is None
