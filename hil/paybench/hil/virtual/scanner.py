"""A USB-serial bar code scanner, played by a process of its own.

Run it as `python -m paybench.hil.virtual.scanner`; docs/scanner.md tells how to use it by hand.
It really decodes images, and types what it read into a tty which a driver opens as its port, in
the way of a profile: where that wants answers, it waits for them and sends again what was refused.
"""

import argparse
import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import NoReturn

from paybench.hil import ssi
from paybench.hil.codes import Code, read_codes
from paybench.hil.errors import CodeUnreadable, HilError, PortLost, ScannerError
from paybench.hil.handshake import HANDSHAKES
from paybench.hil.profile import OPTIONS, PROFILES, SSI_ACK, Profile, reader_codec, settings, yes
from paybench.hil.scanner import ScannerCodec, preamble, terminator
from paybench.hil.virtual.parent import obey, say
from paybench.hil.virtual.sender import PlainAnswers, Sender, SsiAnswers, Trouble
from paybench.hil.virtual.tty import VirtualTty

_STDIN = 0
_CHUNK_BYTES = 65536

# What a scanner sends as AIM identifier of a code without options, by its symbology.
_AIM = {
    "Code 128": "]C0",
    "Code 39": "]A0",
    "Code 93": "]G0",
    "Data Matrix": "]d1",
    "EAN-13": "]E0",
    "EAN-8": "]E4",
    "ITF": "]I0",
    "QR": "]Q1",
    "UPC-A": "]E0",
    "UPC-E": "]E0",
}
_SSI_TYPES = {name: kind for kind, name in ssi.TYPES.items()}

_EPILOG = """\
example: the first line names the port; then each Enter scans the next image
  $ python -m paybench.hil.virtual.scanner --decode biscuits.png tea.jpg --suffix CRLF
  tty /dev/pts/7

  scanned 4901234567894

exit status: 0 hung up (end of stdin, SIGTERM or Ctrl-C); 1 nobody read the port;
2 an image, file or option is wrong
"""

