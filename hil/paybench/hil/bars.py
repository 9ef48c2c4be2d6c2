"""Bar codes looked at straight: found by the direction of their edges, and read by a vote.

A decoder that looks along rows and columns reads a bar code aslant with luck, and now and then
takes a part of it, or two blurred digits, for another code. Here the code is turned upright
first. Then bands across all its bars are read one by one, each the mean of some rows, and what
most of them agree on is its payload. Needs OpenCV. Pictures are NumPy arrays of gray levels.
"""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paybench.hil.codes import Code, Frame

    Decode = Callable[[Frame], list[Code]]

CELL_PX = 8
"""The picture is searched in cells of so many pixels."""
CELLS_MIN = 12
SEARCHED_PX = 1000
"""A wider picture is searched in half its size, or less."""
SMALL_PX = 400
"""A smaller picture is enlarged: cells would be too coarse for it."""
REGIONS_MAX = 4
ONE_WAY = 0.45
"""From here on a cell's edges run one way: 0 is any way, 1 all parallel."""
STRONG = 0.15
"""Edges below this share of the strongest cell's are no code's."""
EDGES_MIN = 20
"""A bar code has at least so many edges."""
ENLARGED = 3
"""A band is so many times as long as in the picture: narrow bars are measured the better."""
MARGIN_PX = 24
"""Looked at on either side of the bars."""
BANDS = (
    *((0.5, 0), (0.5, 0.3), (0.36, 0), (0.64, 0), (0.2, 0.25), (0.8, 0.25)),
    *((0.21, 0), (0.79, 0), (0.07, 0), (0.93, 0)),
)
"""Where the middles of the bands are and how high they are, in heights of the code. Where that is 0
a band is a few rows high, since the bars of a code seen from the side fan out; grain needs more."""
BAND_PX = 8
BANDS_IN_VAIN = 6
"""After so many bands without a code there is none."""
VOTES_MIN = 2
WINDOWS = (45, 111)
"""The light is taken to be even over so many pixels of a band: a code's widest bars and more."""
SOFT_PX = 6
"""How far what is blurred is sharpened again; in an enlarged band."""
CHECKED = ("EAN-13", "EAN-8", "UPC-A", "Code 128", "Code 93", "DataBar")
"""What has a check digit and its two ends unlike. Of another code, a part may look like a whole."""


class Region(NamedTuple):
    """Where bars are: middle, direction across them in radians, and size in pixels.

    Attributes:
        lean: By how much the code's base falls in one pixel across: seen from the side, its bars do
            not stand at right angles on it.
    """

    x: float
    y: float
    turn: float
    across: float
    along: float
    lean: float


def read_bars(gray: Any, decode: Decode, narrowest_px: float = 0.0) -> list[Code]:
    """Read every bar code that can be looked at straight.

    Args:
        gray: The picture.
        decode: Reads the codes in a picture of one band.
        narrowest_px: Width of the narrowest code to be found, where it is known.
    """
    cv2 = import_module("cv2")
    enlarged = SMALL_PX // max(gray.shape)
    if enlarged > 1:
        gray = cv2.resize(gray, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_LINEAR)
    found = (_read(gray, region, decode) for region in regions(gray, narrowest_px))
    return list(dict.fromkeys(code for code in found if code is not None))


def confirm(gray: Any, code: Code, region: Region, decode: Decode) -> bool:
    """Whether bands of a region, where a code was read, say the same."""
    votes = 0
    for band in islice(_bands(gray, region, strict=False), BANDS_IN_VAIN):
        read = _first(band, decode)
        if read is not None and read != code:
            return False
        votes += read == code
        if votes == VOTES_MIN:
            return True
    return False


# -- where bars are -----------------------------------------------------------------------------


