"""Approvals: signed once, altered never, counted once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from town import ANNA, BAKERY, BERT, KEYS, eur

from paybench.bank import (
    AccountNumber,
    ApprovalError,
    Money,
    ReplayWindow,
    canonical_bytes,
    sign,
    verify,
)

KEY = KEYS[ANNA]
BODY = {"settlement_id": "s1", "payer": ANNA, "payee": BAKERY, "amount": eur("2.50")}
APPROVAL = sign(KEY, **BODY, counter=7)


def test_verifies_with_the_key_that_signed():
    """An untouched approval holds under its own key and under no other."""
    assert verify(KEY, APPROVAL)
    assert not verify(KEYS[BERT], APPROVAL)


@pytest.mark.parametrize(
    "change",
    [
        {"settlement_id": "s2"},
        {"settlement_id": ""},
        {"payer": BERT},
        {"payer": AccountNumber(ANNA.branch, ANNA.number + 1)},
        {"payee": BERT},
        {"payee": AccountNumber(BAKERY.branch + 1, BAKERY.number)},
        {"amount": eur("2.51")},
        {"amount": Money(250, "USD")},
        {"counter": 8},
        {"counter": -1},
        {"counter": 2**63},
        {"counter": 2**200},
        {"signature": b""},
        {"signature": APPROVAL.signature[:-1]},
        {"signature": APPROVAL.signature + b"\0"},
        {"signature": bytes([APPROVAL.signature[0] ^ 1]) + APPROVAL.signature[1:]},
    ],
    ids=str,
)
def test_fails_when_any_field_is_altered(change):
    """Every field is under the signature, and a signature counts whole or not at all."""
    assert not verify(KEY, replace(APPROVAL, **change))


def test_signs_the_documented_bytes():
    """What is signed is the MessagePack array the documentation names, so others can sign too."""
    signed = canonical_bytes(**BODY, counter=7)
    expected = ["paybench-approval-1", "s1", 1, 1, 2, 9_000_001, 250, "EUR", 7]
    assert msgspec.msgpack.decode(signed) == expected
    assert APPROVAL.signature.hex() == (
        "9933ed62ad09cf7f8e9903985fc82a52df3037a95fd47545489195e8737b653a"
    )


@pytest.mark.parametrize("key", [b"", b"x" * 15])
def test_refuses_short_keys(key):
    """A key below 16 bytes signs nothing, and the message does not show it."""
    with pytest.raises(ApprovalError, match=f"seen {len(key)} bytes"):
        sign(key, **BODY, counter=1)


@pytest.mark.parametrize("counter", [-1, 2**63])
def test_refuses_counters_out_of_range(counter):
    """A counter fits 63 bits."""
    with pytest.raises(ApprovalError, match="expected a counter"):
        sign(KEY, **BODY, counter=counter)


@given(st.lists(st.integers(0, 200) | st.integers(0, 2**63 - 1)))
def test_window_accepts_each_counter_once(counters):
    """In whatever order counters come, none is used twice and none near the highest is lost."""
    window, used = ReplayWindow(), set[int]()
    for counter in counters:
        fresh = counter not in used and counter > max(used, default=-1) - 64
        assert window.accepts(counter) == fresh
        if fresh:
            window = window.after(counter)
            used.add(counter)
        assert window.highest == max(used, default=-1)
        assert 0 <= window.seen < 2**64


def test_window_refuses_to_mark_a_counter_twice():
    """Marking what accepts() refuses is misuse."""
    with pytest.raises(ApprovalError, match="not used before"):
        ReplayWindow().after(5).after(5)
