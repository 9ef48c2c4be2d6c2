"""The cable pulled, the connection dropped, the phone dead: at random points of Fig 3.

The phone lives in another process, behind a port that comes and goes (`virtual/cable.py`) or in air
with holes (`holey_radio.py`); `stories.py` judges what became of the purchase. At last a scanner.
"""

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("bleak")
pytest.importorskip("bumble")

import qrcode
from rounds import FIGURES, SOAK, rounds
from stories import Customer, Tally, judge, must_pass, pay
from till import Till

from paybench.devices.trace import Delivered
from paybench.hil.ble import driver as ble_driver
from paybench.hil.ble.central import BleCentral
from paybench.hil.ble.peripheral import BlePeripheral

PHONE = "paybench.hil.virtual.phone"
CABLE = "paybench.hil.virtual.cable"
SCANNER = "paybench.hil.virtual.scanner"
RADIO = (Path(__file__).parent / "holey_radio.py").read_text()
LINE_BYTES = 800
"""About what Fig 3 takes on a line, both ways together."""
AIR_BYTES = 1500
"""Likewise in the air, with the reports of how far each side is."""
SILENCE_S = 0.8
"""More than the half second after which a central reports."""
OUT_S = 2.0
"""Patience in the stories that may end without an answer."""
FOR_GOOD_S = LIMIT_S = 60.0


@pytest.fixture(scope="module")
def begin(nursery):
    """Begins a process, see `Nursery`."""
    return nursery.process


@pytest.fixture
def _attentive(monkeypatch):
    """Our end of the air notices a silence as soon as the phone does."""
    for kind in BleCentral, BlePeripheral:
        monkeypatch.setattr(ble_driver, kind.__name__, partial(kind, silence_s=SILENCE_S))


def first(process):
    """What a process says first: the last word of its first line."""
    return process.stdout.readline().split()[-1]


def rest(process):
    """What a process has said, to its end."""
    process.hang_up()
    return process.stdout.read()


# -- a phone on a tty -----------------------------------------------------------------------------


@contextmanager
def plugged(begin, link, *options):
    """A phone behind a cable that comes out and is put back: the phone, and the cable."""
    with (
        begin("-m", PHONE) as phone,
        begin("-m", CABLE, first(phone), "--link", link, *options) as cable,
    ):
        first(cable)
        yield phone, cable


def test_a_tty_unplugged_anywhere_in_fig_3(begin, tmp_path):
    """The phone's port vanishes, up to three times, and comes back: paid once, and replayed."""
    tally = Tally("a phone's tty unplugged")
    for seed, variant, chance in tally.stories(1000 if SOAK else 6):
        cuts = [chance.randrange(LINE_BYTES), *chance.choices(range(200), k=chance.randrange(3))]
        away_s = chance.choice([0, 0.01, 0.1])
        link = tmp_path / f"phone-{seed}"
        with plugged(begin, link, "--cut", *cuts, "--away", away_s) as (phone, cable):
            recorded, rig = pay(variant, f"serial:{link}", Customer(phone))
            struck = rest(cable).count("pulled")
        wrong = must_pass(recorded, rig, variant) + judge(recorded, rig, tmp_path)
        story = f"{variant}, seed {seed}, cut after {cuts}, away {away_s} s"
        tally.add(story, recorded, rig, struck, wrong)
    tally.close()


def test_a_line_that_garbles(begin, tmp_path):
    """About one byte in a few hundred comes out changed, either way: still paid once."""
    tally = Tally("a phone's tty garbled")
    for seed, variant, chance in tally.stories(rounds(2)):
        one_in = chance.randrange(400, 2000)
        link = tmp_path / f"phone-{seed}"
        with plugged(begin, link, "--spoil", one_in) as (phone, _):
            recorded, rig = pay(variant, f"serial:{link}", Customer(phone))
        wrong = must_pass(recorded, rig, variant) + judge(recorded, rig, tmp_path)
        tally.add(f"{variant}, seed {seed}, one byte in {one_in}", recorded, rig, 0, wrong)
    tally.close()


