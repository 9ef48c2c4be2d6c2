"""The form of a scenario: a plain function of a rig, and of a variant where there are several."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paybench.scenarios.rig import Rig

CLAIMS = "TIN"
"""What the claims on transaction identifying numbers are called as figures: ``TIN 29``."""
CLAIMS_AFTER = 1000


@dataclass(eq=False)
class Scenario:
    """A flow, told as a function; made by `scenario`. Calling it tells the flow on a rig.

    Attributes:
        name: What it is called on the command line: the function's name with hyphens.
        function: The function, of ``(rig)`` or ``(rig, variant)``.
        variants: Names of its variants; empty when there is but one way.
        settings: Numbers a run may set otherwise, by name, each with what it is by default.
        figure: Figure of the source text, e.g. ``3``, a paragraph, ``[0120]``, or claims on
            transaction identifying numbers, ``TIN 29``; "" for none.
        summary: First line of the docstring.
        module: Module it stands in.
        file: File it stands in.
        line: Line it begins at.
    """

    name: str
    function: Callable[..., None]
    variants: tuple[str, ...]
    settings: dict[str, int]
    figure: str
    summary: str
    module: str
    file: str
    line: int

    def __call__(self, rig: Rig, variant: str = "") -> None:
        """Tell the flow on a rig."""
        if self.variants:
            self.function(rig, variant or self.variants[0])
        else:
            self.function(rig)

    @property
    def __name__(self) -> str:
        """The function's name: what has one, a pytest mark can be put upon."""
        return self.function.__name__

    @property
    def pytestmark(self) -> list[Any]:
        """The pytest marks, whether they were put upon the scenario or upon its function."""
        return getattr(self.function, "pytestmark", [])

    @pytestmark.setter
    def pytestmark(self, marks: list[Any]) -> None:
        self.function.__dict__["pytestmark"] = marks

    @property
    def figure_order(self) -> tuple[int, str]:
        """Where its figure stands: 7A before 7B before 10, then paragraphs, then claims."""
        digits = re.search(r"\d+", self.figure)
        number = int(digits[0]) if digits else 0
        return (number + CLAIMS_AFTER * self.figure.startswith(CLAIMS), self.figure)

    @property
    def source(self) -> str:
        """Where it stands in the source: ``Fig 3``, ``[0120]``, ``TIN 29``; "" for nowhere."""
        return f"Fig {self.figure}" if self.figure[:1].isdecimal() else self.figure

    def label(self, variant: str) -> str:
        """Name with variant, as lists and tests show it: ``shop-purchase[direct]``."""
        return f"{self.name}[{variant}]" if variant else self.name


def scenario(
    *,
    figure: str = "",
    variants: Sequence[str] = (),
    settings: Mapping[str, int] | None = None,
) -> Callable[[Callable[..., None]], Scenario]:
    """Make a function a scenario.

    Args:
        figure: Figure of the source text it tells, or a paragraph in brackets.
        variants: Names of variants; then the function takes the variant as second argument.
        settings: Numbers a run may set otherwise (``--set customers=500``), each with what it is
            by default; the function reads them with ``rig.setting``.

    Raises:
        TypeError: The function does not take what its variants ask for.
    """

    def decorate(function: Callable[..., None]) -> Scenario:
        name = getattr(function, "__name__", "scenario")
        takes = len(inspect.signature(function).parameters)
        if takes != (2 if variants else 1):
            wanted = "(rig, variant)" if variants else "(rig)"
            raise TypeError(f"the scenario {name} must be a function of {wanted}")
        return Scenario(
            name=name.replace("_", "-"),
            function=function,
            variants=tuple(variants),
            settings=dict(settings or {}),
            figure=figure,
            summary=(inspect.getdoc(function) or "").partition("\n")[0],
            module=function.__module__,
            file=inspect.getsourcefile(function) or "",
            line=function.__code__.co_firstlineno,
        )

    return decorate
