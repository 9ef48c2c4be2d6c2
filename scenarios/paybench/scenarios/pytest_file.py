"""A scenario file as pytest sees it: a module with an item for each variant of each scenario."""

# pyright: reportUnknownMemberType=false
# pytest's own constructors of nodes take keywords of any type.

from __future__ import annotations

import importlib
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from paybench.scenarios import failure, golden
from paybench.scenarios.discovery import of_module
from paybench.scenarios.errors import UsageError
from paybench.scenarios.golden_text import golden as golden_text
from paybench.scenarios.pytest_plugin import OUR_FOLDER, SETTINGS, Settings
from paybench.scenarios.run import PASSED, Options, run
from paybench.scenarios.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from paybench.scenarios.run import Run


class ScenarioFile(pytest.Module):
    """A module with scenarios, and if it has a test file's name, with tests as well."""

    has_tests = False

    def collect(self) -> Generator[pytest.Item | pytest.Collector]:
        """The ordinary tests, then an item for each variant of each scenario."""
        yield from super().collect()
        if not getattr(self.obj, "__test__", True):
            return
        for scenario in of_module(self.obj):
            if any(mark.name == "parametrize" for mark in _marks(scenario)):
                raise self.CollectError(
                    f"{self.path}:{scenario.line}: a scenario has variants instead of parametrize: "
                    f"write @scenario(variants=[…])"
                )
            for variant in scenario.variants or ("",):
                yield ScenarioItem.of(self, scenario, variant)

    def istestfunction(self, obj: object, name: str) -> bool:
        """A scenario is none, whatever it is called."""
        ordinary = self.has_tests and not isinstance(obj, Scenario)
        return ordinary and super().istestfunction(obj, name)

    def istestclass(self, obj: object, name: str) -> bool:
        """Only where pytest would have looked for any."""
        return self.has_tests and super().istestclass(obj, name)

    def _getobj(self) -> Any:
        if self.path.is_relative_to(OUR_FOLDER):
            # pytest would take our namespace package's folder for no package at all.
            inside = self.path.relative_to(OUR_FOLDER).with_suffix("")
            return importlib.import_module(".".join(("paybench.scenarios", *inside.parts)))
        names = _module_names(self.path, self.config.rootpath)
        pytest.register_assert_rewrite(*(name for name in names if name not in sys.modules))
        return super()._getobj()  # pyright: ignore[reportUnknownVariableType, reportAttributeAccessIssue]


class ScenarioItem(pytest.Function):
    """A scenario in one of its variants.

    Attributes:
        scenario: The scenario.
        variant: The variant; "" for the only one.
    """

    scenario: Scenario
    variant: str

    @classmethod
    def of(cls, parent: ScenarioFile, scenario: Scenario, variant: str) -> ScenarioItem:
        """An item, called as pytest would call a function with a parameter."""
        function = scenario.function.__name__
        item = cls.from_parent(
            parent,
            name=f"{function}[{variant}]" if variant else function,
            callobj=_without_arguments(scenario),
        )
        item.originalname = function
        item.extra_keyword_matches.add(scenario.name)
        item.scenario, item.variant = scenario, variant
        return item

    def runtest(self) -> None:
        """Run the scenario; what did not pass is told by `Judged`."""
        settings = self.config.stash[SETTINGS]
        try:
            self._judge(self._run(settings, settings.seed), settings)
        except UsageError as error:
            line = failure.line_in(error.__cause__, self.scenario.file)
            raise Judged(f"USAGE: {error}", line) from None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The report alone, without a traceback through our own code."""
        judged = excinfo.value
        if not isinstance(judged, Judged):
            return super().repr_failure(excinfo)
        told = excinfo.getrepr(style="value", chain=False)
        if told.reprcrash is not None:  # what summaries and continuous integration show
            told.reprcrash.path = self.scenario.file
            told.reprcrash.lineno = judged.line or self.scenario.line
            told.reprcrash.message = str(judged).partition("\n")[0]
        return told

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the scenario stands."""
        return self.path, self.scenario.line - 1, self.name

    def _run(self, settings: Settings, seed: int) -> Run:
        options = Options(
            seed=seed, real=settings.real, bench=settings.bench, operator=settings.operator
        )
        return run(self.scenario, self.variant, options)

    def _judge(self, done: Run, settings: Settings) -> None:
        self.user_properties += [
            ("seed", done.header.seed),
            ("digest", done.digest),
            ("verdict", done.verdict),
        ]
        if done.verdict != PASSED:
            kept = self._keep(done, settings)
            line = failure.line_in(done.failure, self.scenario.file)
            raise Judged(failure.describe(done, kept, settings.width), line)
        if not settings.real:  # a real part is told of differently than the one it stands in for
            self._compare(done, settings)

    def _keep(self, done: Run, settings: Settings) -> failure.Kept:
        # The id of a file outside of the project's root is empty, as for an installed library.
        file = self.path.name if self.nodeid.startswith("::") else ""
        return failure.Kept(settings.traces, f"{file}{self.nodeid}", done.content)

    def _compare(self, done: Run, settings: Settings) -> None:
        """Compare with the golden file, or update it."""
        path = golden.golden_path(self.scenario, self.variant, settings.golden, settings.root)
        text = golden_text(done.trace.events)
        differs = golden.difference(path, text)
        if done.header.seed and (differs or settings.updates_golden):
            # Another seed may have messages overtake each other, which is no regression: what
            # counts is the run of seed 0, so that the golden file does not hang on the seed.
            done = self._run(settings, 0)
            if done.verdict != PASSED:  # which is for a run of that seed to say
                return
            text = golden_text(done.trace.events)
            differs = golden.difference(path, text)
        if settings.updates_golden:
            self.user_properties.append(("golden", golden.update(path, text)))
        elif differs:
            named = f"{failure.shown(self.path)}::{self.name}"
            lines = [
                f"GOLDEN: passed, but the ladder differs from {failure.shown(path)}",
                *differs,
                "",
                f"if this is how it shall be: pytest --update-golden {shlex.quote(named)}",
                self._keep(done, settings).told(replays=True),
            ]
            raise Judged("\n".join(lines))


class Judged(Exception):
    """A scenario did not pass; its text is the whole report.

    Attributes:
        line: The scenario's line to point at; 0 for its first.
    """

    def __init__(self, report: str, line: int = 0) -> None:
        super().__init__(report)
        self.line = line


def _marks(scenario: Scenario) -> list[pytest.Mark]:
    return getattr(scenario.function, "pytestmark", [])


def _without_arguments(scenario: Scenario) -> Callable[[], None]:
    """What pytest looks at in place of the function, whose arguments are no fixtures."""

    def tell() -> None:
        raise AssertionError("a scenario is run by its item")

    tell.__doc__ = scenario.function.__doc__
    tell.__name__ = scenario.function.__name__
    tell.__module__ = scenario.module
    tell.__dict__.update(scenario.function.__dict__)  # marks among them
    return tell


def _module_names(path: Path, root: Path) -> list[str]:
    """The names pytest may import a file under: by its packages, or from the project's root."""
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    by_packages = ".".join(names)
    if not path.is_relative_to(root):
        return [by_packages]
    return [by_packages, ".".join(path.relative_to(root).with_suffix("").parts)]
