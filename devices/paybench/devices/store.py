"""The non-volatile store: what a device still knows when its power comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

S = TypeVar("S")

_encode = msgspec.msgpack.Encoder().encode


class Store:
    """A few records by name, kept as bytes: what is read back shares nothing with what was put.

    A device writes before it acts: what it is about to do, and what it needs to know to go on
    with it or to take it back. Scenarios may look into it.
    """

    __slots__ = ("_records",)

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"<Store {', '.join(self._records) or 'empty'}>"

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def put(self, name: str, record: object) -> None:
        """Keep a record, in the place of the former one of that name."""
        self._records[name] = _encode(record)

    def get(self, name: str, kind: type[S]) -> S | None:
        """The record of that name, or None.

        Args:
            name: Its name.
            kind: Its type, a `msgspec.Struct` or anything else msgspec decodes to.
        """
        record = self._records.get(name)
        return None if record is None else msgspec.msgpack.decode(record, type=kind)

    def count_up(self, name: str) -> int:
        """Count a record up by one, from 0 where there is none; kept before it is used."""
        number = (self.get(name, int) or 0) + 1
        self.put(name, number)
        return number

    def drop(self, name: str) -> None:
        """Forget a record; harmless when there is none."""
        self._records.pop(name, None)
