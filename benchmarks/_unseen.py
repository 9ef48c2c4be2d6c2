"""Scenes the reader was not built on: 17 conditions alone and two at a time, drawn from a seed.

Every scene has a code of its own: QR codes of version 1 to 10 and all four levels of error
correction, Micro QR, Data Matrix, EAN-13, EAN-8, UPC-A, Code 128 and ITF, of other sizes than in
`_scenes`. Every condition has a strength from 0 to 1, where 1 is what a person at a till still
gets read with a little patience: strengths are up to 1 alone and up to 0.7 in company. A picture
comes about as in a camera: the print, how it lies, the light, the lens, the sensor.

The geometry is done at twice the size and then shrunk, so each pixel is the mean of what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import qrcode
import zxingcpp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Picture = np.ndarray[Any, Any]
    Chance = np.random.Generator

WIDTH, HEIGHT = 640, 480
FINE = 2
"""Pixels of the drawing per pixel of the picture, in either direction."""
ROUNDS = 3
"""So many codes are seen under each condition and each pair of conditions."""
GROUND = 190
"""Gray level of a desk beyond the picture's edge."""


@dataclass
class Shot:
    """A picture on its way from the desk to the decoder.

    Attributes:
        picture: Gray levels; `FINE` times as large until the sensor.
        module_px: Width of the code's narrowest bar in the final picture.
        left, top, width, height: Where the code lies with its margin, in pixels of the drawing.
    """

    picture: Picture
    module_px: float
    left: int
    top: int
    width: int
    height: int

    @property
    def patch(self) -> Picture:
        """The code with its margin, to be changed in place."""
        return self.picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def spot(self, chance: Chance) -> tuple[float, float]:
        """A place on the code."""
        return (
            self.left + self.width * chance.uniform(0.2, 0.8),
            self.top + self.height * chance.uniform(0.2, 0.8),
        )


# -- the codes ----------------------------------------------------------------------------------


def digits(chance: Chance, count: int) -> str:
    """So many digits, the first of which is not 0."""
    return "".join(map(str, chance.integers(1, 10, 1))) + "".join(
        map(str, chance.integers(0, 10, count - 1))
    )


def with_check_digit(number: str) -> str:
    """A number of GS1 with its check digit."""
    return number + str(-sum(int(d) * (1, 3)[i % 2 == 0] for i, d in enumerate(number[::-1])) % 10)


def qr_text(chance: Chance) -> str:
    """What is in QR codes at a till: customer's codes, links, terms of payment."""
    number, token = digits(chance, 18), chance.bytes(12).hex()
    bill = f"000201010212{number}5204541153039785406{number[:3]}.505802DE5906Shop B6006Berlin"
    texts = [
        number,
        f"TICKET-{token[:8].upper()}",
        f"https://p.example/{token}",
        f"https://pay.example/checkout?shop={number[:5]}&amount={number[5:9]}&order={token}",
        f"{bill}62180514{token[:14]}6304{token[-4:].upper()}",
        f'{{"shop":"{number[:4]}","amount":{number[4:7]},"id":"{token}"}}',
    ]
    return str(chance.choice(texts))


def qr(chance: Chance) -> tuple[str, Picture]:
    """A QR code of any level of error correction."""
    text = qr_text(chance)
    code = qrcode.QRCode(
        border=0,
        error_correction=int(chance.integers(0, 4)),
        mask_pattern=int(chance.integers(0, 8)),
    )
    code.add_data(text)
    return text, np.where(np.array(code.get_matrix()), 0, 255).astype(np.uint8)


def made(kind: str, text: str, **options: Any) -> Picture:
    """A code of one pixel a module, without its margin."""
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
    return np.array(code.to_image(scale=1, add_hrt=False, add_quiet_zones=False))


def small(chance: Chance) -> tuple[str, str, Picture]:
    """A Micro QR or Data Matrix code."""
    text = f"{'ABCDEFGH'[int(chance.integers(8))]}{digits(chance, int(chance.integers(6, 9)))}"
    if chance.random() < 0.3:
        return "Micro QR", text, made("MicroQRCode", text, ec_level="M")
    text += chance.bytes(int(chance.integers(0, 12))).hex()
    return "Data Matrix", text, made("DataMatrix", text)