# -- a phone in the air ---------------------------------------------------------------------------


def in_the_air(role, hci):
    """The phone's arguments and the bench's spec: the central of the two finds the other."""
    name = "phone"
    if role == "central":
        arguments, spec = ("--ble-peripheral", hci), f"ble-central:{name}?hci={hci}&wait=3"
    else:
        arguments, spec = ("--ble-central", hci), f"ble-peripheral:{hci}?name={name}&wait=3"
    return ("-m", PHONE, *arguments, "--name", name, "--silence", SILENCE_S), spec


def trouble(chance):
    """What happens in the air, as `holey_radio.py` is told it."""
    at = chance.randrange(AIR_BYTES)
    if chance.random() < 0.7:
        return f"drop:{at}"
    return f"away:{at}:{chance.uniform(0.05, 2 * SILENCE_S):.2f}"


@pytest.mark.usefixtures("_attentive")
@pytest.mark.parametrize("role", ["central", "peripheral"])
def test_a_connection_lost_anywhere_in_fig_3(begin, role, tmp_path):
    """Dropped or out of range, up to twice, and back: paid once, and replayed."""
    tally = Tally(f"a phone's connection to ble-{role} lost")
    for seed, variant, chance in tally.stories(500 if SOAK else 2):
        holes = [trouble(chance) for _ in range(1 + chance.randrange(2))]
        with begin("-c", RADIO, *holes) as radio:
            command, spec = in_the_air(role, first(radio))
            with begin(*command) as phone:
                first(phone)
                recorded, rig = pay(variant, spec, Customer(phone))
                struck = rest(radio).count("struck")
        wrong = must_pass(recorded, rig, variant) + judge(recorded, rig, tmp_path)
        tally.add(f"{variant}, seed {seed}, {holes}", recorded, rig, struck, wrong)
    tally.close()


# -- a phone that dies ----------------------------------------------------------------------------


@contextmanager
def dying(phone, sign, relive):
    """Kills a phone when another process gives a sign, and has one begin in its place."""
    deaths = []

    def await_it():
        if sign.stdout.readline():
            phone.kill()
            deaths.append(relive())

    thread = threading.Thread(target=await_it)
    thread.start()
    try:
        yield deaths
    finally:
        sign.send_signal(signal.SIGTERM)
        thread.join()


def test_a_phone_that_dies_on_its_tty(begin, tmp_path):
    """Killed anywhere, and one that knows nothing in its place: no wrong money, no false word."""
    tally = Tally("a phone on a tty killed")
    for seed, variant, chance in tally.stories(rounds(2)):
        cut = chance.randrange(LINE_BYTES)
        link = tmp_path / f"phone-{seed}"
        with ExitStack() as stack:
            life = plugged(begin, link, "--cut", cut, "--away", FOR_GOOD_S)
            phone, cable = stack.enter_context(life)
            customer = Customer(phone)

            def relive(stack=stack, customer=customer, link=link):
                customer.phone, _ = stack.enter_context(plugged(begin, link))

            with dying(phone, cable, relive) as deaths:
                recorded, rig = pay(variant, f"serial:{link}", customer, OUT_S)
        story = f"{variant}, seed {seed}, killed after {cut}"
        tally.add(story, recorded, rig, len(deaths), judge(recorded, rig, tmp_path))
    tally.close()


@pytest.mark.usefixtures("_attentive")
@pytest.mark.parametrize("role", ["central", "peripheral"])
def test_a_phone_that_dies_in_the_air(begin, role, tmp_path):
    """The same over Bluetooth, whoever of the two is found by the other."""
    tally = Tally(f"a phone on ble-{role} killed")
    for seed, variant, chance in tally.stories(rounds(1)):
        at = chance.randrange(AIR_BYTES)
        with ExitStack() as stack:
            radio = stack.enter_context(begin("-c", RADIO, f"tell:{at}"))
            command, spec = in_the_air(role, first(radio))
            phone = stack.enter_context(begin(*command))
            first(phone)
            customer = Customer(phone)

            def relive(stack=stack, customer=customer, command=command):
                customer.phone = stack.enter_context(begin(*command))

            with dying(phone, radio, relive) as deaths:
                recorded, rig = pay(variant, spec, customer, OUT_S)
        story = f"{variant}, seed {seed}, killed after {at}"
        tally.add(story, recorded, rig, len(deaths), judge(recorded, rig, tmp_path))
    tally.close()


