"""The gist of a message: what it says, in a few words, and where two messages differ."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from paybench.bank.errors import MoneyError
from paybench.bank.money import Money
from paybench.bank.secret import Secret


def gist(message: object) -> str:
    """What a message says, in a few words: an amount, an outcome, a payload; "" for nothing.

    Args:
        message: A message, or the dict a trace file holds for one.
    """
    fields = _fields(message)
    fields = _part(fields.get("body")) or fields  # of a message in an envelope
    outcome = _part(fields.get("outcome"))
    if outcome:
        return _outcome_text(outcome)
    if "why" in fields:
        why, count = str(fields["why"]), fields.get("byte_count")
        return why if count is None else f"{count} bytes: {why}"
    if isinstance(fields.get("iso"), str):
        return str(fields["iso"]).partition(" | ")[0]
    if "payload" in fields:
        return str(fields["payload"])
    if "sentence" in fields and "reason" in fields:  # a refusal
        return str(fields["reason"])
    return _amount_text(fields) or str(fields.get("tin", ""))


def changes(before: object, after: object) -> list[str]:
    """Paths of the fields in which one message differs from another, as ``information.amount``.

    Args:
        before: A message, or the dict a trace file holds for one.
        after: What became of it, as either of the two.
    """
    return _changes(_fields(before), _fields(after))


def _fields(message: object) -> dict[str, Any]:
    try:
        return _part(msgspec.to_builtins(message, enc_hook=_shown))
    except (TypeError, ValueError):
        # A drawing helps to find what is wrong, so it must not fail over what is wrong.
        return {}


def _part(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Secret) else type(value).__name__


def _outcome_text(outcome: dict[str, Any]) -> str:
    if outcome.get("settled"):
        return "settled"
    reason = str(outcome.get("reason"))
    # The answer to an inquiry: the bank refused nothing, it knows of nothing.
    return reason if reason == "unknown-settlement" else f"refused: {reason}"


def _amount_text(fields: dict[str, Any]) -> str:
    """The amount nearest to the top of a message, wherever it lies."""
    level = [fields]
    while level:
        for part in level:
            amount = _part(part.get("amount"))
            if "amount_minor" in amount:
                return _money_text(amount["amount_minor"], amount.get("currency"))
        level = [_part(value) for part in level for value in part.values()]
    return ""


def _money_text(amount_minor: Any, currency: Any) -> str:
    try:
        return f"{Money(amount_minor, currency).text} {currency}"
    except (MoneyError, TypeError):  # unhashable currencies among them
        return f"{amount_minor} minor units of {currency}"


def _changes(before: Any, after: Any, path: str = "") -> list[str]:
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [path]
    was, now = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
    paths = ((key, f"{path}.{key}" if path else key) for key in now)
    return [change for key, at in paths for change in _changes(was.get(key), now[key], at)]
