"""This file knows what it means when a button goes down and up, and keeps what it has told for whoever asks next."""

from __future__ import annotations

import asyncio
import math

from companion.ports import Press

MOST_UNREAD = 16
"""Of what nobody asked for the oldest is forgotten: what a storm of presses meant is past; how it ended is not."""

DOUBLE_SECONDS = 0.25
"""Who presses again so soon after letting go, presses twice."""

TAP = (Press.DOWN, Press.SHORT)
"""What a short press tells."""

TWICE = (Press.DOWN, Press.SHORT, Press.DOWN, Press.DOUBLE)
"""What two short presses in a row tell."""

HOLD = (Press.DOWN, Press.LONG, Press.UP)
"""What a long press tells."""


class Presses:
    """A queue that never blocks whoever fills it. It may be made outside of an event loop."""

    def __init__(self) -> None:
        self._presses: asyncio.Queue[Press] = asyncio.Queue(MOST_UNREAD)

    def put(self, *presses: Press) -> None:
        """Append these."""
        for press in presses:
            if self._presses.full():
                self._presses.get_nowait()
            self._presses.put_nowait(press)

    async def next(self) -> Press:
        """The oldest. May be cancelled and called again: none is lost."""
        return await self._presses.get()


class Contact:
    """A button of which one knows when it goes down, when it has been held for long, and when it comes up."""

    def __init__(self, presses: Presses, double_seconds: float = DOUBLE_SECONDS) -> None:
        """`presses` is told what it means."""
        self._presses = presses
        self.double_seconds = double_seconds
        self._last: Press | None = None
        """What was told last; None before the first press."""
        self._let_go = -math.inf
        """When a short press ended, in seconds; what it began may be a double one."""
        self._again = False

    def down(self, at: float) -> None:
        """It went down; `at` is in seconds, on the clock of `up`."""
        self._again = at - self._let_go < self.double_seconds
        self._let_go = -math.inf
        self._tell(Press.DOWN)

    def held(self) -> None:
        """It has been down for long."""
        if self._last is Press.DOWN:  # else it was let go at that moment, and is already known to be a short one
            self._tell(Press.LONG)

    def up(self, at: float) -> None:
        """It came up."""
        if self._last is Press.DOWN and self._again:
            self._tell(Press.DOUBLE)
        elif self._last is Press.DOWN:
            self._let_go = at
            self._tell(Press.SHORT)
        elif self._last is Press.LONG:  # else it was down when the toy was switched on
            self._tell(Press.UP)

    @property
    def is_down(self) -> bool:
        """Whether it is down, as far as was told."""
        return self._last in (Press.DOWN, Press.LONG)

    def _tell(self, press: Press) -> None:
        self._last = press
        self._presses.put(press)
