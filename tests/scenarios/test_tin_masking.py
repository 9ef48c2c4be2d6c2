"""No password, answer, sample or portrait is shown: all scenarios of claims, in all they tell."""

import base64
import json

import msgspec
import pytest

from paybench.bank.authentication import BiometricData
from paybench.bank.secret import Secret
from paybench.devices.trace import Header, Sent
from paybench.scenarios.discovery import find, in_library
from paybench.scenarios.failure import Kept, describe
from paybench.scenarios.golden_text import golden
from paybench.scenarios.library import tin_authentication
from paybench.scenarios.portrait import portrait
from paybench.scenarios.replay import replay
from paybench.scenarios.report import View, facts, print_replay, show
from paybench.scenarios.rig import Rig
from paybench.scenarios.run import Options
from paybench.scenarios.scenario import CLAIMS
from paybench.scenarios.session import play

TEXTS = {
    tin_authentication.PASSWORD,
    tin_authentication.WRONG_PASSWORD,
    tin_authentication.WRONG_ANSWER,
    *tin_authentication.QUESTIONS.values(),
}
CASES = [
    pytest.param(told, variant, id=told.label(variant))
    for told in in_library()
    for variant in told.variants or ("",)
    if told.figure.startswith(CLAIMS)
]
AUTHENTICATED = [
    pytest.param(find(name)[0], variant, id=f"{name}[{variant}]")
    for name in ("tin-authenticated", "tin-authentication-failed")
    for variant in tin_authentication.METHODS
]
HEADER = Header(1, "", "", "", "", 0, {}, {})
SHORTEST = 6
"""What is shorter stands in any trace by chance."""
PIECE = 12
"""Bytes of a sample or a picture that are looked for anywhere within it."""


def squeezed(text):
    """Without what may stand between: separators, case, escapes of JSON."""
    return text.translate(str.maketrans("", "", " -._\\")).lower()


def forms(raw):
    """How bytes may stand in a text: hexadecimal, or base 64 at one of three places in a group."""
    yield raw.hex()
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        yield coded[-(-8 * shift // 6) : -1]


def spelled(secret):
    """Every form of a secret that is searched for."""
    if isinstance(secret, BiometricData):
        pieces = range(0, len(secret.data) - PIECE + 1, PIECE)
        return {squeezed(form) for at in pieces for form in forms(secret.data[at : at + PIECE])}
    text = secret.reveal()
    words = {text, text.strip(), text.strip().lower()}
    if len(text.strip()) < SHORTEST:
        return set()
    return {squeezed(word) for word in words} | {
        squeezed(form) for word in words for form in forms(word.encode())
    }


def secrets_in(value):
    """All secrets within a message, wherever they lie."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from secrets_in(getattr(value, field))


def carried(events):
    """The forms of all secrets that messages carried."""
    found = set()
    for event in events:
        if isinstance(event, Sent):
            for secret in secrets_in(event.message):
                found |= spelled(secret)
    return found


ALWAYS = {form for text in TEXTS for form in spelled(Secret(text))}


def found(text, looked_for):
    text = squeezed(text)
    return [form for form in looked_for if form in text]


def shown(told_in, looked_for):
    """What stands where."""
    return {where: what for where, text in told_in.items() if (what := found(text, looked_for))}


def kept(device):
    """What a device's store has, as text in which bytes are themselves, and as hexadecimal."""
    for name in device.store:
        content = bytes(device.store.get(name, msgspec.Raw))
        yield content.decode("latin-1")
        yield content.hex()


@pytest.mark.parametrize("text", sorted(TEXTS))
@pytest.mark.parametrize(
    "spell",
    [
        str,
        str.upper,
        lambda text: text.encode().hex().upper(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.b64encode(b"0" + text.encode() + b"0").decode(),
        lambda text: base64.b64encode(b"20" + text.encode() + b"04").decode(),
        json.dumps,
    ],
)
def test_the_search_finds_what_it_looks_for(text, spell):
    """Each secret is found however it is spelled, so that finding none says something."""
    assert found(f"before {spell(text)} after", ALWAYS)


def test_the_search_finds_pieces_of_pictures():
    """A portrait too, as text of any base, whole or in part."""
    picture = BiometricData.of(portrait("B"))
    for text in (picture.reveal(), picture.data.hex(), picture.data[40:80].hex()):
        assert found(f"before {text} after", spelled(picture))


@pytest.mark.parametrize(("told", "variant"), CASES)
def test_a_run_shows_no_secret(told, variant):
    """Trace, events, messages and golden text of every scenario, and every store but the bank's."""
    rig = Rig(settings=told.settings)
    try:
        told(rig, variant)
        rig.finish()
        events = rig.world.trace.events
        told_in = {
            "trace": rig.world.trace.encode(HEADER).decode(),
            "events": repr(events),
            "messages": " ".join(str(e.message) for e in events if isinstance(e, Sent)),
            "golden text": golden(events),
            "stores": "\n".join(text for device in rig.devices for text in kept(device)),
            "apparatus": repr(vars(rig.apparatus)),
        }
        looked_for = ALWAYS | carried(events)
    finally:
        rig.close()
    assert {
        where: what for where, text in told_in.items() if (what := found(text, looked_for))
    } == {}


@pytest.mark.parametrize(("told", "variant"), AUTHENTICATED)
def test_reports_and_replays_show_no_secret(told, variant, tmp_path, capsys):
    """Everything that is printed of a run, written, and printed again when it is replayed."""
    trace = tmp_path / "run.jsonl"
    done = play([(told, variant)], Options(), View(ladder=False), str(trace))[0]
    for form in ("text", "json", "mermaid"):
        show(trace, form)
    again = replay(trace)
    assert again.diverged_at is None
    print_replay(trace, again, as_json=True)
    out, err = capsys.readouterr()
    told_in = {
        "trace": trace.read_text(),
        "JSON": json.dumps([facts(done), trace.read_text()]),
        "output": out + err,
        "report of a failure": describe(done, Kept(tmp_path, "nodeid", done.content), 120),
    }
    looked_for = ALWAYS | carried(done.trace.events)
    assert done.verdict == "passed"
    assert {
        where: what for where, text in told_in.items() if (what := found(text, looked_for))
    } == {}


def test_a_run_is_searched_for_what_it_really_had():
    """Secrets were in messages of these runs: text, samples and pictures."""
    texts, pictures = set(), 0
    for case in AUTHENTICATED:
        told, variant = case.values
        rig = Rig()
        told(rig, variant)
        for event in rig.world.trace.events:
            for secret in secrets_in(event.message) if isinstance(event, Sent) else ():
                if isinstance(secret, BiometricData):
                    pictures += 1
                else:
                    texts.add(secret.reveal().strip().lower())
        rig.close()
    assert {tin_authentication.PASSWORD, tin_authentication.WRONG_PASSWORD} <= texts
    assert texts & {answer.lower() for answer in tin_authentication.QUESTIONS.values()}
    assert pictures == 2 * 4
