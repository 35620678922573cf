"""This file is a button that exists only in the program: a test, a script or a screen presses it."""

from __future__ import annotations

import asyncio

from companion.ports import Press

MOST_PRESSES_UNREAD = 8
"""Presses that nobody asked for; of more, the oldest are forgotten: what a storm of them meant is past."""


class SimulatedButton:
    """A Button that `press` presses. It may be made outside of an event loop, and is used within one only."""

    def __init__(self) -> None:
        self._presses: asyncio.Queue[Press] = asyncio.Queue(MOST_PRESSES_UNREAD)

    def press(self, press: Press = Press.SHORT) -> None:
        """Press it."""
        if self._presses.full():
            self._presses.get_nowait()
        self._presses.put_nowait(press)

    async def pressed(self) -> Press:
        """The next press. May be cancelled and called again: none is lost."""
        return await self._presses.get()
