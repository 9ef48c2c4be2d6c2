"""The camera driver in whole runs: pictures come from another process and are really decoded."""

import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from paybench.devices.scanner import Reading, Scanner
from paybench.devices.trace import Act, Delivered, Injected, Sent, State
from paybench.devices.world import World
from paybench.hil import picture
from paybench.hil.codes import Code
from paybench.hil.driver import make_driver
from paybench.hil.errors import PortUnavailable, SpecError
from paybench.hil.qr_picture import qr_picture
from paybench.hil.sighting import OVER, Gaze, Sighting, why_no_payload
from paybench.scenarios.discovery import find
from paybench.scenarios.recording import write
from paybench.scenarios.replay import replay
from paybench.scenarios.run import Options, run
from paybench.scenarios.scenario import scenario

CODES = Path(__file__).parents[1] / "data" / "codes"
EAN = "4901234567894"
SHOP_PURCHASE = find("shop-purchase")[0]
SCANNER = "A.register.scanner"
ONCE = "?reconnect=no"


@contextmanager
def camera_process(*arguments):
    """A virtual camera in a process of its own: gives where it is, and how to tell it something."""
    command = [sys.executable, "-m", "paybench.hil.virtual.camera", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            where = process.stdout.readline().split()[1]

            def tell(line):
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
                assert process.stdout.readline() == f"{line}\n"

            process.tell = tell
            yield where, process
        finally:
            process.kill()


@contextmanager
def folder_process(folder):
    """A process that lays pictures into a folder."""
    folder.mkdir(exist_ok=True)
    with camera_process("--folder", folder) as (where, process):
        yield where, process


def before(camera, operator, options="", **more):
    return Options(
        real={"register.scanner": f"camera:{camera}{options}"}, operator=operator, **more
    )


def replays(recorded, file):
    """Whether a recording plays again to the same bytes, with nothing attached."""
    write(file, recorded.content)
    again = replay(file)
    return again.diverged_at is None and again.run.digest == recorded.digest


def seen(trace):
    """What the camera told, in order."""
    events = [event for event in trace if isinstance(event, Injected) and not event.lost]
    return [Sighting.decode(event.data) for event in events]


def readings(trace):
    return [event.message for event in trace if isinstance(event, Sent) and event.step == "scan"]


@pytest.mark.parametrize("image", ["ean13_rotated_15.png", "ean13_noisy.png", "qr_blurred.png"])
def test_a_picture_in_a_folder_is_read(image, tmp_path):
    """A picture another process lays down is read as an article, and the recording replays."""
    with folder_process(tmp_path / "desk") as (folder, process):
        wishes = []

        def operator(wish):
            wishes.append(wish)
            process.tell(f"hold {CODES / image}")

        recorded = run(SHOP_PURCHASE, "direct", before(folder, operator))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    assert wishes == [f"hold {EAN} before A.register.scanner"]
    [sighting] = seen(recorded.trace)
    assert readings(recorded.trace) == [Reading(EAN, sighting.code.symbology)]
    assert recorded.lateness is not None
    assert replays(recorded, tmp_path / "recording.jsonl")


def test_a_network_camera_is_read(tmp_path):
    """Frames of a motion JPEG stream are decoded; only what was read is recorded."""
    pytest.importorskip("cv2")
    with camera_process() as (url, process):

        def operator(_wish):
            process.tell(f"hold {CODES / 'ean13_plain.png'}")

        recorded = run(SHOP_PURCHASE, "relayed", before(url, operator))
    assert (recorded.verdict, recorded.why) == ("passed", "")
    assert seen(recorded.trace) == [Sighting(Code(EAN, "EAN-13"))]
    assert sum(len(e.data) for e in recorded.trace if isinstance(e, Injected)) < 100
    assert replays(recorded, tmp_path / "recording.jsonl")


def test_a_picture_file_needs_nobody():
    """A picture that lies there when it is asked for is read at once, as often as it is asked."""

    @scenario()
    def two_of_a_kind(rig):
        register = rig.shop("A").cash_register()
        register.scan(EAN, price="2.50")
        register.scan(EAN, price="2.50")
        register.expects("TOTAL 5.00")

    wishes = []
    options = before(CODES / "ean13_plain.png", wishes.append)
    recorded = run(two_of_a_kind, "", options)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    assert len(wishes) <= 1  # none, if it was seen before it was asked for
    assert len(seen(recorded.trace)) == 1


def test_a_code_held_still_is_one_reading_and_brought_again_another(tmp_path):
    """Between the two readings the code must have been away; frames in between are nothing."""
    with folder_process(tmp_path / "desk") as (folder, process):

        @scenario()
        def twice(rig):
            register = rig.shop("A").cash_register()
            register.scan(EAN, price="2.50")
            for count in (1, 2):
                process.tell("away")
                assert rig.world.env.wait_until(
                    lambda count=count: (
                        [s.came for s in seen(rig.world.trace)].count(False) == count
                    ),
                    20.0,
                )
                process.tell(f"hold {CODES / 'ean13_plain.png'}")
                assert rig.world.env.wait_until(
                    lambda count=count: (
                        [s.came for s in seen(rig.world.trace)].count(True) == count + 1
                    ),
                    20.0,
                )
                rig.world.env.settle()

        def operator(_wish):
            process.tell(f"hold {CODES / 'ean13_plain.png'}")

        at_once = run(twice, "", before(folder, operator, "?again=0"))
        process.tell("away")
        later = run(twice, "", before(folder, operator, "?again=60000"))
    assert (at_once.verdict, at_once.why, later.verdict) == ("passed", "", "passed")
    assert len(readings(at_once.trace)) == 3
    assert len(readings(later.trace)) == 1


def test_a_run_with_two_codes_in_view_reads_both(tmp_path):
    """Every code in a picture is read, and one that stays when the other goes is not read again."""
    both = Image.new("L", (420, 420), 255)
    with Image.open(CODES / "ean13_plain.png") as image:
        both.paste(image, (20, 20))
    both.paste(qr_picture("second", module_px=4), (40, 220))
    both.save(tmp_path / "both.png")
    with folder_process(tmp_path / "desk") as (folder, process):

        @scenario()
        def two_codes(rig):
            register = rig.shop("A").cash_register()
            register.key_in("x", price="1.00")
            process.tell(f"hold {tmp_path / 'both.png'}")
            assert rig.world.env.wait_until(lambda: len(seen(rig.world.trace)) == 2, 20.0)
            process.tell("text second")
            assert rig.world.env.wait_until(lambda: len(seen(rig.world.trace)) == 3, 20.0)

        passed = run(two_codes, "", before(folder, print))
    assert (passed.verdict, passed.why) == ("passed", "")
    assert {sighting.code for sighting in seen(passed.trace)[:2]} == {
        Code(EAN, "EAN-13"),
        Code("second", "QR"),
    }
    assert seen(passed.trace)[2] == Sighting(Code(EAN, "EAN-13"), came=False)


def test_half_a_picture_and_no_picture_are_survived(tmp_path):
    """What is no image yet, or never, is nothing before the camera; the next good one is read."""
    whole = (CODES / "ean13_plain.png").read_bytes()
    (tmp_path / "list.png").write_text("bread, milk")

    def operator(_wish):
        (tmp_path / "slow.png").write_bytes(whole[:500])
        (tmp_path / "slow.png").write_bytes(whole)

    passed = run(SHOP_PURCHASE, "relayed", before(tmp_path, operator))
    assert (passed.verdict, passed.why) == ("passed", "")


def test_another_code_fails_and_a_code_with_control_characters_is_a_read_error(tmp_path):
    """A wrong payload is the reader's failure; an escape sequence never reaches a display."""
    with folder_process(tmp_path / "desk") as (folder, process):
        failed = run(SHOP_PURCHASE, "relayed", before(folder, lambda _: process.tell("text tea")))
        process.tell("away")
        qr_picture("\x1b[2J").save(tmp_path / "escape.png")
        hold = f"hold {tmp_path / 'escape.png'}"
        options = before(folder, lambda _: process.tell(hold), patience_s=2.0)
        refused = run(SHOP_PURCHASE, "relayed", options)
    assert failed.verdict == "failed"
    assert f"read tea where {EAN} was presented" in failed.why
    assert refused.verdict == "failed"
    assert "character 0 is U+001B: a control character" in refused.why
    assert any(isinstance(event, Delivered) and event.step == "scan" for event in refused.trace)


def test_a_camera_that_vanishes_blocks_the_run():
    """Switched off while a code is waited for: blocked at once, naming the camera."""
    pytest.importorskip("cv2")
    with camera_process() as (url, process):
        options = before(url, lambda _: process.kill(), ONCE)
        blocked = run(SHOP_PURCHASE, "relayed", options)
    assert blocked.verdict == "blocked"
    assert f"A.register.scanner is gone: {url} gives no more pictures" in blocked.why
    assert any(isinstance(e, State) and e.state.startswith("gone") for e in blocked.trace)


def blinks(process, image):
    """Switch a camera off, until that is noticed, and on again with a picture before it."""
    [taking] = [thread for thread in threading.enumerate() if thread.name == "paybench camera"]
    process.tell("off")
    taking.join(30)
    process.tell("on")
    process.tell(f"hold {image}")


def changes(trace):
    """How a real scanner went and came back."""
    return [event.state for event in trace if isinstance(event, State) and event.device == SCANNER]


@pytest.mark.parametrize("kind", ["network", "folder"])
def test_a_camera_that_comes_back_is_found_again(kind, tmp_path):
    """Cut off while a code is waited for, it is gone and back in the trace, reads, and replays."""
    if kind == "network":
        pytest.importorskip("cv2")
    with folder_process(tmp_path / "desk") if kind == "folder" else camera_process() as camera:
        where, process = camera
        options = before(where, lambda _: blinks(process, CODES / "ean13_plain.png"))
        recorded = run(SHOP_PURCHASE, "relayed", options)
    assert (recorded.verdict, recorded.why) == ("passed", "")
    gone, back = changes(recorded.trace)
    assert gone.startswith(f"gone: {where} ")
    assert back == "back"
    assert readings(recorded.trace) == [Reading(EAN, "EAN-13")]
    assert replays(recorded, tmp_path / "recording.jsonl")


def test_a_folder_that_does_not_come_back_blocks(tmp_path):
    """A folder that was removed is no empty desk: the camera is gone, and says why."""
    with folder_process(tmp_path / "desk") as (folder, process):
        options = before(folder, lambda _: process.tell("off"), ONCE)
        blocked = run(SHOP_PURCHASE, "relayed", options)
    assert blocked.verdict == "blocked"
    assert f"{folder} is not there any more: was it removed, or unmounted?" in blocked.why


MOUNTS = """
import subprocess, sys, threading
from pathlib import Path
from paybench.hil.errors import PortLost, PortUnavailable
from paybench.hil.picture import Album
folder = Path(sys.argv[1])
mount = ["mount", "-t", "tmpfs", "none", folder]
if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
    sys.exit("no mounts here")
(album := Album(folder)).open()
subprocess.run(["umount", folder], check=True)
for look in (lambda: album.next(threading.Event()), album.open):
    try:
        look()
    except (PortLost, PortUnavailable) as error:
        print(error)
subprocess.run(mount, check=True)
album.open()
print("back")
"""


def test_a_folder_that_is_unmounted_is_no_empty_desk(tmp_path):
    """The empty place where a memory card was is not taken for the card, neither then nor later."""
    alone = ["unshare", "--map-root-user", "--mount"]
    if shutil.which(alone[0]) is None:
        pytest.skip("blocked: there is no unshare here")
    command = [*alone, sys.executable, "-c", MOUNTS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stderr.startswith(("unshare:", "no mounts here")):
        pytest.skip(f"blocked: nothing can be mounted here ({done.stderr.strip()})")
    unmounted = f"{tmp_path} was unmounted: mount it again"
    assert done.stdout.splitlines() == [unmounted, unmounted, "back"]


def test_a_camera_that_ended_for_good_is_not_waited_for_in_a_replay_either():
    """That a film is over is on record: the replay gives the part up at the same place."""
    script = [Injected(5, SCANNER, OVER), Injected(5, SCANNER, b"", "the film ended")]
    world = World(script=script)
    scanner = Scanner(world, SCANNER)
    make_driver("camera:film.mp4").stand_in(scanner, world, print)
    assert scanner.returns
    world.env.run()
    assert (scanner.gone, scanner.returns) == ("the film ended", False)


def test_a_dark_camera_blocks(monkeypatch):
    """A covered lens is found before the run, and within it."""
    pytest.importorskip("cv2")
    monkeypatch.setattr(picture, "DARK_S", 0.1)
    monkeypatch.setattr(picture, "FIRST_FRAMES", 5)
    with camera_process() as (url, process):
        options = before(url, lambda _: process.tell("dark"), ONCE)
        covered = run(SHOP_PURCHASE, "relayed", options)
        before_it = run(SHOP_PURCHASE, "relayed", before(url, print))
    assert (covered.verdict, before_it.verdict) == ("blocked", "blocked")
    assert f"{url} has seen only black for 0.1 s: is it covered?" in covered.why
    assert before_it.why.startswith(f"{url}: it sees only black: take off its cap")
    assert not any(isinstance(event, Act) for event in before_it.trace)


def test_a_film_is_shown_once(tmp_path):
    """A film is read at its own speed; after its end the camera is gone."""
    cv2 = pytest.importorskip("cv2")
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 50.0, (400, 400))
    code = cv2.resize(cv2.imread(str(CODES / "ean13_plain.png")), (400, 400))
    for number in range(60):
        writer.write(code if number > 10 else code * 0 + 200)
    writer.release()
    passed = run(SHOP_PURCHASE, "relayed", before(film, print))
    assert (passed.verdict, passed.why) == ("passed", "")

    @scenario()
    def watches_it_to_the_end(rig):
        register = rig.shop("A").cash_register()
        register.scan(EAN, price="2.50")
        register.scan("another", price="2.50")

    blocked = run(watches_it_to_the_end, "", before(film, print))
    assert blocked.verdict == "blocked"
    assert f"{film} has come to its end" in blocked.why
    assert changes(blocked.trace) == [f"gone: {film} has come to its end"]


def test_nothing_before_the_camera_blocks(tmp_path):
    """An empty folder is a camera that sees nothing: blocked when patience ends."""
    blocked = run(SHOP_PURCHASE, "relayed", before(tmp_path, lambda _: None, patience_s=0.1))
    assert blocked.verdict == "blocked"
    assert f"code {EAN} was expected from A.register.scanner within 0.1 s" in blocked.why


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("nowhere.png", "nowhere.png: there is no such picture or folder (looked in /"),
        ("/dev/videoNOWHERE", "there is no such camera; cameras here: "),
        ("97", "/dev/video97: there is no such camera"),
        ("nowhere.mp4", "nowhere.mp4: there is no such picture, folder or film"),
        (__file__, "OpenCV cannot read it as a film"),
        ("nowhere/", "there is no such picture, folder or film"),
    ],
)
def test_a_missing_camera_blocks_before_anything_starts(address, sentence):
    """What is not there is named before the scenario begins, and probing finds out the same."""
    if not address.endswith(".png"):
        pytest.importorskip("cv2")
    blocked = run(SHOP_PURCHASE, "relayed", before(address, print))
    assert blocked.verdict == "blocked"
    assert sentence in blocked.why
    assert not any(isinstance(event, Act) for event in blocked.trace)
    with pytest.raises(PortUnavailable):
        make_driver(f"camera:{address}").probe()