_Scan = Callable[[VirtualTty], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the scanner until it is hung up; return the exit status."""
    options = _options(arguments)
    obey()
    try:
        scan = _typing(options) if options.raw else _decoding(options)
        with VirtualTty(options.link) as port:
            say(f"tty {port.path}")
            if options.raw == "-":
                scan(port)
                _hold(port)
            for _ in _pulls(port, options.every):
                scan(port)
    except HilError as error:
        sys.stderr.write(f"virtual scanner: {error}\n")
        return 1 if isinstance(error, PortLost) else 2
    return 0


def _decoding(options: argparse.Namespace) -> _Scan:
    """Decode every image, now or at each pull; return the pull that sends the next payload."""
    asked = {key: getattr(options, key) for key in OPTIONS if getattr(options, key) is not None}
    profile = settings(asked)
    codec = reader_codec(
        asked
    )  # what the host would make of it: settings that cannot work end here
    images: Iterable[Path] = cycle(options.decode) if options.anew else options.decode
    codes = (_read_one(image, options.decoder) for image in images)
    shots = ((code.payload, _frames(code, profile, codec, options)) for code in codes)
    if not options.anew:
        shots = cycle(list(shots))
    trouble = Trouble(options.spoil, options.deaf)
    answers, patience_s = _answers(profile)
    answer_s = options.answer_within or patience_s

    def scan(port: VirtualTty) -> None:
        time.sleep(options.late)
        Sender(port, answers, answer_s, options.patience, trouble, say).send(*next(shots))

    return scan


def _frames(
    code: Code, profile: Profile, codec: object, options: argparse.Namespace
) -> list[bytes]:
    """What a scanner set to a profile sends for a code."""
    aim = ""
    if yes("aim", profile.aim):
        if code.symbology not in _AIM:
            raise ScannerError(f"no AIM identifier is known here for {code.symbology}: drop --aim")
        aim = _AIM[code.symbology]
    if isinstance(codec, ScannerCodec):
        return [codec.encode(code.payload, aim)]
    if code.symbology not in _SSI_TYPES:
        raise ScannerError(f"no SSI bar code type is known here for {code.symbology}")
    text = preamble(profile.prefix) + (aim + code.payload).encode() + terminator(profile.suffix)
    packets = ssi.decode_data(_SSI_TYPES[code.symbology], text, options.part)
    return [packet.encode() for packet in packets]


def _answers(profile: Profile) -> tuple[PlainAnswers | SsiAnswers | None, float]:
    """What the answers of a host look like, and how many seconds to wait for one."""
    if profile.ack == SSI_ACK:
        return SsiAnswers(), ssi.RESPONSE_TIMEOUT_S
    if profile.ack in HANDSHAKES:
        return PlainAnswers(HANDSHAKES[profile.ack]), HANDSHAKES[profile.ack].patience_s
    return None, 0.0


def _read_one(image: Path, decoder: str) -> Code:
    codes = read_codes(image, decoder)
    if len(codes) > 1:
        listed = ", ".join(f"{code.symbology} {code.payload}" for code in codes)
        raise CodeUnreadable(
            f"{image} shows {len(codes)} codes ({listed}): "
            "a pull of the trigger reads one; crop the image"
        )
    return codes[0]


def _typing(options: argparse.Namespace) -> _Scan:
    """Return the pull of the trigger that types a whole file, or all of stdin, as it is."""

    def scan(port: VirtualTty) -> None:
        byte_count = 0
        with sys.stdin.buffer if options.raw == "-" else Path(options.raw).open("rb") as file:
            while chunk := os.read(file.fileno(), _CHUNK_BYTES):
                port.write(chunk, options.patience)
                byte_count += len(chunk)
        say(f"typed {byte_count} bytes")

    return scan


def _pulls(port: VirtualTty, every_s: float | None) -> Iterator[None]:
    """Yield at each pull of the trigger, until stdin ends."""
    next_s = time.monotonic() + (every_s or 0.0)
    while True:
        wait_s = None if every_s is None else max(0.0, next_s - time.monotonic())
        readable = select.select([_STDIN, port], [], [], wait_s)[0]
        if port in readable:
            port.read()  # between two codes a scanner does not listen to its host
        if _STDIN in readable:
            keys = os.read(_STDIN, _CHUNK_BYTES)
            if not keys:
                return
            if every_s is None:
                yield from [None] * keys.count(b"\n")
        if every_s is not None and time.monotonic() >= next_s:
            next_s += every_s
            yield


def _hold(port: VirtualTty) -> NoReturn:
    """Stay on the line, so that what was typed can still be read, until a signal hangs up."""
    while True:
        select.select([port], [], [])
        port.read()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paybench.hil.virtual.scanner",
        description="Play a USB-serial bar code scanner on a tty.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--decode",
        nargs="+",
        type=Path,
        metavar="IMAGE",
        help="read the codes in these images, one a scan, in order, and round again",
    )
    what.add_argument(
        "--raw",
        metavar="FILE",
        help="type this file as it is, a whole file a scan; "
        "- types stdin as it comes and stays on the line after its end",
    )
    parser.add_argument(
        "--anew",
        action="store_true",
        help="look at an image when it is scanned and not before: a display, which changes",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        "--on-enter",
        action="store_true",
        help="scan at each line read on stdin, the pull of the trigger (this is the default)",
    )
    when.add_argument(
        "--every", type=_seconds, metavar="SECONDS", help="scan at this interval instead"
    )
    _add_settings(parser)
    parser.add_argument("--decoder", default="zxing", help="zxing (the default) or zbar")
    parser.add_argument(
        "--link", type=Path, metavar="PATH", help="make a symbolic link to the tty at this path"
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="give up when the tty is full and nobody reads it for so long (default: 10)",
    )
    options = parser.parse_args(arguments)
    if options.raw not in (None, "-"):
        try:
            Path(options.raw).open("rb").close()
        except OSError as error:
            parser.error(f"--raw {options.raw}: the file cannot be read: {error.strerror}")
    return options


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options of a spec, as what the scanner is set to, and faults to show."""
    words = {"profile": PROFILES, "aim": ("yes", "no")}
    for key, meaning in OPTIONS.items():
        parser.add_argument(f"--{key}", choices=words.get(key), help=f"as in a spec: {meaning}")
    parser.add_argument(
        "--answer-within",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait for an answer (default: as the maker has it)",
    )
    parser.add_argument(
        "--part",
        type=_count,
        default=250,
        metavar="BYTES",
        help="with zebra-ssi: so much of a code in one packet (default: 250, the most)",
    )
    parser.add_argument(
        "--late",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="send a code so long after the trigger was pulled",
    )
    for fault, what in (("spoil", "transmissions go out damaged"), ("deaf", "answers go unheard")):
        parser.add_argument(
            f"--{fault}", type=_count, default=0, metavar="N", help=f"the first N {what}"
        )


def _count(text: str) -> int:
    most = 250
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to {most}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, above 0, such as 0.5")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
