"""This file makes sound that is no speech to the toy: what a home is full of. Named, seeded, at `RATE`, never clipped.

Babble is speech, of four people at once who do not say the toy's name: it belongs here for what listens to a name, not
for what tells speech from other sound.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from synthetic import FLITE, speak

from companion.audio import RATE, Samples

Sound = NDArray[np.float64]
Maker = Callable[[int, np.random.Generator], Sound]
"""So many samples of a sound, of any level."""

PIECE_SECONDS = 10.0
"""Of every piece but the last, which is as long as is left."""

CEILING = 29_000.0
"""No sample goes beyond (-1 dBFS): a piece that would is made quieter."""

LEVELS = (-60.0, -50.0, -40.0, -30.0, -20.0)
"""dBFS, root mean square: from a quiet room to a vacuum cleaner beside the microphone."""

TONES = (100.0, 440.0, 1000.0, 3000.0, 7000.0)
"""Hertz."""

CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14), (2, 5, 9), (4, 7, 11))
"""Semitones above C: C, A minor, F, G, D minor, E minor."""

SENTENCES = (
    "the train to the city leaves at a quarter past nine from the other platform",
    "she put the bread in the oven and forgot about it for an hour",
    "there were three boats on the lake and none of them had a sail",
    "we could paint the kitchen yellow or leave it as it has always been",
    "the weather in the north will be colder with snow over the hills",
    "he read the letter twice and put it back into the drawer",
    "tickets for the concert are sold at the door on the same evening",
    "most of the garden is in the shade until the middle of the day",
)
"""What the people of the babble say: nobody's name."""


def grid(minutes: float, seed: int) -> Iterator[tuple[str, Samples]]:
    """Pieces with their names, `minutes` long all together; every kind comes before any comes again.

    The same seed gives the same pieces, and fewer minutes a beginning of them, but for the cut of the last.
    """
    left = round(minutes * 60 * RATE)
    for number, (name, make, level) in enumerate(itertools.cycle(_kinds())):
        count = min(left, round(PIECE_SECONDS * RATE))
        if not count:
            return
        left -= count
        sound = make(round(PIECE_SECONDS * RATE), np.random.default_rng((seed, number)))
        yield f"{number:04} {name} {level:.0f} dBFS", at_level(sound, level)[:count]


def at_level(sound: Sound, level: float) -> Samples:
    """`sound` at `level` dBFS (root mean square), quieter where it would clip, with dither of one bit."""
    power = float(np.sqrt(np.mean(np.square(sound))))
    loudest = float(np.abs(sound).max())
    gain = min(32768.0 * 10 ** (level / 20) / power, CEILING / loudest)
    dither = np.random.default_rng(0).integers(-1, 2, len(sound))
    samples: Samples = (np.round(sound * gain) + dither).astype(np.int16)
    return samples


def _kinds() -> list[tuple[str, Maker, float]]:
    """Every kind at its levels, the kinds mixed so that a short grid has something of each."""
    levels: dict[str, tuple[Maker, tuple[float, ...]]] = {
        "white noise": (partial(_noise, 0.0), LEVELS),
        "pink noise": (partial(_noise, 0.5), LEVELS),
        "brown noise": (partial(_noise, 1.0), LEVELS),
        **{f"tone of {pitch:.0f} Hz": (partial(_tone, pitch), (-50.0, -20.0)) for pitch in TONES},
        "mains hum": (_hum, (-60.0, -40.0, -20.0)),
        "buzz": (_buzz, (-50.0, -30.0, -20.0)),
        "music": (_music, (-45.0, -30.0, -20.0)),
        "knocks": (_knocks, (-50.0, -40.0, -30.0)),
        "fan": (_fan, (-50.0, -35.0, -25.0)),
        "babble": (_babble, (-45.0, -35.0, -25.0)),
    }
    rounds = max(len(each) for _, each in levels.values())
    return [
        (name, make, each[turn]) for turn in range(rounds) for name, (make, each) in levels.items() if turn < len(each)
    ]


