"""A camera on the kernel's uvcvideo."""

import json
import sys

from plug import command, gadget
from purchase import EAN, buy, check, states

SCANNER = "A.register.scanner"


def test_scan_names_a_usb_camera(saw):
    """`paybench scan` names a USB camera, once, by the name udev gives it for good."""
    with gadget("camera") as camera:
        found = json.loads(command(sys.executable, "-m", "paybench", "scan", "--json"))
    cameras = {thing["spec"]: thing["name"] for thing in found if thing["kind"] == "camera"}
    saw("; ".join(f"{spec}  {name}" for spec, name in cameras.items()))
    # uvcvideo makes two nodes; the second gives no pictures.
    assert cameras == {f"camera:{camera.node}": "Camera"}


def test_a_usb_camera_takes_the_scanners_place(saw, tmp_path):
    """Fig 3 with a QR code held before a camera on uvcvideo, recorded and replayed."""
    with gadget("camera") as camera:
        recorded = buy("register.scanner", f"camera:{camera.node}", lambda _: camera.shows(EAN))
    check(recorded, tmp_path)
    saw(f"{camera.place}; {recorded.verdict}; replayed, digest {recorded.digest[:12]}")


def test_a_usb_camera_that_is_pulled_out_and_put_back_is_found_again(saw, tmp_path):
    """The camera pulled out while a code is waited for, and put back: found again, and paid."""
    with gadget("camera") as camera:

        def stumble(_wish):
            camera.unplug()
            camera.shows(EAN)
            camera.plug()

        recorded = buy("register.scanner", f"camera:{camera.node}", stumble)
    said = states(recorded, SCANNER)
    saw("; ".join(said))
    check(recorded, tmp_path)
    assert said[-1] == "back"
