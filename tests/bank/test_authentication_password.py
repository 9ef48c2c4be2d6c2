"""Passwords and answers: hashed, normalised, bounded, and shown to nobody."""

import unicodedata
from base64 import b64encode

import argon2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.pretty import pretty_repr
from rounds import rounds

from paybench.bank.authentication import (
    INSECURE_SIMULATION,
    OWASP_MINIMUM,
    AnswerHash,
    Cost,
    PasswordHash,
    hashed,
    hashed_answer,
)
from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

SALT = bytes(range(16))
CHEAP = INSECURE_SIMULATION
HASH = hashed("correct horse", SALT, CHEAP)

typed = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=40)


def is_password(text):
    return 4 <= len(unicodedata.normalize("NFKC", text)) <= 128


def test_hashes_as_argon2id_does():
    """The digest is argon2id's of the text in UTF-8: other implementations find the same."""
    kept = hashed("größer", SALT)
    salt, digest = (b64encode(part).rstrip(b"=").decode() for part in (SALT, kept.digest))
    encoded = f"$argon2id$v=19$m=19456,t=2,p=1${salt}${digest}"
    assert argon2.PasswordHasher().verify(encoded, "größer")


@pytest.mark.parametrize("same", ["correct horse", Secret("correct horse"), "correct\u00a0horse"])
def test_matches_the_password(same):
    """The same characters match, typed or as a secret, whatever way a keyboard composes them."""
    assert HASH.matches(same)


@pytest.mark.parametrize(
    "other",
    ["correct hors", "Correct horse", "correct  horse", " correct horse", "", "x" * 10_000,
     "correct horse\n", "\ud800orrect horse", "correct horse\0", Secret("")],
)  # fmt: skip
def test_matches_no_other(other):
    """Nothing else matches, and what cannot be a password is no error either."""
    assert not HASH.matches(other)


def test_length_is_counted_once_composed():
    """A long password that comes decomposed, in twice as many characters, is the same one."""
    assert hashed("é" * 128, SALT, CHEAP).matches("e\u0301" * 128)


@settings(max_examples=rounds(100))
@given(typed.filter(is_password), typed)
def test_matches_itself_in_every_form(password, other):
    """A password matches in all of Unicode's normal forms, and nothing matches that is another."""
    kept = hashed(password, SALT, CHEAP)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert kept.matches(unicodedata.normalize(form, password))
    same = unicodedata.normalize("NFKC", other) == unicodedata.normalize("NFKC", password)
    assert kept.matches(other) == same


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "seen 0"),
        ("abc", "seen 3"),
        ("a" * 129, "seen 129"),
        ("e\u0301" * 129, "seen 129"),
        ("a" * 1025, "seen 1025"),
        ("\ufdfa" * 8, "seen 144"),  # a ligature of 18 characters
        ("abcd\x07", "control character"),
        ("abcd\u2028", "control character"),
        ("abcd\ud800", "control character"),
        ("abcd\U000e0080", "unassigned"),
    ],
)
def test_refuses_what_is_no_password(password, why):
    """A password out of bounds is refused by its length or kind, and is not in the message."""
    with pytest.raises(AuthenticationError, match=why) as refused:
        hashed(Secret(password), SALT, CHEAP)
    assert not password or password not in str(refused.value)


def test_another_salt_is_another_hash():
    """Salt, cost and text each make another digest: equal passwords do not show."""
    digests = {
        hashed(text, salt, cost).digest
        for text in ("correct horse", "correct house")
        for salt in (SALT, SALT[::-1], SALT + b"\0")
        for cost in (Cost(8, 1), Cost(8, 2), Cost(16, 1), Cost(16, 1, 2))
    }
    assert len(digests) == 2 * 3 * 4


@pytest.mark.parametrize(
    "altered",
    [{"salt": SALT[::-1]}, {"cost": Cost(16, 1)}, {"digest": bytes(32)},
     {"digest": HASH.digest[:-1] + bytes([HASH.digest[-1] ^ 1])}],
)  # fmt: skip
def test_every_field_counts(altered):
    """A hash of which anything was altered matches no more."""
    assert not replace(HASH, **altered).matches("correct horse")