def linear(chance: Chance) -> tuple[str, str, Picture]:
    """A bar code, of which `made` gives one row; UPC-A is read as the EAN-13 it is."""
    kind = str(chance.choice(["EAN13", "EAN13", "EAN8", "UPCA", "Code128", "Code128", "ITF"]))
    if kind == "Code128":
        token = chance.bytes(4).hex()
        letters = [digits(chance, 14), f"A-{digits(chance, 7)}", f"Kasse {token[:4]}", token]
        text = str(chance.choice(letters))
    elif kind == "ITF":
        text = with_check_digit(digits(chance, int(chance.choice([9, 13, 15]))))
    else:
        text = with_check_digit(digits(chance, {"EAN13": 12, "EAN8": 7, "UPCA": 11}[kind]))
    row = made(kind, text)[5:6]
    return kind, "0" * (kind == "UPCA") + text, row


def code(chance: Chance) -> tuple[str, str, Picture, float]:
    """Symbology, payload, the code black on white with its margin, and its module in pixels."""
    which = chance.random()
    if which < 0.5:
        kind, (text, modules), margin = "QR", qr(chance), 4
    elif which < 0.65:
        kind, text, modules = small(chance)
        margin = 2
    else:
        kind, text, modules = linear(chance)
        margin = 10
    side = chance.uniform(150, 260) if margin < 10 else chance.uniform(300, 420)
    fine = int(np.clip(side * FINE / modules.shape[1], 2.5 * FINE, 6 * FINE))
    drawing = np.kron(modules, np.ones((fine, fine), np.uint8))
    aside = margin * fine
    if margin == 10:
        height = int(drawing.shape[1] * chance.uniform(0.3, 0.65))
        drawing = np.repeat(drawing[:1], height, axis=0)
    above = min(aside, 4 * fine)
    drawing = np.pad(drawing, ((above, above), (aside, aside)), constant_values=255)
    return kind, text, drawing, fine / FINE


def desk(chance: Chance) -> Picture:
    """Things on a counter, lit from one side."""
    width, height = WIDTH * FINE, HEIGHT * FINE
    there = np.linspace(*chance.uniform(120, 235, 2), width)[None, :].repeat(height, 0)
    there = there.astype(np.uint8)
    for _ in range(12):
        x, y, level = chance.integers(0, (width, height, 256))
        size = tuple(int(n) for n in chance.integers(20, 260, 2))
        cv2.ellipse(there, ((int(x), int(y)), size, chance.uniform(0, 180)), int(level), -1)
    for _ in range(5):
        x, y, level = chance.integers((0, 20, 10), (width, height, 90))
        cv2.putText(
            there, f"Total {digits(chance, 5)} EUR", (int(x), int(y)), 0, 1.2, int(level), 2
        )
    return there


# -- the conditions -----------------------------------------------------------------------------


def inverted(shot: Shot, _strength: float, _chance: Chance) -> None:
    """Light on dark, its margin too; the desk stays."""
    shot.patch[:] = 255 - shot.patch


def worn(shot: Shot, strength: float, chance: Chance) -> None:
    """Scratched: short light lines."""
    for _ in range(2 + round(3 * strength)):
        x, y = shot.spot(chance)
        turn, length = chance.uniform(0, np.pi), 0.15 * min(shot.width, shot.height)
        aside, down = np.cos(turn) * length, np.sin(turn) * length
        width = max(1, round(0.5 * shot.module_px * FINE))
        ends = (int(x - aside), int(y - down)), (int(x + aside), int(y + down))
        cv2.line(shot.picture, *ends, 235, width)


def dirty(shot: Shot, strength: float, chance: Chance) -> None:
    """Drops on it, of one module's radius and 2 to 4 % of its area together."""
    radius = shot.module_px * FINE
    drops = (0.02 + 0.02 * strength) * shot.width * shot.height / (np.pi * radius**2)
    for _ in range(min(8, round(drops))):
        x, y = shot.spot(chance)
        cv2.circle(shot.picture, (int(x), int(y)), int(radius), 80, -1)


def on_screen(shot: Shot, strength: float, chance: Chance) -> None:
    """On a display: its rows beat with those of the camera."""
    rows = np.arange(shot.height) * (2 * np.pi / chance.uniform(4, 11))
    beat = 1 - (0.15 + 0.2 * strength) * (1 + np.sin(rows))
    shot.patch[:] = clipped(shot.patch * beat[:, None])


def warped(shot: Shot, matrix: Picture) -> None:
    """Seen through a homography about the picture's middle."""
    height, width = shot.picture.shape
    to_middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    whole = to_middle @ matrix @ np.linalg.inv(to_middle)
    shot.picture = cv2.warpPerspective(shot.picture, whole, (width, height), borderValue=GROUND)


