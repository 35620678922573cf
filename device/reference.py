"""This file keeps what a speaker really sent to its device, for the echo canceller: at 16 kHz, with its place."""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr

from companion.audio import RATE, Samples

KEPT_SECONDS = 3.0
"""More than a microphone's ring and a device's latency together."""

LOST_SAMPLES = 320
"""20 ms. Where one asks for a sound so far from the end of the one before, samples were lost: one gets what one asks
for ..."""

LOST_FOR = 5
"""... from the time on at which one has done so for so many times."""

YOUNG = 100
"""Times (1 s) for which one gets what one asks for if it is ..."""

SLACK_SAMPLES = 32
"""... so far away, 2 ms: the first times of a stream are off by 30 ms [tried]."""

FOLLOWS = 0.002
"""After that one gets what follows the sound before. An echo canceller minds a jump, but not that now and then a sample
is left out or doubled, while what one asks for has moved away on average, as with two crystals; measured times
themselves are off by milliseconds, now in one direction, now in the other. The average is over 5 s ..."""

AWAY_SAMPLES, NEAR_SAMPLES = 80, 8
"""... it has moved away when it differs by 5 ms, and is followed until it differs by 0.5 ms ..."""

EVERY = 20
"""... by at most one sample in so many times: enough for crystals 300 ppm apart."""


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
        self._next = -LOST_SAMPLES
        self._lost = 0
        self._away = 0.0
        """Samples by which one asks for later ones, on average ..."""
        self._following = False
        """... and whether that is followed."""
        self._steady = 0
        """Times since a sample was left out or doubled."""
        self._times = 0
        self._kept: Samples = np.zeros(0, dtype=np.int16)
        self._nothing: Samples = np.zeros(0, dtype=np.int16)
        self._begins = 0
        """Number, at `RATE`, of the first sample kept."""

    def put(self, samples: Samples) -> None:
        """What goes to the device next. Costs next to nothing; what nobody takes is dropped after `KEPT_SECONDS`."""
        if not samples.any():
            self.put_silence(len(samples))
            return
        self._silent = 0
        self._keep(samples)

    def put_silence(self, count: int) -> None:
        """That `count` samples of silence go to the device next."""
        self._silent += count
        if self._silent <= KEPT_SECONDS * self._rate:  # what comes later need not be resampled: toys are mostly silent
            self._keep(np.zeros(count, dtype=np.int16))
        else:
            self._send(count)

    def _keep(self, samples: Samples) -> None:
        self._put.append((self._sent, samples))
        self._send(len(samples))

    def _send(self, count: int) -> None:
        self._sent += count
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
        begins = self._next = self._continued(round(sample * RATE / self._rate))
        self._next += count
        at = begins - self._begins
        if at >= len(self._kept):
            return self._silence(count)
        taken = np.zeros(count, dtype=np.int16)
        known = self._kept[max(0, at) : max(0, at + count)]
        into = max(0, -at)
        taken[into : into + len(known)] = known
        return taken

    def _silence(self, count: int) -> Samples:
        """Always the same, as long as it is as much: nobody may write into it."""
        if len(self._nothing) != count:
            self._nothing = np.zeros(count, dtype=np.int16)
            self._nothing.flags.writeable = False
        return self._nothing

    def _continued(self, begins: int) -> int:
        """Where to begin, when one asks for what begins at this number."""
        apart = begins - self._next
        self._times += 1
        self._steady += 1
        self._lost = self._lost + 1 if abs(apart) >= LOST_SAMPLES else 0
        if self._lost >= LOST_FOR or (self._times <= YOUNG and abs(apart) > SLACK_SAMPLES):
            self._lost, self._away = 0, 0.0
            return begins
        if not self._lost:
            self._away += FOLLOWS * (apart - self._away)
        self._following = abs(self._away) >= (NEAR_SAMPLES if self._following else AWAY_SAMPLES)
        if not self._following or self._steady < EVERY:
            return self._next
        self._steady = 0
        step = 1 if self._away > 0 else -1
        self._away -= step
        return self._next + step

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
