"""The matrix of what is shown with real parts: docs/matrix.md, made from the table here.

`python tests/hil/test_matrix.py` writes the page anew.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "matrix.md"


class Row(NamedTuple):
    """One cell of flow x part x driver, and the test that shows it."""

    flow: str
    part: str
    driver: str
    counterpart: str
    test: str


READER = "virtual reader on a pseudo-terminal"
SHOWN = "of what a qr-display shows"
PHONE = "virtual phone"
PURCHASE = "Fig 3, relayed"
BOTH = "Fig 3, relayed and direct"
MATRIX = [
    Row(BOTH, "register.scanner", "serial", READER, "test_serial_driver.py::test_a_real_reader_takes_the_scanners_place"),
    Row(PURCHASE, "register.scanner", "serial, each profile", READER, "test_scanner_runs.py::test_a_reader_of_each_profile_takes_the_scanners_place"),
    Row(PURCHASE, "register.scanner", "serial:socket, serial:rfc2217", "reader behind a bridge", "test_tcp.py::test_a_serial_port_in_a_lab_elsewhere"),
    Row(PURCHASE, "register.scanner", "tcp", "reader behind a bridge", "test_tcp.py::test_a_reader_on_tcp_takes_the_scanners_place"),
    Row(PURCHASE, "register.scanner", "tls", "reader behind a bridge", "test_tcp.py::test_a_reader_on_tls_with_both_ends_known"),
    Row(PURCHASE, "register.scanner", "camera, folder", "pictures from another process", "test_camera.py::test_a_picture_in_a_folder_is_read"),
    Row(PURCHASE, "register.scanner", "camera, network", "motion JPEG from another process", "test_camera.py::test_a_network_camera_is_read"),
    Row(PURCHASE, "register.scanner", "camera, folder and network, gone and back", "pictures from another process, cut off and on again", "test_camera.py::test_a_camera_that_comes_back_is_found_again"),
    Row("a code read", "register.scanner", "wedge", "uinput keyboard (blocked where the kernel has none)", "test_wedge.py::test_a_real_keyboard_is_grabbed_and_read"),
    Row("codes read", "register.scanner", "wedge, unplugged and back under another number", "key events from another process on a pseudo-terminal, in evdev's place", "test_keyboard.py::test_a_wedge_is_known_by_its_nameplate"),
    Row("Fig 3, direct", "phone.display", "serial", "pseudo-terminal", "test_serial_driver.py::test_a_real_line_display_shows_what_the_phone_shows"),
    Row("Fig 3, direct", "both of those", "serial", READER, "test_serial_driver.py::test_scanner_and_display_can_both_be_real"),
    Row("Fig 3", "phone.display", "qr-display", "decoded again from its picture", "test_qr_display.py::test_a_picture_file_shows_the_display"),
    Row("Fig 3", "phone.display and a scanner", "qr-display and camera", "the picture itself", "test_qr_display.py::test_display_and_camera_in_one_run"),
    Row(BOTH, "phone", "serial, tcp", PHONE, "test_phone_line.py::test_a_real_phone_pays"),
    Row(BOTH, "phone", "ble-central, ble-peripheral", f"{PHONE} on the virtual radio", "test_phone_line.py::test_a_real_phone_pays_over_bluetooth"),
    Row("Fig 3, refusals, both ways", "phone", "serial", PHONE, "test_phone_line.py::test_refusals_with_a_real_phone"),
    Row(BOTH, "phone", "tcp, cable pulled", f"{PHONE} behind a bridge that cuts", "test_phone_line.py::test_a_pulled_cable_loses_and_doubles_nothing"),
    Row(BOTH, "phone", "serial, unplugged", f"{PHONE} behind a port that comes and goes", "test_pulled.py::test_a_tty_unplugged_anywhere_in_fig_3"),
    Row(BOTH, "phone", "ble-central, ble-peripheral, connection lost", f"{PHONE} in air with holes", "test_pulled.py::test_a_connection_lost_anywhere_in_fig_3"),
    Row(BOTH, "phone", "serial, killed", f"{PHONE}, and another in its place", "test_pulled.py::test_a_phone_that_dies_on_its_tty"),
    Row(BOTH, "phone", "ble-central, ble-peripheral, killed", f"{PHONE}, and another in its place", "test_pulled.py::test_a_phone_that_dies_in_the_air"),
    Row("codes read", "register.scanner", "serial, unplugged", "virtual reader behind a port that comes and goes", "test_pulled.py::test_a_scanner_unplugged_within_a_code"),
    Row("Figs 4, 5, 6 and 10, and refusals", "phone", "tcp", PHONE, "test_phone_flows.py::test_a_real_phone_in_each_flow"),
    Row("Fig 4", "phone", "ble-central", f"{PHONE} on the virtual radio", "test_phone_flows.py::test_a_vending_machine_sells_to_a_phone_over_bluetooth"),
    Row("Fig 6, relayed and direct", "both phones", "ble-central", "two virtual phones on the virtual radio", "test_phone_flows.py::test_one_phone_pays_another_over_bluetooth"),
    Row("Fig 5, D21 and D31 as codes", "phone.display, a gate's scanner each", "qr-display, serial, camera", f"{READER} and network camera, {SHOWN}", "test_code_flows.py::test_a_ride_by_code"),
    Row("Fig 5, codes refused", "phone.display, gate.scanner", "qr-display, serial, camera, wedge", f"{READER}, pictures or key events from another process, {SHOWN}", "test_code_flows.py::test_a_gate_that_refuses_a_code"),
    Row("Fig 10, ticket as a code, and its copy", "phone.display, an entrance's scanner each", "qr-display, serial, camera, wedge", f"{READER}, pictures and key events from another process, {SHOWN}", "test_code_flows.py::test_a_ticket_and_its_copy"),
    Row("Fig 10, ticket as a code", "phone and its display", "tcp and qr-display", f"{PHONE}, and a reader of what its display shows", "test_code_flows.py::test_a_ticket_and_its_copy"),
    Row("TIN 1, 37 and 40, the number of a terminal, a machine, a page; and refusals", "display of each, phone.scanner", "qr-display, camera", f"folder and network camera, {SHOWN}", "test_tin_flows.py::test_a_phones_camera_reads_the_number"),
    Row("TIN 47, the phone's number", "phone.display, billing.scanner", "qr-display, serial, wedge, camera", f"{READER}, key events and pictures from another process, {SHOWN}", "test_tin_flows.py::test_a_terminals_reader_reads_the_phones_number"),
    Row("TIN 48, 49 and 50, refusals", "phone.display, billing.scanner", "qr-display, serial, camera, wedge", f"{READER}, pictures and key events from another process, {SHOWN}", "test_tin_flows.py::test_what_a_terminals_reader_reads_is_refused"),
    Row("TIN 1 and 47, the number by short-range radio both ways", "phone", "tcp, ble-central, ble-peripheral", f"{PHONE} on a socket and on the virtual radio", "test_tin_flows.py::test_a_real_phone_pays_by_a_number"),
    Row("TIN 1, read by the phone's own camera", "phone, billing.display", "tcp and qr-display", f"{PHONE}, which is told {SHOWN[3:]}", "test_tin_flows.py::test_a_real_phone_reads_with_its_own_camera"),
    Row("TIN 2, 8, 11, 48 and 49, refusals", "phone", "tcp", PHONE, "test_tin_flows.py::test_refusals_with_a_real_phone"),
    Row("TIN 14, by password", "phone", "tcp", PHONE, "test_tin_flows.py::test_a_password_from_a_real_phone_is_dots"),
    Row("codes read", "register.scanner", "serial, tcp, ble-central", "random and mutated bytes", "test_noise.py::test_a_driver_takes_any_bytes"),
]  # fmt: skip
HEAD = """\
# matrix

