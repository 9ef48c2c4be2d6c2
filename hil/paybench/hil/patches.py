"""Busy patches of a picture, where a code may be, and ways to look at one again.

A desk is mostly smooth, a code is nothing but edges. To look again only where there are many costs
a fifth of looking at the whole picture, and nothing where there are none. Needs OpenCV. Pictures
are NumPy arrays of gray levels.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

SEARCHED_PX = 500
"""A wider picture is searched in half its size, or less."""
CELL_PX = 4
BUSY = 0.4
"""Edges below this share of the busiest cell's are no code's."""
LIGHT_MIN = 16
SIDE_MIN_PX = 20
"""In the picture that is searched."""
PATCHES_MAX = 2
MARGIN_PX = 28
LARGE_PX = 600
"""A larger patch is shrunk to this: its modules are large enough, and its time is not."""
CROSSINGS_MIN = 5
"""In the mean a row of a code's modules goes so often from light to dark or back; and a column."""


class Patch(NamedTuple):
    """A part of the picture, with some margin.

    Attributes:
        picture: Its gray levels.
        busy_px2: How much of it is full of edges.
    """

    picture: Any
    busy_px2: float


class Look(NamedTuple):
    """A way to look at a patch again.

    Attributes:
        change: What is done to the picture.
        scale: By how much that makes it larger.
    """

    change: Callable[[Any], Any]
    scale: float


def patches(gray: Any) -> list[Patch]:
    """Where there may be a code of modules in two directions, the likeliest first."""
    cv2, np = import_module("cv2"), import_module("numpy")
    scale = -(-max(gray.shape) // SEARCHED_PX)
    small = cv2.resize(gray, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    edges = cv2.magnitude(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    # Against the light that falls there: in a shadow, a code's edges are weaker.
    edges /= cv2.blur(small, (15, 15)).astype(np.float32) + LIGHT_MIN
    cells = tuple(max(1, side // CELL_PX) for side in small.shape[::-1])
    energy = cv2.blur(cv2.resize(edges, cells, interpolation=cv2.INTER_AREA), (5, 5))
    energy = energy - np.percentile(energy, 5)  # without the noise, which is everywhere
    busy = (energy > BUSY * energy.max()).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(busy)
    step = CELL_PX * scale
    found: list[tuple[float, Patch]] = []
    for label in range(1, count):
        left, top, width, height, area = (int(number) for number in stats[label])
        if min(width, height) * CELL_PX < SIDE_MIN_PX:
            continue
        rows = slice(max(0, top * step - MARGIN_PX), (top + height) * step + MARGIN_PX)
        columns = slice(max(0, left * step - MARGIN_PX), (left + width) * step + MARGIN_PX)
        patch = _no_larger(np.ascontiguousarray(gray[rows, columns]), area * step**2)
        if _like_modules(patch.picture):
            found.append((float(energy[labels == label].sum()), patch))
    found.sort(key=lambda one: -one[0])
    return [patch for _, patch in found[:PATCHES_MAX]]


def _no_larger(picture: Any, busy_px2: float) -> Patch:
    cv2 = import_module("cv2")
    factor = LARGE_PX / max(picture.shape)
    if factor >= 1:
        return Patch(picture, busy_px2)
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return Patch(small, busy_px2 * factor**2)


def _like_modules(picture: Any) -> bool:
    cv2, np = import_module("cv2"), import_module("numpy")
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    light = smooth > cv2.blur(smooth, (41, 41))
    middle = tuple(slice(side // 4, side - side // 4) for side in light.shape)
    across = np.count_nonzero(light[middle[0], 1:] != light[middle[0], :-1], axis=1)
    down = np.count_nonzero(light[1:, middle[1]] != light[:-1, middle[1]], axis=0)
    return min(across.mean(), down.mean()) >= CROSSINGS_MIN


# -- looks --------------------------------------------------------------------------------------


def _small(picture: Any) -> Any:
    return _resized(_even(picture), 0.5)


def _bold(picture: Any) -> Any:
    """Its scratches filled."""
    return _even(_grown(picture))


def _smooth_turned(picture: Any) -> Any:
    return _turned(_even(_smooth(picture)))


def _bold_small(picture: Any) -> Any:
    return _resized(_grown(picture), 0.75)


def _fine_small(picture: Any) -> Any:
    """Its specks gone."""
    cv2, np = import_module("cv2"), import_module("numpy")
    return _resized(cv2.dilate(picture, np.ones((3, 3), np.uint8)), 0.75)


def _bold_smaller(picture: Any) -> Any:
    return _resized(_grown(picture), 0.5)


def _bold_turned(picture: Any) -> Any:
    return _turned(_grown(picture))


def _smooth(picture: Any) -> Any:
    return import_module("cv2").GaussianBlur(picture, (0, 0), 1)


def _large(picture: Any) -> Any:
    cv2 = import_module("cv2")
    return cv2.resize(picture, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_LINEAR)


def _upside_down(picture: Any) -> Any:
    return import_module("cv2").GaussianBlur(picture[::-1, ::-1], (0, 0), 0.6)


def _turned(picture: Any) -> Any:
    cv2 = import_module("cv2")
    height, width = picture.shape
    side = int((height**2 + width**2) ** 0.5)
    turning = cv2.getRotationMatrix2D((width / 2, height / 2), 30, 1)
    turning[:, 2] += ((side - width) / 2, (side - height) / 2)
    return cv2.warpAffine(picture, turning, (side, side), borderMode=cv2.BORDER_REPLICATE)


def _grown(picture: Any) -> Any:
    cv2, np = import_module("cv2"), import_module("numpy")
    return cv2.erode(picture, np.ones((3, 3), np.uint8))


def _even(picture: Any) -> Any:
    cv2 = import_module("cv2")
    return cv2.divide(picture, cv2.blur(picture, (31, 31)), scale=180)


def _resized(picture: Any, factor: float) -> Any:
    cv2 = import_module("cv2")
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


LOOKS = (
    Look(_small, 0.5),
    Look(_bold, 1),
    Look(_smooth_turned, 1),
    Look(_bold_small, 0.75),
    Look(_fine_small, 0.75),
    Look(_bold_smaller, 0.5),
    Look(_bold_turned, 1),
)
"""Each reads what the others do not."""
MILD_LOOKS = (Look(_turned, 1), Look(_smooth, 1), Look(_large, 1.5), Look(_upside_down, 1))
"""These read little that was not read before: they are to confirm it."""
