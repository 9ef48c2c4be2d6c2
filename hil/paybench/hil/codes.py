"""Bar codes and QR codes in images, read by a decoder of one's choice.

`auto` asks zxing-cpp first. Where the extra `camera` is installed, it believes a bar code only
after a look at it straight (`paybench.hil.bars`), and takes second looks on a miss: straight at
what may be bars; then, where the picture is busy (`paybench.hil.patches`), at the modules evenly
lit, bolder, turned, finer; last with the WeChat decoder of opencv-contrib. docs/codes.md has what
each is worth.
"""

import difflib
import math
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from paybench.hil import zxing
from paybench.hil.bars import CHECKED, confirm, read_bars
from paybench.hil.errors import CodeUnreadable, DecoderMissing
from paybench.hil.patches import LOOKS, MARGIN_PX, MILD_LOOKS, Look, Patch, patches

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
    found = _first_look(frame)
    if not found and _opencv_with_wechat() is not None:
        picture = _Picture(frame)
        for look in _SECOND_LOOKS:
            if found := look(picture):
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
        found = _first_look(frame)
        if not found and _opencv_with_wechat() is not None:
            found = _SECOND_LOOKS[self._turn](_Picture(frame))
            if not found:
                self._turn = (self._turn + 1) % len(_SECOND_LOOKS)
        return found


class _Picture:
    """A picture which is looked at again."""

    def __init__(self, frame: Frame) -> None:
        self.gray = _gray_array(frame)

    @cached_property
    def patches(self) -> list[Patch]:
        return patches(self.gray)


def _first_look(frame: Frame) -> list[Code]:
    """What zxing-cpp reads, and what is easily misread only when other looks confirm it."""
    found = [code for code in zxing.seen(frame) if code.text]
    bars = [code for code in found if zxing.is_linear(code)]
    if not bars and not any(map(zxing.is_weak, found)):
        return _named(found)
    if _opencv_with_wechat() is None:
        return _named([code for code in found if not zxing.is_linear(code) or _is_whole(code)])
    gray = _gray_array(frame)
    modules = [code for code in found if not zxing.is_linear(code)]
    good = [code for code in modules if _is_sure(code, zxing.part(gray, code, MARGIN_PX))]
    return _named(good) + _sure_bars(bars, gray)


def _sure_bars(bars: list[Any], gray: Any) -> list[Code]:
    """Bar codes that were read, as looks at them straight have it."""
    if all(_is_checked(code) and _is_tall(code, math.inf) for code in bars) and all(
        confirm(gray, named, zxing.region(code), _zxing_bars)
        for code, named in zip(bars, _named(bars), strict=True)
    ):
        return _named(bars)
    straight = read_bars(gray, _zxing_bars, min(map(zxing.width_px, bars)))
    return straight or _named([code for code in bars if _is_plain(code, gray)])


def _straight(picture: _Picture) -> list[Code]:
    return read_bars(picture.gray, _zxing_bars)


def _at_patches(look: Look, picture: _Picture) -> list[Code]:
    return _named(
        [
            code
            for patch in picture.patches
            for code in zxing.seen_modules(look.change(patch.picture))
            # In the corner of a QR code there may seem to be a Micro QR code.
            if zxing.area_px2(code) > _WHOLE * patch.busy_px2 * look.scale**2
            or not zxing.is_weak(code)
            if _is_sure(code, patch.picture)
        ]
    )


def _wechat_at_patches(picture: _Picture) -> list[Code]:
    # It is slow, most of all on what is no code: so only where a QR code was seen and not read.
    return [
        code
        for patch in picture.patches
        if any(zxing.shows_qr(look.change(patch.picture)) for look in LOOKS)
        for code in _wechat(patch.picture)
    ]


def _is_sure(code: Any, gray: Any) -> bool:
    """Whether a code cannot be misread, or two looks or more agree on it and hardly any differs."""
    if not zxing.is_weak(code):
        return True
    looks = LOOKS + MILD_LOOKS
    votes = Counter(one.text for look in looks for one in zxing.seen_modules(look.change(gray)))
    ours = votes.pop(code.text, 0)
    return ours >= _VOTES_MIN and ours >= 2 * max(votes.values(), default=0)


def _is_plain(code: Any, gray: Any) -> bool:
    """Whether a bar code too close to the edge to be looked at straight is read all the same.

    It has a check digit, a good part of its height says the same, and so it does again when the
    picture is smoothed and upside down.
    """
    if not _is_checked(code) or not _is_tall(code, gray.shape[0]):
        return False
    cv2: Any = _opencv_with_wechat()
    again = zxing.seen(cv2.GaussianBlur(gray[::-1, ::-1], (0, 0), 0.6))
    return any(other.text == code.text for other in again)


def _is_whole(code: Any) -> bool:
    """Whether a bar code is hardly a part of another: of one aslant, a few rows show a part."""
    return _is_checked(code) or _is_tall(code, math.inf)


def _is_checked(code: Any) -> bool:
    return _symbology(code.format.name, str(code.format)).startswith(CHECKED)


def _is_tall(code: Any, picture_px: float) -> bool:
    return zxing.height_px(code) >= max(1, _TALL * min(zxing.width_px(code), 2 * picture_px))


def _zxing(frame: Frame) -> list[Code]:
    return _named(zxing.seen(frame))


def _zxing_bars(band: Frame) -> list[Code]:
    return _named(zxing.seen_bars(band))


def _named(found: list[Any]) -> list[Code]:
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


def _gray_array(frame: Frame) -> Any:
    array = import_module("numpy").asarray(frame)
    if array.ndim == _GRAY_DIMENSIONS:
        return array
    cv2: Any = _opencv_with_wechat()
    return cv2.cvtColor(array, cv2.COLOR_BGR2GRAY)


_GRAY_DIMENSIONS = 2
_VOTES_MIN = 2
_TALL = 0.12
"""In widths of the code."""
_WHOLE = 0.4
"""A code covers at least so much of the busy patch it is in."""
_SECOND_LOOKS: tuple[Callable[[_Picture], list[Code]], ...] = (
    _straight,
    *(partial(_at_patches, look) for look in LOOKS),
    _wechat_at_patches,
)


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
