"""A sound that nothing else is like, and how well it was heard."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from companion.audio import RATE, Samples


def babble(seconds: float, rate: int = RATE) -> Samples:
    """Something like speech: noise up to 4 kHz, that nothing else correlates with."""
    noise = np.random.default_rng(7).integers(-8_000, 8_000, round(seconds * 8_000), dtype=np.int16)
    edges = np.minimum(1, np.minimum(np.arange(len(noise)), np.arange(len(noise))[::-1]) / 80)
    return soxr.resample((noise * edges).astype(np.int16), 8_000, rate)


def place(heard: Samples, said: Samples) -> int:
    """Where in what was heard the beginning of what was said is."""
    size = len(heard) + len(said)
    spectrum = np.fft.rfft(heard.astype(float), size) * np.conj(np.fft.rfft(said.astype(float), size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))


def likeness(heard: Samples, said: Samples) -> float:
    """1 when all that was said was heard, without a gap; it may begin between two samples of who hears it."""
    at = place(heard, said)
    if at + len(said) > len(heard):
        return 0.0
    whole = heard[at : at + len(said)]
    return max(float(np.corrcoef(whole, later(said, step / 8))[0, 1]) for step in range(-7, 8))


def later(sound: Samples, samples: float) -> NDArray[np.float64]:
    """The same sound, a fraction of a sample later."""
    turns = np.arange(len(sound) // 2 + 1) / len(sound)
    return np.fft.irfft(np.fft.rfft(sound) * np.exp(-2j * np.pi * turns * samples), len(sound))