What is shown with real parts: flow x part x driver. In each row the driver under test talks to a counterpart in another
process, over a real tty, socket, picture or Bluetooth stack; where a purchase is made it is recorded, and the recording
replays with nothing attached. The page is made from `tests/hil/test_matrix.py`, and a test holds it to the tests it names.

No row was made with the hardware itself: there was none where this was built. [lab](lab.md) has the drivers against a
kernel's own, in a virtual machine.

| flow | part | driver | counterpart | test |
|---|---|---|---|---|
"""


def page():
    """The page as it should be."""
    cells = [[row.flow, row.part, row.driver, row.counterpart, f"`{row.test}`"] for row in MATRIX]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in cells)


def test_the_page_is_the_table():
    """docs/matrix.md is what the table here says."""
    assert PAGE.read_text() == page(), "run: python tests/hil/test_matrix.py"


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.test)
def test_each_row_has_its_test(row):
    """Every row names a test that is there."""
    file, _, name = row.test.partition("::")
    assert re.search(rf"^def {name}\(", (FOLDER / file).read_text(), re.MULTILINE)


def test_each_driver_is_in_the_matrix():
    """No driver is published that no row shows."""
    from importlib.metadata import entry_points

    shown = " ".join(row.driver for row in MATRIX)
    drivers = {point.name for point in entry_points(group="paybench.drivers")}
    assert {driver for driver in drivers if driver not in shown} == set()


if __name__ == "__main__":
    PAGE.write_text(page())
