"""Scenes with a code on a desk, under 20 conditions: those the reader was built on.

26 codes (QR codes of 7 to 150 characters, EMVCo codes, EAN-13, Code 128) are seen under each of 20
conditions, from fixed seeds, in pictures of 640 x 480 pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import qrcode
import zxingcpp

from paybench.bank.money import Money
from paybench.hil.emvco import Bill

if TYPE_CHECKING:
    from collections.abc import Callable

    Picture = np.ndarray[Any, Any]
    Condition = Callable[[Picture, np.random.Generator], Picture]

WIDTH, HEIGHT = 640, 480


# -- the codes ----------------------------------------------------------------------------------


def payloads() -> list[tuple[str, str]]:
    """Symbology and text of every code."""
    chance = np.random.default_rng(1)
    eans = []
    for digits in chance.integers(0, 10, (6, 12)):
        check = -sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10
        eans.append(("EAN13", "".join(map(str, digits)) + str(check)))
    linear = [("Code128", f"PB-{number:08d}") for number in chance.integers(0, 10**8, 4)]
    short = [("QR", f"T{number:06d}") for number in chance.integers(0, 10**6, 6)]
    urls = [("QR", f"https://pay.example/t/{chance.bytes(n).hex()}") for n in (8, 16, 24, 32)]
    bills = [
        ("QR", Bill(f"1-{n:06d}", "Shop A", "Berlin", Money(n, "EUR"), f"A.register-{n:06d}").text)
        for n in (250, 1280, 99_999)
    ]
    consumer = [
        ("QR", "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="),
        ("QR", "PAY 2.50\nTO A"),
        ("QR", "最佳运输 2.50"),
    ]
    return eans + linear + short + urls + bills + consumer


def drawn(kind: str, text: str) -> Picture:
    """A code black on white, with its margin, as large as a person holds it before a camera."""
    if kind == "QR":
        code = qrcode.QRCode(border=4, mask_pattern=2)
        code.add_data(text)
        modules = np.where(np.array(code.get_matrix()), 0, 255).astype(np.uint8)
        return scaled(modules, max(3, 240 // len(modules)))
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    bars = np.array(made.to_image(scale=1, add_hrt=False, add_quiet_zones=False))[5:6]
    bars = np.pad(bars, ((0, 0), (11, 11)), constant_values=255)
    return np.pad(np.repeat(scaled(bars, 3)[:1], 120, axis=0), ((20, 20), (0, 0)), "edge")


def scaled(picture: Picture, factor: int) -> Picture:
    """A picture enlarged pixel by pixel."""
    return np.kron(picture, np.ones((factor, factor), np.uint8))


def scene(code: Picture | None, chance: np.random.Generator) -> Picture:
    """A desk with things on it, and perhaps a code."""
    desk = np.linspace(150, 210, WIDTH, dtype=np.float32)[None, :].repeat(HEIGHT, 0)
    desk = desk.astype(np.uint8)
    for x, y, w, h, level in chance.integers((0, 0, 20, 10, 30), (600, 440, 140, 90, 250), (14, 5)):
        cv2.rectangle(desk, (int(x), int(y)), (int(x + w), int(y + h)), int(level), -1)
    for number in range(4):
        at = (int(chance.integers(0, 400)), int(chance.integers(20, 470)))
        cv2.putText(desk, f"RECEIPT No. {number} 2.50 EUR", at, 0, 0.6, 40, 1)
    if code is None:
        return desk
    height, width = code.shape
    left = (WIDTH - width) // 2 + int(chance.integers(-25, 26))
    top = (HEIGHT - height) // 2 + int(chance.integers(-25, 26))
    desk[top : top + height, left : left + width] = code
    return desk


# -- the conditions -----------------------------------------------------------------------------


def turned(degrees: float) -> Condition:
    """Turned about the middle."""

    def turn(picture: Picture, _: np.random.Generator) -> Picture:
        turning = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, 1)
        return cv2.warpAffine(picture, turning, (WIDTH, HEIGHT), borderValue=180)

    return turn


def leaning(picture: Picture, chance: np.random.Generator) -> Picture:
    """Seen from the side and from above."""
    corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    moved = corners + chance.uniform(-60, 60, (4, 2)).astype(np.float32)
    return cv2.warpPerspective(
        picture, cv2.getPerspectiveTransform(corners, moved), (WIDTH, HEIGHT), borderValue=180
    )


def curved(picture: Picture, _: np.random.Generator) -> Picture:
    """On a bottle."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    bent = WIDTH / 2 + np.arcsin((x - WIDTH / 2) / (WIDTH * 0.6)) * WIDTH * 0.6
    return cv2.remap(picture, bent.astype(np.float32), y, cv2.INTER_LINEAR)


