"""The ladder: a trace drawn as a sequence diagram in text.

`Ladder` draws while a run goes on, `draw` a whole trace, `golden` what a regression test compares.
Read from the top: what an event is to the reader (`Telling` makes `Mark`s of events), where the
lifelines stand, and how one row is put together. `docs/ladder.md` shows and explains a drawing.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from paybench.bank.errors import MoneyError
from paybench.bank.money import Money
from paybench.devices.secret import MASK, Secret
from paybench.devices.trace import (
    Act,
    Altered,
    Decision,
    Delivered,
    Displayed,
    Injected,
    Lost,
    Sent,
    State,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from paybench.devices.trace import AnyEvent

    Style = Callable[[str, str], str]

WIDTH_MIN = 20
"""Fewest columns a ladder can be drawn in. A narrower terminal folds its lines."""

GAP_MIN = 16
"""Fewest columns from lifeline to lifeline: an arrow that says ``D1 2.50 EUR`` fits in."""

GAP_MAX = 48
"""Most columns from lifeline to lifeline: beyond, the eye loses the row."""

TIME_WIDTH = 10
"""Room for ``9999.999 s``; later times give up decimals rather than the alignment."""

# -- what a message says ---------------------------------------------------------------------


def gist(message: object) -> str:
    """What a message says, in a few words: an amount, an outcome, a payload; "" for nothing.

    Args:
        message: A message, or the dict a trace file holds for one.
    """
    fields = _fields(message)
    outcome = _part(fields.get("outcome"))
    if outcome:
        return _outcome_text(outcome)
    if "why" in fields:
        why, count = str(fields["why"]), fields.get("byte_count")
        return why if count is None else f"{count} bytes: {why}"
    if "payload" in fields:
        return str(fields["payload"])
    return _amount_text(fields)


def _fields(message: object) -> dict[str, Any]:
    try:
        return _part(msgspec.to_builtins(message, enc_hook=_shown))
    except (TypeError, ValueError):
        # A drawing helps to find what is wrong, so it must not fail over what is wrong.
        return {}


def _part(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    return MASK if isinstance(value, Secret) else type(value).__name__


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
    """Paths of the fields in which two messages differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [path]
    was, now = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
    paths = ((key, f"{path}.{key}" if path else key) for key in now)
    return [change for key, at in paths for change in _changes(was.get(key), now[key], at)]


# -- what an event is to the reader ----------------------------------------------------------


class Mark(NamedTuple):
    """One thing to draw: a message's arrow, or a note at somebody's lifeline.

    Attributes:
        at_ns: When, in nanoseconds of the run's clock.
        kind: For arrows ``message``, ``altered``, ``again``, ``lost`` or ``under way``; for notes
            ``display``, ``decision``, ``act``, ``input``, ``gone`` or ``state``; or ``verdict``.
        who: Whose note it is, or who sent the message; "" for a verdict.
        to: Who the message is for; "" for notes.
        text: What it says.
        why: The reason, if there is one to give.
        lines: What a display shows.
    """

    at_ns: int
    kind: str
    who: str
    to: str
    text: str
    why: str = ""
    lines: tuple[str, ...] = ()


class _Flight:
    """A message that was sent: what is known of it while it may still arrive."""

    __slots__ = ("arrived", "kind", "sent", "text")

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.kind = "message"
        self.text = f"{sent.step} {gist(sent.message)}".rstrip()
        self.arrived = False