@pytest.mark.parametrize(
    "make",
    [
        lambda: hashed("abcd", bytes(15), CHEAP),
        lambda: hashed("abcd", bytes(65), CHEAP),
        lambda: hashed_answer("abcd", bytes(15), CHEAP),
        lambda: PasswordHash(bytes(15), CHEAP, bytes(32)),
        lambda: PasswordHash(SALT, CHEAP, bytes(31)),
        lambda: PasswordHash(SALT, CHEAP, bytes(33)),
        lambda: Cost(7, 1),
        lambda: Cost(15, 1, 2),
        lambda: Cost(1_048_577, 1),
        lambda: Cost(8, 0),
        lambda: Cost(8, 65),
        lambda: Cost(8, 1, 0),
        lambda: Cost(1024, 1, 17),
        lambda: Cost(8.0, 1),
    ],
)
def test_refuses_figures_out_of_range(make):
    """Salts, digests and costs are bounded, so a broken record cannot keep the bank busy."""
    with pytest.raises(AuthenticationError, match=r"expected .* from .* to .*, seen"):
        make()


def test_the_default_is_owasps_minimum():
    """Whoever gives no cost gets 19 MiB and two passes, and nobody gets less unawares."""
    assert Cost(memory_kib=19 * 1024, passes=2, lanes=1) == OWASP_MINIMUM
    assert hashed.__defaults__ == hashed_answer.__defaults__ == (OWASP_MINIMUM,)


@pytest.mark.parametrize("show", [repr, str, "{}".format, pretty_repr])
@pytest.mark.parametrize("kept", [HASH, hashed_answer("correct horse", SALT, CHEAP)])
def test_shows_its_cost_alone(kept, show):
    """Neither salt nor digest is in what a log, a report or a traceback would show."""
    shown = show(kept)
    assert "memory_kib=8" in shown
    assert "salt" not in shown
    assert "digest" not in shown


def test_is_kept_and_read_again():
    """A hash can be stored, and is checked when it is read."""
    stored = msgspec.msgpack.encode(HASH)
    assert msgspec.msgpack.decode(stored, type=PasswordHash) == HASH
    broken = msgspec.msgpack.encode({"salt": b"", "cost": CHEAP, "digest": HASH.digest})
    with pytest.raises(msgspec.ValidationError, match="bytes of salt"):
        msgspec.msgpack.decode(broken, type=PasswordHash)


@pytest.mark.parametrize(
    ("answer", "as_well"),
    [
        ("Rex", ["rex", "REX", "  rex ", "\tRex\n", "\uff32\uff25\uff38"]),
        ("Straße 5", ["STRASSE 5", "strasse   5", "straße\u00a05"]),
        ("Zoë", ["zoe\u0308", "ZOË"]),
        ("\u1d2cdele", ["Adele"]),  # a modifier letter, an A only after normalising
        ("7", ["\u0667".translate({0x667: "7"}), "\u2077"]),
    ],
)
def test_answers_match_in_any_case_and_spacing(answer, as_well):
    """What people do not think of as part of an answer does not count."""
    kept = hashed_answer(answer, SALT, CHEAP)
    assert isinstance(kept, AnswerHash)
    for other in [answer, *as_well]:
        assert kept.matches(other), other
        assert kept.matches(Secret(other)), other


@pytest.mark.parametrize(
    "other", ["Max", "Re x", "", "  ", "x" * 10_000, "rex\0", "Rex.", "\ud800"]
)
def test_other_answers_do_not_match(other):
    """Another answer, or none, is wrong and no error."""
    assert not hashed_answer("Rex", SALT, CHEAP).matches(other)


@pytest.mark.parametrize("answer", ["", " \t\n ", "x" * 129, "\ufdfa" * 8, "a\0"])
def test_refuses_what_is_no_answer(answer):
    """An answer has one character at least, once what does not count is gone."""
    with pytest.raises(AuthenticationError, match="expected an answer"):
        hashed_answer(answer, SALT, CHEAP)


@settings(max_examples=rounds(100))
@given(typed.filter(lambda text: text.split()))
def test_folding_twice_changes_nothing(answer):
    """However an answer was folded on its way, folding it again finds the same."""
    try:
        kept = hashed_answer(answer, SALT, CHEAP)
    except AuthenticationError:  # too long, once it is normalised
        assert len(unicodedata.normalize("NFKC", answer)) > 90
        return
    for change in (str.casefold, str.lower, lambda text: unicodedata.normalize("NFKD", text)):
        assert kept.matches(change(answer))
