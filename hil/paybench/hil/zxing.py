"""What zxing-cpp sees in a picture, and what its results say of themselves.

It is imported where it is used: loading it costs start-up time.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from paybench.hil.bars import Region

_MATRIX = (
    *("QR", "MicroQR", "RMQR", "DataMatrix", "Aztec", "MaxiCode"),
    *("PDF417", "MicroPDF417", "CompactPDF417"),
)
_STACKED = ("Stk", "StkOmni")
_WEAK = ("MicroQR", "RMQR", "PDF417", "MicroPDF417", "CompactPDF417")


def seen(frame: Any, **options: Any) -> list[Any]:
    """Every code in a picture, as zxing-cpp's own objects."""
    import zxingcpp

    # Plain, because the default mode spells control characters out: "<GS>".
    return zxingcpp.read_barcodes(frame, text_mode=zxingcpp.TextMode.Plain, **options)


def seen_bars(band: Any) -> list[Any]:
    """Bar codes along the rows of a picture."""
    return seen(
        band, formats=_group("AllLinear", "LinearCodes"), try_rotate=False, try_downscale=False
    )


def seen_modules(frame: Any) -> list[Any]:
    """Codes of modules in two directions."""
    return seen(frame, formats=_group("AllMatrix", "MatrixCodes"))


def shows_qr(frame: Any) -> bool:
    """Whether there is a QR code, be it one that cannot be read."""
    import zxingcpp

    return bool(seen(frame, formats=[zxingcpp.BarcodeFormat.QRCode], return_errors=True))


@cache
def _group(name: str, older_name: str) -> Any:
    """A group of formats; version 3 named them anew."""
    import zxingcpp

    formats = zxingcpp.BarcodeFormat
    return getattr(formats, name, None) or getattr(formats, older_name)


def is_linear(code: Any) -> bool:
    """Whether a code is a row of bars: neither of modules nor of rows one above the other."""
    name: str = code.format.name
    return not name.startswith(_MATRIX) and not name.endswith(_STACKED)


def is_weak(code: Any) -> bool:
    """Whether a code of modules has so little error correction that it is misread now and then."""
    return code.format.name.startswith(_WEAK)


def width_px(code: Any) -> float:
    """How long its upper edge is."""
    return _distance(code.position.top_left, code.position.top_right)


def height_px(code: Any) -> float:
    """How long its left edge is; of a bar code, over what height it was read."""
    return _distance(code.position.top_left, code.position.bottom_left)


def area_px2(code: Any) -> float:
    """What it covers."""
    at = code.position
    across = at.bottom_right.x - at.top_left.x, at.bottom_right.y - at.top_left.y
    down = at.bottom_left.x - at.top_right.x, at.bottom_left.y - at.top_right.y
    return abs(across[0] * down[1] - across[1] * down[0]) / 2


def region(code: Any) -> Region:
    """Where the bars of a bar code are; sure only if it was read over a good part of its height."""
    at = code.position
    corners = at.top_left, at.top_right, at.bottom_right, at.bottom_left
    base = at.top_right.x - at.top_left.x, at.top_right.y - at.top_left.y
    side = at.bottom_left.x - at.top_left.x, at.bottom_left.y - at.top_left.y
    turn = math.atan2(-side[0], side[1])
    across = base[0] * math.cos(turn) + base[1] * math.sin(turn)
    falls = base[1] * math.cos(turn) - base[0] * math.sin(turn)
    return Region(
        sum(corner.x for corner in corners) / 4,
        sum(corner.y for corner in corners) / 4,
        turn,
        abs(across),
        height_px(code),
        falls / across if across else 0.0,
    )


def part(gray: Any, code: Any, margin_px: int) -> Any:
    """The part of a NumPy picture a code is in, with some margin."""
    at = code.position
    corners = at.top_left, at.top_right, at.bottom_right, at.bottom_left
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    rows = slice(max(0, min(down) - margin_px), max(down) + margin_px)
    return gray[rows, max(0, min(across) - margin_px) : max(across) + margin_px]


def _distance(one: Any, other: Any) -> float:
    return math.dist((one.x, one.y), (other.x, other.y))
