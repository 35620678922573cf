"""This file makes the sounds that a head learns a name from: what voices said, put together as people talk.

Some voices, and all that they say, are kept apart from training: on them the head is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.random import Generator, default_rng

from companion.audio import RATE, Audio, Samples
from models.speech_embedding import Floats
from models.wake_augment import coloured_noise, heard, trimmed, warp, warped
from models.wake_names import confusables
from models.wake_sentences import sentences


class Kind(IntEnum):
    """What a saying is to the head."""

    NAME = 0
    GOING_ON = 1  # the name, and more without a pause
    NEAR = 2  # not the name, but nearly
    TALK = 3  # anything else


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something to be said."""

    voice: int
    """Which of the voices says it."""
    text: str
    kind: Kind
    held_out: bool
    """Kept apart from training, with all that its voice says."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A prompt and its sound, without the silence around it."""

    prompt: Prompt
    sound: Audio


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of sound as a toy may hear it."""

    samples: Samples
    """At 16 kHz."""
    end: int | None = None
    """The sample with which the name ends; None where it is not said."""
    near: bool = False
    """Whether something is said that nearly sounds like it."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is made of everything: for training, and as much again, by these shares, for measuring."""

    said: int = 3
    """Times that each voice says the name alone."""
    going_on: int = 3
    """Times that each voice says it with more after it."""
    talk: int = 24
    """Sentences of each voice."""
    near: int = 4
    """Confusable phrases of each voice."""
    confusable: int = 48
    """Different confusable phrases."""
    positives: tuple[int, int] = (1500, 200)
    """Clips with the name: to learn from, and to measure on."""
    negatives: tuple[int, int] = (360, 300)
    """Clips of talk and other sounds, each `STREAM` long: 24 s, so that 150 are an hour. With half as many to learn
    from 75 and 60 % of what voices never met said were heard (two seeds), with these 84 and 69 %, all else being equal
    [tried]."""
    nears: tuple[int, int] = (25, 60)
    """Clips with near misses. Few: with many the heads become deaf to voices that they do not know [tried]."""


STREAM: Final = 24.0
"""Seconds of a clip without the name."""

HELD_OUT: Final = 4
"""One voice of so many is kept for measuring."""

_GAP: Final = (0.05, 0.8)
"""Seconds between two sayings of one clip."""

_TALK_AROUND: Final = 0.35
"""The share of names that follow other words, and of those that other words follow."""

_ENDINGS: Final = (".", "!", "?", ",")
_SPOKEN_SHARE: Final = 0.94  # of the name's own length, when more follows without a pause: the last syllable is shorter


def prompts(name: str, language: str, voices: int, amounts: Amounts, chance: Generator) -> list[Prompt]:
    """What each of the voices shall say. What held-out voices say, no other says, but the name."""
    near = confusables(name, amounts.confusable, chance)
    half = len(near) // 3
    wanted = []
    for voice in range(voices):
        held_out = voice % HELD_OUT == HELD_OUT - 1
        say = [(name + _ENDINGS[(voice + number) % len(_ENDINGS)], Kind.NAME) for number in range(amounts.said)]
        say += [(f"{name} {text}", Kind.GOING_ON) for text in sentences(language, amounts.going_on, chance)]
        own = near[:half] if held_out else near[half:]
        say += [(own[chance.integers(len(own))], Kind.NEAR) for _ in range(amounts.near if own else 0)]
        say += [(text, Kind.TALK) for text in sentences(language, amounts.talk, chance)]
        wanted += [Prompt(voice, text, kind, held_out) for text, kind in say]
    return wanted


