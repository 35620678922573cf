"""This file makes one recording into many: other speeds and pitches, small rooms, other microphones, noise, distance.

Pure functions on sound as floats of 16-bit size at 16 kHz; every choice comes from the generator they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import soxr
from numpy.random import Generator

from companion.audio import RATE, Audio, Samples
from models.speech_embedding import Floats

WARP: Final = (0.88, 1.22)
"""Factors of speed and pitch together: from a large man to a child, around an adult's voice."""

SIGNAL_TO_NOISE: Final = (3.0, 30.0)
"""Decibels of the voice above the noise: from a kitchen to a quiet room."""

LEVEL: Final = (-42.0, -12.0)
"""dBFS of the voice: from across the room to close by."""

REVERBERATION: Final = (0.08, 0.45)
"""Seconds for the sound of a room to decay by 60 dB: from a wardrobe to a living room."""

ECHOES: Final = (-14.0, -2.0)
"""Decibels of all its echoes against the direct sound."""

_ROOMS, _NOISES = 0.6, 0.85
"""Shares of the sounds that get a room, and a noise; the others are as clean as they came."""

_TILT: Final = 4.0
"""Decibels an octave by which voices and microphones may favour the low or the high sounds."""

_BUMP: Final = 9.0
"""Decibels by which they may favour some range, about an octave wide."""

_QUIET: Final = 1.0  # amplitude of the dither below everything: zeros would mean a dead microphone


def warped(sound: Audio, factor: float) -> Floats:
    """The sound at 16 kHz, `factor` times as fast and as high."""
    floats = sound.samples.astype(np.float32)
    return np.asarray(soxr.resample(floats, sound.rate * factor, RATE, quality="MQ"), dtype=np.float32)


def warp(chance: Generator) -> float:
    """A factor for `warped`, as likely above 1 as below."""
    low, high = np.log(WARP)
    return float(np.exp(chance.uniform(low, high)))


def trimmed(sound: Floats, below: float = 35.0) -> Floats:
    """Without what is `below` dB softer than the loudest 10 ms, at both ends; empty for silence."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    if not len(frames) or not (loudest := float((power := np.square(frames).mean(axis=1)).max())) > _QUIET:
        return sound[:0]
    loud = np.flatnonzero(power > loudest * 10 ** (-below / 10))
    return sound[loud[0] * 160 : (loud[-1] + 1) * 160]


def heard(sound: Floats, babble: Sequence[Floats], chance: Generator) -> Samples:
    """The sound as a toy may hear it: through a microphone, in a room, at a distance, with noise. As long as before.

    `babble` are other sounds that may be the noise.
    """
    through = _through(sound, chance)
    power = max(_power(through), 1.0)
    voice = 10 ** (chance.uniform(*LEVEL) / 20) * 32768.0
    mixed = through * np.float32(voice / power**0.5)
    if chance.random() < _NOISES:
        ratio = chance.uniform(*SIGNAL_TO_NOISE)
        mixed += _noise(len(sound), babble, chance) * np.float32(voice * 10 ** (-ratio / 20))
    mixed += chance.random(len(sound), dtype=np.float32) * np.float32(2 * _QUIET) - np.float32(_QUIET)
    return np.asarray(np.clip(np.rint(mixed), -32768, 32767), dtype=np.int16)


def coloured_noise(count: int, slope: float, chance: Generator) -> Floats:
    """Noise whose power falls with `slope` (0 is white, 1 pink, 2 brown), of power 1."""
    size = _fast(count)
    hertz = np.maximum(_hertz(size), np.float32(30.0))
    spectrum = chance.standard_normal((len(hertz), 2), dtype=np.float32).view(np.complex64)[:, 0]
    noise = np.fft.irfft(spectrum * hertz ** np.float32(-slope / 2), size)[:count]
    return _even(np.asarray(noise, dtype=np.float32))


def _power(sound: Floats) -> float:
    """Of the loud half: silence around the words must not count."""
    frames = np.square(sound[: len(sound) // 160 * 160].reshape(-1, 160)).mean(axis=1)
    frames = frames[frames > frames.max(initial=0.0) * 1e-4]
    return float(np.sort(frames)[len(frames) // 2 :].mean()) if len(frames) else 0.0


def _through(sound: Floats, chance: Generator) -> Floats:
    """As another microphone has it (a tilt, and a bump or a dip), in most cases in a small room."""
    echoes = _echoes(chance) if chance.random() < _ROOMS else np.ones(1, dtype=np.float32)
    size = _fast(len(sound) + len(echoes))
    octaves = np.log2(np.maximum(_hertz(size), np.float32(50.0)) / np.float32(1000.0))
    decibels = np.float32(chance.uniform(-_TILT, _TILT)) * octaves
    for _ in range(3):
        bump, centre = chance.uniform(-_BUMP, _BUMP), chance.uniform(-3.0, 3.0)
        decibels += np.float32(bump) * np.exp(-np.square(np.float32(1.5) * (octaves - np.float32(centre))))
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(echoes, size) * np.float32(10.0) ** (decibels / np.float32(20.0))
    return np.asarray(np.fft.irfft(spectrum, size)[: len(sound)], dtype=np.float32)


def _echoes(chance: Generator) -> Floats:
    """Of a small room: noise that decays, some decibels below the direct sound."""
    count = round(chance.uniform(*REVERBERATION) * RATE)
    decay = np.float32(10.0) ** (np.float32(-3.0) * np.arange(count, dtype=np.float32) / np.float32(count))
    tail = _even(chance.standard_normal(count, dtype=np.float32) * decay)
    tail *= np.float32((10 ** (chance.uniform(*ECHOES) / 10) / count) ** 0.5)
    tail[0] = 1.0
    return tail


def _noise(count: int, babble: Sequence[Floats], chance: Generator) -> Floats:
    """`count` samples of some noise, of power 1."""
    kind = int(chance.integers(4 if babble else 3))
    if kind < 3:
        return coloured_noise(count, float(kind), chance)
    return _even(np.sum([_cut(babble[int(chance.integers(len(babble)))], count, chance) for _ in range(3)], axis=0))


def _cut(sound: Floats, count: int, chance: Generator) -> Floats:
    """`count` samples of it, from somewhere, going round."""
    return np.resize(np.roll(sound, -int(chance.integers(max(1, len(sound))))), count)


def _even(sound: Floats) -> Floats:
    """With power 1."""
    return np.asarray(sound / np.float32(max(float(np.square(sound).mean()), 1e-9) ** 0.5), dtype=np.float32)


def _hertz(size: int) -> Floats:
    return np.fft.rfftfreq(size, 1 / RATE).astype(np.float32)


def _fast(count: int) -> int:
    """A size from `count` on of which a Fourier transform is quick: a multiple of a power of two, at most 1/8 more."""
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step
