"""The camera driver: codes held before a camera, or laid into a folder as pictures.

    camera:0                     camera:/dev/video0
    camera:rtsp://10.0.0.7/live  camera:film.mp4
    camera:folder/of/pictures    camera:picture.png?decoder=zxing&again=500

One thread takes the pictures, another reads the codes in the newest; what it has no time for is
dropped. Only what came into view and left it goes into the run (`paybench.hil.sighting`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paybench.devices.scanner import Scanner
from paybench.hil.codes import DECODERS, decoder_named
from paybench.hil.errors import DecoderMissing, PortUnavailable, SpecError
from paybench.hil.eye import Eye
from paybench.hil.picture import Pictures, pictures_at
from paybench.hil.pluggable import RECONNECT, PluggableDriver
from paybench.hil.sighting import CameraReader, Gaze

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from paybench.devices.part import Part
    from paybench.devices.world import World
    from paybench.hil.spec import Spec
    from paybench.hil.transport import Take

OPTIONS = {
    "decoder": f"who reads the codes: {', '.join(DECODERS)}; default auto",
    "again": "milliseconds a code must be away to be read again, default 1000",
} | RECONNECT


class CameraDriver(PluggableDriver):
    """A camera in the place of a scanner. `kinds`: scanner."""

    kinds = frozenset({Scanner.kind})
    options = OPTIONS

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, Camera(spec.address, spec.choice("decoder", *DECODERS)))
        self._again_ns = spec.number("again", 1000, 0, 60_000) * 1_000_000

    def stand_in(self, part: Part, world: World, operator: Callable[[str], None]) -> None:
        """Take the place of a scanner.

        Raises:
            SpecError: The part is of another kind.
        """
        if not isinstance(part, Scanner):
            raise SpecError(f"a camera cannot be {part.name}, which is a {part.kind}")
        reader = part.operated = CameraReader(part, world, Gaze(self._again_ns), operator)
        self.attach(part, world, reader)


class Camera:
    """Whatever pictures come from, with an eye on them; what it hands over are sightings.

    Args:
        address: Where the pictures come from, as `pictures_at` takes it.
        decoder: Name of the decoder.
    """

    def __init__(self, address: str, decoder: str) -> None:
        self._address = address
        self._decoder = decoder
        self._pictures: Pictures | None = None
        self._is_open = False
        self._eye: Eye | None = None

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
            raise PortUnavailable(f"{self._address}: {error}") from error
        # The same as before the camera was lost: they know what they were pictures of.
        self._pictures = self._pictures or pictures_at(self._address)
        self._pictures.open()
        self._is_open = True

    def start(self, loop: AbstractEventLoop, take: Take) -> None:
        """Look at the pictures."""
        assert self._pictures is not None
        self._eye = Eye(self._pictures, self._decoder, loop, take)
        self._is_open = False  # the eye closes them
        self._eye.start()

    def close(self) -> None:
        """Stop looking, and let go of the camera."""
        if self._eye is not None:
            self._eye.stop()
            self._eye = None
        if self._pictures is not None and self._is_open:
            self._pictures.close()
            self._is_open = False
