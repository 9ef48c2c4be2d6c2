"""A camera, and what is held before it, played by a process of its own.

Run it as `python -m paybench.hil.virtual.camera`; docs/camera.md tells how to use it by hand. It is
a network camera (motion JPEG over HTTP, on this machine alone), or lays pictures into a folder.
Whoever attaches really takes the pictures and really decodes them.
"""

from __future__ import annotations

import argparse
import shutil
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from paybench.hil.codes import load_picture
from paybench.hil.errors import HilError
from paybench.hil.qr_picture import qr_picture
from paybench.hil.virtual.parent import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

WIDTH_PX, HEIGHT_PX = 640, 480
PICTURES_PER_S = 25
LOOK_EVERY_S = 0.02
_DESK, _DARK = 200, 0

_EPILOG = """\
what may be written on stdin, a line each:
  hold PICTURE   hold a picture before the camera
  text PAYLOAD   hold the QR code of a text before it
  away           take away what is held
  dark           cover the lens
  off, on        switch the camera off, so that nothing is there, and on again
Each line is answered on stdout with what is now before the camera. The end of stdin hangs up.
"""


class Lens(Protocol):
    """Where the pictures go."""

    def see(self, scene: Image | None) -> None:
        """This is before the camera now; None is nothing."""

    def switch(self, *, on: bool) -> None:
        """Switch the camera off, or on again."""


class Folder:
    """Lays what is held into a folder, as one picture file. Off, there is no folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "held.png"

    def switch(self, *, on: bool) -> None:
        """Take the folder away with all that is in it, or make it anew."""
        if on:
            self._folder.mkdir()
        else:
            shutil.rmtree(self._folder)

    def see(self, scene: Image | None) -> None:
        """Write the picture, or remove it; never half a picture."""
        if scene is None:
            self._file.unlink(missing_ok=True)
            return
        half = self._file.with_suffix(".part")
        scene.save(half, "PNG")
        half.replace(self._file)


class NetworkCamera:
    """Sends the scene, again and again, to whoever asks. Off, nothing listens there."""

    def __init__(self) -> None:
        self._jpeg = b""
        self.see(None)
        self._server = _Server(("127.0.0.1", 0), lambda: self._jpeg)
        self._address = self._server.server_address

    @property
    def url(self) -> str:
        """Where it can be seen."""
        return f"http://127.0.0.1:{self._address[1]}/"

    def switch(self, *, on: bool) -> None:
        """Hang up on everybody, or listen again at the same address."""
        if on:
            self._server = _Server(self._address, lambda: self._jpeg)
        else:
            self._server.hang_up()

    def see(self, scene: Image | None) -> None:
        """Put the scene on a desk before the lens, from the next picture on."""
        from PIL import Image

        desk = Image.new("L", (WIDTH_PX, HEIGHT_PX), _DESK)
        if scene is not None:
            scene.thumbnail((WIDTH_PX, HEIGHT_PX))
            desk.paste(scene, ((WIDTH_PX - scene.width) // 2, (HEIGHT_PX - scene.height) // 2))
        file = BytesIO()
        desk.convert("RGB").save(file, "JPEG", quality=80)
        self._jpeg = file.getvalue()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: Any, picture: Callable[[], bytes]) -> None:
        super().__init__(address, _Viewer)
        self.picture = picture
        self.is_on = True
        threading.Thread(target=self.serve_forever, args=(LOOK_EVERY_S,), daemon=True).start()

    def hang_up(self) -> None:
        self.is_on = False
        self.shutdown()
        self.server_close()


class _Viewer(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        try:
            while self.server.is_on:
                jpeg = self.server.picture()
                head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                self.wfile.write(f"{head}\r\n\r\n".encode() + jpeg + b"\r\n")
                time.sleep(1 / PICTURES_PER_S)
        except OSError:
            return  # the viewer went away

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: stdout is for answers."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the camera until stdin ends; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.camera",
        description="Play a network camera, or lay pictures into a folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", type=Path, help="lay pictures there instead of sending them")
    folder: Path | None = parser.parse_args(arguments).folder
    if folder is not None and not folder.is_dir():
        parser.error(f"--folder {folder}: there is no such folder")
    lens: Lens
    if folder is not None:
        lens, where = Folder(folder), str(folder)
    else:
        lens = camera = NetworkCamera()
        where = camera.url
    say(f"camera {where}")
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        try:
            if word in ("on", "off"):
                lens.switch(on=word == "on")
            else:
                lens.see(_scene(word, rest))
        except HilError as error:
            sys.stderr.write(f"virtual camera: {error}\n")
            return 2
        say(f"{word} {rest}".rstrip())
    return 0


def _scene(word: str, rest: str) -> Image | None:
    from PIL import Image

    if word == "hold" and rest:
        return load_picture(Path(rest))
    if word == "text" and rest:
        return qr_picture(rest, module_px=4)
    if word == "dark":
        return Image.new("L", (WIDTH_PX, HEIGHT_PX), _DARK)
    if word == "away":
        return None
    raise HilError(f"{word!r}: expected hold PICTURE, text PAYLOAD, away, dark, off or on")


if __name__ == "__main__":
    sys.exit(main())
