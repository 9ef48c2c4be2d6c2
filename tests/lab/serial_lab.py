"""A reader on the kernel's cdc_acm."""

import json
import sys
import threading
import time

from plug import command, gadget
from purchase import EAN, buy, check, states

SCANNER = "A.register.scanner"
A_PERSON_S = 1.0
"""Nobody scans faster after having plugged something in."""


def test_scan_names_a_usb_reader_and_its_maker(saw):
    """`paybench scan` names a USB reader with its maker, by the name udev gives it for good."""
    with gadget("scanner") as scanner:
        found = json.loads(command(sys.executable, "-m", "paybench", "scan", "--json"))
    ports = [thing for thing in found if thing["kind"] == "serial" and "Acme" in thing["name"]]
    assert [(port["name"], port["address"]) for port in ports] == [("Acme Scanner", scanner.node)]
    saw(f"{ports[0]['spec']}  {ports[0]['name']}")


def test_a_usb_reader_takes_the_scanners_place(saw, tmp_path):
    """Fig 3 with a reader on cdc_acm, recorded and replayed."""
    with gadget("scanner") as scanner:
        recorded = buy("register.scanner", f"serial:{scanner.node}", lambda _: scanner.shows(EAN))
    check(recorded, tmp_path)
    saw(f"{scanner.place}; {recorded.verdict}; replayed, digest {recorded.digest[:12]}")


def test_a_usb_reader_that_is_pulled_out_and_put_back_is_found_again(saw, tmp_path):
    """The reader pulled out while a code is waited for, and put back: found again, and paid."""
    with gadget("scanner") as scanner:
        person = threading.Thread(target=_scan_when_opened, args=(scanner,), daemon=True)

        def stumble(_wish):
            scanner.says("opened")
            scanner.unplug()
            scanner.plug()
            person.start()

        recorded = buy("register.scanner", f"serial:{scanner.node}", stumble)
    said = states(recorded, SCANNER)
    saw("; ".join(said))
    check(recorded, tmp_path)
    assert said[-1] == "back"


def _scan_when_opened(scanner):
    scanner.says("opened")
    time.sleep(A_PERSON_S)
    scanner.shows(EAN)
