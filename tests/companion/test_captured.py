"""What is the matter with a microphone is told from what it captured."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from companion.audio import RATE, Audio
from companion.captured import QUIET, Hears, judged

HELLO = Path(__file__).parents[1] / "speech" / "hello-rms.wav"


def speech(decibels: float = 0.0) -> Audio:
    """A spoken sentence, made louder by so much."""
    with wave.open(str(HELLO)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
    return Audio(np.clip(np.round(samples * 10 ** (decibels / 20)), -32768, 32767).astype(np.int16))


def test_speech_is_heard_well() -> None:
    found = judged(speech())
    assert found.hears is Hears.WELL
    assert -40 < found.level < found.peak < 0


def test_no_sound_zeros_and_quiet_are_three_things() -> None:
    dither = np.random.default_rng(0).integers(-1, 2, 5 * RATE).astype(np.int16)
    assert judged(Audio.silence(0.0)).hears is Hears.NOTHING
    assert judged(Audio.silence(5.0)).hears is Hears.ZEROS
    assert judged(Audio(dither)).hears is Hears.QUIET


def test_speech_is_too_quiet_where_it_cannot_be_made_as_loud_as_the_engines_want_it() -> None:
    near = speech().speech_level - QUIET
    assert judged(speech(1.0 - near)).hears is Hears.WELL
    assert judged(speech(-1.0 - near)).hears is Hears.QUIET


def test_speech_that_is_cut_off_at_the_ends_of_the_scale_is_too_loud() -> None:
    found = judged(speech(30.0))
    assert found.hears is Hears.CLIPPED
    assert found.peak == pytest.approx(0.0, abs=0.01)


def test_one_sample_at_the_end_of_the_scale_is_not_too_loud() -> None:
    sound = speech()
    samples = sound.samples.copy()
    samples[100] = 32767
    assert judged(Audio(samples)).hears is Hears.WELL


@pytest.mark.parametrize("sound", [Audio.silence(0.0), Audio.silence(1.0), speech(), speech(-60.0), speech(30.0)])
def test_each_finding_is_one_sentence(sound: Audio) -> None:
    said = judged(sound).sentence
    assert said[0].isupper()
    assert "\n" not in said
