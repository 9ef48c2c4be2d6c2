"""Small TOML files that are read strictly: what is unknown is an error with file and line."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args, get_origin

import msgspec

from paybench.hil.bank_face.errors import FaceFileError
from paybench.hil.key_lines import TomlError, read_toml
from paybench.hil.spec import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_MAX_BYTES = 4 * 1024 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO

S = TypeVar("S", bound=msgspec.Struct)


def read_secret_toml(path: Path, kind: type[S]) -> S:
    """A file with keys in it, as a struct whose fields are its keys.

    Raises:
        FaceFileError: It cannot be read, others may read it, or it says something it must not.
    """
    text = read_secret(path)
    try:
        document, lines = read_toml(text)
    except TomlError as error:
        raise FaceFileError(f"{path}:{error.line}: this is not TOML: {error}") from error
    return _Reader(path, lines).struct(document, (), kind)


def read_secret(path: Path) -> str:
    """The text of a file that is its owner's alone.

    Raises:
        FaceFileError: It cannot be read, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise FaceFileError(f"{path}: cannot be read ({error.strerror})") from error
    if mode & OTHERS:
        raise FaceFileError(
            f"{path}: expected a file for its owner alone, seen mode {mode & 0o777:o}, and there "
            f"are keys in it: chmod 600 {path}, and have new keys made if others have read it"
        )
    if len(content) > FILE_MAX_BYTES:
        raise FaceFileError(
            f"{path}: more than {FILE_MAX_BYTES >> 20} MiB: no such file is so long"
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FaceFileError(f"{path}: a byte that is not UTF-8: save it as UTF-8") from error


def write_secret(path: Path, text: str, *, new: bool) -> None:
    """Write a file for its owner alone, whole or not at all.

    Args:
        path: The file.
        text: What is to be in it.
        new: Whether there must be none of this name yet.

    Raises:
        FaceFileError: It cannot be written, or is there already.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if new:
                os.link(draft, path)
            else:
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise FaceFileError(f"{path}: is there already: name another file, or move it") from error
    except OSError as error:
        raise FaceFileError(f"{path}: cannot be written ({error.strerror})") from error


class _Reader:
    """Holds a document against structs, key by key, so that each error has its line."""

    def __init__(self, path: Path, lines: Mapping[tuple[str, ...], int]) -> None:
        self._path = path
        self._lines = lines

    def struct(self, table: Mapping[str, Any], at: tuple[str, ...], kind: type[S]) -> S:
        """A table as a struct."""
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in table:
            if key not in fields:
                raise self._error((*at, key), f"unknown key {key[:40]!r}{nearest(key, fields)}")
        for key, field in fields.items():
            if field.required and key not in table:
                raise self._error(at, f"expected a key {key!r}, seen none: add it")
        values = {key: self._value(table[key], (*at, key), fields[key].type) for key in table}
        return kind(**values)

    def _value(self, value: Any, at: tuple[str, ...], kind: Any) -> Any:
        """A value of the type of a struct's field, or a table of tables."""
        if get_origin(kind) is dict and isinstance(value, dict):
            inner = get_args(kind)[1]
            tables = cast("dict[str, Any]", value)
            return {name: self._table(one, (*at, name), inner) for name, one in tables.items()}
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._error(at, f"{at[-1]}: {error}") from None

    def _table(self, value: Any, at: tuple[str, ...], kind: type[S]) -> S:
        if not isinstance(value, dict):
            raise self._error(at, f"{at[-1][:40]}: expected a table")
        return self.struct(cast("dict[str, Any]", value), at, kind)

    def _error(self, at: tuple[str, ...], what: str) -> FaceFileError:
        line = next(
            (self._lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in self._lines), 1
        )
        return FaceFileError(f"{self._path}:{line}: {what}")
