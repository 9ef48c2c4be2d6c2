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
    _check_keys(path, document, (), kind, lines)
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        at = _path_of(str(error))
        line = next((lines[at[:n]] for n in range(len(at), -1, -1) if at[:n] in lines), 1)
        raise FaceFileError(f"{path}:{line}: {_without_values(error)}") from None


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


def _check_keys(
    path: Path,
    table: Mapping[str, Any],
    at: tuple[str, ...],
    kind: Any,
    lines: Mapping[tuple[str, ...], int],
) -> None:
    """See that there are no keys that a struct, or the structs in a dictionary, do not have."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        here = (*at, key)
        if key not in fields:
            line = lines.get(here, 1)
            raise FaceFileError(f"{path}:{line}: unknown key {key[:40]!r}{nearest(key, fields)}")
        inner = _values_kind(fields[key])
        if inner is not None and isinstance(value, dict):
            for name, one in cast("dict[str, Any]", value).items():
                if isinstance(one, dict):
                    _check_keys(path, cast("dict[str, Any]", one), (*here, name), inner, lines)


def _values_kind(kind: Any) -> Any:
    """The type of the values, of a dictionary's type; else None."""
    return get_args(kind)[1] if get_origin(kind) is dict else None


def _path_of(sentence: str) -> tuple[str, ...]:
    """The keys that a decoder's sentence is about."""
    _, found, where = sentence.rpartition("`$.")
    return tuple(where.rstrip("`").split(".")) if found else ()


def _without_values(error: msgspec.ValidationError) -> str:
    return str(error).replace("`$.", "`").replace("Object", "this file")
