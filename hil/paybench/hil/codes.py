"""Bar codes and QR codes in images, read by a decoder of one's choice."""

import difflib
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from paybench.hil.errors import CodeUnreadable, DecoderMissing

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow and the decoders are imported where they are used: loading them costs start-up time.

# Decoders differ in what they call a symbology; those of payment and retail get one name here.
_SYMBOLOGIES = {
    "CODE128": "Code 128",
    "CODE39": "Code 39",
    "CODE93": "Code 93",
    "DATAMATRIX": "Data Matrix",
    "EAN13": "EAN-13",
    "EAN8": "EAN-8",
    "I25": "ITF",
    "QRCODE": "QR",
    "UPCA": "UPC-A",
    "UPCE": "UPC-E",
}


class Code(msgspec.Struct, frozen=True, gc=False):
    """A code which was read: its payload and its symbology, such as EAN-13 or QR."""

    payload: str
    symbology: str


def read_codes(image: "Path | Image", decoder: str = "zxing") -> list[Code]:
    """Read every code in an image: never an empty list.

    Args:
        image: the image, or the file it is in.
        decoder: zxing (zxing-cpp, always here) or zbar (pyzbar, an extra).

    Raises:
        DecoderMissing: the decoder is unknown or not installed.
        CodeUnreadable: not an image, more pixels than Pillow's limit, or no code found.
    """
    if decoder not in _DECODERS:
        near = difflib.get_close_matches(decoder, _DECODERS, n=1, cutoff=0.0)[0]
        raise DecoderMissing(
            f"decoder {decoder!r} is unknown: did you mean {near!r}? "
            f"There are: {', '.join(_DECODERS)}"
        )
    name = str(image) if isinstance(image, Path) else "the image"
    gray = _gray(_load(image) if isinstance(image, Path) else image, name)
    codes = _DECODERS[decoder](gray)
    if not codes:
        width, height = gray.size
        raise CodeUnreadable(
            f"{decoder} found no code in {name} ({width} x {height} pixels): is the whole code, "
            "with its light margin, in the image, and each bar at least 2 pixels wide?"
        )
    return codes


def _load(path: Path) -> "Image":
    """Open and decode an image file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # Pillow warns from its pixel limit on, and raises only at twice that.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                return image
    except FileNotFoundError as error:
        raise CodeUnreadable(f"{path}: no such file (looked in {Path.cwd()})") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise CodeUnreadable(f"{path}: {_too_large()}") from error
    except Image.UnidentifiedImageError as error:
        raise CodeUnreadable(
            f"{path}: not an image which Pillow knows, e.g. PNG or JPEG"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        # Pillow's readers raise any of these for a damaged file.
        raise CodeUnreadable(f"{path}: the image cannot be read: {error}") from error


def _gray(image: "Image", name: str) -> "Image":
    """Return the image in 8-bit gray, on white paper where it is transparent."""
    from PIL import Image

    width, height = image.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise CodeUnreadable(f"{name}: {_too_large()}")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert("L")


def _too_large() -> str:
    from PIL import Image

    return f"more than {Image.MAX_IMAGE_PIXELS} pixels; crop or shrink the image"


def _zxing(gray: "Image") -> list[Code]:
    import zxingcpp

    # Plain, because the default mode spells control characters out: "<GS>".
    found = zxingcpp.read_barcodes(gray, text_mode=zxingcpp.TextMode.Plain)
    return [Code(code.text, _symbology(code.format.name, str(code.format))) for code in found]


class _ZbarCode(Protocol):
    data: bytes
    type: str


def _zbar(gray: "Image") -> list[Code]:
    try:
        # pyzbar has no type information, and this is the one place that knows.
        decode: Callable[[Image], list[_ZbarCode]] = import_module("pyzbar.pyzbar").decode
    except ModuleNotFoundError as error:
        raise DecoderMissing(
            "decoder 'zbar' needs the package pyzbar: "
            "uv sync --extra zbar, or pip install 'paybench[zbar]'"
        ) from error
    except ImportError as error:
        raise DecoderMissing(
            "decoder 'zbar' needs the system library libzbar: "
            "apt-get install --no-install-recommends libzbar0"
        ) from error
    # What is no UTF-8 stays visible instead of being guessed at.
    return [
        Code(code.data.decode(errors="backslashreplace"), _symbology(code.type, code.type))
        for code in decode(gray)
    ]


def _symbology(name: str, otherwise: str) -> str:
    return _SYMBOLOGIES.get(name.upper(), otherwise)


_DECODERS: dict[str, Callable[["Image"], list[Code]]] = {"zxing": _zxing, "zbar": _zbar}