def turned(shot: Shot, _strength: float, chance: Chance) -> None:
    """Turned by any angle."""
    turning = cv2.getRotationMatrix2D((0, 0), chance.uniform(0, 360), 1)
    warped(shot, np.vstack((turning, [0, 0, 1])))


def tilted(shot: Shot, strength: float, chance: Chance) -> None:
    """Seen 25 to 50 degrees from the side, whichever side."""
    axis = chance.uniform(0, 2 * np.pi)
    lean = np.radians(25 + 25 * strength)
    turn, _ = cv2.Rodrigues(np.array([np.cos(axis), np.sin(axis), 0]) * lean)
    focal = 1.3 * WIDTH * FINE
    to_plane = np.column_stack((turn[:, 0] / focal, turn[:, 1] / focal, [0, 0, 1]))
    warped(shot, np.diag([focal, focal, 1]) @ to_plane)
    shot.module_px *= np.cos(lean)


def curved(shot: Shot, strength: float, _chance: Chance) -> None:
    """Round a bottle of 0.8 to 1.2 times the code's width as radius."""
    height, width = shot.picture.shape
    radius = shot.width * (1.2 - 0.4 * strength)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    middle = shot.left + shot.width / 2
    bent = middle + np.arcsin(np.clip((x - middle) / radius, -0.98, 0.98)) * radius
    shot.picture = cv2.remap(
        shot.picture, bent.astype(np.float32), y, cv2.INTER_LINEAR, borderValue=GROUND
    )
    shot.module_px *= 0.85


def far(shot: Shot, strength: float, _chance: Chance) -> None:
    """Smaller, but no module below 1.7 pixels."""
    factor = min(1.0, max(0.8 - 0.3 * strength, 1.7 / shot.module_px))
    warped(shot, np.diag([factor, factor, 1]))
    shot.module_px *= factor


def shadow(shot: Shot, strength: float, chance: Chance) -> None:
    """The edge of a hand's shadow runs over it."""
    across = away_from(shot.picture, chance.uniform(0, 2 * np.pi), chance.uniform(-40, 40))
    dark = 0.6 - 0.35 * strength
    shot.picture = clipped(shot.picture * (dark + (1 - dark) / (1 + np.exp(-across / 12))))


def glare(shot: Shot, strength: float, chance: Chance) -> None:
    """A lamp is mirrored in it."""
    height, width = shot.picture.shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    at_x, at_y = width / 2 + chance.uniform(-90, 90), height / 2 + chance.uniform(-90, 90)
    size = chance.uniform(40, 80)
    lamp = np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * size**2))
    shot.picture = clipped(shot.picture + (80 + 80 * strength) * lamp)


def dark(shot: Shot, strength: float, chance: Chance) -> None:
    """White is a dark gray, and the sensor's own noise shows."""
    levels(shot, 4, 60 - 25 * strength, 2.0, chance)


def washed_out(shot: Shot, strength: float, chance: Chance) -> None:
    """Faint print: little between black and white."""
    levels(shot, black := chance.uniform(60, 150), black + 75 - 40 * strength, 1.5, chance)


def out_of_focus(shot: Shot, strength: float, _chance: Chance) -> None:
    """Blurred by 0.25 to 0.45 modules (standard deviation)."""
    sigma = (0.25 + 0.2 * strength) * shot.module_px * FINE
    shot.picture = cv2.GaussianBlur(shot.picture, (0, 0), sigma)


def moved(shot: Shot, strength: float, chance: Chance) -> None:
    """Moved by 0.5 to 1.3 modules while the shutter was open, any way."""
    length = (0.5 + 0.8 * strength) * shot.module_px * FINE
    turn = chance.uniform(0, np.pi)
    size = int(length) | 1
    x, y = np.meshgrid(*(np.arange(-size, size + 1),) * 2)
    along = np.abs(x * np.cos(turn) + y * np.sin(turn)) <= length / 2
    near = np.abs(x * np.sin(turn) - y * np.cos(turn)) <= 0.5
    kernel = (along & near).astype(np.float32)
    shot.picture = cv2.filter2D(shot.picture, -1, kernel / kernel.sum())


def noise(shot: Shot, strength: float, chance: Chance) -> None:
    """Grain as of light itself: it goes with the root of what falls in."""
    sigma = (12 + 18 * strength) * np.sqrt(shot.picture / 255.0) + 1
    shot.picture = clipped(shot.picture + chance.normal(0, 1, shot.picture.shape) * sigma)


