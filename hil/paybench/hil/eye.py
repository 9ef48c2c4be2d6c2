"""An eye on pictures: which codes come into view, and which leave it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from paybench.hil.codes import ByTurns, Code, decoder_named
from paybench.hil.errors import PortLost
from paybench.hil.sighting import OVER, Sighting

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from paybench.hil.codes import Frame
    from paybench.hil.picture import Pictures
    from paybench.hil.transport import Take

CODES_MAX = 16
"""So many codes in one picture are read; a wall of codes is no presentation."""
STOP_S = 2.0


class Eye:
    """Two threads: one takes pictures, one reads the codes in the newest.

    Args:
        pictures: Where the pictures come from, open; the eye closes it.
        decoder: Name of the decoder.
        loop: The loop of wall time.
        take: Called on the loop with a recorded `Sighting` and ""; or, once and last, with b"" and
            why there are no more pictures, after an `OVER` where there never will be.
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
                self._end(self._lost, for_good=self._pictures.end)
                return
            frame = frames[0]
            try:
                codes = [] if frame is None else self._decode(frame)
            except Exception as error:  # noqa: BLE001 - a decoder is not ours, a picture hostile
                why = f"the decoder failed on a picture ({error}): try another decoder"
                self._end(why, for_good=True)
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

    def _end(self, why: str, *, for_good: bool) -> None:
        if for_good:
            self._tell(OVER, "")
        self._tell(b"", why)

    def _tell(self, data: bytes, lost: str) -> None:
        with suppress(RuntimeError):  # the run is over, and its loop closed
            self._loop.call_soon_threadsafe(self._take, data, lost)
