"""This file makes the sounds of a home that ask the toy for nothing: a cough, a door, people who talk to each other."""

from __future__ import annotations

import numpy as np
from barge_in.stage import SPEECH, USERS, Sound, at, said, spoken
from numpy.typing import NDArray

from companion.audio import RATE, Audio

SOFTER = 10.0
"""Decibels of the babble below the user."""

BACKCHANNELS = ("yeah", "uh huh", "okay", "right")

LONGEST_BACKCHANNEL = 0.7
"""Seconds."""

BABBLE_SECONDS = 4.0

CHATTER = (
    "the train to the city leaves at a quarter past nine from the other platform",
    "she put the bread in the oven and forgot about it for an hour",
    "there were three boats on the lake and none of them had a sail",
    "we could paint the kitchen yellow or leave it as it has always been",
)

NOTHING = ""
"""What speech-to-text makes of all this."""


def cough(seed: int) -> Sound:
    """Two bursts of breath, as loud as speech."""
    chance = np.random.default_rng(seed)
    bursts = [burst(chance, chance.uniform(0.15, 0.30)) for _ in range(2)]
    gap = np.zeros(round(chance.uniform(0.08, 0.2) * RATE))
    return Sound(NOTHING, at(SPEECH, whole(np.concatenate([bursts[0], gap, bursts[1]]))))


def burst(chance: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    count = round(seconds * RATE)
    rising = np.minimum(1.0, np.arange(count) / (0.01 * RATE))
    return banded(chance.standard_normal(count), 300, 3000) * rising * np.exp(-4 * np.arange(count) / count)


def slam(seed: int) -> Sound:
    """A click, and what the walls make of it."""
    chance = np.random.default_rng(seed)
    click = chance.standard_normal(round(0.01 * RATE))
    count = round(0.2 * RATE)
    decay = banded(chance.standard_normal(count), 30, 300) * np.exp(-5 * np.arange(count) / count)
    decay *= 0.7 * np.abs(click).max() / np.abs(decay).max()
    return Sound(NOTHING, at(SPEECH, whole(np.concatenate([click, decay]))))


def babble(seed: int) -> Sound:
    """Four people at once, further away than the user."""
    chance = np.random.default_rng(seed)
    count = round(BABBLE_SECONDS * RATE)
    voices = (*USERS, "slt")
    mixed = sum(
        np.roll(np.resize(spoken(text, voice).samples, count), int(chance.integers(count)))
        / 10 ** (spoken(text, voice).speech_level / 20)
        for text, voice in zip(chance.permutation(CHATTER), voices, strict=True)
    )
    edge = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.05 * RATE))
    return Sound(NOTHING, at(SPEECH - SOFTER, whole(mixed * edge)))


def backchannel(seed: int) -> Sound:
    """A word of somebody who listens."""
    sound = said(BACKCHANNELS[seed % len(BACKCHANNELS)], USERS[seed // len(BACKCHANNELS) % len(USERS)])
    assert sound.audible[1] - sound.audible[0] <= LONGEST_BACKCHANNEL
    return sound


def banded(noise: NDArray[np.float64], lowest: float, highest: float) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    spectrum[(hertz < lowest) | (hertz > highest)] = 0
    return np.fft.irfft(spectrum, len(noise))


def whole(sound: NDArray[np.float64]) -> Audio:
    return Audio(np.rint(sound * (16_000 / np.abs(sound).max())).astype(np.int16))
