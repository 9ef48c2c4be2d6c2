"""Where a camera's pictures come from: a folder or file that is watched, a device, a film, a URL.

Each source is read by one thread, which waits in `next`. Only devices, films and URLs need OpenCV.
"""

from __future__ import annotations

import os
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from paybench.hil.codes import Frame, load_picture
from paybench.hil.errors import CodeUnreadable, PortLost, PortUnavailable

if TYPE_CHECKING:
    from threading import Event

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
LOOK_EVERY_S = 0.02
FOLDER_MAX = 1000
FIRST_FRAMES = 30
"""A camera may need so many frames to adjust to the light before it is called dark."""
DARK_LEVEL = 16
"""Mean of 0 to 255 below which a picture is black."""
DARK_S = 5.0
STALL_MS = 5000


class Pictures(Protocol):
    """A source of pictures.

    Attributes:
        misses: In so many pictures in a row a code must be missing to have left the view: a decoder
            misses one now and then.
        end: Whether they come to an end: then there is nothing to look for when they are lost.
    """

    misses: int
    end: bool

    def open(self) -> None:
        """Take hold of it.

        Raises:
            PortUnavailable: It is missing, dark or not permitted; the error says what to do.
        """
        ...

    def next(self, stop: Event) -> Frame | None:
        """Wait for the next picture; None when there is nothing before the camera, or on `stop`.

        Raises:
            PortLost: There will be no more.
        """
        ...

    def close(self) -> None:
        """Let go of it; called by the thread that reads."""
        ...


def pictures_at(address: str) -> Pictures:
    """The source an address means; nothing is touched but to see whether a path is a folder."""
    if "://" in address:
        return Stream(address, address)
    if address.isascii() and address.isdecimal():
        return Stream(f"/dev/video{int(address)}", int(address))
    path = Path(address)
    if address.startswith("/dev/"):
        return Stream(address, address)
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return Album(path)
    return Stream(address, address, film=True)


