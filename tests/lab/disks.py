"""The lab's two disks, made once and kept: Debian with its generic kernel, and Python packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parent
PROJECT = LAB.parents[1]
KEPT = PROJECT / ".paybench" / "lab"

RELEASE = "bookworm"
PYTHON = "3.11"
"""The release's own Python, which runs paybench in the guest."""

DEBS = (
    *("linux-image-amd64", "initramfs-tools", "zstd", "kmod", "udev", "mount", "passwd"),
    *("python3", "iproute2", "usbip", "dbus", "bluez", "libzbar0"),
)
# A disk the kernel can start from; what finds the project in it and goes on with its `init`.
START = """#!/bin/sh
modprobe 9pnet_virtio
mkdir -p "$paybench"
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose paybench "$paybench"
mount /dev/vdb /usr/local/lib/python3.11/dist-packages -o ro
exec "$paybench/tests/lab/init"
"""
BEFORE_THE_KERNEL = """set -e
mkdir -p "$1/etc/initramfs-tools/conf.d"
echo MODULES=list > "$1/etc/initramfs-tools/conf.d/lab"
printf 'virtio_pci\\nvirtio_blk\\next4\\n' > "$1/etc/initramfs-tools/modules"
"""
# mke2fs would read /proc as well: a bind mount shows the folder without what is mounted in it.
TO_DISK = """set -e
cp "$LAB_START" "$1/start"
chmod 755 "$1/start"
cp "$1"/boot/vmlinuz-* "$LAB_OUT/vmlinuz"
cp "$1"/boot/initrd.img-* "$LAB_OUT/initrd"
mkdir "$1.bare"
mount --bind "$1" "$1.bare"
mke2fs -q -t ext4 -O ^has_journal -d "$1.bare" "$LAB_OUT/disk" 1500M || failed=1
umount "$1.bare"
rmdir "$1.bare"
test -z "$failed"
"""


def debian() -> Path:
    """A folder with `vmlinuz`, `initrd` and `disk`.

    Raises:
        subprocess.CalledProcessError: mmdebstrap failed.
    """
    made = KEPT / f"debian-{_key(RELEASE, *DEBS, START, BEFORE_THE_KERNEL, TO_DISK)}"
    if made.exists():
        return made
    say(f"making a Debian {RELEASE} with a generic kernel (about a minute)")
    part = _fresh(made)
    start = part / "start"
    start.write_text(START, encoding="utf-8")
    no_docs = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")]
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=essential", "--format=null"),
            f"--include={','.join(DEBS)}",
            '--aptopt=APT::Install-Recommends "false"',
            *no_docs,
            f"--essential-hook={_hook(part, 'before', BEFORE_THE_KERNEL)}",
            f"--customize-hook={_hook(part, 'to-disk', TO_DISK)}",
            *(RELEASE, "-"),
        ],
        env=os.environ | {"LAB_OUT": str(part), "LAB_START": str(start)},
        check=True,
    )
    return _keep(part, made)


def packages() -> Path:
    """A disk with the locked packages of the tests, and where paybench's own sources are.

    Raises:
        subprocess.CalledProcessError: uv failed.
    """
    uv = os.environ.get("UV") or shutil.which("uv") or sys.exit("uv is needed: run `make lab`")
    locked = subprocess.run(
        [
            *(uv, "export", "--quiet", "--frozen", "--no-default-groups", "--group", "test"),
            *("--no-emit-project", "--project", PROJECT),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    wanted = (LAB / "requirements.txt").read_text(encoding="utf-8")
    project = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    made = KEPT / f"packages-{_key(locked, wanted, project, str(PROJECT))}"
    if made.exists():
        return made / "disk"
    say("installing the Python packages for the guest")
    part = _fresh(made)
    (part / "locked.txt").write_text(locked, encoding="utf-8")
    install = [
        *(uv, "pip", "install", "--quiet", "--compile-bytecode"),
        *("--target", part / "packages"),
        *("--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_36"),
    ]
    lists = ("-r", part / "locked.txt", "-r", LAB / "requirements.txt")
    subprocess.run([*install, "--only-binary", ":all:", *lists], check=True)
    subprocess.run([*install, "--no-deps", "--editable", PROJECT], check=True)
    subprocess.run(
        [
            *("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0"),
            *("-d", part / "packages", part / "disk", "800M"),
        ],
        check=True,
    )
    shutil.rmtree(part / "packages")
    return _keep(part, made) / "disk"


def _key(*recipe: str) -> str:
    return hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:12]


def _fresh(made: Path) -> Path:
    """An empty folder beside what will be made, and nothing older of its kind."""
    kind = made.name.partition("-")[0]
    for old in KEPT.glob(f"{kind}-*"):
        shutil.rmtree(old)
    part = made.with_name(f"{made.name}.part")
    part.mkdir(parents=True)
    return part


def _keep(part: Path, made: Path) -> Path:
    return part.rename(made)


def _hook(part: Path, name: str, script: str) -> str:
    """A script as mmdebstrap's hook: it is run with the new system's folder as its argument."""
    file = part / name
    file.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def say(line: str) -> None:
    """Tell whoever started the lab what goes on."""
    sys.stdout.write(f"lab: {line}\n")
    sys.stdout.flush()
