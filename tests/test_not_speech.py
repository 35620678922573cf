"""The sound that is no speech is as long, as loud and as repeatable as it says."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np
import pytest
from not_speech import CEILING, PIECE_SECONDS, SENTENCES, Maker, _kinds, at_level, grid

from companion.audio import RATE, Audio, Samples

ALL_MINUTES = len(_kinds()) * PIECE_SECONDS / 60

KINDS = {name: make for name, make, _ in _kinds()}


@pytest.fixture(scope="module")
def pieces() -> list[tuple[str, Samples]]:
    return list(grid(ALL_MINUTES, 1))


@pytest.mark.parametrize("minutes", [0.0, 0.01, 0.25, 1.0])
def test_the_grid_is_as_long_as_asked(minutes: float) -> None:
    assert sum(len(samples) for _, samples in grid(minutes, 7)) == round(minutes * 60 * RATE)


def test_it_begins_anew_when_every_kind_was_there() -> None:
    names = [name for name, _ in grid(ALL_MINUTES + PIECE_SECONDS / 60, 1)]
    assert names[0].split(" ", 1)[1] == names[-1].split(" ", 1)[1]
    assert len(set(names)) == len(names) == len(_kinds()) + 1


def test_three_minutes_have_something_of_every_kind() -> None:
    names = " ".join(name for name, _ in grid(3.0, 1))
    for kind in ("white", "pink", "brown", "tone", "hum", "buzz", "music", "knocks", "fan", "babble"):
        assert kind in names


def test_a_piece_is_as_loud_as_its_name_says(pieces: list[tuple[str, Samples]]) -> None:
    for name, samples in pieces:
        said = float(name.split()[-2])
        level = Audio(samples).level
        if "knocks" in name:  # their peaks may reach the ceiling first
            assert level <= said + 0.5, name
        else:
            assert level == pytest.approx(said, abs=0.5), name


def test_nothing_clips_and_nothing_is_dead(pieces: list[tuple[str, Samples]]) -> None:
    for name, samples in pieces:
        assert samples.dtype == np.int16
        assert np.abs(samples.astype(int)).max() <= CEILING + 1, name
        assert np.abs(samples[: RATE // 10].astype(int)).max() > 0, name
        assert abs(float(np.mean(samples))) < 100.0, name


def test_the_same_seed_gives_the_same_sound_and_another_another() -> None:
    one, same, other = (list(islice(grid(1.0, seed), 6)) for seed in (3, 3, 4))
    for (name, samples), (again, alike), (_, different) in zip(one, same, other, strict=True):
        assert name == again
        assert samples.tolist() == alike.tolist()
        assert samples.tolist() != different.tolist()


def test_fewer_minutes_are_a_beginning_of_more() -> None:
    short, long = list(grid(0.4, 5)), list(grid(0.6, 5))
    for (name, samples), (longer_name, longer) in zip(short, long, strict=False):
        assert name == longer_name
        assert samples.tolist() == longer[: len(samples)].tolist()


@pytest.mark.parametrize("name", ["babble", "music", "knocks", "buzz", "fan", "mains hum"])
def test_what_changes_differs_from_piece_to_piece_and_not_from_time_to_time(name: str) -> None:
    make: Maker = KINDS[name]
    count = 2 * RATE
    one, same, other = (at_level(make(count, np.random.default_rng(seed)), -30.0) for seed in (1, 1, 2))
    assert len(one) == count
    assert one.tolist() == same.tolist() != other.tolist()


def test_what_peaks_is_made_quieter_and_never_cut() -> None:
    spike = np.zeros(RATE)
    spike[100] = 1.0
    assert np.abs(at_level(spike, -20.0).astype(int)).max() <= CEILING + 1


def test_nobody_in_the_babble_calls_a_toy() -> None:
    for sentence in SENTENCES:
        assert not re.search(r"\b(?:pip|otto|bunny|jarvis|hey|hello|alexa)\b", sentence)
