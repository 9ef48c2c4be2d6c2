"""Columns of a group as arrays in PostgreSQL's binary form: one statement takes all of them.

psycopg would ask each element for its type; here a column has one.
"""

from collections.abc import Iterable
from struct import Struct as Layout
from typing import Any

_BIGINT, _TEXT, _BYTEA = 20, 25, 17
_NULL = b"\xff\xff\xff\xff"
_length = Layout(">i").pack
_header = Layout(">iiIii").pack
_bigint = Layout(">iq").pack


class Bigints(bytes):
    """A bigint[]."""

    __slots__ = ()


class Texts(bytes):
    """A text[]."""

    __slots__ = ()


class Byteas(bytes):
    """A bytea[]."""

    __slots__ = ()


# PostgreSQL's numbers of the array types, from its pg_type.dat.
_OIDS = {Bigints: 1016, Texts: 1009, Byteas: 1001}


def bigints(values: Iterable[int | None]) -> Bigints:
    """A column of integers of 64 bits."""
    each = [_NULL if value is None else _bigint(8, value) for value in values]
    return Bigints(_array(_BIGINT, each))


def texts(values: Iterable[str | None]) -> Texts:
    """A column of texts."""
    each = (None if value is None else value.encode() for value in values)
    return Texts(_array(_TEXT, _of_lengths(each)))


def byteas(values: Iterable[bytes | None]) -> Byteas:
    """A column of bytes."""
    return Byteas(_array(_BYTEA, _of_lengths(values)))


def _of_lengths(values: Iterable[bytes | None]) -> list[bytes]:
    return [_NULL if value is None else _length(len(value)) + value for value in values]


def _array(oid: int, elements: list[bytes]) -> bytes:
    """One dimension, which begins at 1; there may be NULLs."""
    if not elements:
        return _header(0, 0, oid, 0, 0)[:12]
    return _header(1, 1, oid, len(elements), 1) + b"".join(elements)


def register(connection: Any) -> None:
    """Have a psycopg connection send columns as they are."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class AsItIs(Dumper):
        format = Format.BINARY

        def dump(self, obj: bytes) -> bytes:
            return obj

    for kind, oid in _OIDS.items():
        named = type("AsItIs", (AsItIs,), {"oid": oid})
        connection.adapters.register_dumper(kind, named)
