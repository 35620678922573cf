"""Near or far, shy or shouting: the engines behind the ears hear everybody at about the same level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from companion.audio import FRAME_SAMPLES, Audio
from companion.loudness import LEAST, MOST, NOTICED, WANTED, Loudness


def speech(level: float, seconds: float = 0.01, seed: int = 0) -> Audio:
    """Noise at so many dBFS."""
    noise = np.random.default_rng(seed).uniform(-1, 1, round(seconds * 16_000))
    noise *= 32768 * 10 ** (level / 20) / np.sqrt(np.mean(noise**2))
    return Audio(np.rint(noise.clip(-32768, 32767)).astype(np.int16))


def after(level: float, frames: int = 500) -> Loudness:
    loudness = Loudness()
    for seed in range(frames):
        loudness.hears(speech(level, seed=seed))
    return loudness


def test_as_long_as_nobody_was_heard_nothing_is_changed() -> None:
    loudness = Loudness()
    assert loudness.gain == 0.0
    sound = speech(-40.0)
    assert loudness.evened(sound) is sound


@pytest.mark.parametrize("level", [-48.0, -40.0, -30.0, -26.0, -20.0, -15.0])
def test_somebody_near_and_somebody_far_sound_the_same_after_a_while(level: float) -> None:
    evened = after(level).evened(speech(level, seconds=1.0))
    assert evened.level == pytest.approx(WANTED, abs=0.5)


@pytest.mark.parametrize(("level", "gain"), [(-80.0, MOST), (-51.0, MOST), (-5.0, LEAST), (-13.0, LEAST)])
def test_the_gain_has_its_bounds(level: float, gain: float) -> None:
    loudness = after(level)
    assert loudness.gain == gain
    sound = speech(level)
    if gain < 0:
        assert loudness.evened(sound).level == pytest.approx(sound.level + gain, abs=0.1)


def test_half_of_a_change_is_followed_after_a_third_of_a_second() -> None:
    loudness = after(-26.0)
    for seed in range(34):
        loudness.hears(speech(-46.0, seed=seed))
    assert loudness.level == pytest.approx(-36.0, abs=0.3)


def test_zeros_and_no_samples_at_all_teach_nothing() -> None:
    loudness = after(-40.0)
    before = loudness.level
    for _ in range(1000):
        loudness.hears(Audio.silence(0.01))
        loudness.hears(Audio.silence(0.0))
    assert loudness.level == before


def test_one_loud_moment_takes_from_the_gain_of_that_moment_only() -> None:
    loudness = after(-50.0)
    clap = np.rint(speech(-50.0).samples).astype(np.int16)
    clap[10] = 20_000
    evened = loudness.evened(Audio(clap))
    assert int(np.abs(evened.samples.astype(int)).max()) == 32767, "as loud as it can be, and no louder"
    assert loudness.evened(speech(-50.0)).level == pytest.approx(WANTED, abs=1.0)


@given(
    arrays.arrays(np.int16, st.integers(0, 2 * FRAME_SAMPLES)),
    st.floats(-90.0, 0.0),
)
def test_it_never_clips_and_never_bends(samples: np.ndarray, level: float) -> None:
    """Every sample is multiplied with one and the same factor, or as large as can be; none wraps around."""
    loudness = Loudness()
    loudness.level = level
    evened = loudness.evened(Audio(samples))
    assert evened.samples.dtype == np.int16
    assert len(evened.samples) == len(samples)
    factor = 1.0 if abs(loudness.gain) < NOTICED else 10 ** (loudness.gain / 20)
    wanted = np.clip(samples * factor, -32768, 32767)
    assert np.abs(evened.samples - wanted).max(initial=0.0) <= 0.51, "but for rounding"


@given(st.lists(st.floats(-96.0, 0.0), max_size=30))
def test_the_gain_is_within_its_bounds_whatever_was_heard(levels: list[float]) -> None:
    loudness = Loudness()
    for level in levels:
        loudness.hears(speech(level))
        assert LEAST <= loudness.gain <= MOST


def test_the_rate_of_a_sound_stays_what_it_was() -> None:
    assert after(-40.0).evened(Audio(np.full(100, 300, np.int16), 22_050)).rate == 22_050
