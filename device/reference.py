"""This file keeps what a speaker really sent to its device, for the echo canceller: at 16 kHz, with its place."""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr

from companion.audio import RATE, Samples

KEPT_SECONDS = 3.0
"""More than a microphone's ring and a device's latency together."""

SLACK_SAMPLES = 32
"""2 ms. Where one asks for a sound that begins so near to the end of the one before, one gets what follows it: an echo
canceller minds a sample lost or doubled, not so small a shift."""


class Reference:
    """The last seconds of one stream. The samples put into it are numbered from 0, silence included."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hertz, of what is put in."""
        self._rate = rate
        self._put: deque[tuple[int, Samples]] = deque()
        self._silent = 0
        """Samples of silence put in lately."""
        self._sent = 0
        self._expected = -1
        self._next = -1
        self._kept: Samples = np.zeros(0, dtype=np.int16)
        self._begins = 0
        """Number, at `RATE`, of the first sample kept."""

    def put(self, samples: Samples) -> None:
        """What goes to the device next. Costs next to nothing; what nobody takes is dropped after `KEPT_SECONDS`."""
        self._silent = 0 if samples.any() else self._silent + len(samples)
        if self._silent <= KEPT_SECONDS * self._rate:  # what comes later need not be resampled: toys are mostly silent
            self._put.append((self._sent, samples))
        self._sent += len(samples)
        while self._put and self._sent - self._put[0][0] > KEPT_SECONDS * self._rate:
            self._put.popleft()

    def drain(self) -> list[tuple[int, Samples]]:
        """All that was put in since the last time, for `take`."""
        drained = list(self._put)
        self._put.clear()
        return drained

    def take(self, drained: list[tuple[int, Samples]], sample: float, count: int) -> Samples:
        """After `drained`: `count` samples at `RATE`, from number `sample` at the stream's rate on; silence where
        nothing was sent."""
        for first, samples in drained:
            self._add(first, samples)
        begins = round(sample * RATE / self._rate)
        if abs(begins - self._next) <= SLACK_SAMPLES:
            begins = self._next
        self._next = begins + count
        taken = np.zeros(count, dtype=np.int16)
        at = begins - self._begins
        known = self._kept[max(0, at) : max(0, at + count)]
        into = max(0, -at)
        taken[into : into + len(known)] = known
        return taken

    def _add(self, first: int, samples: Samples) -> None:
        if first != self._expected:  # nobody asked for a while
            self._resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="int16")
            self._kept = np.zeros(0, dtype=np.int16)
            self._begins = round(first * RATE / self._rate)
        self._expected = first + len(samples)
        kept = np.concatenate([self._kept, self._resampler.resample_chunk(samples)])
        over = max(0, len(kept) - round(KEPT_SECONDS * RATE))
        self._kept = kept[over:]
        self._begins += over
