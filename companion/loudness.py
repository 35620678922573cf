"""This file knows how loud whoever speaks to the toy usually is, and evens that out: near or far, shy or shouting."""

from __future__ import annotations

import numpy as np

from companion.audio import Audio

WANTED = -26.0
"""dBFS of speech for the engines behind the ears: the level of ITU-T P.56 that speech is usually trained at."""

MOST, LEAST = 24.0, -12.0
"""Decibels of gain. More would make speech of noise; what is too loud was clipped before."""

INERTIA = 0.98
"""How much of the level is kept with each frame of speech: half of a change is followed after a third of a second."""

NOTICED = 1.0
"""Decibels; what is nearly as loud as wanted stays as it is."""

AT_FIRST = WANTED
"""dBFS: nobody was heard yet, nothing is changed."""


class Loudness:
    """A running level of speech, and the gain that follows from it."""

    def __init__(self) -> None:
        self.level = AT_FIRST
        """dBFS of speech lately."""

    def hears(self, frame: Audio) -> None:
        """Learn from a frame of speech; one of zeros says nothing."""
        if np.isfinite(level := frame.level):
            self.level = INERTIA * self.level + (1 - INERTIA) * level

    @property
    def gain(self) -> float:
        """Decibels by which speech is made louder."""
        return min(MOST, max(LEAST, WANTED - self.level))

    def evened(self, audio: Audio) -> Audio:
        """The same sound as loud as engines like it; the few peaks that do not fit are clipped."""
        if abs(self.gain) < NOTICED:
            return audio
        louder = np.rint(audio.samples * np.float32(10 ** (self.gain / 20)))
        return Audio(np.clip(louder, -32768, 32767).astype(np.int16), audio.rate)
