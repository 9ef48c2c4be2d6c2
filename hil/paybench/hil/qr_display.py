"""The QR display driver: what a device's display says, as a QR code for a camera or a phone.

qr-display:phone.png           a picture file, replaced at every change
qr-display:terminal?line=1     half blocks on stderr, of the first line alone
qr-display:window              a window; needs an OpenCV that can open one
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from paybench.devices.display import Display
from paybench.hil.errors import CodeError, PortLost, PortUnavailable, SpecError
from paybench.hil.qr_picture import half_blocks, qr_picture
from paybench.hil.screen import RealScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec

LINES_MAX = 99
BLANK_PX = 240
OPTIONS = {
    "line": "which line of the display is the code's text, 1 for the first; default 0, all of them",
    "module": "side of a module in pixels, default 8",
}


class Surface(Protocol):
    """Something a code can be seen on."""

    def open(self) -> None:
        """Take hold of it.

        Raises:
            PortUnavailable: It is not there; the error says what to do.
        """
        ...

    def show(self, text: str) -> None:
        """Show a text's QR code instead of the former one; nothing for "".

        Raises:
            CodeError: The text is too long for a QR code.
            OSError: It cannot be shown any more.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class QrDisplayDriver:
    """A display that shows its text as a QR code. `kinds`: display."""

    kinds = frozenset({Display.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        spec.check_options(OPTIONS)
        self.address = spec.address
        self._line = spec.number("line", 0, 0, LINES_MAX)
        module_px = spec.number("module", 8, 1, 64)
        self._surface = _surface(spec.address, module_px)
        self._opened = False
        self._lose: Callable[[str], None] = _nobody

    def probe(self) -> None:
        """See whether a code can be shown there.

        Raises:
            PortUnavailable: It cannot.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Take hold of the file, terminal or window.

        Raises:
            PortUnavailable: A code cannot be shown there.
        """
        self._surface.open()
        self._opened = True

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:  # noqa: ARG002 - nothing is asked of anybody
        """Take the place of a display.

        Raises:
            SpecError: The part is of another kind.
        """
        if not isinstance(part, Display):
            raise SpecError(f"a QR display cannot be {part.name}, which is a {part.kind}")
        screen = part.screen = RealScreen(part, world, self._show)
        world.env.attach(part.name, screen)
        self._lose = lambda why: world.env.inject(part.name, b"", why)

    def close(self) -> None:
        """Let go of it. A picture file stays as it is."""
        if self._opened:
            self._opened = False
            self._surface.close()

    def _show(self, lines: tuple[str, ...]) -> None:
        if not self._opened:
            return  # a replay, or lost
        text = "\n".join(lines) if not self._line else "".join(lines[self._line - 1 : self._line])
        try:
            self._surface.show(text)
        except (CodeError, PortLost, OSError) as error:
            self.close()
            self._lose(f"{self.address} does not show it: {error}")


class PictureFile:
    """A picture file which is replaced as a whole: nobody ever sees half a code.

    Args:
        path: The file; its suffix says the format.
        module_px: Side of a module in pixels.
    """

    def __init__(self, path: Path, module_px: int) -> None:
        self._path = path
        self._module_px = module_px

    def open(self) -> None:
        """Write a blank picture: a code of a former run must not be read."""
        try:
            self.show("")
        except OSError as error:
            raise PortUnavailable(
                f"{self._path}: the picture cannot be written ({error}): make its folder first"
            ) from error

    def show(self, text: str) -> None:
        """Replace the picture."""
        picture = qr_picture(text, self._module_px) if text else _blank()
        half = self._path.with_name(f".{self._path.name}.part")
        picture.save(half, _FORMATS[self._path.suffix.lower()])
        half.replace(self._path)

    def close(self) -> None:
        """The picture stays."""


class Terminal:
    """Stderr, in half blocks: black on white where it is a terminal."""

    def open(self) -> None:
        """It is always there."""

    def show(self, text: str) -> None:
        """Print the code below the former one."""
        if text:
            sys.stderr.write(half_blocks(text, colour=sys.stderr.isatty()))
            sys.stderr.flush()

    def close(self) -> None:
        """There is nothing to let go of."""


class Window:
    """A window of OpenCV.

    Args:
        module_px: Side of a module in pixels.
    """

    title = "paybench display"

    def __init__(self, module_px: int) -> None:
        self._module_px = module_px
        self._cv2: Any = None

    def open(self) -> None:
        """Open the window."""
        try:
            self._cv2 = import_module("cv2")
            self._cv2.namedWindow(self.title)
            self.show("")
        except Exception as error:  # cv2.error is none of Python's, and cv2 may be missing
            raise PortUnavailable(
                "a window needs a desktop and an OpenCV that can open one: pip uninstall "
                "opencv-contrib-python-headless, pip install opencv-contrib-python; or show the "
                "code in a file or in the terminal"
            ) from error

    def show(self, text: str) -> None:
        """Show another code."""
        numpy = import_module("numpy")
        picture = qr_picture(text, self._module_px) if text else _blank()
        self._cv2.imshow(self.title, numpy.asarray(picture))
        self._cv2.waitKey(1)

    def close(self) -> None:
        """Close the window."""
        self._cv2.destroyWindow(self.title)


_FORMATS = {".png": "PNG", ".bmp": "BMP", ".gif": "GIF", ".pgm": "PPM"}


def _surface(address: str, module_px: int) -> Surface:
    if address == "terminal":
        return Terminal()
    if address == "window":
        return Window(module_px)
    path = Path(address)
    if path.suffix.lower() not in _FORMATS:
        raise SpecError(
            f"{address!r} is no place for a code: expected terminal, window, or a picture file "
            f"({', '.join(_FORMATS)})"
        )
    return PictureFile(path, module_px)


def _blank() -> Image:
    from PIL import Image

    return Image.new("L", (BLANK_PX, BLANK_PX), 255)


def _nobody(_why: str) -> None:
    """Who is told of a loss before the driver stands in for a display."""
