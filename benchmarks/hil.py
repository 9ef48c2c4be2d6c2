"""What our way to real things costs beside the bare libraries, in one run.

`serial_ratio`: byte on the wire to device resumed, over a bare pyserial loop (`_serial`).
`ble_ratio`: BLE write to notification, over bare bleak on bumble (`_ble`).
`camera_ratio`: camera frame to payload in the device's hands, over bare zxing-cpp (`_camera`), at
1920 x 1080 pixels; `camera_vga_ratio` is the same at 640 x 480.

Bare and ours take turns, round by round, so both meet the same disturbances. A ratio is that of the
medians over all rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import TYPE_CHECKING

from _ble import ble_link
from _camera import camera
from _serial import serial_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Rounds = dict[str, Callable[[], list[float]]]

ROUNDS = 20
PATHS: dict[str, Callable[[], AbstractContextManager[Rounds]]] = {
    "serial": serial_line,
    "ble": ble_link,
    "camera": lambda: camera(1920, 1080),
    "camera_vga": lambda: camera(640, 480),
}


def measured(path: str, rounds: int) -> dict[str, float]:
    """The figures of a path; also prints them."""
    with PATHS[path]() as kinds:
        latencies: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, measure in kinds.items():
                latencies[kind] += measure()
    medians = {kind: statistics.median(values) for kind, values in latencies.items()}
    figures = {f"{path}_ratio": round(medians["ours"] / medians["bare"], 3)}
    for kind, values in latencies.items():
        p99 = statistics.quantiles(values, n=100)[98]
        ratio = medians[kind] / medians["bare"]
        print(
            f"{path:10} {kind:6} median {medians[kind]:8.1f} µs   p99 {p99:8.1f} µs   "
            f"{ratio:.3f} x bare",
            flush=True,
        )
        figures[f"{path}_{kind}_us_median"] = round(medians[kind], 1)
        figures[f"{path}_{kind}_us_p99"] = round(p99, 1)
    return figures


def main() -> None:
    """Print medians and, as the last line, the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"of {', '.join(PATHS)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each kind")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    for path in arguments.paths or PATHS:
        if path not in PATHS:
            parser.error(f"there is no path {path!r}: there are {', '.join(PATHS)}")
        figures |= measured(path, arguments.rounds)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
