"""Matchers and thresholds."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rounds import rounds

from paybench.bank.authentication import (
    COMPARATORS,
    Comparator,
    HammingMatcher,
    Method,
    Threshold,
    accuracy,
)
from paybench.bank.errors import AuthenticationError

SCORE = HammingMatcher().score


@settings(max_examples=rounds(100))
@given(st.binary(min_size=1, max_size=64).flatmap(
    lambda template: st.tuples(
        st.just(template), st.binary(min_size=len(template), max_size=len(template))
    )
))  # fmt: skip
def test_scores_the_share_of_bits_that_agree(pair):
    """The score is the plain count, bit by bit, and the same both ways."""
    bits = [f"{int.from_bytes(data):0{8 * len(data)}b}" for data in pair]
    agreeing = sum(one == other for one, other in zip(*bits, strict=True))
    assert SCORE(*pair) == SCORE(*reversed(pair)) == pytest.approx(agreeing / len(bits[0]))
    assert SCORE(pair[0], pair[0]) == 1
    assert SCORE(pair[0], bytes(byte ^ 0xFF for byte in pair[0])) == 0


@pytest.mark.parametrize(
    ("template", "sample"), [(b"a", b"aa"), (b"aa", b"a"), (b"a", b""), (b"", b"a"), (b"", b"")]
)
def test_other_lengths_do_not_score(template, sample):
    """Data of another length are not alike at all, and so are none."""
    assert SCORE(template, sample) == 0


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 0.67999, 1.0001])
def test_takes_no_other_score(score):
    """A score below the threshold, or one that no matcher should give, lets nobody pass."""
    assert not Threshold(0.68).accepts(score)


@pytest.mark.parametrize("score", [0.68, 0.9, 1.0, 1])
def test_takes_scores_from_the_threshold_on(score):
    """The threshold itself is enough."""
    assert Threshold(0.68).accepts(score)


@pytest.mark.parametrize("least", [0, -1, 1.01, float("nan")])
def test_refuses_thresholds_that_are_none(least):
    """A threshold lets neither everybody pass nor nobody."""
    with pytest.raises(AuthenticationError, match="expected a threshold"):
        Threshold(least)


def test_another_matcher_can_stand_in():
    """A comparator asks its own matcher, and gives it template and sample in this order."""

    class Lengths:
        def score(self, template, sample):
            return len(template) / len(sample)

    comparator = Comparator(Lengths(), Threshold(0.5))
    assert comparator.accepts(b"ab", b"abcd")
    assert not comparator.accepts(b"a", b"abcd")
    assert not comparator.accepts(b"abcd", b"ab")


def passes(bits, least, agree):
    """The chance that so many independent bits score enough, each agreeing with a chance."""
    enough = -(-Fraction(least).limit_denominator() * bits // 1)
    return float(sum(
        comb(bits, n) * agree**n * (1 - agree) ** (bits - n) for n in range(int(enough), bits + 1)
    ))  # fmt: skip


def test_the_more_accurate_lets_fewer_strangers_pass():
    """With 256 independent bits: the figures of docs/authentication.md, and in the right order."""
    ranked = sorted(COMPARATORS, key=accuracy)
    assert ranked == [method for method in Method if method.is_biometric]
    leasts = [COMPARATORS[method].threshold.least for method in ranked]
    strangers = [passes(256, least, Fraction(1, 2)) for least in leasts]
    assert strangers == pytest.approx([6.9e-4, 4.0e-6, 2.1e-9], rel=0.02)
    owners = [passes(256, least, Fraction(85, 100)) for least in leasts]
    assert min(owners) > 1 - 1e-11


@pytest.mark.parametrize("method", COMPARATORS)
def test_the_threshold_is_where_it_is_said_to_be(method):
    """One bit of 256 too many wrong, and the owner is not let in; one less, and is."""
    template, comparator = bytes(range(32)), COMPARATORS[method]
    wrong_max = int((1 - Fraction(comparator.threshold.least).limit_denominator()) * 256)
    for wrong in (wrong_max, wrong_max + 1):
        flipped = int.from_bytes(template) ^ (1 << wrong) - 1
        assert comparator.accepts(template, flipped.to_bytes(32)) == (wrong == wrong_max)


def test_strangers_differ_in_half_of_their_bits():
    """Feature vectors that have nothing to do with each other score about one half."""
    import hashlib

    strangers = [hashlib.sha256(str(n).encode()).digest() for n in range(200)]
    scores = [SCORE(one, other) for one, other in pairwise(strangers)]
    assert sum(scores) / len(scores) == pytest.approx(0.5, abs=0.01)
    assert not any(COMPARATORS[Method.IRIS].threshold.accepts(score) for score in scores)
