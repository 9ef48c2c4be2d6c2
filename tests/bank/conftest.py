import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from town import found

from paybench.bank import Bank, MemoryStorage, Storage
from paybench.bank.storage.sqlite import SqliteStorage


@pytest.fixture(params=["memory", "sqlite"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    """Close the storage and open it again, on both kinds; the first call opens it."""
    memory = MemoryStorage()
    opened: list[Storage] = []

    def reopen() -> Storage:
        if opened:
            opened[-1].close()
        storage = memory if request.param == "memory" else SqliteStorage(tmp_path / "bank")
        opened.append(storage)
        return storage

    yield reopen
    opened[-1].close()


@pytest.fixture
def storage(reopened: Callable[[], Storage]) -> Storage:
    return reopened()


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the town's bank, founded once: each test copies it, and waits for no disk."""
    folder = tmp_path_factory.mktemp("founded") / "bank"
    found(SqliteStorage(folder)).close()
    return folder


@pytest.fixture(params=["memory", "sqlite"])
def bank(request: pytest.FixtureRequest, founded: Path, tmp_path: Path) -> Iterator[Bank]:
    if request.param == "memory":
        yield found()
        return
    shutil.copytree(founded, tmp_path / "bank")
    with Bank(SqliteStorage(tmp_path / "bank")) as bank:
        yield bank
