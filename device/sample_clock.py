"""This file says at which time each sample of a stream was heard, though every measurement of that is a little off."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

MEASUREMENTS = 25
"""A quarter of a second of callbacks and more. A median over so many forgets the first ones of a stream, which are off
by up to 30 ms [tried], and one made while the processor was busy; and it follows a crystal that is not quite right."""

LOST_SECONDS = 0.1
"""By which samples are later than those before them when some were lost between: no measurement is so far off ..."""

SURE_SECONDS = 0.15
"""... for so long: a callback that waited for the processor is, and not the next one."""


class SampleClock:
    """When each sample of one stream passes the microphone or the loudspeaker. Guard it by a lock."""

    def __init__(self, rate: float) -> None:
        """`rate` in Hertz."""
        self._rate = rate
        self._begins: deque[float] = deque()
        self._sorted: list[float] = []
        """The same; kept so, because there are 150 measurements a second."""
        self._began = 0.0
        self._late_since: float | None = None

    def measured(self, sample: int, at: float) -> bool:
        """Sample number `sample` was measured to pass at `at` seconds of `time.monotonic()`. Whether that shows that
        the device has lost some before it, which ALSA alone does not tell [tried]; then the clock goes by the new ones
        only."""
        late = len(self._begins) == MEASUREMENTS and at - self.time(sample) > LOST_SECONDS
        if late:
            self._late_since = self._late_since or at
            if at - self._late_since < SURE_SECONDS:
                return False
            self._begins.clear()
            self._sorted.clear()
        else:
            self._late_since = None
        if len(self._begins) == MEASUREMENTS:
            del self._sorted[bisect_left(self._sorted, self._begins.popleft())]
        began = at - sample / self._rate
        self._begins.append(began)
        insort(self._sorted, began)
        self._began = self._sorted[len(self._sorted) // 2]
        return late

    def time(self, sample: float) -> float:
        """When this sample passes: seconds of `time.monotonic()`."""
        return self._began + sample / self._rate

    def sample(self, at: float) -> float:
        """Which sample passes at `at` seconds of `time.monotonic()`; with its fraction."""
        return (at - self._began) * self._rate
