"""This file is a change of loudness that nobody hears as a click: a gain that takes its time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FADE_SECONDS = 0.025
"""Of pause, resume and stop: short enough to be prompt, long enough not to click."""

DUCK_SECONDS = 0.030
"""Of a change of loudness."""


class Ramp:
    """A gain that goes straight to where it is sent."""

    def __init__(self, value: float) -> None:
        self.value = value
        """Where it is."""
        self.target = value
        self.left = 0
        """Samples until it is there."""

    @property
    def still(self) -> bool:
        """Whether it has arrived."""
        return self.left == 0

    def to(self, target: float, samples: int) -> None:
        """Be at `target` after so many samples."""
        if target != self.target:
            self.target, self.left = target, samples
            if not samples:
                self.value = target

    def arrive(self) -> None:
        """Be where it was sent, at once."""
        self.value, self.left = self.target, 0

    def take(self, samples: int) -> NDArray[np.float64]:
        """The gains of the next samples."""
        gains = np.full(samples, self.target)
        on_the_way = min(samples, self.left)
        if on_the_way:
            step = (self.target - self.value) / self.left
            gains[:on_the_way] = self.value + step * np.arange(1, on_the_way + 1)
            self.left -= on_the_way
            self.value = self.value + step * on_the_way if self.left else self.target
        return gains
