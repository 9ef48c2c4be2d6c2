"""Gets uv into a folder, for machines with a bare Python and nothing else: no pip, no venv.

    python3 get_uv.py .uv

The wheel is the one uv.lock pins, checked against the hash that stands there.
"""

from __future__ import annotations

import hashlib
import io
import platform
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("uv.lock")


def wheel_for_this_machine() -> tuple[str, str]:
    """Address and SHA-256 of the pinned wheel.

    Raises:
        LookupError: There is none for this machine.
    """
    packages = tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]
    wheels = next(package["wheels"] for package in packages if package["name"] == "uv")
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        marks = ("macosx", machine)
    elif sys.platform == "win32":
        marks = ("win", machine)
    else:
        marks = ("manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux", machine)
    for wheel in wheels:
        if all(mark in wheel["url"] for mark in marks):
            return wheel["url"], wheel["hash"].removeprefix("sha256:")
    raise LookupError(f"uv has no wheel for {'/'.join(marks)}: install uv by other means")


def main() -> None:
    """Download, check, unpack."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".uv")
    try:
        url, expected = wheel_for_this_machine()
        with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - https, from the lock
            content = answer.read()
    except (OSError, LookupError) as error:
        sys.exit(
            f"uv could not be fetched ({error}). Is there a network with known certificates "
            f"(on Debian: apt-get install ca-certificates)? Or install uv yourself."
        )
    if hashlib.sha256(content).hexdigest() != expected:
        sys.exit(f"{url} is not what uv.lock pins: nothing was installed")
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        program = next(name for name in wheel.namelist() if name.endswith(("/uv", "/uv.exe")))
        target = folder / "bin" / Path(program).name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".part")
        partial.write_bytes(wheel.read(program))
    partial.chmod(0o755)
    partial.replace(target)
    print(f"uv is in {target}")


if __name__ == "__main__":
    main()
