"""This file cuts a stream of sound into the frames that ears take."""

from __future__ import annotations

import numpy as np
import soxr

from companion.audio import FRAME_SAMPLES, RATE, Samples


class Cut:
    """Cuts a stream of any rate into frames at `RATE`, and knows where in the stream each of them ends."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._expected: int | None = None
        self._begin(0)

    def _begin(self, sample: int) -> None:
        self._first = sample
        self._taken = 0
        self._left: Samples = np.zeros(0, dtype=np.int16)
        # Not of int16: to that it adds noise, and a dead microphone's zeros would be a quiet room.
        self._resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="float32")

    @property
    def ready(self) -> bool:
        """Whether there is a whole frame."""
        return len(self._left) >= FRAME_SAMPLES

    def add(self, sample: int, samples: Samples) -> None:
        """Go on with `samples`, the first of which is number `sample` of the stream: after a loss, begin anew."""
        if sample != self._expected:
            self._begin(sample)
        self._expected = sample + len(samples)
        fit = samples if self._rate == RATE else self._resampled(samples)
        self._left = np.concatenate([self._left, fit])

    def _resampled(self, samples: Samples) -> Samples:
        fit = self._resampler.resample_chunk(samples.astype(np.float32))
        whole: Samples = np.clip(np.rint(fit), -32768, 32767).astype(np.int16)
        return whole

    def take(self) -> tuple[Samples, float]:
        """A frame, and the number in the stream of the sample that comes after it."""
        frame, self._left = self._left[:FRAME_SAMPLES], self._left[FRAME_SAMPLES:]
        self._taken += FRAME_SAMPLES
        return frame, self._first + self._taken * self._rate / RATE
