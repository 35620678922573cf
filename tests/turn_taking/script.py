"""This file reads the scripted turns, and renders one as sound whose pauses are known to the sample."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from synthetic import speak

from companion.audio import RATE, Audio, Samples

UTTERANCES = Path(__file__).with_name("utterances.toml")

LEAD = 1.0
"""Seconds of quiet before the first word."""

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
        if self.language != "en":
            return self.language
        return CHILD if self.speaker == "child" else ADULTS[self.number % len(ADULTS)]

    @property
    def name(self) -> str:
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


def turns(file: Path = UTTERANCES) -> list[Turn]:
    """All scripted turns, in the order of the file. Raises KeyError or TypeError for one that is not complete."""
    written = tomllib.loads(file.read_text(encoding="utf-8"))["turn"]
    return [
        Turn(number, turn["language"], turn["speaker"], tuple(Part(**part) for part in turn["parts"]))
        for number, turn in enumerate(written)
    ]


def render(turn: Turn, folder: Path, *, flite: bool | None = None) -> Rendered:
    """A turn as sound at `RATE`; `folder` keeps the words for the next time (one a test session is enough).

    The pauses are those of the script to the sample. Quiet is dither of one bit, never zeros. `flite` chooses the
    engine for English; None takes flite where it is installed, else espeak-ng, which speaks all other languages.
    """
    noise = np.random.default_rng(crc32(turn.name.encode()))
    pieces, spans = [dither(LEAD, noise)], []
    place = len(pieces[0])
    for part in turn.parts:
        words = speak(part.says, turn.voice, folder, flite=flite)
        spans.append(Span(place, place + len(words)))
        pieces += [words, dither(part.pause, noise)]
        place += len(words) + len(pieces[-1])
    return Rendered(turn, Audio(np.concatenate(pieces)), tuple(spans))


def dither(seconds: float, noise: np.random.Generator) -> Samples:
    """Quiet as a converter gives it: -1, 0 and 1 at random."""
    return noise.integers(-1, 2, round(seconds * RATE), dtype=np.int16)
