"""This file is the room that a simulated toy may stand in: how loud and how late it answers, and what its walls make of
a sound. `device/echo_path.py` sends what is played through it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import soxr
from numpy.typing import NDArray

from companion.audio import RATE, Audio

Floats = NDArray[np.float32]

RANGES = {"echo": (-60, 20, "dB"), "delay": (5, 500, "ms"), "noise": (-90, -20, "dBFS"), "drift": (-500, 500, "ppm")}
"""Least, most and unit of what a room may be asked to be."""

REVERBERATION_SECONDS = 0.3
"""Until the echo has died away by 60 dB: a furnished living room."""

DIRECT_SECONDS = 0.003
"""The direct sound is alone for so long: the nearest wall is a good metre away."""

TAIL_DECIBELS = -6.0
"""All that the walls send back, against the direct sound."""


@dataclass(frozen=True, slots=True)
class Room:
    """What to simulate."""

    echo: float = -6.0
    """Decibels: the toy's full voice at its microphone, against the user's speech there."""
    delay: float = 80.0
    """Milliseconds from being played to being captured, without a detour."""
    noise: float | None = None
    """dBFS; None: there is none beyond the dither of whoever is in it."""
    drift: float = 0.0
    """Parts per million by which the microphone's clock is faster than the speaker's: the echo slides later by so
    many microseconds a second. If it slides earlier, it stops at the least delay."""

    @classmethod
    def parse(cls, text: str) -> Room:
        """What "echo=-6,delay=80,noise=-60,drift=0" says, any part of it. Raises ValueError: one sentence."""
        values: dict[str, float] = {}
        for part in text.split(","):
            key, _, value = (word.strip() for word in part.partition("="))
            if key not in RANGES:
                near = get_close_matches(key, RANGES, n=1)
                hint = f"did you mean {near[0]}?" if near else "there are echo, delay, noise and drift"
                raise ValueError(f"there is no {key!r} in a room; {hint}")
            if key in values:
                raise ValueError(f"{key} is given twice")
            least, most, unit = RANGES[key]
            try:
                values[key] = float(value)
            except ValueError:
                values[key] = math.nan
            if not least <= values[key] <= most:
                raise ValueError(f"{key} must be a number from {least} to {most} ({unit}), not {value!r}")
        return cls(**values)


def impulse_response(seed: int) -> Floats:
    """What the microphone captures of one click, the delay left out: the direct sound, then a decaying tail. Its
    energy is 1, so that it changes little of how loud a voice is."""
    count = round(REVERBERATION_SECONDS * RATE)
    tail = np.random.default_rng([seed, 1]).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail[: round(DIRECT_SECONDS * RATE)] = 0
    tail *= 10 ** (TAIL_DECIBELS / 20) / np.linalg.norm(tail)
    tail[0] = 1
    return (tail / np.linalg.norm(tail)).astype(np.float32)


def echo_level(voice: Audio, seed: int) -> float:
    """dBFS of speech of `voice` after its way through the room, where nothing is lost on it."""
    sent = soxr.resample(voice.samples.astype(np.float32), voice.rate, RATE)
    response = impulse_response(seed)
    size = len(sent) + len(response)
    arrived = np.fft.irfft(np.fft.rfft(sent, size) * np.fft.rfft(response, size), size)
    return Audio(np.rint(arrived / 8).astype(np.int16)).speech_level + 20 * math.log10(8)  # / 8: so that it fits
