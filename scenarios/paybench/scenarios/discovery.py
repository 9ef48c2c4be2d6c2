"""Finding scenarios: by name in the library, or in a user's file or folder."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from paybench.scenarios import library
from paybench.scenarios.errors import UsageError
from paybench.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from types import ModuleType

MARK = "paybench"
"""A file that does not hold this word has no scenario: it is not even imported."""


def find(target: str) -> list[Scenario]:
    """The scenarios a target means: a library scenario's name, a file, or a folder.

    Raises:
        UsageError: It means none; the error names the nearest.
    """
    path = Path(target)
    if path.is_dir():
        return _in_folder(path)
    if path.suffix == ".py" or path.is_file():
        return _in_file(path)
    known = {scenario.name: scenario for scenario in in_library()}
    name = target.replace("_", "-")
    if name not in known:
        from paybench.hil.spec import nearest

        raise UsageError(
            f"there is no scenario, file or folder {target!r}{nearest(name, known)}: "
            "'paybench list' shows them"
        )
    return [known[name]]


def in_library() -> list[Scenario]:
    """Every scenario of the library: module by module in the order of figures, then by line."""
    names = sorted(info.name for info in pkgutil.iter_modules(library.__path__))
    modules = [importlib.import_module(f"{library.__name__}.{name}") for name in names]
    told = [of_module(module) for module in modules]
    told.sort(key=lambda scenarios: scenarios[0].figure_order if scenarios else (0, ""))
    return [scenario for scenarios in told for scenario in scenarios]


def of_module(module: ModuleType) -> list[Scenario]:
    """The scenarios a module defines itself, in their order."""
    found = [value for value in vars(module).values() if isinstance(value, Scenario)]
    own = {scenario.name: scenario for scenario in found if scenario.module == module.__name__}
    return sorted(own.values(), key=lambda scenario: scenario.line)


def is_scenario_file(path: Path, root: Path | None = None) -> bool:
    """Whether a file may hold scenarios: ``*_scenario.py``, or any in a ``scenarios`` folder.

    Only a file that mentions paybench counts: a project's own ``scenarios`` folder may hold
    other things, and those are not ours to import.

    Args:
        path: The file.
        root: The project's root, if it is known: what the folders above it are called tells
            nothing about the files below.
    """
    if path.suffix != ".py" or path.name in ("__init__.py", "__main__.py", "conftest.py"):
        return False
    inside = path.relative_to(root) if root and path.is_relative_to(root) else path
    if not path.name.endswith("_scenario.py") and "scenarios" not in inside.parent.parts:
        return False
    return MARK in path.read_text(encoding="utf-8", errors="replace")


def _in_folder(folder: Path) -> list[Scenario]:
    files = [
        path
        for path in sorted(folder.resolve().rglob("*.py"))
        if is_scenario_file(path) and not any(part.startswith(".") for part in path.parts)
    ]
    found = [scenario for path in files for scenario in of_module(_import(path))]
    if not found:
        raise UsageError(
            f"{folder} has no scenarios: they are looked for in files *_scenario.py and in folders "
            f"called scenarios"
        )
    return found


def _in_file(path: Path) -> list[Scenario]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    found = of_module(_import(path.resolve()))
    if not found:
        raise UsageError(f"{path} has no scenarios: mark functions with @scenario()")
    return found


def _import(path: Path) -> ModuleType:
    """Import a file under the name its packages give it, as pytest and python do.

    Raises:
        UsageError: The file itself fails; the error names its line.
    """
    names, root = [path.stem], path.parent
    while (root / "__init__.py").is_file():
        names.insert(0, root.name)
        root = root.parent
    name = ".".join(names)
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    if Path(module.__file__ or "").resolve() != path:
        raise UsageError(
            f"{path} cannot be imported as {name}: {module.__file__} has that name; rename one"
        )
    return module
