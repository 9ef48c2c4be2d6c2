"""Where the mint keeps what it must know: purses, what was paid, and who spent twice."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Protocol

from .certificate import Certificate
from .datum import Datum
from .fork import Fork


class MintStorage(Protocol):
    """What the mint needs of its storage. It is bounded by what was certified and issued.

    What a method adds is durable when it returns; one that raises `StorageError` has changed
    nothing.
    """

    def add_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate. Neither its purse id nor its key has one yet."""
        ...

    def certificate(self, purse_id: str) -> Certificate | None:
        """The certificate of the purse with this id."""
        ...

    def certificate_of(self, key: bytes) -> Certificate | None:
        """The certificate of the purse with this public key."""
        ...

    def add_paid(self, data: Iterable[Datum]) -> None:
        """Keep the data as paid, all or none. None of them overlaps with one that is kept."""
        ...

    def paid_overlapping(self, datum: Datum) -> Datum | None:
        """The first of the data kept as paid that overlaps with this one."""
        ...

    def add_fork(self, fork: Fork) -> None:
        """Keep a fork, unless there is one of the same spender at the same place."""
        ...

    def forks(self) -> list[Fork]:
        """Every fork kept, in the order they were added."""
        ...


class MemoryMintStorage(MintStorage):
    """Keeps a mint in memory. A second `Mint` on the same object finds all of it."""

    def __init__(self) -> None:
        self._by_id: dict[str, Certificate] = {}
        self._by_key: dict[bytes, Certificate] = {}
        self._paid: dict[str, list[tuple[int, Datum]]] = {}  # by end, which no two share
        self._forks: dict[tuple[bytes, bytes], Fork] = {}

    def add_certificate(self, certificate: Certificate) -> None:
        """Keep a certificate."""
        self._by_id[certificate.purse_id] = self._by_key[certificate.key] = certificate

    def certificate(self, purse_id: str) -> Certificate | None:
        """The certificate of the purse with this id."""
        return self._by_id.get(purse_id)

    def certificate_of(self, key: bytes) -> Certificate | None:
        """The certificate of the purse with this public key."""
        return self._by_key.get(key)

    def add_paid(self, data: Iterable[Datum]) -> None:
        """Keep the data as paid."""
        for datum in data:
            paid = self._paid.setdefault(datum.mintage.transfer_id, [])
            insort(paid, (datum.end_minor, datum), key=_end)

    def paid_overlapping(self, datum: Datum) -> Datum | None:
        """The first of the data kept as paid that overlaps with this one."""
        paid = self._paid.get(datum.mintage.transfer_id, [])
        at = bisect_left(paid, datum.start_minor + 1, key=_end)
        if at < len(paid) and paid[at][1].overlaps(datum):
            return paid[at][1]
        return None

    def add_fork(self, fork: Fork) -> None:
        """Keep a fork."""
        self._forks.setdefault((fork.spender, fork.before), fork)

    def forks(self) -> list[Fork]:
        """Every fork kept."""
        return list(self._forks.values())


def _end(kept: tuple[int, Datum]) -> int:
    return kept[0]
