"""What a name of one's own is worth: learnt from espeak-ng's voices, said by flite's, which are quite different."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_head import HEAD, PHRASE, fed

from companion import naming
from companion.audio import Audio, Samples
from models import flite, wake_file
from models.wake_augment import coloured_noise, warped
from models.wake_file import Head
from models.wake_head import HeadWakeWord
from models.wake_lesson import Lesson, Recipe

pytestmark = pytest.mark.skipif(not flite.installed(), reason="needs the package flite")

VOICES = (*flite.VOICES, "kal")
SAID = (
    "hey bunny",
    "Hey bunny!",
    "Hey bunny, tell me a story about the moon.",
    "Good morning. Hey bunny.",
    "hey bunny, what time is it?",
)
OTHER = (
    "The birch canoe slid on the smooth planks.",
    "It is easy to tell the depth of a well.",
    "The juice of lemons makes fine punch.",
    "The boy was there when the sun rose.",
    "Have you seen my brother, he was here a minute ago?",
    "Please turn on the television and be quiet.",
    "What would you like to eat for dinner today?",
)
STRETCHES = (0.9, 1.0, 1.15)

soak = pytest.mark.skipif(not os.environ.get("COMPANION_SOAK"), reason="takes minutes: COMPANION_SOAK=1")


def spoken(voice: str, text: str, stretch: float = 1.0) -> Audio:
    async def speak() -> Audio:
        return Audio.join([piece async for piece in flite.FliteVoice(voice, stretch=stretch).speak(text)])

    return asyncio.run(speak())


def around(sound: Audio, number: int) -> Samples:
    """At half its level in a room 20 dB softer, with half a second before and a second after."""
    voice = warped(sound, 1.0) * np.float32(0.5)
    quiet = [np.zeros(count, dtype=np.float32) for count in (8_000, 16_000)]
    whole = np.concatenate([quiet[0], voice, quiet[1]])
    loudness = float(np.sqrt(np.square(voice).mean()))
    room = coloured_noise(len(whole), 1.0, np.random.default_rng(number)) * np.float32(loudness * 0.1)
    return np.clip(whole + room, -32768, 32767).astype(np.int16)


@pytest.fixture(scope="module")
def sayings() -> dict[str, list[Samples]]:
    return {
        voice: [
            around(spoken(voice, text, stretch), number) for number, text in enumerate(SAID) for stretch in STRETCHES
        ]
        for voice in VOICES
    }


def recall(file: Path, sayings: dict[str, list[Samples]]) -> dict[str, float]:
    """The share of each voice's sayings that is heard, surely, once."""
    return {voice: float(np.mean([sure == 1 for sure in _sure(file, said)])) for voice, said in sayings.items()}


def _sure(file: Path, sounds: list[Samples]) -> Iterator[int]:
    wake = HeadWakeWord(file)
    asyncio.run(wake.load())
    for sound in sounds:
        wake.reset()
        yield sum(told.sure for _, told in fed(wake, sound))


def taught(recordings: list[tuple[str, Audio]]) -> Head:
    recipe = Recipe()
    said = asyncio.run(naming.said(PHRASE, "en", naming.embedded("en", 0), recipe, 0, lambda done, of: None))
    return Lesson(PHRASE, "en", said, seed=0, recipe=recipe).learn(recordings, 0.5)


def test_a_name_learnt_from_espeak_is_heard_from_voices_never_met(sayings: dict[str, list[Samples]]) -> None:
    shares = recall(HEAD, sayings)
    print(shares)
    assert np.mean(list(shares.values())) >= 0.85, shares


def test_it_was_measured_with_at_most_one_false_accept() -> None:
    figures = wake_file.read(HEAD).figures
    assert figures.hours >= 1.0
    assert figures.false_accepts <= 1


def test_it_is_not_called_by_what_voices_never_met_say_else() -> None:
    sounds = [around(spoken(voice, text), number) for voice in VOICES for number, text in enumerate(OTHER)]
    assert sum(_sure(HEAD, sounds)) <= 1


@soak
def test_the_committed_name_is_what_is_learnt_today_bit_for_bit() -> None:
    assert taught([]).to_bytes() == HEAD.read_bytes()


@soak
def test_three_recordings_of_one_voice_make_the_others_heard(sayings: dict[str, list[Samples]], tmp_path: Path) -> None:
    recordings = [(f"{stretch}", spoken("rms", PHRASE, stretch)) for stretch in STRETCHES]
    head = taught(recordings)
    wake_file.save(head, tmp_path / "recorded.wake")
    shares = recall(tmp_path / "recorded.wake", {voice: said for voice, said in sayings.items() if voice != "rms"})
    print(head.figures, shares)
    assert head.figures.false_accepts <= 1
    assert np.mean(list(shares.values())) >= 0.95, shares