class Telling:
    """Makes marks of the events of one trace, fed in their order.

    A message is one mark, made when it arrives: that is when it has an effect, so that a row's
    cause stands above it. A lost one is marked when it is lost, which is when it was sent.

    Args:
        states: Whether changes of state are told. They repeat what messages and displays say.
    """

    def __init__(self, *, states: bool = False) -> None:
        self._states = states
        self._flights: dict[int, _Flight] = {}

    def tell(self, event: AnyEvent) -> list[Mark]:
        """The marks this event adds: none or one, and more at the end of the trace."""
        if isinstance(event, Sent):
            self._flights[event.number] = _Flight(event)
            return []
        if isinstance(event, Altered):
            self._alter(event)
            return []
        if isinstance(event, Delivered | Lost):
            return [self._end_of_flight(event)]
        if isinstance(event, Verdict):
            return [*self.under_way(), Mark(event.at_ns, "verdict", "", "", *_told(event))]
        if isinstance(event, State) and not self._states:
            return []
        return [_note(event)]

    def under_way(self) -> list[Mark]:
        """Marks for the messages that neither arrived nor got lost; each is told once."""
        waiting = [flight for flight in self._flights.values() if not flight.arrived]
        for flight in waiting:
            flight.arrived = True
        return [
            Mark(
                flight.sent.at_ns,
                "under way",
                flight.sent.sender,
                flight.sent.receiver,
                flight.text,
                "under way when the trace ended",
            )
            for flight in waiting
        ]

    def _alter(self, event: Altered) -> None:
        flight = self._flights.get(event.number)
        if flight is None:
            return
        flight.kind = "altered"
        was, now = gist(flight.sent.message), gist(event.message)
        if was == now:
            paths = _changes(_fields(flight.sent.message), _fields(event.message))
            flight.text = f"{event.step} altered: {', '.join(paths)}"
        else:
            flight.text = f"{event.step} altered: {now}, was {was}"

    def _end_of_flight(self, event: Delivered | Lost) -> Mark:
        flight = self._flights.get(event.number)
        kind, text, why = "message", event.step, ""  # all that a piece of a trace may tell
        if flight is not None:
            kind, text = flight.kind, flight.text
            if flight.arrived:
                kind, text = "again", f"{text} (again)"
            flight.arrived = True
        if isinstance(event, Lost):
            kind, why = "lost", event.why
        return Mark(event.at_ns, kind, event.sender, event.receiver, text, why)


def _told(event: Verdict | Decision) -> tuple[str, str]:
    """A judgement and its reason, unless the reason only repeats it."""
    said = event.verdict if isinstance(event, Verdict) else event.decision
    same = said.casefold().rstrip(".") == event.why.casefold().rstrip(".")
    return said, "" if same else event.why


def _note(event: Displayed | Decision | Act | Injected | State) -> Mark:
    at_ns = event.at_ns
    match event:
        case Displayed():
            return Mark(at_ns, "display", event.device, "", "", lines=event.lines)
        case Decision():
            return Mark(at_ns, "decision", event.by, "", *_told(event))
        case Act():
            arguments = ", ".join(event.arguments.values())
            return Mark(at_ns, "act", event.who, "", f"{event.verb} {arguments}".rstrip())
        case Injected():
            if event.lost:
                return Mark(at_ns, "gone", event.port, "", f"{event.port} is gone", event.lost)
            return Mark(at_ns, "input", event.port, "", _input_text(event.data))
        case State():
            return Mark(at_ns, "state", event.device, "", event.state)


def _input_text(data: bytes) -> str:
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable():
        return text
    return f"{len(data)} byte{'' if len(data) == 1 else 's'}"


# -- whose lifelines there are ---------------------------------------------------------------


def owner(name: str, participants: Sequence[str]) -> str:
    """The participant that a name is, or is a part of; the name itself if there is none."""
    if name in participants:
        return name
    owners = [owner for owner in participants if name.startswith(f"{owner}.")]
    return max(owners, key=len, default=name)


def lifelines(marks: Iterable[Mark]) -> list[str]:
    """Who takes part, in the order of first appearance; parts go with their device.

    ``A.register.scanner`` is a part because there is an ``A.register``.
    """
    names = list(dict.fromkeys(name for mark in marks for name in (mark.who, mark.to) if name))
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]


# -- how text is measured --------------------------------------------------------------------


