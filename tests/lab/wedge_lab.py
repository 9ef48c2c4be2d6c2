"""A reader that types, on the kernel's usbhid."""

import json
import sys
import threading
import time

import evdev
from plug import command, gadget
from purchase import EAN, buy, check, states

SCANNER = "A.register.scanner"
A_PERSON_S = 1.0
"""Nobody scans faster after having plugged something in."""


def test_scan_names_a_usb_keyboard_reader(saw):
    """`paybench scan` names a reader that types, by the name udev gives it for good."""
    with gadget("wedge") as wedge:
        found = json.loads(command(sys.executable, "-m", "paybench", "scan", "--json"))
    keyboards = [thing["spec"] for thing in found if thing["kind"] == "wedge"]
    assert keyboards == [f"wedge:{wedge.node}"]
    saw(keyboards[0])


def test_a_usb_keyboard_reader_takes_the_scanners_place(saw, tmp_path):
    """Fig 3 with a reader that types, on usbhid and evdev, recorded and replayed."""
    with gadget("wedge") as wedge:
        recorded = buy("register.scanner", f"wedge:{wedge.node}", lambda _: wedge.begins(EAN))
    check(recorded, tmp_path)
    saw(f"{wedge.place}; {recorded.verdict}; replayed, digest {recorded.digest[:12]}")


def test_all_of_the_us_keyboard_comes_through_usbhid(saw):
    """Every character of the US layout, with its shifts, through HID reports and the kernel."""
    from paybench.devices.scanner import Reading
    from paybench.devices.trace import Sent

    text = "".join(map(chr, range(0x21, 0x7F)))
    with gadget("wedge") as wedge:
        recorded = buy("register.scanner", f"wedge:{wedge.node}", lambda _: wedge.begins(text))
    readings = [
        event.message.payload
        for event in recorded.trace
        if isinstance(event, Sent) and isinstance(event.message, Reading)
    ]
    assert readings == [text]
    saw(f"{len(text)} characters read as typed")


def test_keys_the_kernel_dropped_are_noise_and_no_wrong_code(saw):
    """Typed while nobody reads, until the kernel drops keys (SYN_DROPPED): noise, no wrong code."""
    with gadget("wedge") as wedge:
        recorded = buy(
            "register.scanner",
            f"wedge:{wedge.node}",
            lambda _: wedge.shows(EAN),  # the world stands still until all is typed
            patience_s=2.0,
        )
    saw(f"{recorded.verdict}: {recorded.why}")
    assert recorded.verdict == "failed"
    assert "the kernel dropped key events" in recorded.why


def test_a_usb_keyboard_reader_that_is_pulled_out_and_put_back_is_found_again(saw, tmp_path):
    """The reader that types pulled out while a code is waited for, and put back: found again."""
    with gadget("wedge") as wedge:

        def stumble(_wish):
            wedge.unplug()
            wedge.plug()
            threading.Thread(target=_type_again, args=(wedge,), daemon=True).start()

        recorded = buy("register.scanner", f"wedge:{wedge.node}", stumble)
    said = states(recorded, SCANNER)
    saw("; ".join(said))
    check(recorded, tmp_path)
    assert said[-1] == "back"


def _type_again(wedge):
    """Until the keyboard is grabbed: before, its keys go to whoever else listens."""
    while not _is_grabbed(wedge.node):
        time.sleep(A_PERSON_S)
    wedge.begins(EAN)


def _is_grabbed(node):
    device = evdev.InputDevice(node)
    try:
        device.grab()
    except OSError:
        return True
    else:
        return False
    finally:
        device.close()
