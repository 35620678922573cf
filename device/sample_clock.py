"""This file says at which time each sample of a stream was heard, though every measurement of that is a little off."""

from __future__ import annotations

from collections import deque

MEASUREMENTS = 25
"""A quarter of a second of callbacks and more. A median over so many forgets the first ones of a stream, which are off
by up to 30 ms [tried], and one made while the processor was busy; and it follows a crystal that is not quite right."""


class SampleClock:
    """When each sample of one stream passes the microphone or the loudspeaker. Guard it by a lock."""

    def __init__(self, rate: float) -> None:
        """`rate` in Hertz."""
        self._rate = rate
        self._begins: deque[float] = deque(maxlen=MEASUREMENTS)
        self._began = 0.0

    def measured(self, sample: int, at: float) -> None:
        """Sample number `sample` was measured to pass at `at` seconds of `time.monotonic()`."""
        self._begins.append(at - sample / self._rate)
        self._began = sorted(self._begins)[len(self._begins) // 2]

    def time(self, sample: float) -> float:
        """When this sample passes: seconds of `time.monotonic()`."""
        return self._began + sample / self._rate

    def sample(self, at: float) -> float:
        """Which sample passes at `at` seconds of `time.monotonic()`; with its fraction."""
        return (at - self._began) * self._rate
