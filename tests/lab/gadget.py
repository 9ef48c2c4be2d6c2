"""A USB device, played by a process of its own: the kernel's real drivers take it for one.

    python gadget.py scanner --port 4001

It is offered by USB/IP on that port of this machine alone, and plugged in by whoever attaches
it (`plug.py`). Each line of stdin is a code: the scanner sends it, the keyboard types it, the
camera sees it as a QR code from then on. The dongle takes no lines: its air is a virtual radio.
"""

from __future__ import annotations

import argparse
import io
import sys
import time

from usbip.classes.device import CDCACM, UVC, hid
from usbip.device import USBDevice
from usbip.transport import USBIP

from paybench.hil.keys import ENTER, press, strokes
from paybench.hil.qr_picture import qr_picture

MAKER, VENDOR_ID = "Acme", 0x1209
KEY_S = 0.004
"""Between two key events, as the virtual wedge has it."""

WIDTH, HEIGHT, PICTURES_PER_S = 640, 480, 10
SHIFTS = {42: 0x02, 54: 0x20}
# HID usages of the keys the US layout types with, in their order from 0x04 (HID Usage Tables, 10):
# letters, digits, Enter to space, signs; by Linux's codes. 0x32 is a key the layout does not have.
_FROM_4 = [30, 48, 46, 32, 18, 33, 34, 35, 23, 36, 37, 38, 50, 49, 24, 25, 16, 19, 31, 20, 22, 47]
_FROM_4 += [17, 45, 21, 44, *range(2, 12), 28, 1, 14, 15, 57, 12, 13, 26, 27, 43, 0, 39, 40, 41]
_FROM_4 += [51, 52, 53]
USAGES = {code: usage for usage, code in enumerate(_FROM_4, 4)}


class Scanner:
    """A reader that is a serial port (CDC-ACM); it says when somebody has opened it."""

    def __init__(self, device):
        serial = CDCACM(
            on_rx=lambda _port, _data: None, on_open=lambda _port, _coding: say("opened")
        )
        self._port = device.add(serial)

        def pulled_out():  # the library takes the port for open ever after
            serial.comm.is_open = False

        device.add_reset_hook(pulled_out)

    def take(self, code):
        self._port.write(f"{code}\r".encode())


class Wedge:
    """A reader that is a keyboard (HID, boot protocol)."""

    def __init__(self, device):
        self._keyboard = device.add(
            hid.HID(
                hid.keyboard_report_descriptor(),
                subclass=hid.SUBCLASS_BOOT,
                protocol=hid.PROTOCOL_KEYBOARD,
                in_mps=8,
            )
        )

    def take(self, code):
        shift, held = 0, 0
        for key, value in (*strokes(code), *press(ENTER)):
            if key in SHIFTS:
                shift = SHIFTS[key] if value else 0
            else:
                held = USAGES[key] if value else 0
            self._keyboard.send_report(bytes([shift, 0, held, 0, 0, 0, 0, 0]))
            time.sleep(KEY_S)


class Camera:
    """A camera (UVC, motion JPEG) that looks at a QR code, or at a gray wall."""

    def __init__(self, device):
        device.set_iso_pacing()
        self._jpeg = jpeg("")
        self._due_s = 0.0
        self._stream = device.add(
            UVC(WIDTH, HEIGHT, PICTURES_PER_S, formats=("mjpeg",), source=self._picture)
        )
        self._send = self._stream.on_iso
        self._stream.on_iso = self._send_in_time

    def take(self, code):
        self._jpeg = jpeg(code)

    def _picture(self, *_):
        self._due_s = time.monotonic() + 1 / PICTURES_PER_S
        return self._jpeg

    def _send_in_time(self, endpoint, lengths):
        """Left to itself the library sends one picture after the other without a pause."""
        between = not self._stream._frame  # it has no other way to ask
        if between and time.monotonic() < self._due_s:
            return [b""] * len(lengths)
        return self._send(endpoint, lengths)


def jpeg(code):
    from PIL import Image

    picture = Image.new("L", (WIDTH, HEIGHT), 200)
    if code:
        qr = qr_picture(code, module_px=8)
        picture.paste(qr, ((WIDTH - qr.width) // 2, (HEIGHT - qr.height) // 2))
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


KINDS = {"scanner": Scanner, "wedge": Wedge, "camera": Camera}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, required=True, help="where it is offered by USB/IP")
    options = parser.parse_args()
    number = list(KINDS).index(options.kind) + 1
    device = USBDevice(
        VENDOR_ID, number, manufacturer=MAKER, product=options.kind.title(), serial=f"000{number}"
    )
    gadget = KINDS[options.kind](device)
    device.plug(USBIP("127.0.0.1", options.port))
    say(f"offered {options.port}")
    for line in sys.stdin:
        gadget.take(line.rstrip("\n"))
        say(f"did {line.rstrip()}")


if __name__ == "__main__":
    main()
