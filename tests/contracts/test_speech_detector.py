"""What everything that tells speech from silence must do, whichever library it is made of."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, Audio, Samples
from companion.ports import SpeechDetector
from models.scripted import ScriptedDetector
from models.speech_detector import SileroDetector

DETECTORS: list[Callable[[], SpeechDetector]] = [
    ScriptedDetector,
    SileroDetector,
]

ZEROS = np.zeros(16_000, dtype=np.int16)
DITHER = np.random.default_rng(0).integers(0, 2, 16_000).astype(np.int16)


@pytest.fixture(params=DETECTORS, ids=["scripted", "silero"])
def detector(request: pytest.FixtureRequest) -> SpeechDetector:
    made: SpeechDetector = request.param()
    return made


def words() -> Samples:
    with wave.open(str(Path(__file__).parents[1] / "models" / "speech" / "game-rms.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def heard(detector: SpeechDetector, *sounds: Samples) -> list[float]:
    """The probability of each frame of one stream."""
    stream = np.concatenate(sounds)
    frames = stream[: len(stream) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [detector.probability(Audio(frame)) for frame in frames]


def test_every_answer_is_a_probability(detector: SpeechDetector) -> None:
    assert all(0 <= probability <= 1 for probability in heard(detector, DITHER, words(), ZEROS))


@pytest.mark.parametrize("silence", [ZEROS, DITHER], ids=["zeros", "dither"])
def test_silence_is_no_speech(detector: SpeechDetector, silence: Samples) -> None:
    assert max(heard(detector, silence, silence)) < 0.5


def test_speech_is_found_and_over_when_it_is_over(detector: SpeechDetector) -> None:
    probabilities = np.array(heard(detector, DITHER, words(), DITHER))
    speech = probabilities[100:-100]
    assert np.mean(speech > 0.5) > 0.7
    assert max(probabilities[-50:]) < 0.5


def test_after_a_reset_the_stream_begins_anew(detector: SpeechDetector) -> None:
    first = heard(detector, DITHER, words())
    detector.reset()
    assert heard(detector, DITHER, words()) == first


def test_detectors_do_not_disturb_each_other(detector: SpeechDetector) -> None:
    alone = heard(detector, words())
    detector.reset()
    other = type(detector)()
    together = []
    for frame in words()[: len(alone) * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES):
        together.append(detector.probability(Audio(frame)))
        other.probability(Audio(DITHER[:FRAME_SAMPLES]))
    assert together == alone
