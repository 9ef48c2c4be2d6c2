"""The values of a MessagePack document by their places, to say in a refusal what is wrong where."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPTH_MAX = 8
"""Deeper than any message: what is nested deeper counts as one value."""

_brief = reprlib.Repr()
_brief.maxstring = 60


def leaves(document: bytes) -> dict[str, object]:
    """Each value by its place, e.g. ``[3].amount.currency``; none if it is no MessagePack."""
    try:
        plain = msgspec.msgpack.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        # TypeError is for a key that is a map or an array.
        return {}
    return dict(_walk(plain, "", DEPTH_MAX))


def differs(given: bytes, right: bytes) -> str:
    """In which way a document is not the right one, though it says the same."""
    theirs, ours = leaves(given), leaves(right)
    for place in theirs:
        if place not in ours:
            return f"there is no {shown(place)}"
    for place in ours:
        if place not in theirs:
            return f"{place} is missing"
    if list(theirs) != list(ours):
        return "its fields stand in another order"
    return "a value is not in its shortest form, or a field stands twice"


def shown(value: object) -> str:
    """A value of unknown origin, short enough to stand in a sentence."""
    return _brief.repr(value)


def _walk(value: object, place: str, depth: int) -> Iterator[tuple[str, object]]:
    if depth and isinstance(value, dict) and value:
        for key, item in cast("dict[object, object]", value).items():
            name = key if isinstance(key, str) else shown(key)
            yield from _walk(item, f"{place}.{name}", depth - 1)
    elif depth and isinstance(value, list) and value:
        for number, item in enumerate(cast("list[object]", value)):
            yield from _walk(item, f"{place}[{number}]", depth - 1)
    else:
        yield place, value
