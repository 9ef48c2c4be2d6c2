"""Bar codes and QR codes in images, read by a decoder of one's choice.

`auto` asks zxing-cpp first. On a miss, where the extra `camera` is installed, it takes second
looks: the WeChat decoder of opencv-contrib, which reads blurred QR codes zxing-cpp does not; then
zxing-cpp again on the picture evenly lit, turned by 45 degrees, inverted, and twice as large.
docs/codes.md has what each is worth.
"""

import difflib
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from paybench.hil.errors import CodeUnreadable, DecoderMissing

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow and the decoders are imported where they are used: loading them costs start-up time.

Frame: TypeAlias = Any
"""A Pillow image in 8-bit gray, or a NumPy array as OpenCV's: gray, or blue-green-red."""

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


def read_codes(image: "Path | Image", decoder: str = "auto") -> list[Code]:
    """Read every code in an image: never an empty list.

    Args:
        image: the image, or the file it is in.
        decoder: auto, zxing (zxing-cpp, always here), wechat (the extra `camera`), or zbar
            (pyzbar, an extra).

    Raises:
        DecoderMissing: the decoder is unknown or not installed.
        CodeUnreadable: not an image, more pixels than Pillow's limit, or no code found.
    """
    decode = decoder_named(decoder)
    name = str(image) if isinstance(image, Path) else "the image"
    gray = load_picture(image) if isinstance(image, Path) else _gray(image, name)
    codes = decode(gray)
    if not codes:
        width, height = gray.size
        raise CodeUnreadable(
            f"{_who(decoder)} found no code in {name} ({width} x {height} pixels): is the whole "
            "code, with its light margin, in the image, and each bar at least 2 pixels wide?"
        )
    return codes


def decoder_named(name: str) -> Callable[[Frame], list[Code]]:
    """The decoder of a name: takes a frame, gives every code in it, perhaps none.

    Raises:
        DecoderMissing: there is none of that name. Whether it is installed shows at its first
            call, which raises the same.
    """
    if name not in DECODERS:
        near = difflib.get_close_matches(name, DECODERS, n=1, cutoff=0.0)[0]
        raise DecoderMissing(
            f"decoder {name!r} is unknown: did you mean {near!r}? There are: {', '.join(DECODERS)}"
        )
    return DECODERS[name]


def load_picture(path: Path) -> "Image":
    """Open an image file and give it in 8-bit gray.

    Raises:
        CodeUnreadable: missing, damaged, no image, or more pixels than Pillow's limit.
    """
    return _gray(_load(path), str(path))


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


def _auto(frame: Frame) -> list[Code]:
    found = _zxing(frame)
    if not found and _opencv_with_wechat() is not None:
        for look in _SECOND_LOOKS:
            if found := look(frame):
                break
    return found


class ByTurns:
    """`auto` for a stream of pictures: on a miss it takes one second look, the next on the next.

    All of them on each picture of an empty desk would keep a processor busy. A look that read
    something is kept, so that a code which only one look can read does not flicker.
    """

    def __init__(self) -> None:
        self._turn = 0

    def __call__(self, frame: Frame) -> list[Code]:
        """Read every code in the next picture."""
        found = _zxing(frame)
        if not found and _opencv_with_wechat() is not None:
            found = _SECOND_LOOKS[self._turn](frame)
            if not found:
                self._turn = (self._turn + 1) % len(_SECOND_LOOKS)
        return found


def _zxing(frame: Frame) -> list[Code]:
    import zxingcpp

    # Plain, because the default mode spells control characters out: "<GS>".
    found = zxingcpp.read_barcodes(frame, text_mode=zxingcpp.TextMode.Plain)
    return [
        Code(code.text, _symbology(code.format.name, str(code.format)))
        for code in found
        if code.text
    ]


def _wechat(frame: Frame) -> list[Code]:
    cv2 = _opencv_with_wechat()
    if cv2 is None:
        raise DecoderMissing(
            "decoder 'wechat' needs the package opencv-contrib-python-headless: "
            "uv sync --extra camera, or pip install 'paybench[camera]'"
        )
    # A decoder of its own for each frame: it is not for two threads, and made in 60 µs.
    try:
        payloads, _ = cv2.wechat_qrcode.WeChatQRCode().detectAndDecode(_gray_array(frame))
    except (UnicodeDecodeError, cv2.error):
        return []  # a payload that is no text, or an image too small for it
    return [Code(payload, "QR") for payload in payloads if payload]


def _evenly_lit(frame: Frame) -> list[Code]:
    cv2: Any = _opencv_with_wechat()
    gray = _gray_array(frame)
    light = cv2.blur(gray, (_SHADOW_PX, _SHADOW_PX))
    return _zxing(cv2.divide(gray, light, scale=180))


def _aslant(frame: Frame) -> list[Code]:
    # zxing-cpp looks for bars along rows and columns only.
    cv2: Any = _opencv_with_wechat()
    gray = _gray_array(frame)
    height, width = gray.shape
    side = int((width + height) * 0.7072) + 1
    turning = cv2.getRotationMatrix2D((width / 2, height / 2), 45, 1)
    turning[:, 2] += ((side - width) / 2, (side - height) / 2)
    return _zxing(cv2.warpAffine(gray, turning, (side, side), borderValue=255))


def _inverted(frame: Frame) -> list[Code]:
    return _zxing(255 - _gray_array(frame))


def _closer(frame: Frame) -> list[Code]:
    cv2: Any = _opencv_with_wechat()
    gray = _gray_array(frame)
    if max(gray.shape) > _LARGE_PX:
        return []
    return _zxing(cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))


def _gray_array(frame: Frame) -> Any:
    array = import_module("numpy").asarray(frame)
    if array.ndim == _GRAY_DIMENSIONS:
        return array
    cv2: Any = _opencv_with_wechat()
    return cv2.cvtColor(array, cv2.COLOR_BGR2GRAY)


_GRAY_DIMENSIONS = 2
_LARGE_PX = 2000
"""A picture of so many pixels has its modules large enough."""
_SHADOW_PX = 61
"""The light is taken to be even over so many pixels."""
_SECOND_LOOKS: tuple[Callable[[Frame], list[Code]], ...] = (
    _wechat,
    _evenly_lit,
    _aslant,
    _inverted,
    _closer,
)


@cache
def _opencv_with_wechat() -> Any:
    """OpenCV with its contributed modules, or None; plain opencv-python is without."""
    try:
        cv2 = import_module("cv2")
    except ImportError:
        return None
    return cv2 if hasattr(cv2, "wechat_qrcode") else None


class _ZbarCode(Protocol):
    data: bytes
    type: str


def _zbar(frame: Frame) -> list[Code]:
    try:
        # pyzbar has no type information, and this is the one place that knows.
        decode: Callable[[Frame], list[_ZbarCode]] = import_module("pyzbar.pyzbar").decode
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
        for code in decode(frame)
    ]


def _symbology(name: str, otherwise: str) -> str:
    return _SYMBOLOGIES.get(name.upper(), otherwise)


def _who(decoder: str) -> str:
    if decoder != "auto":
        return decoder
    return "zxing" if _opencv_with_wechat() is None else "zxing, then wechat,"


DECODERS: dict[str, Callable[[Frame], list[Code]]] = {
    "auto": _auto,
    "zxing": _zxing,
    "wechat": _wechat,
    "zbar": _zbar,
}
"""Who reads codes, by name."""
