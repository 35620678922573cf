"""This file makes the toy's earcons, the short sounds that say what a light says to whoever does not look, and plays
them.

They are soft and short, and none sounds like another: notes that rise call, notes that fall end something. None is
taken for speech by the toy's own ears, and no answer waits for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from companion.audio import Audio, Samples
from companion.errors import DeviceError
from companion.ports import Speaker

RATE = 22_050
"""Hertz. What most voices have, too."""

LOUDNESS = 0.16
"""Amplitude, 0 to 1 (-16 dBFS): a little softer than a voice."""

FADE_SECONDS = 0.008
"""In and out of each note: without it it would click."""


class Earcon(StrEnum):
    """What an earcon says."""

    LISTEN = "listen"
    """I was called: speak."""
    DONE = "done"
    """I have heard you out."""
    ERROR = "error"
    """Something went wrong, and I cannot even say so."""
    MUTE = "mute"
    """From now on I hear nothing."""
    UNMUTE = "unmute"
    """I hear again."""


@dataclass(frozen=True, slots=True)
class Note:
    """A tone that glides, or stays."""

    begins: float
    """Hertz."""
    ends: float
    """Hertz."""
    seconds: float
    rest: float = 0.0
    """Seconds of silence after it."""


# Lower ones, and slower glides, Silero takes for speech: 220 Hz twice, 260 to 520 Hz [tried].
NOTES: Mapping[Earcon, tuple[Note, ...]] = MappingProxyType(
    {
        Earcon.LISTEN: (Note(660, 660, 0.05), Note(990, 990, 0.06)),
        Earcon.DONE: (Note(880, 880, 0.035, rest=0.01), Note(587, 587, 0.035)),
        Earcon.ERROR: (Note(494, 494, 0.05, rest=0.03), Note(494, 494, 0.05)),
        Earcon.MUTE: (Note(1320, 660, 0.14),),
        Earcon.UNMUTE: (Note(660, 1320, 0.14),),
    }
)


def sound(earcon: Earcon) -> Audio:
    """What it sounds like: 75 to 150 ms, at `RATE`."""
    return Audio(np.concatenate([_samples(note) for note in NOTES[earcon]]), RATE)


def _samples(note: Note) -> Samples:
    hertz = np.linspace(note.begins, note.ends, round(note.seconds * RATE))
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    wave = np.sin(phase) + 0.25 * np.sin(2 * phase)  # an octave above: small speakers have no deep notes
    fade = np.minimum(1.0, np.arange(len(wave)) / (FADE_SECONDS * RATE))
    made = wave * fade * fade[::-1] * LOUDNESS / 1.25 * 32_767
    return np.concatenate([np.rint(made), np.zeros(round(note.rest * RATE))]).astype(np.int16)


class Earcons:
    """The earcons of one toy, through its speaker; as loud as its voice, and no louder than its owner allows."""

    def __init__(self, speaker: Speaker, sounds: Mapping[Earcon, Audio]) -> None:
        """`sounds`: those that are to be heard; the others are not."""
        self._speaker = speaker
        self._sounds = sounds
        self._ends = 0.0
        """Where the last one ends: a position of the speaker."""

    async def play(self, earcon: Earcon) -> None:
        """Let it be heard; returns as it begins. A speaker that is not there is missed when there is more to say."""
        if audio := self._sounds.get(earcon):
            with suppress(DeviceError):
                self._ends = await self._speaker.play(audio) + audio.seconds

    async def played(self, earcon: Earcon) -> None:
        """The same, until it was heard."""
        await self.play(earcon)
        with suppress(DeviceError):
            await self._speaker.reach(self._ends)

    def hush(self) -> None:
        """End the one that sounds, if one does: something else is to be heard now."""
        if self._speaker.position < self._ends:
            self._speaker.stop()
            self._ends = 0.0
