"""This file is the clock of a real body: its time is everybody's, and waits for nobody."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext


class WallClock:
    """A Clock that begins at 0 when it is made. It is monotonic: setting the computer's time does not move it."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> float:
        """Seconds since the start; any thread may ask."""
        return time.monotonic() - self._start

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        await asyncio.sleep(seconds)

    def working(self) -> AbstractContextManager[None]:
        """Time goes on while an engine works."""
        return nullcontext()

    def engine_seconds(self) -> float:
        """Always 0: no time stood still."""
        return 0.0
