"""The audit: every balance derived once more from the log alone."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .account import AccountNumber
    from .books import Books


def audit(books: "Books") -> str | None:
    """The first difference between the accounts and what the log makes of them; or None.

    Args:
        books: all that is in the log is withdrawn.
    """
    balances: Counter[AccountNumber] = Counter()
    blocked: Counter[AccountNumber] = Counter()
    in_transit_minor = 0
    expected = 0
    for record in books.log.records(0):
        expected += 1
        if record.number != expected:
            return f"expected log record {expected}, seen record {record.number} in its place"
        deposited = [leg for leg in record.deposits if books.is_deposited(record, leg)]
        for leg in (record.withdrawal, *deposited):
            balances[leg.account] += leg.amount_minor
            blocked[leg.account] += leg.blocked_minor
            in_transit_minor -= leg.amount_minor
    if expected != books.log.logged_to:
        return f"expected {books.log.logged_to} log records, seen {expected}"
    numbers = books.numbers()
    for number in (*numbers, *sorted(balances.keys() - set(numbers), key=lambda each: each.place)):
        seen = books.data_file(number)
        if seen is None:
            return f"expected an account {number}, which the log names, seen none"
        for name, derived, kept in (
            ("on", balances[number], books.particular.has_minor(number)),
            ("blocked on", blocked[number], seen.blocked_minor),
        ):
            if derived != kept:
                return f"expected {derived} minor units {name} {number}, as logged, seen {kept}"
    if in_transit_minor != books.in_transit_minor():
        return (
            f"expected {in_transit_minor} minor units in transit, as logged, seen "
            f"{books.in_transit_minor()}"
        )
    return None