def dead_pixels(shot: Shot, strength: float, chance: Chance) -> None:
    """Up to 1 % of the pixels are black, as many white."""
    dice, share = chance.random(shot.picture.shape), 0.003 + 0.007 * strength
    picture = np.where(dice < share, 0, np.where(dice > 1 - share, 255, shot.picture))
    shot.picture = picture.astype(np.uint8)


def pressed(shot: Shot, strength: float, _chance: Chance) -> None:
    """JPEG at quality 40 to 15."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, round(40 - 25 * strength)]
    shot.picture = cv2.imdecode(
        cv2.imencode(".jpg", shot.picture, quality)[1], cv2.IMREAD_GRAYSCALE
    )


def levels(shot: Shot, black: float, white: float, sigma: float, chance: Chance) -> None:
    """Black and white as these gray levels. The grain is averaged when the picture is shrunk."""
    grain = chance.normal(0, sigma * FINE, shot.picture.shape)
    shot.picture = clipped(black + shot.picture * ((white - black) / 255) + grain)


def away_from(picture: Picture, turn: float, aside: float) -> Picture:
    """How far each pixel is from a line past the picture's middle."""
    height, width = picture.shape
    x, y = np.meshgrid(np.arange(width) - width / 2, np.arange(height) - height / 2)
    return x * np.cos(turn) + y * np.sin(turn) - aside


def clipped(picture: Picture) -> Picture:
    """Within what a pixel can be."""
    return np.clip(picture, 0, 255).astype(np.uint8)


def shrunk(shot: Shot) -> None:
    """From the drawing to the sensor's pixels."""
    shot.picture = cv2.resize(shot.picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


BEFORE_SENSOR: dict[str, Callable[[Shot, float, Chance], None]] = {
    "inverted": inverted,
    "worn": worn,
    "dirty": dirty,
    "on a screen": on_screen,
    "curved": curved,
    "turned": turned,
    "tilted": tilted,
    "far": far,
    "shadow": shadow,
    "glare": glare,
    "dark": dark,
    "washed out": washed_out,
    "out of focus": out_of_focus,
    "moved": moved,
}
ON_SENSOR: dict[str, Callable[[Shot, float, Chance], None]] = {
    "noise": noise,
    "dead pixels": dead_pixels,
    "JPEG": pressed,
}
CONDITIONS = BEFORE_SENSOR | ON_SENSOR
"""In the order in which they come about."""
NEVER_TOGETHER = {("dark", "washed out")}


# -- what is measured ---------------------------------------------------------------------------


def mixtures() -> list[tuple[str, ...]]:
    """Each condition alone, and each two."""
    pairs = [pair for pair in combinations(CONDITIONS, 2) if pair not in NEVER_TOGETHER]
    return [(name,) for name in CONDITIONS] + pairs


def photographed(shot: Shot, names: tuple[str, ...], chance: Chance) -> Picture:
    """The picture of a scene under conditions."""
    strongest = 1.0 if len(names) == 1 else 0.7
    for name in names:
        if name in BEFORE_SENSOR:
            BEFORE_SENSOR[name](shot, chance.uniform(0, strongest), chance)
    shrunk(shot)
    for name in names:
        if name in ON_SENSOR:
            ON_SENSOR[name](shot, chance.uniform(0, strongest), chance)
    return shot.picture


def unseen(seed: int) -> Iterator[tuple[str, str, str, Picture]]:
    """Conditions, symbology, payload and picture of each scene."""
    for turn in range(ROUNDS):
        for number, names in enumerate(mixtures()):
            chance = np.random.default_rng((seed, turn, number))
            kind, text, drawing, module_px = code(chance)
            picture = desk(chance)
            height, width = drawing.shape
            left = (WIDTH * FINE - width) // 2 + int(chance.integers(-40, 41))
            top = (HEIGHT * FINE - height) // 2 + int(chance.integers(-40, 41))
            picture[top : top + height, left : left + width] = drawing
            shot = Shot(picture, module_px, left, top, width, height)
            yield " + ".join(names), kind, text, photographed(shot, names, chance)


def empty(seed: int) -> Iterator[Picture]:
    """As many desks without a code as there are mixtures of conditions."""
    for number, names in enumerate(mixtures()):
        chance = np.random.default_rng((seed, 99, number))
        shot = Shot(desk(chance), 3.0, 400, 300, 480, 360)
        yield photographed(shot, names, chance)
