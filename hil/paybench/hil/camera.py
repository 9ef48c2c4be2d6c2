"""The camera driver: codes held before a camera, or laid into a folder as pictures.

    camera:0                     camera:/dev/video0
    camera:rtsp://10.0.0.7/live  camera:film.mp4
    camera:folder/of/pictures    camera:picture.png?decoder=zxing&again=500

One thread takes the pictures, another reads the codes in the newest; what it has no time for is
dropped. Only what came into view and left it goes into the run (`paybench.hil.sighting`).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from paybench.devices.scanner import Scanner
from paybench.hil.codes import DECODERS, ByTurns, Code, decoder_named
from paybench.hil.errors import DecoderMissing, PortLost, PortUnavailable, SpecError
from paybench.hil.picture import Pictures, pictures_at
from paybench.hil.sighting import CameraReader, Gaze, Sighting

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.codes import Frame
    from paybench.hil.spec import Spec

    Take = Callable[[bytes, str], None]

CODES_MAX = 16
"""So many codes in one picture are read; a wall of codes is no presentation."""
STOP_S = 2.0
OPTIONS = {
    "decoder": f"who reads the codes: {', '.join(DECODERS)}; default auto",
    "again": "milliseconds a code must be away to be read again, default 1000",
}


class CameraDriver:
    """A camera in the place of a scanner. `kinds`: scanner."""

    kinds = frozenset({Scanner.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        spec.check_options(OPTIONS)
        self.address = spec.address
        self._again_ns = spec.number("again", 1000, 0, 60_000) * 1_000_000
        self._decoder = spec.choice("decoder", *DECODERS)
        self._pictures: Pictures | None = None
        self._eye: Eye | None = None

    def probe(self) -> None:
        """Open the camera and let go of it again.

        Raises:
            PortUnavailable: It is missing, dark or not permitted.
        """
        self.open()
        self.close()

    def open(self) -> None:
        """Take hold of the camera, and see to it that the decoder is there.

        Raises:
            PortUnavailable: The camera is missing, dark or not permitted, or the decoder missing.
        """
        from PIL import Image

        try:
            # Loads the decoders now and not while a code is held.
            decoder_named(self._decoder)(Image.new("L", (64, 64), 255))
        except DecoderMissing as error:
            raise PortUnavailable(f"{self.address}: {error}") from error
        pictures = pictures_at(self.address)
        pictures.open()
        self._pictures = pictures

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner.

        Raises:
            SpecError: The part is of another kind.
        """
        if not isinstance(part, Scanner):
            raise SpecError(f"a camera cannot be {part.name}, which is a {part.kind}")
        reader = part.operated = CameraReader(part, world, Gaze(self._again_ns), operator)
        world.env.attach(part.name, reader)
        if self._pictures is not None and world.env.wall is not None:

            def take(data: bytes, lost: str) -> None:
                world.env.inject(part.name, data, lost)

            self._eye = Eye(self._pictures, self._decoder, world.env.wall.loop, take)
            self._pictures = None
            self._eye.start()

    def close(self) -> None:
        """Stop looking, and let go of the camera."""
        if self._eye is not None:
            self._eye.stop()
            self._eye = None
        if self._pictures is not None:
            self._pictures.close()
            self._pictures = None


class Eye:
    """Two threads: one takes pictures, one reads the codes in the newest.

    Args:
        pictures: Where the pictures come from, open; the eye closes it.
        decoder: Name of the decoder.
        loop: The loop of wall time.
        take: Called on the loop with a recorded `Sighting` and ""; or, once and last, with b"" and
            why there are no more pictures.
    """

    def __init__(
        self, pictures: Pictures, decoder: str, loop: AbstractEventLoop, take: Take
    ) -> None:
        self._pictures = pictures
        in_a_stream = decoder == "auto" and pictures.misses > 1
        self._decode = ByTurns() if in_a_stream else decoder_named(decoder)
        self._loop = loop
        self._take = take
        self._stop = threading.Event()
        self._new = threading.Condition()
        self._newest: list[Frame | None] = []  # at most one: the next takes its place
        self._lost = ""
        self._missed: dict[Code, int] = {}  # what is in view, and for how many pictures it was not
        self._threads = [
            threading.Thread(target=self._photograph, name="paybench camera", daemon=True),
            threading.Thread(target=self._read, name="paybench code reader", daemon=True),
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Look no more. A camera that hangs is left to its thread, which ends with the process."""
        self._stop.set()
        with self._new:
            self._new.notify()
        for thread in self._threads:
            thread.join(STOP_S)

    def show(self, frame: Frame | None) -> None:
        """A picture was taken; None is one of nothing."""
        with self._new:
            self._newest[:] = [frame]
            self._new.notify()

    def _photograph(self) -> None:
        lost = ""
        try:
            while not self._stop.is_set():
                frame = self._pictures.next(self._stop)
                if not self._stop.is_set():
                    self.show(frame)
        except PortLost as error:
            lost = str(error)
        except Exception as error:  # noqa: BLE001 - OpenCV raises what its backends do
            lost = f"the camera failed ({error})"
        finally:
            self._pictures.close()
            with self._new:
                self._lost = lost
                self._new.notify()

    def _read(self) -> None:
        while True:
            with self._new:
                self._new.wait_for(lambda: self._newest or self._lost or self._stop.is_set())
                if self._stop.is_set():
                    return
                frames, self._newest = self._newest, []
            if not frames:
                self._tell(b"", self._lost)
                return
            frame = frames[0]
            try:
                codes = [] if frame is None else self._decode(frame)
            except Exception as error:  # noqa: BLE001 - a decoder is not ours, a picture hostile
                self._tell(b"", f"the decoder failed on a picture ({error}): try another decoder")
                self._stop.set()
                return
            for sighting in self._compare(codes[:CODES_MAX]):
                self._tell(sighting.encode(), "")

    def _compare(self, codes: list[Code]) -> list[Sighting]:
        """What came into view with a picture, and what left it."""
        sightings = [Sighting(code) for code in dict.fromkeys(codes) if code not in self._missed]
        for code in codes:
            self._missed[code] = 0
        for code in self._missed.keys() - set(codes):
            self._missed[code] += 1
        left = [code for code, missed in self._missed.items() if missed >= self._pictures.misses]
        for code in left:
            del self._missed[code]
        return [Sighting(code, came=False) for code in left] + sightings

    def _tell(self, data: bytes, lost: str) -> None:
        with suppress(RuntimeError):  # the run is over, and its loop closed
            self._loop.call_soon_threadsafe(self._take, data, lost)