class Studio:
    """The sayings, and the clips that can be made of them. Each clip depends on its own number and the seed alone."""

    def __init__(self, sayings: Sequence[Saying], seed: int) -> None:
        self._seed = seed
        self._kept: dict[tuple[Kind, bool], list[Saying]] = {}
        self._own: dict[tuple[Kind, int], list[Saying]] = {}
        for one in sayings:
            self._kept.setdefault((one.prompt.kind, one.prompt.held_out), []).append(one)
            self._own.setdefault((one.prompt.kind, one.prompt.voice), []).append(one)
        self._babble = {
            held_out: [warped(one.sound, 1.0) for one in self._of(Kind.TALK, held_out=held_out)[:40]]
            for held_out in (False, True)
        }

    def positive(self, number: int, *, held_out: bool) -> Clip:
        """The name, with or without talk before and after it."""
        names = self._of(Kind.NAME, held_out=held_out) + self._of(Kind.GOING_ON, held_out=held_out)
        return self._called(names[number % len(names)], default_rng([self._seed, 1, held_out, number]))

    def of(self, recorded: Saying, number: int) -> Clip:
        """The same of a recording."""
        return self._called(recorded, default_rng([self._seed, 4, -recorded.prompt.voice, number]))

    def near(self, number: int, *, held_out: bool) -> Clip:
        """The same of what is nearly the name."""
        names = self._of(Kind.NEAR, held_out=held_out)
        clip = self._called(names[number % len(names)], default_rng([self._seed, 2, held_out, number]))
        return Clip(clip.samples, near=True)

    def negative(self, number: int, *, held_out: bool) -> Clip:
        """Talk of one voice; every sixth has other sounds than speech."""
        chance = default_rng([self._seed, 3, held_out, number])
        if number % 6 == 5:
            return Clip(heard(_no_speech(chance), self._babble[held_out], chance))
        talk = self._of(Kind.TALK, held_out=held_out)
        voice = talk[chance.integers(len(talk))].prompt.voice
        factor = warp(chance)
        pieces = [np.zeros(round(chance.uniform(0.1, 1.0) * RATE), dtype=np.float32)]
        while sum(map(len, pieces)) < STREAM * RATE:
            pieces += [self._talk(voice, factor, chance), _gap(chance)]
        return Clip(heard(np.concatenate(pieces)[: round(STREAM * RATE)], self._babble[held_out], chance))

    def _called(self, said: Saying, chance: Generator) -> Clip:
        prompt = said.prompt
        factor = warp(chance)
        name = trimmed(warped(said.sound, factor))
        spoken = len(name)
        if prompt.kind is Kind.GOING_ON:
            alone = self._own[Kind.NAME, prompt.voice][0]
            spoken = min(spoken, round(len(trimmed(warped(alone.sound, factor))) * _SPOKEN_SHARE))
            name = name[: spoken + round(chance.uniform(0.4, 1.2) * RATE)]
        before = [np.zeros(round(chance.uniform(0.05, 1.6) * RATE), dtype=np.float32)]
        if chance.random() < _TALK_AROUND:
            before += [self._talk(prompt.voice, factor, chance)[-round(1.2 * RATE) :], _gap(chance)]
        after = [np.zeros(round(0.5 * RATE), dtype=np.float32)]
        if prompt.kind is Kind.NAME and chance.random() < _TALK_AROUND:
            after = [_gap(chance), self._talk(prompt.voice, factor, chance)[: round(0.6 * RATE)], *after]
        end = sum(map(len, before)) + spoken
        return Clip(heard(np.concatenate([*before, name, *after]), self._babble[prompt.held_out], chance), end)

    def _talk(self, voice: int, factor: float, chance: Generator) -> Floats:
        own = self._own.get((Kind.TALK, voice)) or self._of(Kind.TALK, held_out=False)  # a recording's voice has none
        return trimmed(warped(own[chance.integers(len(own))].sound, factor))

    def _of(self, kind: Kind, *, held_out: bool) -> list[Saying]:
        return self._kept.get((kind, held_out), [])


def _gap(chance: Generator) -> Floats:
    return np.zeros(round(chance.uniform(*_GAP) * RATE), dtype=np.float32)


def _no_speech(chance: Generator) -> Floats:
    """Noise that comes and goes, tones, and chords as of music."""
    count = round(STREAM * RATE)
    seconds = np.arange(count, dtype=np.float32) / np.float32(RATE)
    sound = coloured_noise(count, chance.uniform(0.0, 2.0), chance)
    sound *= np.float32(1.0) + np.sin(np.float32(2 * np.pi * chance.uniform(0.1, 3.0)) * seconds)
    step = round(chance.uniform(0.15, 0.6) * RATE)
    for begin in range(0, count, step):
        if chance.random() < 0.7:
            tune = seconds[: len(sound[begin : begin + step])]
            root = 110.0 * 2 ** (chance.integers(36) / 12)
            for interval in (0, 4, 7)[: chance.integers(1, 4)]:
                for overtone in (1, 2, 3):
                    pitch = np.float32(2 * np.pi * root * 2 ** (interval / 12) * overtone)
                    sound[begin : begin + step] += np.exp(-tune * 3) * np.sin(pitch * tune) / np.float32(overtone)
    return (sound * np.float32(3000.0)).astype(np.float32)