# -- a scanner ------------------------------------------------------------------------------------


@contextmanager
def heeded(process):
    """Lines of a process, taken as they come, so that it never waits to be heard; killed."""
    lines = []
    thread = threading.Thread(target=lambda: lines.extend(line.rstrip() for line in process.stdout))
    thread.start()
    try:
        yield lines
    finally:
        process.kill()
        thread.join()


def scans(lines):
    """Of each scan, what was scanned, and whether the scanner has heard that it arrived."""
    each = []
    for sentence in lines:
        if sentence.startswith("scanned "):
            each.append([sentence.removeprefix("scanned "), False])
        elif sentence == "acknowledged":
            each[-1][1] = True
    return each


def astray(readings, scanned):
    """What is wrong, where each reading has to be of a scan of its own and in order.

    None may be left out that was acknowledged, but for those at the end, which nobody waited for.
    """
    left = iter(scanned)
    for number, reading in enumerate(readings):
        for payload, acknowledged in left:
            if payload == reading:
                break
            if acknowledged:
                return f"{payload} was acknowledged and not read, before reading {number}"
        else:
            return f"reading {number}, {reading}, is of no scan"
    return ""


def has_been_pulled(cable, times):
    """Tells, each time it is called, whether a cable has said that it was pulled so often."""
    said = bytearray()
    descriptor = cable.stdout.fileno()
    os.set_blocking(descriptor, False)

    def so_often():
        with suppress(BlockingIOError):
            said.extend(os.read(descriptor, 65536))
        return said.count(b"pulled") == times

    return so_often


@pytest.mark.parametrize(
    ("settings", "query"),
    [([], ""), (["--profile", "zebra-ssi", "--answer-within", 0.03], "?profile=zebra-ssi")],
    ids=["plain", "ssi"],
)
def test_a_scanner_unplugged_within_a_code(begin, settings, query, tmp_path):
    """Whatever a cable cuts in two: what is read is whole, and each scan is read at most once."""
    began_s, count = time.monotonic(), rounds(10)
    chance = Random(None if SOAK else 0)  # noqa: S311 - as above
    images = [tmp_path / f"{number}.png" for number in range(12)]
    for image in images:
        qrcode.make(f"article {image.stem}").save(image)
    link = tmp_path / "scanner"
    cuts = [chance.randrange(150) for _ in range(count)]
    with (
        begin("-m", SCANNER, "--decode", *images, "--every", 0.01, *settings) as scanner,
        begin("-m", CABLE, first(scanner), "--link", link, "--cut", *cuts) as cable,
    ):
        first(cable)
        pulled = has_been_pulled(cable, count)
        with heeded(scanner) as lines, Till(f"serial:{link}{query}") as till:

            def is_over():
                events = till.world.trace.events
                reads = bool(events) and isinstance(events[-1], Delivered)
                return pulled() and reads and not till.scanner.gone

            assert till.waits(is_over, LIMIT_S + count)
        scanned = scans(lines)
        # It is killed at any moment: also when it has sent the next one, and not yet said so.
        scanned.append([f"article {len(scanned) % len(images)}", False])
    FIGURES.append(
        f"a scanner's tty unplugged{query}: {till.states.count('back')} times, {len(scanned) - 1} "
        f"scans, {len(till.readings)} read, {len(till.heard) - len(till.readings)} cut in two, "
        f"{time.monotonic() - began_s:.0f} s"
    )
    assert {state.partition(" ")[0] for state in till.states[::2]} == {"gone:"}
    assert set(till.states[1::2]) == {"back"}
    assert astray(till.readings, scanned) == ""