def regions(gray: Any, narrowest_px: float = 0.0) -> list[Region]:
    """Where there may be bars, the likeliest first."""
    cv2 = import_module("cv2")
    shrunk = -(-gray.shape[1] // SEARCHED_PX)
    if narrowest_px:
        shrunk = max(1, min(shrunk, int(narrowest_px / 250)))
    found: list[tuple[float, Region]] = []
    # At half the size the rows of a display and the grain are gone, and narrow bars with them.
    for scale in (shrunk, 2 * shrunk):
        small = gray
        if scale > 1:
            small = cv2.resize(gray, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        cell_px = CELL_PX * shrunk // scale
        for score, region in _one_way(small, cell_px, scale):
            if not any(_same(region, other) for _, other in found):
                found.append((score, region))
    found.sort(reverse=True)
    return [region for _, region in found[:REGIONS_MAX]]


def _one_way(gray: Any, cell_px: int, scale: int) -> Iterator[tuple[float, Region]]:
    """Patches whose edges run one way, and how strong these are (by the structure tensor)."""
    cv2, np = import_module("cv2"), import_module("numpy")
    cells = tuple(max(1, side // cell_px) for side in gray.shape[::-1])
    dx, dy = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    size = cv2.magnitude(dx, dy) + 1
    xx, yy, xy = (
        cv2.blur(cv2.resize(product / size, cells, interpolation=cv2.INTER_AREA), (5, 5))
        for product in (dx * dx, dy * dy, dx * dy)
    )
    energy = xx + yy
    energy = energy - np.percentile(energy, 5)  # without the noise, which is everywhere
    one_way = np.hypot(xx - yy, 2 * xy)
    mask = (energy > STRONG * energy.max()) & (one_way > ONE_WAY * energy)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= CELLS_MIN:
            inside = labels == label
            turn = 0.5 * np.arctan2(2 * xy[inside].sum(), (xx[inside] - yy[inside]).sum())
            yield (
                float(energy[inside].sum()) * scale**2,
                _region(inside, float(turn), cell_px * scale),
            )


def _region(inside: Any, turn: float, step_px: int) -> Region:
    """The leaning rectangle round some cells, its one side across the bars."""
    np = import_module("numpy")
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    down, right = np.nonzero(inside)
    u, v = right * cos + down * sin, down * cos - right * sin
    middle = float(u.max() + u.min()) / 2
    off = u - u.mean()
    lean = float(off @ v / max(off @ off, 1))
    v = v - lean * (u - middle)
    height = float(v.max() + v.min()) / 2
    return Region(
        (middle * cos - height * sin + 0.5) * step_px,
        (middle * sin + height * cos + 0.5) * step_px,
        turn,
        float(u.max() - u.min() + 1) * step_px,
        float(v.max() - v.min() + 1) * step_px,
        lean,
    )


def _same(one: Region, other: Region) -> bool:
    near = abs(one.x - other.x) + abs(one.y - other.y) < 0.1 * other.across
    return near and abs(one.across - other.across) < 0.2 * other.across


# -- what they say ------------------------------------------------------------------------------


def _read(gray: Any, region: Region, decode: Decode) -> Code | None:
    code = _vote(gray, region, decode)
    if code is None or code.symbology.startswith(CHECKED):
        return code
    # A part of it would do: so its margin has to be in the picture, with something beyond.
    wider = region._replace(across=region.across + 4 * MARGIN_PX)
    ways = (gray, 255 - gray)
    return code if any(_vote(way, wider, decode, strict=True) == code for way in ways) else None


def _vote(gray: Any, region: Region, decode: Decode, *, strict: bool = False) -> Code | None:
    votes: Counter[Code] = Counter()
    for number, band in enumerate(_bands(gray, region, strict=strict)):
        if _edges(band) < EDGES_MIN or (number == BANDS_IN_VAIN and not votes):
            break
        read = _first(band, decode, strict=strict)
        if read is not None:
            votes[read] += 1
    ranking = votes.most_common(2)
    if not ranking or ranking[0][1] < VOTES_MIN:
        return None
    clear = len(ranking) == 1 or ranking[1][1] * 2 <= ranking[0][1]
    return ranking[0][0] if clear else None


def _first(band: Any, decode: Decode, *, strict: bool = False) -> Code | None:
    """What the first look that reads a band does; if strict, of those at dark bars on light."""
    for look in islice(_looks(band), 0, None, 2 if strict else 1):
        if codes := decode(look):
            return codes[0]
    return None


def _bands(gray: Any, region: Region, *, strict: bool) -> Iterator[Any]:
    """Bands across the bars as rows of a picture, enlarged, from the middle outwards.

    Beyond the picture is a margin; if strict, there is black, and at the ends of a band as well.
    """
    cv2, np = import_module("cv2"), import_module("numpy")
    width = int((region.across + 2 * MARGIN_PX) * ENLARGED)
    height = max(len(BANDS), int(region.along))
    cos, sin = np.cos(region.turn), np.sin(region.turn)
    # From a pixel of the upright code to one of the picture.
    base = (cos - region.lean * sin) / ENLARGED, (sin + region.lean * cos) / ENLARGED
    matrix = np.array([[base[0], -sin, 0], [base[1], cos, 0]])
    for middle, thick in BANDS:
        high = max(1, int(height * thick) if thick else min(BAND_PX, height // len(BANDS)))
        down = high / 2 - height * (middle - 0.5)
        matrix[:, 2] = (region.x, region.y) - matrix[:, :2] @ (width / 2, down)
        rows = cv2.warpAffine(
            gray,
            matrix,
            (width, high),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT if strict else cv2.BORDER_REPLICATE,
            borderValue=0,
        )
        if strict:
            rows[:, : 3 * ENLARGED] = rows[:, -3 * ENLARGED :] = 0
        rows = np.sort(rows, axis=0)
        aside = high // 4  # dead pixels
        yield rows[aside : high - aside].mean(axis=0, keepdims=True).astype(np.uint8)


def _edges(band: Any) -> int:
    """How often a band goes from light to dark or back."""
    cv2, np = import_module("cv2"), import_module("numpy")
    light = (band > cv2.blur(band, (61, 1)))[0]
    return int(np.count_nonzero(light[1:] != light[:-1]))


def _looks(band: Any) -> Iterator[Any]:
    """A band as it is, sharpened and evenly lit; each as it is, then light and dark swapped."""
    cv2, np = import_module("cv2"), import_module("numpy")
    soft = cv2.GaussianBlur(band, (0, 0), SOFT_PX)
    for one in (band, cv2.addWeighted(band, 2, soft, -1, 0)):
        yield np.repeat(one, 4, axis=0)
        yield np.repeat(255 - one, 4, axis=0)
    flat = 0.15 * (int(band.max()) - int(band.min())) + 1
    for window in WINDOWS:
        kernel, half = np.ones((1, window), np.uint8), (window // 2 | 1, 1)
        low = cv2.blur(cv2.erode(band, kernel).astype(np.float32), half)
        high = cv2.blur(cv2.dilate(band, kernel).astype(np.float32), half)
        depth = np.maximum(high - low, flat)
        for dark in ((high - band) / depth, (band - low) / depth):
            even = np.clip(255 - 255 * dark, 0, 255).astype(np.uint8)
            yield np.repeat(even, 4, axis=0)
