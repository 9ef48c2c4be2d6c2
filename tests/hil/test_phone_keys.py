"""The virtual phone's keys: what its customer types waits until it can be done."""

import pytest

from paybench.devices.tin_code import shown_code
from paybench.devices.trace import Sent
from paybench.hil.virtual.phone_keys import USAGE, Neighbour, PhoneKeys
from paybench.scenarios.library.tin_authentication import EVERYTHING, PASSWORD, QUESTIONS
from paybench.scenarios.rig import Rig


class Table:
    """A terminal, a phone beside it, and keys that are pressed on that."""

    def __init__(self, demands=""):
        self.rig = Rig()
        self.terminal = self.rig.shop("A").billing_terminal(demands=demands)
        customer = self.rig.customer("B", balance="20.00", password="2468")
        self.phone = customer.phone()
        customer.subscribes(**EVERYTHING)
        self.complaints = []
        near = Neighbour(self.terminal.name, self.terminal.short_range)
        self.keys = PhoneKeys(near, self.complaints.append)

    def press(self, *lines):
        for line in lines:
            self.keys.press(line.split(" "))
        self.keys.work(self.phone)

    @property
    def steps(self):
        events = self.rig.world.trace.events
        return [e.step for e in events if isinstance(e, Sent) and e.sender == self.phone.name]


@pytest.fixture
def tables():
    made = []

    def table(**options):
        made.append(Table(**options))
        return made[-1]

    yield table
    for each in made:
        each.rig.close()


def test_what_is_typed_too_early_waits(tables):
    """A number is shown, handed over and paid, all of it typed before; nothing goes out early."""
    table = tables()
    table.press("hand_to A.billing", "approve 2468")
    assert table.steps == []
    table.phone.payer.show_tin()
    table.keys.work(table.phone)
    assert table.steps == ["T1", "handed"]
    table.terminal.bill("2.50")
    table.keys.work(table.phone)
    table.phone.expects("PAID 2.50")
    assert table.steps == ["T1", "handed", "T7"]


def test_a_code_is_typed_as_it_is(tables):
    """What the camera is said to see may have spaces: the number arrives."""
    table = tables()
    table.terminal.start()
    table.press(f"scan {shown_code(table.terminal)}", "ask_status", "leave")
    assert table.steps == ["T3", "status", "decline"]
    table.press("ask_history")
    table.phone.expects("PURCHASES 0")


@pytest.mark.parametrize(
    ("method", "keys"),
    [
        ("password", f"answer {PASSWORD}"),
        ("question", ""),
        ("voice", "speak B's voice"),
        ("fingerprint", "present finger B's thumb"),
        ("iris", "present iris B's left eye"),
    ],
)
def test_every_answer_can_be_typed(method, keys, tables):
    """Whatever the apparatus asks for, there is a key for it, which waits until it is asked for."""
    table = tables(demands=method)
    table.terminal.start()
    number = table.terminal.display.lines[0].removeprefix("TIN ")
    table.press(f"enter {number}")
    table.press(keys or f"answer {QUESTIONS[table.phone.display.lines[0]]}")
    table.terminal.expects(f"authenticated: {method}")


@pytest.mark.parametrize("line", ["dance", "approve", "enter", "decline now", "choose A1", ""])
def test_what_means_nothing_is_answered_with_what_does(line, tables):
    """An unknown word, or too few or too many words, hold nothing up: the keys are told."""
    table = tables()
    table.press(line, "ask_status")
    [complaint] = table.complaints
    assert USAGE in complaint
    assert table.steps == ["status"]


def test_a_finger_is_no_ear(tables):
    """A sample of something there is no sensor for is complained of when it is asked for."""
    table = tables(demands="fingerprint")
    table.terminal.start()
    table.press(f"scan {shown_code(table.terminal)}")
    table.phone.expects("Put your finger on the sensor.")
    table.press("present ear B's left")
    [complaint] = table.complaints
    assert "'ear'" in complaint
    table.press("present finger B's thumb")
    table.terminal.expects("authenticated: fingerprint")
