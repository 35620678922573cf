"""This file is a button that exists only in the program: a test, a script or a screen presses it."""

from __future__ import annotations

from companion.ports import Press
from device.presses import HOLD, TAP, TWICE, Presses


class SimulatedButton:
    """A Button that `press` presses. It may be made outside of an event loop, and is used within one only."""

    def __init__(self) -> None:
        self._presses = Presses()

    def press(self, press: Press = Press.SHORT) -> None:
        """Press it shortly, twice or long, from the beginning to the end; or only do what DOWN and UP say."""
        self._presses.put(*{Press.SHORT: TAP, Press.DOUBLE: TWICE, Press.LONG: HOLD}.get(press, (press,)))

    async def pressed(self) -> Press:
        """What it tells next. May be cancelled and called again: nothing is lost."""
        return await self._presses.next()
