from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from companion.audio import FRAME_SAMPLES, RATE, Audio
from companion.character import Espeak
from companion.errors import CompanionError
from models.espeak import EspeakVoice
from models.speech_detector import CONTEXT, HANGOVER, SileroDetector, model_file

SECONDS = 6
TIME = np.arange(SECONDS * RATE) / RATE
DETECTOR = SileroDetector()

Wave = NDArray[np.float64]


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def full_scale(decibels: float) -> float:
    return 32768 * 10 ** (decibels / 20)


def dither(seconds: float) -> Wave:
    """The silence of a microphone: the lowest bit, at random."""
    return random().integers(0, 2, round(seconds * RATE)).astype(np.float64)


def probabilities(wave_: Wave, detector: SileroDetector = DETECTOR) -> NDArray[np.float64]:
    """One for each 10 ms, of a stream that begins here."""
    detector.reset()
    samples = np.clip(wave_, -32768, 32767).astype(np.int16)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.array([detector.probability(Audio(frame)) for frame in frames])


def longest(run: NDArray[np.bool_]) -> float:
    """Seconds of the longest run of true frames."""
    edges = np.diff(np.concatenate([[0], run.astype(int), [0]]))
    return 0.01 * max(np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1), default=0)


def recorded(name: str) -> Wave:
    with wave.open(str(Path(__file__).parent / "speech" / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16).astype(np.float64)


def embedded(name: str) -> Wave:
    """The embedded voice, brought to our rate by straight lines: good enough for a detector."""

    async def speak() -> Audio:
        async with aclosing(EspeakVoice(Espeak(name)).speak("Hello there my little friend")) as pieces:
            return Audio.join([piece async for piece in pieces])

    audio = asyncio.run(speak())
    return np.interp(
        np.arange(audio.seconds * RATE - 1) / RATE * audio.rate, np.arange(len(audio.samples)), audio.samples
    )


NO_SPEECH: dict[str, Callable[[], Wave]] = {
    "digital zeros": lambda: np.zeros(SECONDS * RATE),
    "dither of one bit": lambda: dither(SECONDS),
    **{f"noise at {level} dBFS": lambda level=level: random().normal(0, full_scale(level), SECONDS * RATE)
       for level in (-60, -45, -30, -20, -12)},
    **{f"a tone at {level} dBFS": lambda level=level: full_scale(level) * np.sin(2 * np.pi * 440 * TIME)
       for level in (-30, -12, -3)},
    **{f"a buzz of {hertz} Hz": lambda hertz=hertz: 8000 * np.sign(np.sin(2 * np.pi * hertz * TIME))
       for hertz in (50, 100, 200)},
    "a tone that comes and goes": lambda: dither(SECONDS) + 8000 * np.sin(2 * np.pi * 440 * TIME) * (TIME % 1 < 0.5),
    "noise that comes and goes": lambda: random().normal(0, 3000, SECONDS * RATE) * (TIME % 1 < 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_SPEECH)
def test_what_is_not_speech_is_never_taken_for_it(name: str) -> None:
    assert longest(probabilities(NO_SPEECH[name]()) > 0.5) < 0.12


@pytest.mark.parametrize("level", [-6, -20, -30, -40])
@pytest.mark.parametrize("name", ["color-rms", "eat-awb", "game-rms", "en-us", "en-us+f3"])
def test_speech_is_found_at_its_onset_and_held_to_its_end(name: str, level: int) -> None:
    words = embedded(name) if name.startswith("en") else recorded(name)
    words *= full_scale(level) / np.sqrt(np.mean(words**2))
    audible = np.flatnonzero(np.abs(words) > 0.05 * np.abs(words).max()) / RATE  # seconds
    silence = dither(HANGOVER * 0.01 + 1)  # long enough for the judge to be asleep
    speech = probabilities(np.concatenate([silence, words, silence])) > 0.5

    start = len(silence) / RATE
    found, lost = np.flatnonzero(speech)[[0, -1]] * 0.01 - start
    assert audible[0] - 0.05 < found < audible[0] + 0.15
    assert audible[-1] - 0.15 < lost < audible[-1] + 0.20
    assert longest(~speech[round((start + found) * 100) : round((start + lost) * 100)]) < 0.15


def test_the_same_stream_after_a_reset_is_judged_the_same() -> None:
    words = np.concatenate([dither(0.3), recorded("game-rms")])
    first = probabilities(words)
    probabilities(NO_SPEECH["noise at -12 dBFS"]())
    assert np.array_equal(first, probabilities(words))


def counted(detector: SileroDetector, judged: list[int]) -> SileroDetector:
    """The detector, noting the length of each block that its judge is given."""
    judge = detector._judge

    def probability(block: NDArray[np.float32]) -> float:
        judged.append(len(block))
        return judge.probability(block)

    detector._judge = SimpleNamespace(probability=probability, reset=judge.reset)  # type: ignore[assignment]
    return detector


def test_the_judge_sleeps_in_silence() -> None:
    judged: list[int] = []
    assert not probabilities(dither(3), counted(SileroDetector(), judged)).any()
    assert judged == []


def test_the_judge_falls_asleep_after_speech_and_the_probability_with_it() -> None:
    judged: list[int] = []
    after = HANGOVER * 0.01 + 0.5
    words = recorded("game-rms")
    given = probabilities(np.concatenate([words, dither(after + 2)]), counted(SileroDetector(), judged))
    assert not given[-200:].any()
    assert 0 < len(judged) * 0.032 < len(words) / RATE + after


def test_the_judge_wakes_with_the_third_of_a_second_before_the_gate_opened() -> None:
    judged: list[int] = []
    detector = counted(SileroDetector(), judged)
    probabilities(dither(2), detector)
    words = recorded("eat-awb").astype(np.int16)
    for frame in words[: len(words) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES):
        detector.probability(Audio(frame))
        if judged:
            break
    assert sum(judged) / RATE == pytest.approx(0.32, abs=0.01)


def test_the_judge_sees_the_end_of_the_block_before_and_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, NDArray[np.float32]]] = []
    detector = SileroDetector()
    session = detector._judge._session

    def run(outputs: list[str], inputs: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        given.append(inputs)
        return session.run(outputs, inputs)

    monkeypatch.setattr(detector._judge, "_session", SimpleNamespace(run=run))
    probabilities(recorded("game-rms"), detector)
    assert not given[0]["input"][0, :CONTEXT].any()
    for before, now in pairwise(given):
        assert np.array_equal(now["input"][0, :CONTEXT], before["input"][0, -CONTEXT:])
        assert now["h"].any()
        assert now["c"].any()


def test_only_frames_of_ten_milliseconds_at_our_rate_are_taken() -> None:
    with pytest.raises(ValueError, match="not 320 samples at 16000 Hz"):
        DETECTOR.probability(Audio.silence(0.020))
    with pytest.raises(ValueError, match="not 160 samples at 48000 Hz"):
        DETECTOR.probability(Audio.silence(160 / 48_000, 48_000))


def test_without_the_model_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.speech_detector.find_spec", lambda name: None)
    with pytest.raises(CompanionError, match="install faster-whisper"):
        model_file()
