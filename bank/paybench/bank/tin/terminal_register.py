"""The register of billing terminals (claims 9, 10)."""

import enum

from msgspec import Struct

from paybench.bank.account import AccountNumber
from paybench.bank.authentication import BillingDemand
from paybench.bank.errors import TinError
from paybench.bank.settlement import is_well_formed

SHOWN_MAX = 80


class TerminalKind(enum.StrEnum):
    """What stands there."""

    STAFFED = "staffed"
    """A till, a desk: there is a clerk, who can compare a face with a portrait."""
    VENDING_MACHINE = "vending-machine"
    WEB_SHOP = "web-shop"

    @property
    def has_clerk(self) -> bool:
        """Whether somebody is there to look at a portrait."""
        return self is TerminalKind.STAFFED


class TerminalDetails(Struct, frozen=True, gc=False):
    """What the payer is told of a billing terminal (claim 10).

    Args:
        terminal_id: its id.
        name: whose it is, as people know it.
        place: where it is.
        kind: what it is.
    """

    terminal_id: str
    name: str
    place: str
    kind: TerminalKind


class TerminalRecord(Struct, frozen=True, gc=False):
    """What is known of a registered billing terminal (claim 9).

    Args:
        terminal_id: 1 to 64 printable ASCII characters.
        account: who is paid.
        name: shown to payers, 1 to 80 printable characters.
        place: likewise.
        line: the line it calls on, 1 to 64 printable ASCII characters; its id is worth nothing
            on any other. Several terminals may share one: who is on it speaks for all of them.
        kind: what it is.
        demand: how it wants payers to be authenticated (claim 20).

    Raises:
        TinError: a text is out of bounds.
    """

    terminal_id: str
    account: AccountNumber
    name: str
    place: str
    line: str
    kind: TerminalKind = TerminalKind.STAFFED
    demand: BillingDemand = BillingDemand()

    def __post_init__(self) -> None:
        check_named("terminal_id", self.terminal_id)
        check_named("line", self.line)
        check_shown("name", self.name)
        check_shown("place", self.place)

    @property
    def details(self) -> TerminalDetails:
        """What payers are told."""
        return TerminalDetails(self.terminal_id, self.name, self.place, self.kind)


class TerminalRegister:
    """The billing terminals that may ask for TINs."""

    def __init__(self) -> None:
        self._records: dict[str, TerminalRecord] = {}
        self._by_line: dict[str, dict[str, TerminalRecord]] = {}

    def add(self, record: TerminalRecord) -> None:
        """Register a terminal.

        Raises:
            TinError: the id is taken.
        """
        if record.terminal_id in self._records:
            raise TinError(
                f"expected a free terminal id, seen {record.terminal_id!r}, which is registered: "
                "remove() it first, or choose another"
            )
        self._records[record.terminal_id] = record
        self._by_line.setdefault(record.line, {})[record.terminal_id] = record

    def remove(self, terminal_id: str) -> None:
        """Strike a terminal off; its open sessions do not settle any more.

        Raises:
            TinError: there is none.
        """
        record = self._records.pop(terminal_id, None)
        if record is None:
            raise TinError(
                f"expected the id of a registered terminal, seen {terminal_id!r}: add() it first"
            )
        del self._by_line[record.line][terminal_id]

    def find(self, terminal_id: str) -> TerminalRecord | None:
        """The record of a terminal; None where it is not registered."""
        return self._records.get(terminal_id)

    def on_line(self, line: str) -> tuple[TerminalRecord, ...]:
        """The terminals of a line, in the order in which they were registered."""
        return tuple(self._by_line.get(line, {}).values())


def check_named(name: str, value: str) -> None:
    """Accept an id or an address.

    Raises:
        TinError: it is not 1 to 64 printable ASCII characters.
    """
    if not is_well_formed(value):
        raise TinError(
            f"expected {name} of 1 to 64 printable ASCII characters, seen {value!r}: choose another"
        )


def check_shown(name: str, value: str) -> None:
    """Accept a text that is shown to people.

    Raises:
        TinError: it is not 1 to 80 printable characters.
    """
    if not (1 <= len(value) <= SHOWN_MAX and value.isprintable()):
        raise TinError(
            f"expected {name} of 1 to {SHOWN_MAX} printable characters, seen {value!r}: choose "
            "another"
        )
