"""The keys file: which devices may speak with the bank, as what, and with which key."""

from __future__ import annotations

import enum
import fcntl
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from paybench.hil.bank_face.errors import FaceFileError
from paybench.hil.bank_face.handshake import KEY_BYTES
from paybench.hil.bank_face.strict_file import read_secret_toml, write_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

FACE_FOLDER = "face"
"""Where in a bank's folder the network face keeps its keys and its certificate."""
KEYS_FILE = "devices.toml"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
KEY = f"^[0-9a-f]{{{2 * KEY_BYTES}}}$"


class Role(enum.StrEnum):
    """What a device's key is good for."""

    TERMINAL = "terminal"
    """To settle, authorise, capture, cancel, reverse and inquire."""
    HOST = "host"
    """Everything."""


class DeviceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device in the keys file.

    Attributes:
        role: What it may do.
        key: Its key, in hex.
    """

    role: Role
    key: Annotated[str, Meta(pattern=KEY)]

    @property
    def key_bytes(self) -> bytes:
        """Its key."""
        return bytes.fromhex(self.key)

    def __repr__(self) -> str:
        return f"DeviceEntry({self.role})"


class DevicesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in the keys file: the devices by name."""

    device: dict[str, DeviceEntry] = {}


class Devices:
    """The devices that a server knows: those of the file, as it is now.

    Args:
        folder: The bank's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FACE_FOLDER / KEYS_FILE
        self._stamp: tuple[int, int] | None = None
        self._known: Mapping[str, DeviceEntry] = {}

    def find(self, name: str) -> DeviceEntry | None:
        """The device of a name, if there is one.

        Raises:
            FaceFileError: The file has changed, and cannot be used any more.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = found.st_mtime_ns, found.st_ino
        if stamp != self._stamp:
            self._known = read_secret_toml(self._path, DevicesFile).device
            self._stamp = stamp
        return self._known.get(name)


def add_device(
    folder: Path, name: str, role: Role, hand_over: Callable[[bytes], object] = lambda _: None
) -> bytes:
    """Make a key for a device, and note it in the keys file of a bank.

    Args:
        folder: The bank's.
        name: 1 to 64 letters, digits, hyphens and underscores; not used yet.
        role: What the device may do.
        hand_over: Takes the key to the device before it is noted; where that fails, it is not.

    Returns:
        The key, 32 bytes.

    Raises:
        FaceFileError: The name cannot be used, or the file cannot; or as `hand_over` does.
    """
    if NAME.fullmatch(name) is None:
        raise FaceFileError(
            f"expected a device name of 1 to 64 letters, digits, - and _, seen {name[:80]!r}: "
            "choose another"
        )
    face = face_folder(folder)
    path = face / KEYS_FILE
    with _locked(face):
        known = read_secret_toml(path, DevicesFile).device if path.exists() else {}
        if name in known:
            raise FaceFileError(
                f"{path}: there is a device {name!r} already: choose another name, or take its "
                "table out of the file"
            )
        key = secrets.token_bytes(KEY_BYTES)
        hand_over(key)
        write_secret(path, _toml({**known, name: DeviceEntry(role, key.hex())}), new=False)
    return key


@contextmanager
def _locked(face: Path) -> Generator[None]:
    """Nobody else changes the keys file meanwhile."""
    try:
        lock = (face / "lock").open("a", encoding="utf-8")
    except OSError as error:
        raise FaceFileError(f"{face}: cannot be written to ({error.strerror})") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def face_folder(folder: Path) -> Path:
    """Where the face's files of a bank are; made, for its owner alone, if it does not exist.

    Raises:
        FaceFileError: It cannot be made.
    """
    face = folder / FACE_FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        face.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise FaceFileError(f"{face}: cannot be made ({error.strerror})") from error
    return face


def _toml(devices: Mapping[str, DeviceEntry]) -> str:
    tables = [
        f'[device.{name}]\nrole = "{entry.role}"\nkey = "{entry.key}"\n'
        for name, entry in devices.items()
    ]
    return "# Keys of the devices that may speak with this bank. They are secret.\n\n" + "\n".join(
        tables
    )
