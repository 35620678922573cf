from __future__ import annotations

import asyncio
import gc
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, Audio, Samples
from companion.errors import NotHeard, SettingsError
from companion.ports import Wake
from models.micro_wake import PHRASES, MicroWakeWord, check

SPEECH = Path(__file__).parents[1] / "speech"


def loaded(phrase: str) -> MicroWakeWord:
    wake_word = MicroWakeWord(phrase)
    asyncio.run(wake_word.load())
    return wake_word


def spoken(file: str) -> Samples:
    with wave.open(str(SPEECH / f"{file}.wav")) as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), dtype=np.int16)


def heard(wake_word: MicroWakeWord, *sounds: Samples) -> list[Wake]:
    stream = np.concatenate(sounds)
    frames = stream[: len(stream) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [wake for frame in frames if (wake := wake_word.hears(Audio(frame)))]


def test_the_name_before_a_question_is_heard_and_that_is_enough() -> None:
    assert heard(loaded("hey jarvis"), spoken("called/hey-jarvis-time-awb")) == [Wake("hey jarvis", sure=True)]


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_name_it_says_it_knows_can_be_loaded_and_is_not_heard_in_other_sentences(phrase: str) -> None:
    others = [spoken(file.stem) for file in sorted(SPEECH.glob("*.wav"))]
    assert heard(loaded(phrase), *others, spoken("called/hey-bunny-time-rms")) == []


def test_a_name_that_it_does_not_know_is_told_with_those_that_it_does() -> None:
    with pytest.raises(SettingsError, match='no network for "hey bunny": it knows "alexa", "hey jarvis"'):
        check("hey bunny")
    with pytest.raises(SettingsError):
        MicroWakeWord("hey bunny")


def test_without_the_library_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymicro_wakeword", None)
    with pytest.raises(NotHeard, match="microWakeWord cannot be loaded"):
        loaded("alexa")


def test_what_the_library_holds_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    import pymicro_wakeword

    closed = []
    genuine = pymicro_wakeword.MicroWakeWord.close

    def close(network: pymicro_wakeword.MicroWakeWord) -> None:
        closed.append(network.id)  # not the network, which would live on
        genuine(network)

    monkeypatch.setattr(pymicro_wakeword.MicroWakeWord, "close", close)
    wake_word = loaded("alexa")
    assert closed == []
    del wake_word
    gc.collect()
    assert closed[0] == "alexa"