class Album:
    """A picture file, or the newest picture in a folder: what lies before the camera.

    A new picture takes the place of the former one; a picture that is removed is taken away.
    """

    misses = 1
    end = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = ()
        self._is_folder = self._is_mount = False

    def open(self) -> None:
        """See whether it is there, and whether a picture file is one."""
        self._seen = ()
        try:
            self._check_folder()
            newest = self._newest()
            if newest is not None and not self._path.is_dir():
                load_picture(newest[0])
        except (PortLost, CodeUnreadable) as error:
            raise PortUnavailable(str(error)) from error
        if newest is None and not self._path.is_dir():
            raise PortUnavailable(
                f"{self._path}: there is no such picture or folder (looked in {Path.cwd()})"
            )
        self._is_folder, self._is_mount = self._path.is_dir(), self._path.is_mount()

    def next(self, stop: Event) -> Frame | None:
        """Wait until there is another picture, or none any more."""
        while not stop.is_set():
            self._check_folder()
            newest = self._newest()
            if newest != self._seen:
                self._seen = newest
                try:
                    return None if newest is None else load_picture(newest[0])
                except CodeUnreadable:
                    return None  # still being written: it will change once more
            stop.wait(LOOK_EVERY_S)
        return None

    def close(self) -> None:
        """There is nothing to let go of."""

    def _check_folder(self) -> None:
        """See whether what was a folder when it was opened first is still that folder.

        Raises:
            PortLost: It is not.
        """
        if self._is_folder and not self._path.is_dir():
            raise PortLost(f"{self._path} is not there any more: was it removed, or unmounted?")
        if self._is_mount and not self._path.is_mount():
            raise PortLost(f"{self._path} was unmounted: mount it again")

    def _newest(self) -> tuple[Path, int, int, int] | None:
        """The newest picture, with what tells it from another of its name."""
        files: list[tuple[Path, int, int, int]] = []
        try:
            if not self._path.is_dir():
                return _version(self._path, self._path.stat())
            with os.scandir(self._path) as entries:
                for number, entry in enumerate(entries, 1):
                    if number > FOLDER_MAX:
                        raise PortLost(
                            f"{self._path} holds more than {FOLDER_MAX} files: give the camera a "
                            "folder of its own"
                        )
                    path = Path(entry.path)
                    if path.suffix.lower() in SUFFIXES:
                        files.append(_version(path, entry.stat()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PortLost(f"{self._path} cannot be looked at ({error})") from error
        return max(files, key=lambda file: (file[1], file[0]), default=None)


class Stream:
    """A camera device, a film or a URL, read by OpenCV.

    Args:
        name: What errors call it.
        source: What OpenCV opens.
        film: Whether it is a file, which is shown at its own speed and comes to an end.
    """

    misses = 5

    def __init__(self, name: str, source: str | int, *, film: bool = False) -> None:
        self._name = name
        self._source = source
        self._film = self.end = film
        self._capture: Any = None
        self._frame_s = 0.0
        self._due_s = 0.0
        self._light_s = 0.0
        self._first: Frame | None = None

    def open(self) -> None:
        """Open it and, but for a film, wait for a picture that is not black."""
        cv2 = _opencv(self._name)
        if (self._film or self._name.startswith("/")) and not Path(self._name).exists():
            raise PortUnavailable(f"{self._name}: {self._missing()}")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            STALL_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            STALL_MS,
        ]
        by_ffmpeg = self._film or "://" in self._name
        self._capture = (
            cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, limits)
            if by_ffmpeg
            else cv2.VideoCapture(self._source)
        )
        if not self._capture.isOpened():
            raise PortUnavailable(f"{self._name}: {self._unopened()}")
        if self._film:
            rate = self._capture.get(cv2.CAP_PROP_FPS)
            self._frame_s = 1 / rate if rate > 0 else 1 / 25
        else:
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
            self._see_light()
        self._light_s = time.monotonic()

    def next(self, stop: Event) -> Frame | None:
        """Wait for the next picture."""
        if self._first is not None:
            frame, self._first = self._first, None
            return frame
        if self._film:
            self._wait_for_its_time(stop)
        there, frame = self._capture.read()
        if stop.is_set():
            return None
        if not there:
            raise PortLost(
                f"{self._name} has come to its end"
                if self._film
                else f"{self._name} gives no more pictures: was it unplugged, or switched off?"
            )
        if not self._film:
            self._check_light(frame)
        return frame

    def close(self) -> None:
        """Close it; harmless when it is closed."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _wait_for_its_time(self, stop: Event) -> None:
        now_s = time.monotonic()
        self._due_s = max(self._due_s + self._frame_s, now_s - self._frame_s)
        stop.wait(max(0.0, self._due_s - now_s))

    def _see_light(self) -> None:
        """Wait for the first picture that is not black."""
        for _ in range(FIRST_FRAMES):
            there, frame = self._capture.read()
            if not there:
                self.close()
                raise PortUnavailable(
                    f"{self._name}: it was opened and gives no picture: unplug it and plug it in "
                    "again, or see whether another program uses it"
                )
            if not is_dark(frame):
                self._first = frame
                return
        self.close()
        raise PortUnavailable(
            f"{self._name}: it sees only black: take off its cap, open its shutter, or make light"
        )

    def _check_light(self, frame: Frame) -> None:
        now_s = time.monotonic()
        if not is_dark(frame):
            self._light_s = now_s
        elif now_s - self._light_s > DARK_S:
            raise PortLost(f"{self._name} has seen only black for {DARK_S:g} s: is it covered?")

    def _missing(self) -> str:
        if self._film:
            return f"there is no such picture, folder or film (looked in {Path.cwd()})"
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        return f"there is no such camera; cameras here: {there}. Is it plugged in?"

    def _unopened(self) -> str:
        if "://" in self._name:
            return "nothing is sent from there: is the address right, and the camera switched on?"
        if self._film:
            return "OpenCV cannot read it as a film: write it as MP4 or AVI"
        if not os.access(self._name, os.R_OK | os.W_OK):
            group = "'sudo usermod -aG video $USER', then log in again"
            return f"permission denied: add yourself to its group with {group}"
        return "it cannot be opened as a camera: close the program that uses it (lsof names it)"


def is_dark(frame: Frame) -> bool:
    """Whether a picture of OpenCV is black all over. A sample of its pixels tells."""
    return float(frame[::8, ::8].mean()) < DARK_LEVEL


def _version(path: Path, stat: os.stat_result) -> tuple[Path, int, int, int]:
    return path, stat.st_mtime_ns, stat.st_size, stat.st_ino


def _opencv(name: str) -> Any:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # we say what matters ourselves
    try:
        return import_module("cv2")
    except ImportError as error:
        raise PortUnavailable(
            f"{name}: devices, films and URLs need OpenCV: uv sync --extra camera, or "
            f"pip install 'paybench[camera]' (pictures and folders do without; {error})"
        ) from error
