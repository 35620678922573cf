"""Learning a name: what it is learnt from, that it is learnt the same each time, and what it is worth."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_head import HEAD, sound

from companion import naming
from companion.audio import RATE, Audio, Samples
from companion.errors import DeviceError
from models.speech_embedding import HOP, Floats
from models.wake_augment import LEVEL, heard, trimmed, warped
from models.wake_file import Head
from models.wake_lesson import Lesson, Recipe
from models.wake_sounds import Amounts, Kind, prompts
from models.wake_training import Clue, evidence, learn

NAME = "hey bunny"
TINY = Recipe(
    Amounts(1, 1, 4, 1, 8, positives=(60, 8), negatives=(4, 4), nears=(4, 4)), heads=1, steps=200, per_recording=8
)


def taught(recipe: Recipe, recordings: list[tuple[str, Audio]], *, seed: int = 0, voices: int = 8) -> Head:
    cast = naming.embedded("en", seed)[:voices]
    said = asyncio.run(naming.said(NAME, "en", cast, recipe, seed, lambda done, of: None))
    return Lesson(NAME, "en", said, seed=seed, recipe=recipe).learn(recordings, 0.5)


def noise(seconds: float) -> Floats:
    return np.random.default_rng(5).normal(0, 1000, round(seconds * RATE)).astype(np.float32)


def test_no_voice_and_no_sentence_is_both_learnt_from_and_measured_with() -> None:
    wanted = prompts(NAME, "en", 16, Amounts(), np.random.default_rng(0))
    for kind in Kind:
        learnt = {prompt.text for prompt in wanted if prompt.kind is kind and not prompt.held_out}
        measured = {prompt.text for prompt in wanted if prompt.kind is kind and prompt.held_out}
        assert learnt
        assert measured
        if kind is not Kind.NAME:
            assert not learnt & measured
    voices = [{prompt.voice for prompt in wanted if prompt.held_out is held_out} for held_out in (False, True)]
    assert not voices[0] & voices[1]


def test_what_is_heard_is_as_long_as_what_was_said_and_never_silent() -> None:
    chance = np.random.default_rng(0)
    for seconds in (0.5, 1.0, 2.0):
        made = heard(noise(seconds), [], chance)
        assert len(made) == round(seconds * RATE)
        assert LEVEL[0] - 12 < Audio(made).level < LEVEL[1] + 6
    assert len(np.unique(heard(np.zeros(RATE, dtype=np.float32), [], chance))) > 1


def test_trimming_takes_the_silence_around_and_all_of_what_is_nothing_else() -> None:
    name = noise(0.5)
    silence = np.zeros(RATE, dtype=np.float32)
    assert abs(len(trimmed(np.concatenate([silence, name, silence]))) - len(name)) <= 320
    assert len(trimmed(silence)) == 0


def test_speed_and_pitch_change_together() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE) * 8000
    faster = warped(Audio(tone.astype(np.int16)), 1.25)
    assert len(faster) == pytest.approx(2 * RATE / 1.25, rel=0.01)
    assert np.argmax(np.abs(np.fft.rfft(faster))) / (len(faster) / RATE) == pytest.approx(550, abs=2)


def test_a_window_holds_the_name_when_it_ends_just_after_it() -> None:
    clue = Clue(np.zeros((20, 96), dtype=np.float32), end=10 * HOP)
    other = Clue(np.zeros((5, 96), dtype=np.float32), end=None)
    known = evidence([clue, other], np.zeros((10, 96), dtype=np.float32))
    assert known.positive.tolist() == [10 + hop for hop in (9, 10, 11, 12, 13)]
    assert 10 + 8 not in known.negative
    assert 10 + 3 in known.negative
    assert set(range(40, 45)) <= set(known.negative.tolist())
    assert not set(range(10 + 14, 10 + 20)) & set(known.negative.tolist())


def test_a_head_learns_what_can_be_learnt() -> None:
    chance = np.random.default_rng(0)
    rows = chance.normal(0, 1, (3000, 96)).astype(np.float32)
    clues = [Clue(rows[at : at + 30].copy(), end=None) for at in range(0, 2000, 30)]
    for at in range(2000, 2960, 30):
        named = rows[at : at + 30].copy()
        named[15:20] += 2.0
        clues.append(Clue(named, end=18 * HOP))
    told: list[None] = []
    quiet = np.zeros((4, 96), dtype=np.float32)
    layers = learn(evidence(clues, quiet), heads=2, look=4, steps=200, seed=0, told=lambda: told.append(None))
    assert len(told) == 4
    assert min(float(layers.heard(clue.embeddings, quiet).max()) for clue in clues if clue.end) > 0
    assert max(float(layers.heard(clue.embeddings, quiet).max()) for clue in clues[:60]) < 0


SAME = """
import hashlib, sys
sys.path[:0] = sys.argv[1:]
from models.test_wake_training import TINY, taught
print(hashlib.sha256(taught(TINY, []).to_bytes()).hexdigest())
"""


def test_the_same_seed_gives_the_same_file_bit_for_bit_in_every_process() -> None:
    tests = Path(__file__).parents[1]
    script = SAME.replace("from models.test_wake_training", "from test_wake_training")
    done = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tests), str(tests.parent)],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = taught(TINY, [])
    assert hashlib.sha256(here.to_bytes()).hexdigest() == done.stdout.strip()
    assert taught(TINY, [], seed=1, voices=4).to_bytes() != here.to_bytes()


def test_the_figures_count_what_was_measured() -> None:
    figures = taught(TINY, [("one", Audio(sound(HEAD.with_name("hey-bunny-rms.wav"))))]).figures
    assert (figures.sayings, figures.near, figures.recordings, figures.voices) == (8, 4, 1, 6)
    assert figures.hours == pytest.approx(4 * 24 / 3600, abs=1e-3)
    assert figures.heard <= figures.noticed <= figures.sayings
    assert figures.false_accepts <= figures.false_notices


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (np.zeros(RATE, dtype=np.int16), "holds nothing but silence"),
        (np.random.default_rng(0).integers(-9000, 9000, 9 * RATE).astype(np.int16), "holds 9.0 s of sound"),
    ],
)
def test_a_recording_of_silence_or_of_too_much_is_refused_before_anything_is_learnt(
    made: Samples, complaint: str
) -> None:
    with pytest.raises(DeviceError, match=complaint):
        taught(TINY, [("mine.wav", Audio(made))])


def test_a_recording_of_something_else_is_refused() -> None:
    other = Audio(sound(HEAD.parents[1] / "speech" / "dog-rms.wav")[5_000:17_000])
    with pytest.raises(DeviceError, match=r"other\.wav: does not sound like 'hey bunny'"):
        taught(Recipe.quick(), [("other.wav", other)])