def _noise(slope: float, count: int, chance: np.random.Generator) -> Sound:
    """Noise whose amplitude falls as frequency to the power of `slope`: 0 white, 0.5 pink, 1 brown; from 20 Hz."""
    spectrum = np.fft.rfft(chance.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    spectrum *= np.where(frequency < 20.0, 0.0, np.maximum(frequency, 20.0) ** -slope)
    return np.asarray(np.fft.irfft(spectrum, count), np.float64)


def _tone(pitch: float, count: int, chance: np.random.Generator) -> Sound:
    return np.sin(2 * np.pi * pitch * np.arange(count) / RATE + chance.uniform(0, 2 * np.pi))


def _hum(count: int, chance: np.random.Generator) -> Sound:
    """50 or 60 Hz and what a cheap power supply adds to it."""
    mains = chance.choice([50.0, 60.0])
    strengths = [1.0, 0.3, 0.5, 0.1, 0.2, 0.05, 0.1]
    return sum(
        (strength * _tone(mains * (order + 1), count, chance) for order, strength in enumerate(strengths)),
        np.zeros(count),
    )


def _buzz(count: int, chance: np.random.Generator) -> Sound:
    """A saw tooth, in a voice's range of pitch, that wavers: a shaver, a mixer, a wasp."""
    pitch = chance.uniform(80.0, 300.0)
    seconds = np.arange(count) / RATE
    wavering = pitch * seconds + 0.2 * np.sin(2 * np.pi * chance.uniform(0.2, 2.0) * seconds)
    return 2.0 * (wavering % 1.0) - 1.0


def _music(count: int, chance: np.random.Generator) -> Sound:
    """Chords, a melody over them, and a drum on every beat."""
    beat = round(60 / chance.uniform(80.0, 140.0) * RATE)
    seconds = np.arange(beat) / RATE
    bars = []
    for number in range(-(-count // beat)):
        if number % 4 == 0:
            chord = CHORDS[int(chance.integers(len(CHORDS)))]
        notes = [_note(note, seconds) for note in chord]
        melody = _note(12 + chord[int(chance.integers(len(chord)))], seconds) * np.exp(-4 * seconds)
        drum = chance.standard_normal(beat) * np.exp(-40 * seconds) * (1.0 if number % 2 else 0.5)
        bars.append(0.3 * sum(notes, np.zeros(beat)) * np.exp(-1.5 * seconds) + 0.5 * melody + drum)
    return np.concatenate(bars)[:count]


def _note(semitones: int, seconds: Sound) -> Sound:
    """A plucked note, so many semitones above middle C, with three harmonics."""
    pitch = 261.63 * 2 ** (semitones / 12)
    waves = (np.sin(2 * np.pi * order * pitch * seconds) / order**2 for order in (1, 2, 3))
    return sum(waves, np.zeros(len(seconds))) * np.minimum(1.0, seconds / 0.005)


def _knocks(count: int, chance: np.random.Generator) -> Sound:
    """Quiet with clicks, and doors that slam: one to three in a second."""
    sound = 0.0005 * chance.standard_normal(count)
    place = 0
    while (place := place + int(chance.uniform(0.3, 1.0) * RATE)) < count:
        fading = chance.choice([2000.0, 300.0, 60.0, 15.0])  # a second: click, knock, slam, slam in a stairwell
        length = min(count - place, round(5 / fading * RATE) + 1)
        burst = chance.standard_normal(length) * np.exp(-fading * np.arange(length) / RATE)
        if fading < 100.0:
            burst = np.convolve(burst, np.ones(24) / 5, "same")[:length]  # dull, below about 300 Hz
        sound[place : place + length] += chance.uniform(0.3, 1.0) * burst
    return sound


def _fan(count: int, chance: np.random.Generator) -> Sound:
    """Pink noise and the tone of its blades, slowly swelling as it turns."""
    swelling = 1.0 + 0.4 * np.sin(2 * np.pi * chance.uniform(0.1, 0.5) * np.arange(count) / RATE)
    noise = _noise(0.5, count, chance)
    return swelling * (noise / np.std(noise) + 0.3 * _tone(chance.uniform(90.0, 180.0), count, chance))


def _babble(count: int, chance: np.random.Generator) -> Sound:
    """Four people who talk without listening, all about as loud."""
    sound = np.zeros(count)
    for voice, order in zip(FLITE, np.array_split(chance.permutation(len(SENTENCES)), len(FLITE)), strict=True):
        said = np.concatenate([_said(SENTENCES[index], voice) for index in order])
        sound += np.resize(np.roll(said, -int(chance.integers(len(said)))), count)
    return sound


@cache
def _said(text: str, voice: str) -> Sound:
    with TemporaryDirectory() as folder:
        samples = speak(text, voice, Path(folder)).astype(np.float64)
    return np.asarray(samples / np.std(samples))
