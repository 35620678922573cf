"""This file keeps what a button has told, for whoever asks next."""

from __future__ import annotations

import asyncio

from companion.ports import Press

MOST_UNREAD = 16
"""Of what nobody asked for the oldest is forgotten: what a storm of presses meant is past; how it ended is not."""

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
