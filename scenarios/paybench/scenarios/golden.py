"""Golden files: what a passed scenario's ladder was, kept as text to compare later runs with."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.scenarios.errors import UsageError

if TYPE_CHECKING:
    from paybench.scenarios.scenario import Scenario

SAME, NEW, CHANGED = "same", "new", "changed"


def golden_path(scenario: Scenario, variant: str, folder: str, root: Path) -> Path:
    """Where a scenario's golden file is.

    Args:
        scenario: The scenario.
        variant: Its variant.
        folder: A name for a folder beside the scenario's file, or with a slash in it, a path
            from the root: one folder for all.
        root: The project's root.
    """
    file = Path(scenario.file)
    top = root / folder if "/" in folder else file.parent / folder
    name = f"{scenario.name}.{variant}.txt" if variant else f"{scenario.name}.txt"
    return top / file.stem / name


def difference(path: Path, text: str) -> list[str]:
    """A unified diff from a golden file to what was seen; empty when they are the same.

    A golden file that is not there differs from nothing.

    Raises:
        UsageError: The file cannot be read as text.
    """
    kept = _read(path)
    if kept is None or kept == text:
        return []
    return list(
        difflib.unified_diff(
            kept.splitlines(), text.splitlines(), "golden", "this run", lineterm=""
        )
    )


def update(path: Path, text: str) -> str:
    """Make a golden file say what was seen; returns ``same``, ``new`` or ``changed``.

    Raises:
        UsageError: The file cannot be written, or there is something else in its place.
    """
    kept = _read(path)
    if kept == text:
        return SAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"{path}: the golden file cannot be written ({error.strerror})") from error
    return NEW if kept is None else CHANGED


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the golden file cannot be read ({error})") from error
