"""Enrolments and biometric data: bounded, and shown to nobody."""

import io
from base64 import b64encode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.pretty import pretty_repr
from rounds import rounds

from paybench.bank.authentication import (
    BIOMETRIC_MAX_BYTES,
    INSECURE_SIMULATION,
    BiometricData,
    Enrolment,
    Method,
    Question,
    hashed,
    hashed_answer,
)
from paybench.bank.errors import AuthenticationError
from paybench.bank.secret import Secret

SALT = bytes(range(16))
ANSWER = hashed_answer("Rex", SALT, INSECURE_SIMULATION)


def picture(width=8, height=8, form="PNG"):
    content = io.BytesIO()
    Image.new("L", (width, height), 7).save(content, form)
    return content.getvalue()


def secret_text(data):
    """In how it might leak: the text, the bytes, or their escapes."""
    return [b64encode(data).decode(), repr(data)[2:-1]]


FIELDS = {
    Method.QUESTION: ("questions", (Question("Your first dog?", ANSWER),)),
    Method.PASSWORD: ("password", hashed("correct horse", SALT, INSECURE_SIMULATION)),
    Method.VOICE: ("voice", BiometricData.of(b"how she speaks")),
    Method.PORTRAIT: ("portrait", BiometricData.of(picture())),
    Method.FINGERPRINT: ("fingerprint", BiometricData.of(b"her right thumb")),
    Method.IRIS: ("iris", BiometricData.of(b"her left eye")),
}


def enrolment(methods):
    return Enrolment(**dict(FIELDS[method] for method in methods))


@given(st.sets(st.sampled_from(Method)))
def test_methods_are_what_is_registered(methods):
    """Each method is there exactly when its own field is filled; templates are the samples' own."""
    made = enrolment(methods)
    assert made.methods == methods
    for method in Method:
        expected = FIELDS[method][1] if method in methods and method.is_biometric else None
        assert made.template(method) == expected


def test_each_method_is_judged_by_one():
    """The clerk judges the portrait; the apparatus compares three methods and hashes two."""
    assert [method for method in Method if method.is_visual] == [Method.PORTRAIT]
    compared = {method for method in Method if method.is_biometric}
    assert compared == {Method.VOICE, Method.FINGERPRINT, Method.IRIS}


@pytest.mark.parametrize("show", [repr, str, "{}".format, pretty_repr])
def test_shows_its_methods_alone(show):
    """No hash, template, picture or question is in what a log or a traceback would show."""
    shown = show(enrolment(Method))
    assert all(method.value in shown for method in Method)
    for part in [*secret_text(b"her left eye"), *secret_text(picture()), "salt", "digest", "dog"]:
        assert part not in shown


@pytest.mark.parametrize(
    "data",
    [
        picture()[1:],
        b"\x88" + picture()[1:],
        picture()[:-1],
        picture() + b"GIF89a",
        picture(form="GIF"),
        picture(1025, 1),
        picture(1, 1025),
        picture().replace(b"IHDR\0\0\0\x08", b"IHDR\0\0\0\0"),
        picture().replace(b"IHDR\0\0\0\x08\0\0\0\x08", b"IHDR\0\0\0\x08\x7f\xff\xff\xff"),
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0IEND\xaeB`\x82",
    ],
)
def test_refuses_what_is_no_portrait(data):
    """A portrait is one whole PNG picture that a terminal can hold."""
    with pytest.raises(AuthenticationError, match="expected a portrait"):
        Enrolment(portrait=BiometricData.of(data))


def test_takes_the_largest_portrait():
    """Up to 1024 by 1024 pixels and 64 KiB."""
    largest = picture(1024, 1024)
    padding = BIOMETRIC_MAX_BYTES - len(largest) - 12
    chunk = padding.to_bytes(4) + b"paDd" + bytes(padding) + bytes(4)
    padded = largest[:-12] + chunk + largest[-12:]
    assert Enrolment(portrait=BiometricData.of(padded)).methods == {Method.PORTRAIT}
    with pytest.raises(AuthenticationError, match="expected 1 to 65536 bytes"):
        BiometricData.of(padded + b"\0")


@pytest.mark.parametrize("text", ["", "x" * 201, "Your\ndog?", "\x1b[2J"])
def test_refuses_questions_that_cannot_be_shown(text):
    """A question fits a terminal's display, and steers none."""
    with pytest.raises(AuthenticationError, match="expected a question"):
        Question(text, ANSWER)


@pytest.mark.parametrize("texts", [["a", "a"], [str(n) for n in range(17)]])
def test_refuses_the_same_question_twice_and_too_many(texts):
    """Up to 16 questions, all different, or picking at random would not be."""
    with pytest.raises(AuthenticationError, match="different questions"):
        Enrolment(questions=tuple(Question(text, ANSWER) for text in texts))


def test_takes_the_most_questions():
    """Sixteen are not too many."""
    questions = tuple(Question(str(n), ANSWER) for n in range(16))
    assert Enrolment(questions=questions).questions == questions


@settings(max_examples=rounds(50))
@given(st.binary(min_size=1, max_size=300))
def test_biometric_data_come_back(data):
    """The bytes go in and come out, directly and through the text that a message carries."""
    made = BiometricData.of(data)
    assert made.data == data
    assert BiometricData(made.reveal()).data == data
    assert made == BiometricData.of(data)
    assert made != BiometricData.of(data + b"\0")


@pytest.mark.parametrize("show", [repr, str, "{}".format, pretty_repr])
def test_biometric_data_show_dots(show):
    """Samples are secrets like passwords; a trace writes what `str` shows."""
    assert show(BiometricData.of(b"her left eye")) == "•••"
    assert isinstance(BiometricData.of(b"x"), Secret)
    kept = msgspec.json.encode(enrolment(Method), enc_hook=str).decode()
    for part in [*secret_text(b"her left eye"), *secret_text(picture())]:
        assert part not in kept


@pytest.mark.parametrize(
    "text",
    ["", "====", "a", "YQ", "YQ==\n", "Y Q = =", "YQ==YQ==", "é", "\ud800", "-_-_",
     b64encode(bytes(BIOMETRIC_MAX_BYTES + 1)).decode(), "A" * 10_000_000],
    ids=lambda text: ascii(text[:12]),
)  # fmt: skip
def test_refuses_what_is_no_biometric_data(text):
    """What is not base64, empty or too long is refused, and is not in the message."""
    with pytest.raises(AuthenticationError) as refused:
        BiometricData(text)
    assert len(str(refused.value)) < 200
    assert refused.value.__cause__ is None


def test_decodes_nothing_that_is_too_long():
    """Megabytes from a paying terminal are refused by their length, before any work is done."""
    with pytest.raises(AuthenticationError, match="seen 10000000 characters of base64"):
        BiometricData("A" * 10_000_000)