def moved(picture: Picture, _: np.random.Generator) -> Picture:
    """Moved along a slant while the shutter was open."""
    kernel = np.eye(5, dtype=np.float32) / 5
    return cv2.filter2D(picture, -1, kernel)


def noisy(sigma: float) -> Condition:
    """A cheap camera in the evening."""
    return lambda picture, chance: clipped(picture + chance.normal(0, sigma, picture.shape))


def peppered(picture: Picture, chance: np.random.Generator) -> Picture:
    """Dead and hot pixels."""
    dice = chance.random(picture.shape)
    return np.where(dice < 0.02, 0, np.where(dice > 0.98, 255, picture)).astype(np.uint8)


def levels(black: float, white: float) -> Condition:
    """Black and white as these gray levels, with a little noise."""

    def change(picture: Picture, chance: np.random.Generator) -> Picture:
        grain = chance.normal(0, 1.5, picture.shape)
        return clipped(black + picture * ((white - black) / 255) + grain)

    return change


def shaded(picture: Picture, _: np.random.Generator) -> Picture:
    """A hand's shadow over half of it."""
    light = np.where(np.arange(WIDTH) < WIDTH / 2, 0.3, 1.0)
    return clipped(picture * cv2.blur(light[None, :].repeat(HEIGHT, 0), (31, 1)))


def glaring(picture: Picture, chance: np.random.Generator) -> Picture:
    """A lamp mirrored in the laminate."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    at_x, at_y = chance.uniform(260, 380), chance.uniform(180, 300)
    return clipped(picture + 160 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 35**2)))


def dirty(picture: Picture, chance: np.random.Generator) -> Picture:
    """Coffee on it: six drops."""
    picture = picture.copy()
    for x, y in chance.integers((220, 150), (420, 330), (6, 2)):
        cv2.circle(picture, (int(x), int(y)), 5, 90, -1)
    return picture


def on_screen(picture: Picture, _: np.random.Generator) -> Picture:
    """On a phone's display: every third row is darker."""
    rows = np.where(np.arange(HEIGHT) % 3 == 0, 0.6, 1.0)
    return clipped(picture * rows[:, None])


def far(picture: Picture, _: np.random.Generator) -> Picture:
    """Half as large, and sampled as a camera does."""
    small = cv2.resize(picture, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    return cv2.copyMakeBorder(small, 120, 120, 160, 160, cv2.BORDER_CONSTANT, value=180)


def pressed(picture: Picture, _: np.random.Generator) -> Picture:
    """JPEG at quality 15."""
    return cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 15])[1], cv2.IMREAD_GRAYSCALE
    )


def clipped(picture: Picture) -> Picture:
    """Within what a pixel can be."""
    return np.clip(picture, 0, 255).astype(np.uint8)


CONDITIONS: dict[str, Condition] = {
    "as it is": lambda picture, _: picture,
    "turned 15°": turned(15),
    "turned 45°": turned(45),
    "upside down": turned(180),
    "leaning": leaning,
    "curved": curved,
    "out of focus": lambda picture, _: cv2.GaussianBlur(picture, (0, 0), 1.3),
    "moved": moved,
    "noise": noisy(25),
    "more noise": noisy(45),
    "dead pixels": peppered,
    "low contrast": levels(110, 150),
    "dark": levels(4, 35),
    "inverted": lambda picture, _: 255 - picture,
    "shadow": shaded,
    "glare": glaring,
    "dirt": dirty,
    "on a screen": on_screen,
    "far": far,
    "JPEG": pressed,
}


# -- the scenes -------------------------------------------------------------------------------


def corpus() -> list[tuple[str, str, str, Picture]]:
    """Condition, kind, payload and picture of each scene."""
    scenes = []
    for number, (kind, text) in enumerate(payloads()):
        code = drawn(kind, text)
        for other, (name, condition) in enumerate(CONDITIONS.items()):
            chance = np.random.default_rng((number, other))
            scenes.append((name, kind, text, condition(scene(code, chance), chance)))
    return scenes


def empty_desks() -> list[Picture]:
    """Scenes without a code, under each condition."""
    desks = []
    for number in range(2):
        for other, condition in enumerate(CONDITIONS.values()):
            chance = np.random.default_rng((number, other, 99))
            desks.append(condition(scene(None, chance), chance))
    return desks
