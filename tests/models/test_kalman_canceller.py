"""The canceller of our own: how soon it learns, and what it does when the sound card loses its place."""

from __future__ import annotations

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from device.room import impulse_response
from models.kalman_canceller import KalmanCanceller


def bursts(seconds: float) -> Samples:
    count = round(seconds * RATE)
    lively = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE)
    return np.rint(np.random.default_rng(0).standard_normal(count) * 3000 * lively).astype(np.int16)


def echo(played: Samples, gain: float = 0.5, delay: int = 1600) -> Samples:
    heard = np.convolve(played, impulse_response(1))[: len(played)] * gain
    late = np.concatenate([np.zeros(delay), heard])[: len(played)]
    return np.rint(late + np.random.default_rng(9).standard_normal(len(played)) * 3).astype(np.int16)


def suppression(captured: Samples, played: Samples) -> list[float]:
    """Decibels taken out in each second."""
    canceller = KalmanCanceller()
    taken = []
    for second in range(len(captured) // RATE):
        left = []
        for at in range(second * RATE, (second + 1) * RATE, FRAME_SAMPLES):
            frames = (Audio(sound[at : at + FRAME_SAMPLES]) for sound in (captured, played))
            left.append(canceller.cancel(*frames))
        taken.append(Audio(captured[second * RATE : (second + 1) * RATE]).level - Audio.join(left).level)
    return taken


@pytest.mark.parametrize("gain", [0.05, 0.5, 2.0])
def test_an_echo_of_any_loudness_is_learnt_within_three_seconds(gain: float) -> None:
    played = bursts(4.0)
    assert suppression(echo(played, gain), played)[3] > 18


@pytest.mark.parametrize("milliseconds", [10, 200, 350])
def test_an_echo_may_come_late(milliseconds: int) -> None:
    played = bursts(5.0)
    assert suppression(echo(played, delay=milliseconds * 16), played)[4] > 20


def test_after_lost_samples_it_begins_anew_and_is_good_again_within_four_seconds() -> None:
    played = bursts(10.0)
    captured = echo(played)
    lost = np.concatenate([captured[: 5 * RATE], captured[5 * RATE + 960 :], np.zeros(960, dtype=np.int16)])
    taken = suppression(lost, played)
    assert taken[4] > 20
    assert taken[5] < 12
    assert taken[8] > 15


def test_a_loud_voice_does_not_make_it_forget_the_room() -> None:
    played = bursts(8.0)
    voice = np.zeros(8 * RATE)
    voice[4 * RATE : 6 * RATE] = np.random.default_rng(3).standard_normal(2 * RATE) * 6000
    captured = np.clip(echo(played) + voice, -32768, 32767).astype(np.int16)
    assert suppression(captured, played)[7] > 12
