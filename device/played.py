"""This file knows what a simulated speaker really played, sample by sample, at the rate of the ears.

It is asked for 10 ms once the next 10 ms have been heard, too: one can only read between two samples that are known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Samples

Floats = NDArray[np.float32]

SLACK_SECONDS = 0.005
"""What begins so near to the end of a sound goes on with it: a speaker tells moments only by whole samples."""

TAPS, PHASES = 48, 2048
"""Of the filter that reads between samples: it reaches 24 of them, and takes their middle to 1/4096 of a sample."""

SHARPNESS = 6.0
"""Of its window, Kaiser's: what it does not let through is 60 dB down."""


class Between:
    """Reads a sound between its samples."""

    def __init__(self, rate: int = RATE) -> None:
        """`rate` of the sound, in Hertz: what `RATE` cannot hold of it is left out."""
        cutoff = 0.9 * RATE / rate if rate > RATE else 1.0
        away = np.arange(1 - TAPS // 2, TAPS // 2 + 1) - np.arange(PHASES)[:, None] / PHASES
        window = np.i0(SHARPNESS * np.sqrt(np.maximum(0, 1 - (away / (TAPS / 2)) ** 2)))
        table = np.sinc(cutoff * away) * window
        self._table: Floats = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
        self._plan = lru_cache(maxsize=4)(self._planned)

    def __call__(self, samples: Floats, first: float, step: float, count: int) -> Floats:
        """`count` samples of the sound, from position `first` on, `step` apart; around `samples` there is silence."""
        whole, phase = divmod(round(first * PHASES), PHASES)
        rows, weights = self._plan(phase, step, count)
        begins = whole + 1 - TAPS // 2
        near = np.zeros(int(rows[-1, -1]) + 1, np.float32)
        known = samples[max(0, begins) : max(0, begins + len(near))]
        near[max(0, -begins) : max(0, -begins) + len(known)] = known
        if phase == 0 and step == 1:
            return near[TAPS // 2 - 1 : TAPS // 2 - 1 + count]
        read: Floats = np.einsum("ij,ij->i", near[rows], weights)
        return read

    def _planned(self, phase: int, step: float, count: int) -> tuple[NDArray[np.int64], Floats]:
        """Which samples make up each one that is read, and how much of each."""
        whole, phases = np.divmod(phase + np.rint(np.arange(count) * step * PHASES).astype(np.int64), PHASES)
        return whole[:, None] + np.arange(TAPS), self._table[phases]


@dataclass(slots=True)
class _Run:
    """A sound without a gap."""

    rate: int
    began: float
    """Seconds of the world."""
    read: Between
    samples: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    forgotten: int = 0
    """Samples that nobody will ask for any more."""

    @property
    def ends(self) -> float:
        return self.began + (self.forgotten + len(self.samples)) / self.rate

    def at(self, begins: float) -> Floats:
        """Its 10 ms from this time of the world on, a later one than before."""
        first = (begins - self.began) * self.rate - self.forgotten
        sound = self.read(self.samples, first, self.rate / RATE, FRAME_SAMPLES)
        old = min(len(self.samples), int(first + FRAME_SECONDS * self.rate) - TAPS)
        if old > 0:
            self.samples = self.samples[old:]
            self.forgotten += old
        return sound


class Played:
    """What a speaker played, at `RATE`."""

    def __init__(self, heard: Sequence[tuple[float, Audio]]) -> None:
        """`heard` grows: pieces, and when each began, in seconds of the world."""
        self._heard = heard
        self._known = 0
        self._runs: deque[_Run] = deque()
        self._between: dict[int, Between] = {}
        """For each rate."""

    def frame(self, begins: float) -> Samples:
        """The 10 ms from `begins` on, the next ones, when the 10 ms after these have been heard, too."""
        for at, audio in self._heard[self._known :]:
            if not self._runs or self._runs[-1].rate != audio.rate or abs(self._runs[-1].ends - at) > SLACK_SECONDS:
                if audio.rate not in self._between:
                    self._between[audio.rate] = Between(audio.rate)
                self._runs.append(_Run(audio.rate, at, self._between[audio.rate]))
            run = self._runs[-1]
            run.samples = np.concatenate([run.samples, audio.samples.astype(np.float32)])
        self._known = len(self._heard)
        while self._runs and self._runs[0].ends < begins - SLACK_SECONDS:
            self._runs.popleft()
        if not self._runs:
            return np.zeros(FRAME_SAMPLES, np.int16)
        sound = sum((run.at(begins) for run in self._runs), np.zeros(FRAME_SAMPLES, np.float32))
        return rounded(sound)


def rounded(sound: Floats) -> Samples:
    """As samples; what is too loud is clipped, as by any sound card."""
    return np.rint(sound).clip(-32_768, 32_767).astype(np.int16)
