import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from postgres_servers import Servers
from rounds import SOAK
from town import found

from paybench.bank import Bank, MemoryStorage, Storage
from paybench.bank.storage.sqlite import SqliteStorage

KINDS = ["memory", "memory 3", "sqlite", "sqlite 3", "processes 2", "postgres 3"]
"""Where the bank may be kept, and on how many database servers."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Servers]:
    """Four real PostgreSQL servers and a spare one, started when first asked for."""
    servers = Servers()
    yield servers
    servers.close()


@pytest.fixture(params=KINDS)
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Storage]]:
    """Close the storage and open it again, on every kind; the first call opens it."""
    kind, _, servers = request.param.partition(" ")
    count = int(servers or 1)
    memory = MemoryStorage(count)
    postgres = request.getfixturevalue("postgres") if kind == "postgres" else None
    urls = postgres and postgres.fresh(spare=9)
    opened: list[Storage] = []

    def reopen() -> Storage:
        if opened:
            opened[-1].close()
        if kind == "memory":
            storage = memory
        elif kind == "postgres":
            storage = postgres.storage(urls)
        else:
            storage = SqliteStorage(tmp_path / "bank", count, processes=kind == "processes")
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


@pytest.fixture(scope="session")
def founded_on_3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise on three database servers."""
    folder = tmp_path_factory.mktemp("founded") / "bank"
    found(SqliteStorage(folder, 3)).close()
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where a test's bank is kept.

    What a storage promises is shown by the contract and by test_bank, on all of them; that the
    bank's own rules hold on PostgreSQL too is repeated for every one of them in a soak alone.
    """
    if "bank" in metafunc.fixturenames:
        everywhere = SOAK or metafunc.module.__name__ in {"test_bank", "test_holding"}
        kinds = ["memory", "memory 3", "sqlite", *(["postgres 3"] if everywhere else [])]
        metafunc.parametrize("bank", kinds, indirect=True)


@pytest.fixture
def bank(request: pytest.FixtureRequest, founded: Path, tmp_path: Path) -> Iterator[Bank]:
    if request.param == "postgres 3":
        postgres = request.getfixturevalue("postgres")
        with found(postgres.storage(postgres.fresh())) as bank:
            yield bank
        return
    if request.param != "sqlite":
        yield found(MemoryStorage(3 if "3" in request.param else 1))
        return
    shutil.copytree(founded, tmp_path / "bank")
    with Bank(SqliteStorage(tmp_path / "bank")) as bank:
        yield bank
