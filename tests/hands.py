"""Clocks whose hands a test moves."""

from __future__ import annotations

import asyncio

from device.wall_clock import WallClock


class Hands(WallClock):
    """A clock whose hands a test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time


class MovedHands(Hands):
    """Whoever sleeps on it moves its hands, too, until it is late."""

    def __init__(self, until: float = 0.0) -> None:
        super().__init__()
        self._until = self.time + until

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.time > self._until:
            raise asyncio.CancelledError
