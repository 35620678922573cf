"""This file measures, on this machine, what listening costs: how much of a core a toy needs while nobody speaks to it.

The sound is made here and played to the real ears as fast as they go; what is counted is the time of the processor.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import numpy as np

from companion.audio import FRAME_SAMPLES, RATE, Audio, Frame, Samples
from companion.character import Character, Espeak
from companion.ears import Ears
from companion.errors import SettingsError
from companion.hearing import Hearing, hearing
from companion.patience import PATIENCE
from companion.ports import EchoCanceller, WakeWord
from companion.settings import Settings
from companion.simulation import sound_of

QUIET_SECONDS, SPEECH_SECONDS = 60.0, 20.0
"""Of sound for each measurement: enough to forget how it begins."""

REPETITIONS = 7

CANCELLER = "echo_canceller_cpu_percent"

TALK = (
    "The weather was fine, so we walked along the river and watched the boats go by.",
    "My sister is going to bring a cake, and everybody else brings something to drink.",
    "After lunch the children wanted to play outside, although it had begun to rain.",
)
"""Said to somebody else, over and over."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure."""

    name: str
    """Such as "5_whisper_stock_over_ours"."""
    what: str
    """In words."""
    median: float
    least: float
    unit: str

    @classmethod
    def of(cls, name: str, what: str, values: Sequence[float], unit: str, *, digits: int = 2) -> Measured:
        """The figure that was measured so often, with so many `digits` after the point."""
        return cls(name, what, round(median(values), digits), round(min(values), digits), unit)


class _Over(Exception):
    """The sound has ended."""


class _Made:
    """A Microphone that gives a sound made before, as fast as it is read."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._place = 0

    async def read(self) -> Frame:
        begins, self._place = self._place, self._place + FRAME_SAMPLES
        if self._place > len(self._samples):
            raise _Over
        return Frame(Audio(self._samples[begins : self._place]), self._place / RATE)

    async def close(self) -> None: ...


def measure(settings: Settings, characters: Sequence[Character]) -> list[Measured]:
    """What listening for its name costs in quiet, and while somebody speaks all the time. Takes about half a minute.
    Raises SettingsError for a toy that has no name."""
    ears = hearing(settings, characters, "wake")
    if ears.wake_word is None:
        raise SettingsError([*ears.called_served.skipped, "There is no name to listen for: set [ears] names"])
    asyncio.run(ears.wake_word.load())
    quiet = np.random.default_rng(0).integers(-1, 2, round(QUIET_SECONDS * RATE)).astype(np.int16)
    name = ", ".join(ears.phrases)
    talk = _talk()
    return [
        _listening(
            "ears_alone_cpu_percent", "listening to whoever speaks, in quiet, without sound card", ears, quiet, None
        ),
        _listening(
            "listening_for_its_name_cpu_percent", f'listening for "{name}" in quiet', ears, quiet, ears.wake_word
        ),
        _listening(
            "listening_to_speech_cpu_percent", "... while somebody speaks all the time", ears, talk, ears.wake_word
        ),
        *([_cancelling(ears.canceller, talk)] if ears.canceller else []),
    ]


def machine() -> dict[str, str | int]:
    """What it was measured on."""
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count() or 1,
    }


def _listening(name: str, what: str, hears: Hearing, sound: Samples, called: WakeWord | None) -> Measured:
    """`called`: by which name; None: whoever speaks is heard."""
    percents = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        asyncio.run(_listen(hears, sound, called))
        percents.append(100 * (time.process_time() - began) / (len(sound) / RATE))
    return Measured.of(name, what, percents, "% of a core")


def _cancelling(canceller: EchoCanceller, talk: Samples) -> Measured:
    """What it costs to take out its own voice while it speaks."""
    sounds = [Audio(talk[at : at + FRAME_SAMPLES]) for at in range(0, len(talk) - FRAME_SAMPLES, FRAME_SAMPLES)]
    percents = []
    for _ in range(REPETITIONS):
        canceller.reset()
        began = time.process_time()
        for sound in sounds:
            canceller.cancel(sound, sound)
        percents.append(100 * (time.process_time() - began) / (len(talk) / RATE))
    what = "taking its own voice out of its microphone, while it speaks"
    return Measured.of(CANCELLER, what, percents, "% of a core")


async def _listen(hears: Hearing, sound: Samples, called: WakeWord | None) -> None:
    ears = Ears(_Made(sound), hears.detector, PATIENCE["adult"])
    with suppress(_Over):
        while True:
            await (ears.called(called) if called else ears.next())


def _talk() -> Samples:
    """Speech without a pause, in the embedded voice."""
    once = np.concatenate([asyncio.run(said(sentence)).samples for sentence in TALK])
    times = round(SPEECH_SECONDS * RATE) // len(once) + 1
    talk: Samples = np.tile(once, times)[: round(SPEECH_SECONDS * RATE)]
    return talk


async def said(sentence: str) -> Audio:
    """A sentence in the embedded voice, at `RATE`. Raises NoVoice."""
    import soxr

    from models.espeak import EspeakVoice

    audio = await sound_of(EspeakVoice(Espeak(voice="en-us")), sentence)
    return Audio(soxr.resample(audio.samples, audio.rate, RATE))
