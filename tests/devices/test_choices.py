"""Chance is one thing: named streams, the same for a seed, that can be played back."""

import os
import subprocess
import sys
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paybench.devices.choices import Choices, Stream

NAMES = st.text(max_size=8)
BELOW = 1 << 32


def draws(stream, count=8, below=BELOW):
    return [stream.below(below) for _ in range(count)]


@given(st.integers(), NAMES, NAMES)
def test_a_stream_is_its_seed_name_and_purpose(seed, name, purpose):
    """The same three give the same picks in every run."""
    assert draws(Choices(seed).stream(name, purpose)) == draws(Choices(seed).stream(name, purpose))


@given(st.lists(st.tuples(st.integers(0, 9), NAMES, NAMES), min_size=2, max_size=6, unique=True))
def test_streams_that_differ_in_anything_differ(labels):
    """Another seed, name or purpose is another stream, however alike they look when joined."""
    picks = [draws(Choices(seed).stream(name, purpose)) for seed, name, purpose in labels]
    for one, other in combinations(picks, 2):
        assert one != other


def test_neighbouring_seeds_and_numbers_share_no_stream():
    """Seed and device number cannot make up for each other, as they do in seed xor number."""
    firsts = [
        tuple(draws(Choices(seed).stream(f"{number}.phone", purpose), 2))
        for seed in range(32)
        for number in range(32)
        for purpose in ("link", "person")
    ]
    assert len(set(firsts)) == len(firsts)
    tricky = [("1", "2|3"), ("1|2", "3"), ("1|2|3", ""), ("", "1|2|3"), ("2", "1|3")]
    tricky_firsts = {tuple(draws(Choices(1).stream(*label))) for label in tricky}
    assert len(tricky_firsts) == len(tricky)


@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=40))
def test_streams_do_not_shift_each_other(creation, questions):
    """What a stream gives does not depend on when it was made or what others were asked."""
    alone = {i: iter(draws(Choices(3).stream(f"device {i}", "x"), 40)) for i in range(5)}
    choices = Choices(3)
    streams = {i: choices.stream(f"device {i}", "x") for i in creation}
    for i in questions:
        assert streams[i].below(BELOW) == next(alone[i])


@given(st.integers(), st.integers(1, 1 << 40))
def test_picks_are_in_range_and_noted(seed, below):
    """Every pick is an integer of its range, and stands in the list of picks."""
    choices = Choices(seed)
    picked = draws(choices.stream("x", "y"), 20, below)
    assert all(0 <= pick < below for pick in picked)
    assert choices.picks == picked


@pytest.mark.parametrize("below", [2, 3, 10, 64])
def test_picks_are_evenly_spread(below):
    """Counts of each pick stay where chi-squared expects them (six sigma), also pick after pick."""
    count = 600 * below
    picked = draws(Choices(11).stream("x", "y"), count, below)
    neighbours = [(a - b) % below for a, b in zip(picked, picked[1:] + picked[:1], strict=True)]
    for values in (picked, neighbours):
        expected = count / below
        chi_squared = sum((values.count(v) - expected) ** 2 / expected for v in range(below))
        freedom = below - 1
        assert chi_squared < freedom + 6 * (2 * freedom) ** 0.5 + 6


def test_picks_below_one_are_0():
    """A question with one answer gets it."""
    assert draws(Choices(4).stream("x", "y"), 20, below=1) == [0] * 20


@pytest.mark.parametrize("below", [0, -1])
def test_a_pick_below_nothing_is_an_error(below):
    """A range without a number in it is refused."""
    with pytest.raises(ValueError, match=f"not below {below}"):
        Choices().stream("x", "y").below(below)


@given(st.integers(), st.lists(st.tuples(st.integers(0, 2), st.integers(1, 100)), max_size=30))
def test_a_run_can_be_played_back(seed, questions):
    """The picks of a run, played back with any seed, are picked again."""

    def run(choices):
        streams = [choices.stream(str(i), "x") for i in range(3)]
        return [streams[who].below(below) for who, below in questions]

    live = Choices(seed)
    picked = run(live)
    again = Choices(seed + 1, playback=live.picks)
    assert run(again) == picked
    assert again.picks == live.picks


@given(st.lists(st.integers(), max_size=5), st.lists(st.integers(1, 9), min_size=8, max_size=8))
def test_an_edited_list_is_cut_to_what_was_asked_and_then_quiet(playback, belows):
    """Picks too large or small are cut to the range; after the last one every pick is 0."""
    stream = Choices(1, playback=playback).stream("x", "y")
    wanted = playback + [0] * (8 - len(playback))
    expected = [min(max(want, 0), below - 1) for want, below in zip(wanted, belows, strict=True)]
    assert [stream.below(below) for below in belows] == expected


def test_an_empty_list_plays_the_quiet_run():
    """Playing back nothing is the run in which nothing unusual happens."""
    assert draws(Choices(9, playback=[]).stream("x", "y")) == [0] * 8


def test_picks_never_change():
    """These are the picks of all times: recordings of former versions depend on them."""
    assert draws(Choices(0).stream("A.register", "link"), 4, 1000) == [434, 72, 686, 408]
    picked = draws(Choices(-7).stream("Käthe", "password"), 4, 1 << 20)
    assert picked == [713419, 481503, 458086, 226139]


def test_the_generator_is_splitmix64():
    """The whole 64 bits are those of the published generator for its well-known example."""
    assert draws(Stream(Choices(), 1234567), 5, 1 << 64) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_picks_do_not_depend_on_the_process():
    """Two processes with different string hashing pick the same."""
    program = (
        "from paybench.devices.choices import Choices;"
        "s = Choices(5).stream('A.register', 'link'); print([s.below(10**9) for _ in range(5)])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert printed == {f"{draws(Choices(5).stream('A.register', 'link'), 5, 10**9)}\n".encode()}
