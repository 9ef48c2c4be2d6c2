"""The main job on real input, in one command.

Fig 3 in all its variants simulated; then one purchase with a real reader on a tty, in wall time,
against a bank on SQLite files; then the recording of it, with nothing attached, in virtual time.
The reader is `paybench.hil.virtual.scanner` in a process of its own: it decodes a picture of a bar
code and types it into a pseudo-terminal, as a USB-serial scanner does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from paybench.scenarios import report
from paybench.scenarios.discovery import in_library
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import PASSED, Options, run
from paybench.scenarios.session import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rich.console import Console

FIGURE = "3"
SCENARIO = "shop-purchase"
VARIANT = "relayed"
ARTICLE = "4901234567894"
PART = "register.scanner"
TRACE = Path(".paybench/demo.jsonl")
"""Left behind, to be looked at with paybench show."""


def demo() -> int:
    """Run the demo and print it.

    Returns:
        The exit code: 0 when everything passed and the replay was the same.
    """
    out = report.console()
    started = time.perf_counter()
    simulated = _simulated(out)
    with tempfile.TemporaryDirectory(prefix="paybench-demo-") as folder:
        same = _real_then_replayed(out, Path(folder))
    elapsed_s = time.perf_counter() - started
    passed = simulated and same
    _say(out, f"\n{'demo passed' if passed else 'demo FAILED'} in {elapsed_s:.1f} s", "bold")
    return 0 if passed else 1


def _simulated(out: Console) -> bool:
    _say(out, f"1  Fig {FIGURE}, simulated, in virtual time", "bold")
    scenarios = [scenario for scenario in in_library() if scenario.figure == FIGURE]
    runs = [run(s, variant) for s, variant in plan([s.name for s in scenarios])]
    report.print_table(out, runs)
    return all(one.verdict == PASSED for one in runs)


def _real_then_replayed(out: Console, folder: Path) -> bool:
    picture = _picture(folder / "article.png")
    with _scanner(picture) as (port, pull):
        _say(out, f"\n2  {SCENARIO}[{VARIANT}] with a reader on {port}, in wall time", "bold")
        _say(out, f"   {PART}=serial:{port}   bank=sqlite:{folder}/bank")

        def operator(wish: str) -> None:
            _say(out, f"   » {wish}")
            pull()

        view = report.View(ladder=True)
        scenario, variant = plan([SCENARIO], VARIANT)[0]
        with view.watching(several=False, total=1):
            recorded = run(
                scenario,
                variant,
                Options(
                    real={PART: f"serial:{port}"},
                    bank=f"sqlite:{folder}/bank",
                    operator=operator,
                    watch=view.begin(scenario.label(variant)),
                ),
            )
            write(TRACE, recorded.content)
            view.end(recorded, TRACE)
    _say(out, "\n3  the recording, with nothing attached, in virtual time", "bold")
    again = replay(TRACE)
    report.print_replay(TRACE, again, as_json=False)
    return recorded.verdict == PASSED and again.diverged_at is None


def _picture(file: Path) -> Path:
    """A picture of the article's bar code, as a camera might see it: turned a little."""
    import zxingcpp
    from PIL import Image

    # zxing-cpp's hints leave out its options' types.
    code = zxingcpp.create_barcode(  # pyright: ignore[reportUnknownMemberType]
        ARTICLE, zxingcpp.BarcodeFormat.EAN13
    )
    bars = Image.fromarray(code.to_image(scale=3))
    canvas = Image.new("L", (bars.width + 80, bars.height + 120), 255)
    canvas.paste(bars, (40, 60))
    canvas.rotate(7, fillcolor=255).save(file)
    return file


@contextmanager
def _scanner(picture: Path) -> Generator[tuple[str, Callable[[], None]]]:
    """The reader's process: where its tty is, and how to pull its trigger."""
    command = [sys.executable, "-m", "paybench.hil.virtual.scanner", "--decode", str(picture)]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        trigger = process.stdin
        word, _, port = process.stdout.readline().strip().partition(" ")
        if word != "tty":
            raise RuntimeError(f"the virtual scanner did not start (exit {process.wait()})")

        def pull() -> None:
            trigger.write("\n")
            trigger.flush()

        yield port, pull
        trigger.close()  # the end of its input is its sign to hang up


def _say(out: Console, text: str, style: str = "") -> None:
    out.print(Text(text, style=style), soft_wrap=True)
