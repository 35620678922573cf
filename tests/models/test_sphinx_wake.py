from __future__ import annotations

import asyncio
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from companion.errors import NotHeard, SettingsError
from models.sphinx_wake import SphinxWakeWord, check

SPEECH = Path(__file__).parents[1] / "speech"


@pytest.fixture(scope="module")
def loaded() -> SphinxWakeWord:
    wake_word = SphinxWakeWord("Hey Bunny")
    asyncio.run(wake_word.load())
    return wake_word


@pytest.fixture
def bunny(loaded: SphinxWakeWord) -> SphinxWakeWord:
    loaded.reset()
    return loaded


def spoken(file: str) -> Samples:
    with wave.open(str(SPEECH / f"{file}.wav")) as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), dtype=np.int16)


def calls(wake_word: SphinxWakeWord, *sounds: Samples) -> int:
    stream = np.clip(np.concatenate(sounds), -32768, 32767).astype(np.int16)
    frames = stream[: len(stream) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return sum(wake_word.hears(Audio(frame)) is not None for frame in frames)


def dither(seconds: float) -> Samples:
    return np.random.default_rng(0).integers(0, 2, round(seconds * RATE)).astype(np.int16)


def test_the_name_is_heard_at_the_beginning_of_a_sentence(bunny: SphinxWakeWord) -> None:
    assert calls(bunny, spoken("called/hey-bunny-time-rms")) == 1


def test_none_of_the_other_sentences_wakes_it(bunny: SphinxWakeWord) -> None:
    assert calls(bunny, *(spoken(file.stem) for file in sorted(SPEECH.glob("*.wav")))) == 0
    assert calls(bunny, spoken("called/hey-jarvis-rms"), spoken("called/hey-jarvis-time-awb")) == 0


def test_what_it_hears_wants_confirming(bunny: SphinxWakeWord) -> None:
    frames = spoken("called/hey-bunny-rms")[: FRAME_SAMPLES * 110].reshape(-1, FRAME_SAMPLES)
    [wake] = [wake for frame in frames if (wake := bunny.hears(Audio(frame)))]
    assert (wake.phrase, wake.sure) == ("hey bunny", False)


def test_a_minute_of_silence_before_does_not_deafen_it(bunny: SphinxWakeWord) -> None:
    assert calls(bunny, dither(60), spoken("called/hey-bunny-awb"), dither(1)) == 1


@pytest.mark.parametrize("gain", [0.1, 0.5, 1.5])
def test_a_soft_call_is_heard_like_a_loud_one(bunny: SphinxWakeWord, gain: float) -> None:
    assert calls(bunny, dither(1), spoken("called/hey-bunny-rms") * gain, dither(1)) == 1


def test_silence_is_not_searched(bunny: SphinxWakeWord) -> None:
    def seconds(sound: Samples) -> float:
        began = time.thread_time()
        calls(bunny, sound)
        return time.thread_time() - began

    speech = np.concatenate([spoken("hello-rms"), spoken("dark-rms")])
    assert seconds(dither(len(speech) / RATE)) < 0.3 * seconds(speech)


def test_it_takes_a_small_share_of_the_time_that_speech_lasts(bunny: SphinxWakeWord) -> None:
    speech = np.concatenate([spoken(file.stem) for file in sorted(SPEECH.glob("*.wav"))])
    began = time.thread_time()
    calls(bunny, speech)
    assert time.thread_time() - began < 0.2 * len(speech) / RATE


@pytest.mark.parametrize("phrase", ["hey bunny", "Hello Teddy Bear", "alexa", "don't sleep"])
def test_a_phrase_of_known_words_can_be_a_name(phrase: str) -> None:
    check(phrase)


def test_every_unknown_word_is_named_with_its_mend() -> None:
    with pytest.raises(SettingsError) as caught:
        check("hey Zorblax qqxy")
    zorblax, qqxy = caught.value.mistakes
    assert 'does not know the word "zorblax"' in zorblax
    assert 'in words like "z' in zorblax
    assert "companion wake add" in zorblax
    assert '"qqxy"' in qqxy


@pytest.mark.parametrize("phrase", ["", "  "])
def test_an_empty_phrase_is_no_name(phrase: str) -> None:
    with pytest.raises(SettingsError, match="empty"):
        check(phrase)


def test_loading_an_unknown_word_says_which() -> None:
    with pytest.raises(NotHeard, match='the word "zorblax"'):
        asyncio.run(SphinxWakeWord("hey zorblax").load())


def test_without_the_library_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(NotHeard, match="pocketsphinx cannot be loaded"):
        asyncio.run(SphinxWakeWord("hey bunny").load())


def test_it_writes_nothing_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    wake_word = SphinxWakeWord("hey bunny")
    asyncio.run(wake_word.load())
    assert calls(wake_word, dither(1), spoken("called/hey-bunny-rms"), dither(1)) == 1
    assert capfd.readouterr() == ("", "")
