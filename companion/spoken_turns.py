"""This file reads what people say to a toy, turn by turn with all pauses, and renders a turn as sound whose pauses are
known to the sample: by it is measured whether a toy waits for them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zlib import crc32

import numpy as np
import soxr

from companion.audio import RATE, Audio, Samples
from companion.character import Espeak

TURNS: Final = Path(__file__).with_suffix(".toml")

LEAD = 1.0
"""Seconds of quiet before the first word."""

VOICES: Final[Mapping[str, Espeak]] = MappingProxyType(
    {
        "rms": Espeak(voice="en-us+m3", pitch=40),
        "awb": Espeak(voice="en-gb-scotland", pitch=45),
        "slt": Espeak(voice="en-us+f3", pitch=65),
        "kal16": Espeak(voice="en-us+m7", pitch=50),
        **{language: Espeak(voice=language) for language in ("de", "es", "fr", "ja", "zh")},
    }
)
"""Who speaks: English has the names of flite's voices, and others where there is no flite."""

QUIET: Final = 100
"""A sample beyond this, of 32768 (-50 dBFS), is speech when a voice is trimmed: flite's own silences stay below."""

LOUDEST: Final = 16_384
"""The loudest sample of what is spoken: half of full scale (-6 dBFS)."""

Speak = Callable[[str, str], Samples]
"""Words at `RATE`, trimmed, in one of `VOICES`, by its name."""

ADULTS, CHILD = ("rms", "awb"), "slt"
"""Who speaks. The voice of a "child" is a woman's: what makes the turn a child's is its words and its pauses."""


@dataclass(frozen=True, slots=True)
class Part:
    """Words without a pause between them."""

    says: str
    pause: float
    """Seconds of quiet after it."""
    heard: str
    """The transcript of everything up to this pause, as good speech-to-text would write it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody says before they let the toy speak."""

    number: int
    """Its place in the file, from 0."""
    language: str
    speaker: str
    """ "adult" or "child"."""
    parts: tuple[Part, ...]

    @property
    def pauses(self) -> tuple[float, ...]:
        """Seconds of the pauses inside the turn, the last one, which ends it, left out."""
        return tuple(part.pause for part in self.parts[:-1])

    @property
    def voice(self) -> str:
        """Who says it: a name in `VOICES`."""
        if self.language != "en":
            return self.language
        return CHILD if self.speaker == "child" else ADULTS[self.number % len(ADULTS)]

    @property
    def name(self) -> str:
        """What a report calls it."""
        return f"{self.number:02} {self.language} {self.speaker}: {self.parts[-1].heard}"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a part sounds: its first sample of speech, and the one after its last."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A turn as the microphone would capture it in a silent room."""

    turn: Turn
    audio: Audio
    spans: tuple[Span, ...]
    """One for each part."""


def turns(file: Path = TURNS) -> list[Turn]:
    """All scripted turns, in the order of the file. Raises KeyError or TypeError for one that is not complete."""
    written = tomllib.loads(file.read_text(encoding="utf-8"))["turn"]
    return [
        Turn(number, turn["language"], turn["speaker"], tuple(Part(**part) for part in turn["parts"]))
        for number, turn in enumerate(written)
    ]


def rendered(turn: Turn, speak: Speak) -> Rendered:
    """A turn as sound at `RATE`. The pauses are those of the script to the sample; quiet is dither of one bit, never
    zeros."""
    noise = np.random.default_rng(crc32(turn.name.encode()))
    pieces, spans = [dither(LEAD, noise)], []
    place = len(pieces[0])
    for part in turn.parts:
        words = speak(part.says, turn.voice)
        spans.append(Span(place, place + len(words)))
        pieces += [words, dither(part.pause, noise)]
        place += len(words) + len(pieces[-1])
    return Rendered(turn, Audio(np.concatenate(pieces)), tuple(spans))


def trimmed(audio: Audio) -> Samples:
    """At `RATE` and as loud as all: its first and its last sample are speech. Raises ValueError if there is none."""
    sound = audio.samples.astype(np.float64)
    if audio.rate != RATE:
        sound = soxr.resample(sound, audio.rate, RATE)
    sound *= LOUDEST / max(1.0, float(np.abs(sound).max(initial=0.0)))
    loud = np.flatnonzero(np.abs(sound) > QUIET)
    if not len(loud):
        raise ValueError("nothing was spoken")
    speech: Samples = np.round(sound[loud[0] : loud[-1] + 1]).astype(np.int16)
    return speech


def dither(seconds: float, noise: np.random.Generator) -> Samples:
    """Quiet as a converter gives it: -1, 0 and 1 at random."""
    return noise.integers(-1, 2, round(seconds * RATE), dtype=np.int16)
