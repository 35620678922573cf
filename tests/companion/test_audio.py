"""Sound is a value with its own arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio


def test_a_frame_is_ten_milliseconds_at_the_rate_of_the_ears() -> None:
    assert FRAME_SAMPLES == RATE * FRAME_SECONDS


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(4, np.float32),
        np.zeros(4, np.int32),
        np.zeros(4, np.uint16),
        np.zeros((4, 1), np.int16),
        np.zeros((), np.int16),
    ],
)
def test_only_16_bit_mono_is_sound(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="int16 samples of shape"):
        Audio(samples)


@pytest.mark.parametrize("rate", [0, -16_000])
def test_a_rate_is_above_0(rate: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Audio(np.zeros(4, np.int16), rate)


@pytest.mark.parametrize(
    ("seconds", "rate", "samples"), [(0.0, RATE, 0), (0.01, RATE, 160), (0.01, 22_050, 220), (1.5, 8_000, 12_000)]
)
def test_silence_lasts_as_long_as_was_asked_to_the_nearest_sample(seconds: float, rate: int, samples: int) -> None:
    audio = Audio.silence(seconds, rate)
    assert len(audio.samples) == samples
    assert audio.seconds == samples / rate
    assert not audio.samples.any()


@given(st.lists(st.lists(st.integers(-32768, 32767), max_size=50), min_size=1, max_size=6))
def test_joined_pieces_are_all_their_samples_in_order(pieces: list[list[int]]) -> None:
    parts = [Audio(np.array(piece, np.int16), 22_050) for piece in pieces]
    whole = Audio.join(iter(parts))
    assert whole.samples.tolist() == [sample for piece in pieces for sample in piece]
    assert whole.samples.dtype == np.int16
    assert whole.rate == 22_050
    assert whole.seconds == pytest.approx(sum(part.seconds for part in parts))


def test_joining_does_not_change_the_pieces() -> None:
    piece = Audio(np.array([1, 2], np.int16))
    whole = Audio.join([piece])
    whole.samples[0] = 9
    assert piece.samples[0] == 1


def test_pieces_of_two_rates_cannot_be_joined_nor_can_none() -> None:
    with pytest.raises(ValueError, match=r"\[16000, 22050\]"):
        Audio.join([Audio.silence(0.1), Audio.silence(0.1, 22_050)])
    with pytest.raises(ValueError, match=r"\[\]"):
        Audio.join([])


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        ([-32768] * 100, 0.0),
        ([16384, -16384] * 50, -6.02),
        ([1, -1] * 50, -90.31),
        ([0, 1] * 50, -93.32),
        ([0] * 100, -math.inf),
        ([], -math.inf),
    ],
)
def test_the_level_is_in_decibels_below_full_scale(samples: list[int], level: float) -> None:
    assert Audio(np.array(samples, np.int16)).level == pytest.approx(level, abs=0.01)


def test_a_full_scale_sine_is_three_decibels_below_a_square_wave() -> None:
    sine = (32767 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE))).astype(np.int16)
    assert Audio(sine).level == pytest.approx(-3.01, abs=0.01)


def steady(level: float, seconds: float, rate: int = RATE) -> Audio:
    return Audio(np.full(round(seconds * rate), round(32768 * 10 ** (level / 20)), np.int16), rate)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
@pytest.mark.parametrize("before", [0.0, 0.5, 3.0])
def test_how_loud_somebody_speaks_does_not_depend_on_the_silence_around_it(before: float, rate: int) -> None:
    audio = Audio.join([Audio.silence(before, rate), steady(-20.0, 0.7, rate), Audio.silence(1.0, rate)])
    assert audio.speech_level == pytest.approx(-20.0, abs=0.1)


def test_a_moment_of_sound_a_frame_of_it_or_none_has_a_level_too() -> None:
    assert steady(-20.0, 0.1).speech_level == pytest.approx(-20.0, abs=0.1)
    assert steady(-20.0, 0.005).speech_level == pytest.approx(-20.0, abs=0.1)
    assert Audio.silence(1.0).speech_level < -100
    assert Audio.silence(0.0).speech_level == float("-inf")