def clean(text: str) -> str:
    """Text without what would move a terminal's cursor or change its colours.

    Whatever comes from a device may be in it. Variation selectors go too: they change a
    character's width on some terminals and not on others.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in unicodedata.normalize("NFC", text)
        if not "\ufe00" <= char <= "\ufe0f"
    )


def cells(text: str) -> int:
    """How many columns clean text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(char: str) -> int:
    # Not rich.cells, which says the same: a drawing is not worth rich's start-up time.
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _clip(text: str, room: int) -> str:
    """As much of clean text as fits into so many columns; an ellipsis says that more was there."""
    if cells(text) <= room:
        return text
    kept, left = "", room - 1
    for char in text:
        left -= _cell(char)
        if left < 0:
            break
        kept += char
    return kept.rstrip() + "…" if room > 0 else ""


# -- how a row is put together ---------------------------------------------------------------

# All signs are one column wide, and none has an emoji form that would be drawn two wide.
_BULLETS = {"act": "▸ ", "decision": "◆ ", "state": "○ ", "gone": "✗ ", "lost": "✗ "}
_PART_BULLET = "▪ "
_PART_WORDS = {"scan": "scanned"}
_TIPS = {"lost": "✗", "under way": "…"}
_ASCII = str.maketrans("│─┼├┤►◄└┴┘✗…—→▸◆○▪«»•", "|-+||><+++x~->>*o.<>*")


class _Row:
    """One line while it is written: a character for each column, and what kind of thing it is."""

    def __init__(self, width: int) -> None:
        self._chars = [" "] * width
        self._kinds = [""] * width

    def put(self, at: int, kind: str, text: str) -> None:
        """Write clean text from a column on; the caller has seen to it that it fits."""
        for char in text:
            taken = cells(char)
            if taken == 0:
                if at > 0:
                    self._chars[at - 1] += char
                continue
            self._chars[at : at + taken] = [char, ""][:taken]
            self._kinds[at : at + taken] = [kind] * taken
            at += taken

    def line(self, style: Style | None, *, unicode: bool) -> str:
        """The line, without blanks at its end."""
        chars = self._chars
        while chars and chars[-1] == " ":
            chars.pop()
        parts = groupby(zip(self._kinds, chars, strict=False), key=itemgetter(0))
        texts = ((kind, "".join(char for _, char in run)) for kind, run in parts)
        plain = ((kind, text if unicode else text.translate(_ASCII)) for kind, text in texts)
        return "".join(style(kind, text) if style and kind else text for kind, text in plain)


