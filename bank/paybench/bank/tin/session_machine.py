"""The state machine of a session, as data: to be drawn, and to be tried exhaustively."""

import enum
from collections.abc import Iterable

from msgspec import Struct

DEADLINE = "deadline"
"""The one event that is no message: a session's time is over."""


class State(enum.StrEnum):
    """Where a session stands."""

    ISSUED = "issued"
    """The number is out, and the other side has not sent it yet."""
    AUTHENTICATING = "authenticating"
    """Synchronised; the payer is asked."""
    PORTRAIT = "portrait"
    """Synchronised; the clerk is asked whether the payer is the one on the portrait."""
    READY = "ready"
    """Synchronised, and authenticated as was agreed: the amount is awaited."""
    BILLED = "billed"
    """The payer is asked to confirm the amount."""
    SETTLED = "settled"
    AUTHENTICATED = "authenticated"
    """What an authentication for third parties ends in."""
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def is_closed(self) -> bool:
        """Whether nothing changes any more."""
        return self in _CLOSED


_CLOSED = frozenset({State.SETTLED, State.AUTHENTICATED, State.REFUSED, State.EXPIRED})


class Finding(enum.StrEnum):
    """What an apparatus found when it looked at a message: it decides between the next states."""

    PAYER_ASKED = "payer asked"
    CLERK_ASKED = "clerk asked"
    PASSED = "passed"
    FAILED = "failed"
    PAYABLE = "payable"
    OVER_AVAILABLE = "over available"
    SETTLED = "settled"
    NOT_SETTLED = "not settled"
    OVER = "over"
    """The session ends here, whatever else is the case."""


class Row(Struct, frozen=True, gc=False):
    """One row of a machine's table.

    Args:
        state: where the session stands.
        event: the name of a message's class, or `DEADLINE`.
        finding: what was found.
        then: where the session stands from then on.
    """

    state: State
    event: str
    finding: Finding
    then: State


class Machine:
    """A table of rows. What it has no row for is refused, with the name of the state.

    A message that is only repeated is no event: it gets the same answer, and changes nothing.

    Args:
        begin: the event a session begins with, in the state ISSUED.
        rows: at most one for each state, event and finding.
    """

    def __init__(self, begin: str, rows: Iterable[Row]) -> None:
        self.begin = begin
        self.rows = tuple(rows)
        self._then = {(row.state, row.event, row.finding): row.then for row in self.rows}
        self._taken = {(row.state, row.event) for row in self.rows}
        assert len(self._then) == len(self.rows), "a state, event and finding has one row"

    def takes(self, state: State, event: str) -> bool:
        """Whether there is a row for an event in this state."""
        return (state, event) in self._taken

    def then(self, state: State, event: str, finding: Finding) -> State:
        """The next state.

        Raises:
            KeyError: there is no such row, which is a bug of the apparatus.
        """
        return self._then[state, event, finding]

    @property
    def states(self) -> tuple[State, ...]:
        """The states it has, in the order of `State`."""
        seen = {row.state for row in self.rows} | {row.then for row in self.rows}
        return tuple(state for state in State if state in seen)

    def text(self) -> str:
        """The table for people: state, event, finding and next state in columns."""
        cells = [(row.state, row.event, row.finding, row.then) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        )

    def mermaid(self) -> str:
        """The machine as a Mermaid state diagram; events that lead the same way share an arrow."""
        arrows: dict[tuple[State, State], list[str]] = {}
        for row in self.rows:
            label = row.event if row.finding is Finding.OVER else f"{row.event} [{row.finding}]"
            arrows.setdefault((row.state, row.then), []).append(label)
        lines = ["stateDiagram-v2", f"    [*] --> {State.ISSUED} : {self.begin}"]
        lines += [
            f"    {state} --> {then} : {', '.join(labels)}"
            for (state, then), labels in arrows.items()
        ]
        lines += [f"    {state} --> [*]" for state in self.states if state.is_closed]
        return "\n".join(lines)


_PAYERS = Finding.PAYER_ASKED, Finding.PASSED
_ANY = Finding.PAYER_ASKED, Finding.CLERK_ASKED, Finding.PASSED


def _asking(state: State, event: str, passed: State, *asked: Finding) -> list[Row]:
    """The rows of an event after which the user has passed, has failed, or is asked on."""
    follows = {
        Finding.PAYER_ASKED: State.AUTHENTICATING,
        Finding.CLERK_ASKED: State.PORTRAIT,
        Finding.PASSED: passed,
        Finding.FAILED: State.REFUSED,
    }
    return [Row(state, event, finding, follows[finding]) for finding in (*asked, Finding.FAILED)]


def _ending(state: State) -> list[Row]:
    """The rows that end a session from any state in which it is open."""
    return [
        Row(state, "Declined", Finding.OVER, State.REFUSED),
        Row(state, "Withdrawn", Finding.OVER, State.REFUSED),
        Row(state, DEADLINE, Finding.OVER, State.EXPIRED),
    ]


def _synchronising(passed: State) -> list[Row]:
    """What settlement and authentication for third parties have in common."""
    return [
        *_asking(State.ISSUED, "TinPresented", passed, *_ANY),
        *_ending(State.ISSUED),
        *_asking(State.AUTHENTICATING, "AuthenticationAnswered", passed, *_ANY),
        *_asking(State.AUTHENTICATING, "PasswordWanted", passed, Finding.PAYER_ASKED),
        *_ending(State.AUTHENTICATING),
        *_asking(State.PORTRAIT, "ClerksWord", passed, *_PAYERS),
        *_asking(State.PORTRAIT, "PasswordWanted", passed, *_PAYERS),
        *_ending(State.PORTRAIT),
    ]


SETTLEMENT = Machine(
    "TinWanted",
    [
        *_synchronising(State.READY),
        *_asking(State.READY, "PasswordWanted", State.READY, *_PAYERS),
        Row(State.READY, "AmountBilled", Finding.PAYABLE, State.BILLED),
        Row(State.READY, "AmountBilled", Finding.OVER_AVAILABLE, State.REFUSED),
        *_ending(State.READY),
        Row(State.BILLED, "Confirmed", Finding.SETTLED, State.SETTLED),
        Row(State.BILLED, "Confirmed", Finding.NOT_SETTLED, State.REFUSED),
        *_ending(State.BILLED),
        # The payer has taken the approval to the bank, or the bank's storage failed in between.
        Row(State.BILLED, "Declined", Finding.SETTLED, State.SETTLED),
        Row(State.BILLED, "Withdrawn", Finding.SETTLED, State.SETTLED),
        Row(State.BILLED, DEADLINE, Finding.SETTLED, State.SETTLED),
    ],
)
"""The settlement of a transaction (claims 1-13, 44-53)."""

AUTHENTICATION = Machine("AuthenticationWanted", _synchronising(State.AUTHENTICATED))
"""The authentication for third parties (claims 42, 43)."""
