"""From a picture to the payload in the device's hands.

Two codes take turns on a desk with things on it, blue-green-red as a camera gives them. Bare is
zxing-cpp on the picture. Ours is what stands behind a real camera: the thread that
takes it and the one that reads it, the wall clock, injection, record, codec, cable, port, process.
"""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import qrcode
import zxingcpp

from paybench.devices.link import LinkProfile
from paybench.devices.port import Port
from paybench.devices.scanner import Scanner
from paybench.devices.world import World
from paybench.hil.camera import Eye
from paybench.hil.sighting import CameraReader, Gaze

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Picture = np.ndarray[Any, Any]

FRAMES = 20
PAYLOADS = ("4901234567894", "T000042")
WIDTH, HEIGHT = 640, 480
LOOK_EVERY_S = 0.05


@contextmanager
def camera(width: int, height: int) -> Generator[dict[str, Callable[[], list[float]]]]:
    """Rounds by name, on pictures of so many pixels; each gives latencies in microseconds."""
    frames = [desk(payload, width, height) for payload in PAYLOADS]
    yield {"bare": partial(bare, frames), "ours": partial(ours, frames)}


def desk(payload: str, width: int, height: int) -> Picture:
    """A QR code among other things."""
    chance = np.random.default_rng(1)
    gray = np.full((HEIGHT, WIDTH), 180, np.uint8)
    for x, y, w, h, level in chance.integers((0, 0, 20, 10, 30), (600, 440, 140, 90, 250), (14, 5)):
        cv2.rectangle(gray, (int(x), int(y)), (int(x + w), int(y + h)), int(level), -1)
    for number in range(4):
        cv2.putText(gray, f"RECEIPT No. {number} 2.50 EUR", (20, 60 + 120 * number), 0, 0.6, 40, 1)
    drawing = qrcode.QRCode(border=4)
    drawing.add_data(payload)
    modules = np.where(np.array(drawing.get_matrix()), 0, 255).astype(np.uint8)
    code = np.kron(modules, np.ones((240 // len(modules),) * 2, np.uint8))
    top, left = (HEIGHT - len(code)) // 2, (WIDTH - len(code)) // 2
    gray[top : top + len(code), left : left + len(code)] = code
    return cv2.cvtColor(cv2.resize(gray, (width, height)), cv2.COLOR_GRAY2BGR)


def bare(frames: list[Picture]) -> list[float]:
    """The decoder alone."""
    latencies: list[float] = []
    for number in range(FRAMES):
        began = time.perf_counter_ns()
        found = zxingcpp.read_barcodes(frames[number % 2])
        latencies.append((time.perf_counter_ns() - began) / 1e3)
        assert [code.text for code in found] == [PAYLOADS[number % 2]]
    return latencies


def ours(frames: list[Picture]) -> list[float]:
    """A simulated device with a camera."""
    latencies: list[float] = []
    world = World()
    world.staged = True
    cable = Port(world.env, "A.register", "scanner cable")
    scanner = Scanner(world, "A.register.scanner")
    world.connect(scanner.port, cable, LinkProfile())
    world.env.attach(scanner.name, CameraReader(scanner, world, Gaze(0), print))
    assert world.env.wall is not None
    turns = Turns(frames)
    eye = Eye(
        turns,
        "auto",
        world.env.wall.loop,
        lambda data, lost: world.env.inject(scanner.name, data, lost),
    )

    def device() -> Generator[Any, Any, None]:
        for number in range(FRAMES):
            turns.wanted.release()
            reading = yield cable.receive(timeout_s=10.0)
            latencies.append((time.perf_counter_ns() - turns.taken_ns) / 1e3)
            assert reading.payload == PAYLOADS[number % 2]

    eye.start()
    try:
        world.env.process(device())
        world.env.wait_until(lambda: len(latencies) >= FRAMES, 60.0)
    finally:
        eye.stop()
        world.env.close()
    assert len(latencies) == FRAMES, "readings are missing"
    return latencies


class Turns:
    """A camera that takes a picture when it is wanted."""

    misses = 1
    end = False

    def __init__(self, frames: list[Picture]) -> None:
        self.wanted = threading.Semaphore(0)
        self.taken_ns = 0
        self._frames = itertools.cycle(frames)

    def open(self) -> None:
        """It is there."""

    def next(self, stop: threading.Event) -> Picture | None:
        """The next picture, of this moment."""
        while not stop.is_set():
            if self.wanted.acquire(timeout=LOOK_EVERY_S):
                self.taken_ns = time.perf_counter_ns()
                return next(self._frames)
        return None

    def close(self) -> None:
        """It stays."""
