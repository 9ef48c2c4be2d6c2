"""The ladder: a trace drawn as a sequence diagram in text.

`Ladder` draws while a run goes on, `draw` a whole trace. `docs/ladder.md` shows and explains a
drawing. What is drawn are the marks of `marks`; `lifelines` says where, and `row` writes a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.scenarios.cells import cells, clean, clip, in_ascii
from paybench.scenarios.lifelines import Layout, lifelines, owner
from paybench.scenarios.marks import Telling, marks
from paybench.scenarios.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paybench.devices.trace import AnyEvent
    from paybench.scenarios.marks import Mark
    from paybench.scenarios.row import Style

WIDTH_MIN = 20
"""Fewest columns a ladder can be drawn in. A narrower terminal folds its lines."""

TIME_WIDTH = 10
"""Room for ``9999.999 s``; later times give up decimals rather than the alignment."""

# All signs are one column wide, and none has an emoji form that would be drawn two wide.
_BULLETS = {"act": "▸ ", "rig": "▸ ", "decision": "◆ ", "state": "○ ", "gone": "✗ ", "lost": "✗ "}
_PART_BULLET = "▪ "
_PART_WORDS = {"scan": "scanned"}
_TIPS = {"lost": "✗", "under way": "…"}


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
        self._width = max(width, WIDTH_MIN)
        self._times = times
        self._unicode = unicode
        self._style = style
        self._telling = Telling(states=states)
        left = TIME_WIDTH + 1 if times else 0
        self._layout = Layout(participants or (), left, self._width)
        self._time_shown = ""
        self._begun = False
        self._names_changed()

    def header(self) -> list[str]:
        """The lines that name the lifelines; none where each line names sender and receiver.

        Need not be called: `feed` puts a header wherever one is due and was not asked for.
        """
        self._header_due, self._time_shown = False, ""
        columns, width = self._layout.columns, self._width
        if not columns:
            return []
        rows, names, limit = [Row(width)], [*map(self._clean, self._layout.names)], width + 1
        if len(columns) > 1:
            # The last name ends at its lifeline, as the notes there do; a line above if need be.
            gap = columns[-1] - columns[-2]
            last = clip(names.pop(), gap)
            start = limit = columns[-1] + 1 - cells(last)
            if cells(last) + cells(names[-1]) > gap:
                rows.insert(0, Row(width))
                limit = columns[-1] + 1
            rows[0].put(start, "name", last)
        for name, at, end in zip(names, columns, [*columns[1 : len(names)], limit], strict=False):
            rows[-1].put(at, "name", clip(name, end - at - 1))
        return [self._line(row) for row in rows]

    def feed(self, event: AnyEvent) -> list[str]:
        """The lines this event adds, none for many; to be printed as they come."""
        return [line for mark in self._telling.tell(event) for line in self._draw(mark)]

    def rest(self) -> list[str]:
        """Lines for what is still under way when a trace ends without a verdict."""
        return [line for mark in self._telling.under_way() for line in self._draw(mark)]

    def _names_changed(self) -> None:
        self._header_due = True
        left = TIME_WIDTH + 1 if self._times else 0
        longest = sorted(cells(self._clean(name)) for name in self._layout.names)[-2:]
        self._route_width = min(sum(longest) + 3, (self._width - left) // 2)

    # -- what is drawn of a mark -------------------------------------------------------------

    def _draw(self, mark: Mark) -> list[str]:
        lines: list[str] = []
        if self._layout.meet((mark.who, mark.to)):
            self._names_changed()
        if self._header_due:
            header = self.header()
            lines += ["", *header] if header and self._begun else header
        self._begun = True
        if not self._layout.columns:
            return [*lines, self._listed(mark)]
        rows = self._rows(mark)
        time = _time_text(mark.at_ns)
        if self._times and time != self._time_shown:
            rows[0].put(0, "time", time)
            self._time_shown = time
        return [*lines, *map(self._line, rows)]

    def _rows(self, mark: Mark) -> list[Row]:
        if not mark.who:
            return [self._foot(mark) if mark.kind == "verdict" else self._across(mark)]
        who = self._layout.index(mark.who)
        to = self._layout.index(mark.to) if mark.to else who
        if who != to:
            return self._arrow(mark, who, to)
        # Notes of the last lifeline stand on its left: at its right the page ends.
        left = who > 0 and who == len(self._layout.names) - 1
        return self._beside(who, mark.kind, _note_lines(mark), left=left)

    def _arrow(self, mark: Mark, who: int, to: int) -> list[Row]:
        """A message from lifeline to lifeline, its text next to the sender."""
        row, columns, right = self._lifelines(), self._layout.columns, who < to
        at = columns[who]
        towards = 1 if right else -1
        length = abs(columns[to] - at) - 1
        text = clip(self._clean(mark.text), length - 4)
        kind = "arrow" if mark.kind in ("message", "again") else mark.kind
        tip = _TIPS.get(mark.kind)
        if tip:  # it does not arrive
            length = min(length, cells(text) + 6)
            length -= at + towards * length in columns
        for column in range(at + towards, at + towards * length, towards):
            row.put(column, kind, "┼" if column in columns else "─")
        row.put(at, kind, "├" if right else "┤")
        row.put(at + towards * length, kind, tip or ("►" if right else "◄"))
        row.put(at + 2 if right else at - 3 - cells(text), mark.kind, f" {text} ")
        why = [mark.why] if mark.why else []
        return [row, *self._beside(who, mark.kind, why, left=not right)]

    def _beside(self, who: int, kind: str, texts: list[str], *, left: bool) -> list[Row]:
        """Text beside a lifeline, a row for each line."""
        start, room = self._layout.room(who, left=left)
        texts = [self._clean(text) for text in texts]
        if kind == "display":
            texts = _boxed(texts, room)
        elif len(texts) > 1 and cells(" — ".join(texts)) <= room:
            texts = [" — ".join(texts)]
        rows: list[Row] = []
        for text in (clip(text, room) for text in texts):
            row = self._lifelines()
            row.put(start + room - cells(text) if left else start, kind, text)
            rows.append(row)
        return rows

    def _across(self, mark: Mark) -> Row:
        """What concerns everybody, written across the lifelines."""
        row, start = self._lifelines(), self._layout.columns[0] + 2
        for line in _note_lines(mark):
            row.put(start, mark.kind, f"{clip(self._clean(line), self._width - start - 1)} ")
        return row

    def _foot(self, mark: Mark) -> Row:
        """The end of all lifelines, and how the run ended."""
        row, columns = Row(self._width), self._layout.columns
        first, last = columns[0], columns[-1]
        for column in range(first, last + 1):
            row.put(column, "line", "┴" if column in columns else "─")
        row.put(last, "line", "┘")
        row.put(first, "line", "└─")
        room = (last if last > first else self._width + 1) - first - 5
        text = ": ".join(filter(None, (mark.text, mark.why)))
        row.put(first + 2, mark.text, f" {clip(self._clean(text), room)} ")
        return row

    def _listed(self, mark: Mark) -> str:
        """A mark in a line of its own, when there are too many lifelines to draw."""
        row, left = Row(self._width), 0
        if self._times:
            row.put(0, "time", _time_text(mark.at_ns))
            left = TIME_WIDTH + 1
        names = self._layout.names
        who = owner(mark.who, names)
        to = owner(mark.to, names) if mark.to else who
        route, said = who, _note_lines(mark)
        if mark.kind == "display":
            said = [" ".join(f"[{line}]" for line in said)]
        elif not mark.who or who != to:
            route = f"{who} → {to}" if mark.to else mark.kind
            text = f"✗ {mark.text}" if mark.kind == "lost" else mark.text
            said = [text, mark.why] if mark.why else [text]
        row.put(left + 1, "name", clip(self._clean(route), self._route_width))
        start = left + 1 + self._route_width + 2
        row.put(start, mark.kind, clip(self._clean(" — ".join(said)), self._width - start))
        return self._line(row)

    def _lifelines(self) -> Row:
        row = Row(self._width)
        for column in self._layout.columns:
            row.put(column, "line", "│")
        return row

    def _line(self, row: Row) -> str:
        return row.line(self._style, unicode=self._unicode)

    def _clean(self, text: str) -> str:
        return clean(text) if self._unicode else in_ascii(clean(text))


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
    lines = [clip(line, room - 2) for line in lines]
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
    "rig": "34",
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
