"""What everything that takes the toy's own sound out of its microphone must do, whichever method it uses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from companion.ports import EchoCanceller
from device.room import impulse_response
from models.kalman_canceller import KalmanCanceller
from models.webrtc_canceller import WebrtcCanceller

CANCELLERS: list[Callable[[], EchoCanceller]] = [KalmanCanceller, WebrtcCanceller]

DELAY = RATE // 10


@pytest.fixture(params=CANCELLERS, ids=["kalman", "webrtc"])
def canceller(request: pytest.FixtureRequest) -> EchoCanceller:
    made: EchoCanceller = request.param()
    return made


def noise(seconds: float, seed: int = 0, amplitude: float = 3000.0) -> Samples:
    """As loud as speech, and as lively: what comes in bursts is what people and cancellers are used to."""
    count = round(seconds * RATE)
    bursts = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE)
    return np.rint(np.random.default_rng(seed).standard_normal(count) * amplitude * bursts).astype(np.int16)


def echo(played: Samples, gain: float = 0.5) -> Samples:
    heard = np.convolve(played, impulse_response(1))[: len(played)] * gain
    late = np.concatenate([np.zeros(DELAY), heard])[: len(played)]
    room = np.random.default_rng(9).standard_normal(len(played)) * 3
    return np.rint(late + room).astype(np.int16)


def through(canceller: EchoCanceller, captured: Samples, played: Samples) -> Samples:
    frames = []
    for at in range(0, len(captured) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        place = slice(at, at + FRAME_SAMPLES)
        frames.append(canceller.cancel(Audio(captured[place]), Audio(played[place])))
    return Audio.join(frames).samples


def level(samples: Samples) -> float:
    return Audio(samples).level


def test_after_a_few_seconds_the_echo_is_20_db_softer(canceller: EchoCanceller) -> None:
    played = noise(6.0)
    captured = echo(played)
    left = through(canceller, captured, played)
    assert level(left[5 * RATE :]) < level(captured[5 * RATE :]) - 20


def test_a_voice_as_loud_as_the_echo_stays(canceller: EchoCanceller) -> None:
    played = noise(6.0)
    voice = noise(6.0, seed=5, amplitude=1500.0)
    voice[: 5 * RATE] = 0
    left = through(canceller, echo(played) + voice, played)
    assert level(left[5 * RATE :]) > level(voice[5 * RATE :]) - 8


def test_it_says_that_it_is_learning_until_it_has_heard_a_second(canceller: EchoCanceller) -> None:
    played = noise(2.0)
    captured = echo(played)
    assert canceller.learning
    through(canceller, captured[: RATE // 2], played[: RATE // 2])
    assert canceller.learning
    through(canceller, captured[RATE // 2 :], played[RATE // 2 :])
    assert not canceller.learning
    canceller.reset()
    assert canceller.learning


def test_the_same_sound_is_cancelled_in_the_same_way(canceller: EchoCanceller) -> None:
    played = noise(1.0)
    once = through(canceller, echo(played), played)
    canceller.reset()
    assert np.array_equal(through(canceller, echo(played), played), once)
