"""This file is the button on a GPIO pin, through gpiozero.

gpiozero calls from threads of its own: one that watches the pin, one that counts how long the button is held. They
only hand over what happened; what it means is worked out in the event loop, in one place and in order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from companion.errors import DeviceError
from companion.ports import Press
from device.boards import Board
from device.gpio import opening, using
from device.presses import DOUBLE_SECONDS, Contact, Presses

DEBOUNCE_SECONDS = 0.03
"""How long a contact may chatter."""

HOLD_SECONDS = 1.0
"""From here on a press is a long one."""


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
        self._contact = contact = Contact(self._presses, double_seconds)
        with opening(self._pin):
            from gpiozero import Button

            self._button = Button(
                self._pin,
                pull_up=not board.button_active_high,
                bounce_time=debounce_seconds,
                hold_time=hold_seconds,
                pin_factory=pin_factory,
            )
        self._button.when_pressed = self._handing_over(contact.down)
        self._button.when_held = self._handing_over(lambda at: contact.held())
        self._button.when_released = self._handing_over(contact.up)

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
