"""What everything that hears a name must do, whichever library it is made of."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from toy_head import HEAD

from companion.audio import FRAME_SAMPLES, RATE, Audio, Samples
from companion.ports import Wake, WakeWord
from models.any_of import AnyOf
from models.micro_wake import MicroWakeWord
from models.scripted_turns import ScriptedWakeWord
from models.sphinx_wake import SphinxWakeWord
from models.wake_head import HeadWakeWord

SPEECH = Path(__file__).parents[1] / "speech"

WAKE_WORDS: dict[str, tuple[Callable[[], WakeWord], str]] = {
    "scripted": (lambda: ScriptedWakeWord("hey jarvis", after=40), "hey jarvis"),
    "micro": (lambda: MicroWakeWord("hey jarvis"), "hey jarvis"),
    "sphinx": (lambda: SphinxWakeWord("hey bunny"), "hey bunny"),
    "learnt": (lambda: HeadWakeWord(HEAD), "hey bunny"),
    "any of": (lambda: AnyOf([MicroWakeWord("okay nabu"), MicroWakeWord("hey jarvis")]), "hey jarvis"),
}
"""How each is made, and the name that it knows."""

ZEROS = np.zeros(2 * RATE, dtype=np.int16)
DITHER = np.random.default_rng(0).integers(0, 2, 2 * RATE).astype(np.int16)


@pytest.fixture(params=WAKE_WORDS)
def kind(request: pytest.FixtureRequest) -> str:
    made: str = request.param
    return made


def unloaded(kind: str) -> WakeWord:
    return WAKE_WORDS[kind][0]()


@cache
def loaded(kind: str) -> WakeWord:
    """Loading is what takes time, so it is done once: after a `reset` it is as new."""
    wake_word = unloaded(kind)
    asyncio.run(wake_word.load())
    return wake_word


def fresh(kind: str) -> WakeWord:
    wake_word = loaded(kind)
    wake_word.reset()
    return wake_word


def name(kind: str, voice: str = "rms") -> Samples:
    return spoken(f"called/{WAKE_WORDS[kind][1].replace(' ', '-')}-{voice}")


def spoken(file: str) -> Samples:
    with wave.open(str(SPEECH / f"{file}.wav")) as opened:
        return np.frombuffer(opened.readframes(opened.getnframes()), dtype=np.int16)


def cut(*sounds: Samples) -> Samples:
    """The whole frames of one stream, one a row."""
    stream = np.concatenate(sounds)
    return stream[: len(stream) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def heard(wake_word: WakeWord, *sounds: Samples) -> list[tuple[int, Wake]]:
    """At which frame of one stream which name was heard."""
    answers = [(number, wake_word.hears(Audio(frame))) for number, frame in enumerate(cut(*sounds))]
    return [(number, wake) for number, wake in answers if wake is not None]


def test_what_is_not_loaded_hears_nothing(kind: str) -> None:
    wake_word = unloaded(kind)
    wake_word.reset()
    assert heard(wake_word, DITHER, name(kind), DITHER) == []


@pytest.mark.parametrize("silence", [ZEROS, DITHER], ids=["zeros", "dither"])
def test_silence_never_wakes(kind: str, silence: Samples) -> None:
    assert heard(fresh(kind), silence, silence, silence) == []


@pytest.mark.parametrize("voice", ["rms", "awb"])
def test_its_name_wakes_it_once_while_it_is_said_or_just_after(kind: str, voice: str) -> None:
    said = name(kind, voice)
    [(frame, wake)] = heard(fresh(kind), DITHER, said, DITHER)
    assert wake.phrase == WAKE_WORDS[kind][1]
    began = len(DITHER) // FRAME_SAMPLES
    assert began < frame <= began + len(said) // FRAME_SAMPLES + 10


def test_its_name_said_again_wakes_it_again(kind: str) -> None:
    assert len(heard(fresh(kind), DITHER, name(kind), DITHER, name(kind), DITHER, name(kind, "awb"), DITHER)) == 3


def test_a_name_begun_before_a_reset_and_ended_after_it_is_no_name(kind: str) -> None:
    stream = np.concatenate([DITHER, name(kind), DITHER])
    [(frame, _)] = heard(fresh(kind), stream)
    shortly_before = (frame - 5) * FRAME_SAMPLES
    wake_word = fresh(kind)
    assert heard(wake_word, stream[:shortly_before]) == []
    wake_word.reset()
    assert heard(wake_word, stream[shortly_before:]) == []


def test_after_a_reset_the_stream_begins_anew(kind: str) -> None:
    first = heard(fresh(kind), DITHER, name(kind), DITHER)
    heard(fresh(kind), name(kind)[: RATE // 2])
    assert heard(fresh(kind), DITHER, name(kind), DITHER) == first


def test_two_of_them_hear_the_same_and_do_not_disturb_each_other(kind: str) -> None:
    alone = heard(fresh(kind), DITHER, name(kind), DITHER)
    one, other = fresh(kind), unloaded(kind)
    asyncio.run(other.load())
    frames = [Audio(frame) for frame in cut(DITHER, name(kind), DITHER)]
    together = []
    for number, frame in enumerate(frames):
        other.hears(Audio(DITHER[:FRAME_SAMPLES]))
        if (wake := one.hears(frame)) is not None:
            together.append((number, wake))
    assert together == alone


def test_it_may_be_loaded_twice(kind: str) -> None:
    asyncio.run(loaded(kind).load())
    assert len(heard(fresh(kind), DITHER, name(kind), DITHER)) == 1


@pytest.mark.parametrize("frame", [Audio.silence(0.02), Audio.silence(0.01, 48_000), Audio.silence(0)])
def test_only_frames_of_ten_milliseconds_are_taken(kind: str, frame: Audio) -> None:
    with pytest.raises(ValueError, match="10 ms at 16000 Hz expected"):
        fresh(kind).hears(frame)
    with pytest.raises(ValueError, match="10 ms at 16000 Hz expected"):
        unloaded(kind).hears(frame)