class Ladder:
    """Draws a trace as lines of text, event by event.

    Args:
        participants: Whose lifelines there are, from left to right. Who turns up later gets one
            more, below a header of its own; None to let everybody do so.
        width: Columns no line exceeds; fewer than `WIDTH_MIN` count as so many.
        times: Whether a column of times, in seconds, stands at the left.
        unicode: Whether other than ASCII characters may be used.
        style: Called with a kind (``time``, ``name``, ``line``, ``arrow``, or a mark's) and the
            text of that kind; returns the text with, say, terminal colours around it. `ansi` is
            one. None for plain text.
        states: Whether changes of state are drawn.

    With more participants than lifelines fit, each line names sender and receiver instead.
    """

    def __init__(
        self,
        participants: Sequence[str] | None = None,
        width: int = 80,
        *,
        times: bool = True,
        unicode: bool = True,
        style: Style | None = None,
        states: bool = False,
    ) -> None:
        self._names = list(dict.fromkeys(participants or ()))
        self._width = max(width, WIDTH_MIN)
        self._times = times
        self._unicode = unicode
        self._style = style
        self._telling = Telling(states=states)
        self._columns: list[int] = []
        self._header_due = True
        self._time_shown = ""
        self._begun = False
        self._place()

    def header(self) -> list[str]:
        """The lines that name the lifelines; none where each line names sender and receiver.

        Need not be called: `feed` puts a header wherever one is due and was not asked for.
        """
        self._header_due, self._time_shown = False, ""
        columns = self._columns
        if not columns:
            return []
        row, names, limit = _Row(self._width), [*map(self._clean, self._names)], self._width + 1
        if len(columns) > 1:
            # The last name ends at its lifeline, as the notes there do.
            gap, name = columns[-1] - columns[-2], names.pop()
            name = _clip(name, max(gap // 2, gap - 1 - cells(names[-1])))
            limit = columns[-1] + 1 - cells(name)
            row.put(limit, "name", name)
        for name, at, end in zip(names, columns, [*columns[1 : len(names)], limit], strict=False):
            row.put(at, "name", _clip(name, end - at - 1))
        return [self._line(row)]

    def feed(self, event: AnyEvent) -> list[str]:
        """The lines this event adds, none for many; to be printed as they come."""
        return [line for mark in self._telling.tell(event) for line in self._draw(mark)]

    def rest(self) -> list[str]:
        """Lines for what is still under way when a trace ends without a verdict."""
        return [line for mark in self._telling.under_way() for line in self._draw(mark)]

    # -- where the lifelines stand -----------------------------------------------------------

    def _meet(self, mark: Mark) -> None:
        """Give newcomers a lifeline, a device before its part."""
        for name in sorted(filter(None, (mark.who, mark.to)), key=len):
            if owner(name, self._names) not in self._names:
                self._names.append(name)
                self._place()

    def _place(self) -> None:
        """Place the lifelines evenly; nowhere when they would stand too close."""
        left = TIME_WIDTH + 1 if self._times else 0
        gaps = len(self._names) - 1
        span = min(self._width - 1 - left, max(gaps, 0) * GAP_MAX)
        fits = gaps == 0 or (gaps > 0 and span // gaps >= GAP_MIN)
        self._columns = [left + n * span // max(gaps, 1) for n in range(gaps + 1)] if fits else []
        self._header_due = True
        longest = sorted(cells(self._clean(name)) for name in self._names)[-2:]
        self._route_width = min(sum(longest) + 3, (self._width - left) // 2)

    def _room(self, who: int, *, left: bool) -> tuple[int, int]:
        """First column and number of columns for text beside a lifeline."""
        at = self._columns[who]
        if left:
            start = self._columns[who - 1] + 2
            return start, at - 1 - start
        end = self._columns[who + 1] if who + 1 < len(self._columns) else self._width + 1
        return at + 2, end - at - 3

    # -- what is drawn of a mark -------------------------------------------------------------

    def _draw(self, mark: Mark) -> list[str]:
        lines: list[str] = []
        self._meet(mark)
        if self._header_due:
            header = self.header()
            lines += ["", *header] if header and self._begun else header
        self._begun = True
        if not self._columns:
            return [*lines, self._listed(mark)]
        rows = self._rows(mark)
        time = _time_text(mark.at_ns)
        if self._times and time != self._time_shown:
            rows[0].put(0, "time", time)
            self._time_shown = time
        return [*lines, *map(self._line, rows)]

    def _rows(self, mark: Mark) -> list[_Row]:
        if mark.kind == "verdict":
            return [self._foot(mark)]
        who = self._names.index(owner(mark.who, self._names))
        to = self._names.index(owner(mark.to, self._names)) if mark.to else who
        if who != to:
            return self._arrow(mark, who, to)
        # Notes of the last lifeline stand on its left: at its right the page ends.
        left = who > 0 and who == len(self._names) - 1
        return self._beside(who, mark.kind, _note_lines(mark), left=left)

    def _arrow(self, mark: Mark, who: int, to: int) -> list[_Row]:
        """A message from lifeline to lifeline, its text next to the sender."""
        row, at, right = self._lifelines(), self._columns[who], who < to
        towards = 1 if right else -1
        length = abs(self._columns[to] - at) - 1
        text = _clip(self._clean(mark.text), length - 4)
        kind = "arrow" if mark.kind in ("message", "again") else mark.kind
        tip = _TIPS.get(mark.kind)
        if tip:  # it does not arrive
            length = min(length, cells(text) + 6)
            length -= at + towards * length in self._columns
        for column in range(at + towards, at + towards * length, towards):
            row.put(column, kind, "┼" if column in self._columns else "─")
        row.put(at, kind, "├" if right else "┤")
        row.put(at + towards * length, kind, tip or ("►" if right else "◄"))
        row.put(at + 2 if right else at - 3 - cells(text), mark.kind, f" {text} ")
        why = [mark.why] if mark.why else []
        return [row, *self._beside(who, mark.kind, why, left=not right)]

    def _beside(self, who: int, kind: str, texts: list[str], *, left: bool) -> list[_Row]:
        """Text beside a lifeline, a row for each line."""
        start, room = self._room(who, left=left)
        texts = [self._clean(text) for text in texts]
        if kind == "display":
            texts = _boxed(texts, room)
        elif len(texts) > 1 and cells(" — ".join(texts)) <= room:
            texts = [" — ".join(texts)]
        rows: list[_Row] = []
        for text in (_clip(text, room) for text in texts):
            row = self._lifelines()
            row.put(start + room - cells(text) if left else start, kind, text)
            rows.append(row)
        return rows

    def _foot(self, mark: Mark) -> _Row:
        """The end of all lifelines, and how the run ended."""
        row, first, last = _Row(self._width), self._columns[0], self._columns[-1]
        for column in range(first, last + 1):
            row.put(column, "line", "┴" if column in self._columns else "─")
        row.put(last, "line", "┘")
        row.put(first, "line", "└─")
        room = (last if last > first else self._width + 1) - first - 5
        text = ": ".join(filter(None, (mark.text, mark.why)))
        row.put(first + 2, mark.text, f" {_clip(self._clean(text), room)} ")
        return row

    def _listed(self, mark: Mark) -> str:
        """A mark in a line of its own, when there are too many lifelines to draw."""
        row, left = _Row(self._width), 0
        if self._times:
            row.put(0, "time", _time_text(mark.at_ns))
            left = TIME_WIDTH + 1
        who = owner(mark.who, self._names)
        to = owner(mark.to, self._names) if mark.to else who
        route, said = who, _note_lines(mark)
        if mark.kind == "display":
            said = [" ".join(f"[{line}]" for line in said)]
        elif mark.kind == "verdict" or who != to:
            route = f"{who} → {to}" if mark.to else mark.kind
            text = f"✗ {mark.text}" if mark.kind == "lost" else mark.text
            said = [text, mark.why] if mark.why else [text]
        row.put(left + 1, "name", _clip(self._clean(route), self._route_width))
        start = left + 1 + self._route_width + 2
        row.put(start, mark.kind, _clip(self._clean(" — ".join(said)), self._width - start))
        return self._line(row)

    def _lifelines(self) -> _Row:
        row = _Row(self._width)
        for column in self._columns:
            row.put(column, "line", "│")
        return row

    def _line(self, row: _Row) -> str:
        return row.line(self._style, unicode=self._unicode)

    def _clean(self, text: str) -> str:
        text = clean(text)
        if self._unicode or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "replace").decode()


def _note_lines(mark: Mark) -> list[str]:
    """What a note says: the lines of a display; else what it is, and why if there is a why."""
    if mark.kind == "display":
        return list(mark.lines) or [""]
    text = mark.text
    if mark.to:  # between a device and a part of it
        step, _, said = text.partition(" ")
        text = f"{_PART_WORDS.get(step, step)} {said}".rstrip()
    text = f"«{text}»" if mark.kind == "input" else _BULLETS.get(mark.kind, _PART_BULLET) + text
    return [text, mark.why] if mark.why else [text]


def _boxed(lines: list[str], room: int) -> list[str]:
    """A display's lines between brackets, all of one width."""
    lines = [_clip(line, room - 2) for line in lines]
    width = max(map(cells, lines))
    return [f"[{line}{' ' * (width - cells(line))}]" for line in lines]


def _time_text(at_ns: int) -> str:
    ms = (at_ns + 500_000) // 1_000_000
    text = f"{ms // 1000}.{ms % 1000:03d}"[: TIME_WIDTH - 2].rstrip(".")
    return f"{text} s".rjust(TIME_WIDTH)


_COLOURS = {
    "time": "2",
    "line": "2",
    "name": "1",
    "display": "36",
    "decision": "1",
    "act": "34",
    "input": "35",
    "lost": "31",
    "gone": "31",
    "altered": "33",
    "again": "33",
    "under way": "33",
    "state": "2",
    "passed": "1;32",
    "failed": "1;31",
    "blocked": "1;33",
    "error": "1;31",
}


def ansi(kind: str, text: str) -> str:
    """Colours for a terminal: the style to give to a `Ladder` that is printed on one."""
    colour = _COLOURS.get(kind)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


# -- whole traces ----------------------------------------------------------------------------


def draw(
    events: Iterable[AnyEvent],
    participants: Sequence[str] | None = None,
    width: int = 80,
    *,
    times: bool = True,
    unicode: bool = True,
    style: Style | None = None,
    states: bool = False,
) -> list[str]:
    """A whole trace as lines of text; the arguments are those of `Ladder`.

    Participants that are not given are found in the trace, in order of first appearance.
    """
    events = list(events)
    if participants is None:
        participants = lifelines(marks(events, states=states))
    ladder = Ladder(participants, width, times=times, unicode=unicode, style=style, states=states)
    return [*ladder.header(), *(line for e in events for line in ladder.feed(e)), *ladder.rest()]


def golden(events: Iterable[AnyEvent]) -> str:
    """A trace as a regression test keeps it: what happened in which order, and nothing else.

    Neither times nor signatures nor counters are in it, and things that happened side by side
    stand in an order that does not depend on which was faster: traces of one flow over links
    that jitter differently give the same text.
    """
    told = list(marks(_in_causal_order(list(events))))
    names = ", ".join(sorted(map(clean, lifelines(told))))
    return "\n".join([f"participants: {names}", "", *map(_golden_line, told), ""])


def marks(events: Iterable[AnyEvent], *, states: bool = False) -> Iterator[Mark]:
    """The marks of a whole trace, and of what was still under way at its end."""
    telling = Telling(states=states)
    for event in events:
        yield from telling.tell(event)
    yield from telling.under_way()


_GOLDEN_WORDS = {"act": "does", "decision": "decides", "input": "hears", "gone": "loses"}


def _golden_line(mark: Mark) -> str:
    why = f" ({mark.why})" if mark.why else ""
    if mark.kind == "display":
        text = f"{mark.who} shows {' '.join(f'[{line}]' for line in mark.lines)}".rstrip()
    elif mark.to:
        arrow = "-x" if mark.kind == "lost" else "->"
        text = f"{mark.who} {arrow} {mark.to}: {mark.text}{why}"
    elif mark.kind == "verdict":
        text = f"verdict: {mark.text}{why}"
    else:
        text = f"{mark.who} {_GOLDEN_WORDS.get(mark.kind, mark.kind)}: {mark.text}{why}"
    return clean(text)


def _in_causal_order(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events in an order that only causes decide, not times.

    Causes are: a lifeline's own order, that a message is sent before it arrives, and that what
    comes from outside (an act, an input) comes after all that was before it.
    """
    ordered: list[AnyEvent] = []
    since: list[AnyEvent] = []
    for event in events:
        if isinstance(event, Act | Injected | Verdict):
            ordered += [*_side_by_side(since), event]
            since = []
        else:
            since.append(event)
    return [*ordered, *_side_by_side(since)]


def _side_by_side(events: list[AnyEvent]) -> Iterator[AnyEvent]:
    """Lifeline by lifeline, each as far as it comes without a message not yet sent."""
    unsent = {event.number for event in events if isinstance(event, Sent)}
    queues: dict[str, deque[AnyEvent]] = {}
    for event in events:
        queues.setdefault(_lifeline(event), deque()).append(event)
    while any(queues.values()):
        for _, waiting in sorted(queues.items()):
            while waiting and not (
                isinstance(waiting[0], Delivered) and waiting[0].number in unsent
            ):
                event = waiting.popleft()
                if isinstance(event, Sent):
                    unsent.discard(event.number)
                yield event


def _lifeline(event: AnyEvent) -> str:
    match event:
        case Delivered():
            return event.receiver
        case Sent() | Lost() | Altered():
            return event.sender
        case Displayed() | State():
            return event.device
        case Decision():
            return event.by
        case Act() | Injected() | Verdict():  # come from outside, and have no lifeline
            return ""