def test_an_address_nobody_answers_at_blocks():
    """A URL without a camera behind it is the bench's trouble."""
    pytest.importorskip("cv2")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(PortUnavailable, match="nothing is sent from there: is the address right"):
        make_driver(f"camera:{url}").probe()


def test_too_full_a_folder_and_a_broken_picture_block(tmp_path):
    """A folder of thousands of files, and a picture that is none, are refused before the run."""
    (tmp_path / "list.png").write_text("bread, milk")
    with pytest.raises(PortUnavailable, match="not an image which Pillow knows"):
        make_driver(f"camera:{tmp_path / 'list.png'}").probe()
    for number in range(picture.FOLDER_MAX):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(PortUnavailable, match="holds more than 1000 files"):
        make_driver(f"camera:{tmp_path}").probe()


def test_without_opencv_pictures_still_work(monkeypatch, tmp_path):
    """Only devices, films and URLs need the extra, and say how to add it."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    for address in ("0", "http://127.0.0.1:9/", "film.mp4"):
        with pytest.raises(PortUnavailable, match=r"pip install 'paybench\[camera\]'"):
            make_driver(f"camera:{address}").probe()
    make_driver(f"camera:{tmp_path}?decoder=zxing").probe()
    monkeypatch.setitem(sys.modules, "pyzbar.pyzbar", None)
    with pytest.raises(PortUnavailable, match="decoder 'zbar' needs the package pyzbar"):
        make_driver(f"camera:{tmp_path}?decoder=zbar").probe()


def test_threads_and_descriptors_end_with_the_driver(tmp_path):
    """Ten runs leave as many threads and open files as there were, also when nobody is asked."""
    options = before(CODES / "ean13_plain.png", print)
    run(SHOP_PURCHASE, "relayed", options)
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(10):
        assert run(SHOP_PURCHASE, "relayed", options).verdict == "passed"
    driver = make_driver(f"camera:{tmp_path}")
    driver.open()
    driver.close()
    driver.close()
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == files


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("camera:", "no spec: write driver:address"),
        ("camera:0?decodr=zxing", "no option 'decodr'; did you mean 'decoder'?"),
        ("camera:0?decoder=zxng", "expected one of auto, zxing, wechat, zbar"),
        ("camera:0?again=soon", "expected a whole number from 0 to 60000"),
    ],
)
def test_a_malformed_spec_says_what_to_write(spec, sentence):
    """Every way to get a spec wrong is answered by what is right."""
    with pytest.raises(SpecError) as refused:
        make_driver(spec)
    assert sentence in str(refused.value)


codes = st.builds(Code, st.text(max_size=30), st.sampled_from(["QR", "EAN-13", "Code 128"]))


@given(st.builds(Sighting, codes, st.booleans()))
def test_a_sighting_survives_its_record(sighting):
    """Whatever text a code holds, line feeds included, the record gives it back."""
    assert Sighting.decode(sighting.encode()) == sighting


@given(st.binary(max_size=40))
def test_a_changed_record_is_refused(data):
    """Bytes that are no sighting raise ValueError and nothing else."""
    try:
        assert Sighting.decode(data).encode() == data
    except ValueError:
        return


@given(
    st.lists(
        st.tuples(st.sampled_from("AB-"), st.booleans(), st.integers(0, 15)),
        max_size=40,
    )
)
def test_a_code_is_read_once_until_it_was_away_long_enough(steps):
    """The gaze against the rule in one line: read, if out of view for `again_ns` or never seen.

    With the camera itself ("-"), whatever was in view leaves it.
    """
    gaze, now_ns = Gaze(again_ns=10), 0
    last_ns = {}  # when each was in view last; infinity while it is
    for name, came, later_ns in steps:
        now_ns += later_ns
        code = Code(name, "QR")
        if name == "-":
            gaze.close(now_ns)
            last_ns = {known: min(at, now_ns) for known, at in last_ns.items()}
        elif came:
            expected = now_ns - last_ns.get(name, -1000) >= 10
            assert gaze.came(code, now_ns) == expected
            last_ns[name] = 10**9
        else:
            gaze.left(code, now_ns)
            if last_ns.get(name) == 10**9:
                last_ns[name] = now_ns
        assert (gaze.shows(name) is not None) == (last_ns.get(name) == 10**9)


def test_what_a_device_should_not_get():
    """Control characters and endless payloads are no readings; line feeds and any alphabet are."""
    assert why_no_payload("PAY 2.50\nTO 最佳") == ""
    assert why_no_payload("é" * 3000) == "6000 bytes: at most 4096 are read"
    for text in ("a\x1db", "\x00", "\x7f", "a\u2028"):
        assert "a control character" in why_no_payload(text)
