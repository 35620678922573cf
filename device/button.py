"""This file is the button on a GPIO pin, through gpiozero.

gpiozero calls from threads of its own: one that watches the pin, one that counts how long the button is held. They
only hand over what happened; what it means is worked out in the event loop, in one place and in order.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from companion.errors import DeviceError
from companion.ports import Press
from device.boards import Board
from device.gpio import opening, using
from device.presses import Presses

DEBOUNCE_SECONDS = 0.03
"""How long a contact may chatter."""

HOLD_SECONDS = 1.0
"""From here on a press is a long one."""


DOUBLE_SECONDS = 0.25
"""Who presses again so soon after letting go, presses twice."""


class GpioButton:
    """A Button on a pin. It is made, used and closed within one event loop."""

    def __init__(
        self,
        board: Board,
        *,
        pin_factory: Any | None = None,
        debounce_seconds: float = DEBOUNCE_SECONDS,
        hold_seconds: float = HOLD_SECONDS,
        double_seconds: float = DOUBLE_SECONDS,
    ) -> None:
        """Open the pin; `pin_factory` is gpiozero's (None: what it finds on this computer). Raises DeviceError."""
        if board.button is None:
            raise DeviceError(f"The board {board.name} has no button on a GPIO pin.")
        self._pin = board.button
        self._loop = asyncio.get_running_loop()
        self._presses = Presses()
        self._last: Press | None = None
        """What was told last; None before the first press."""
        self._double_seconds = double_seconds
        self._let_go = -math.inf
        """When a short press ended, in seconds of `time.monotonic()`; what it began may be a double one."""
        self._again = False
        with opening(self._pin):
            from gpiozero import Button

            self._button = Button(
                self._pin,
                pull_up=not board.button_active_high,
                bounce_time=debounce_seconds,
                hold_time=hold_seconds,
                pin_factory=pin_factory,
            )
        self._button.when_pressed = self._handing_over(self._down)
        self._button.when_held = self._handing_over(self._held)
        self._button.when_released = self._handing_over(self._up)

    async def pressed(self) -> Press:
        """What it tells next. May be cancelled and called again: nothing is lost."""
        return await self._presses.next()

    def close(self) -> None:
        """Free the pin; a second time it does nothing. Waits for gpiozero's thread, 0.1 s, or `hold_seconds` if the
        button is down. Raises DeviceError."""
        with using(self._pin):
            self._button.close()

    def _handing_over(self, what: Callable[[float], None]) -> Callable[[], None]:
        def hand_over() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
                self._loop.call_soon_threadsafe(what, time.monotonic())

        return hand_over

    def _down(self, at: float) -> None:
        self._again = at - self._let_go < self._double_seconds
        self._let_go = -math.inf
        self._tell(Press.DOWN)

    def _held(self, at: float) -> None:
        if self._last is Press.DOWN:  # else it was let go at that moment, and is already known to be a short one
            self._tell(Press.LONG)

    def _up(self, at: float) -> None:
        if self._last is Press.DOWN and self._again:
            self._tell(Press.DOUBLE)
        elif self._last is Press.DOWN:
            self._let_go = at
            self._tell(Press.SHORT)
        elif self._last is Press.LONG:  # else it was down when the toy was switched on
            self._tell(Press.UP)

    def _tell(self, press: Press) -> None:
        self._last = press
        self._presses.put(press)
