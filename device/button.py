"""This file is the button on a GPIO pin, through gpiozero.

gpiozero calls from threads of its own: one that watches the pin, one that counts how long the button is held. They
only hand over what happened; what it means is worked out in the event loop, in one place and in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from companion.errors import DeviceError
from companion.ports import Press
from device.boards import Board
from device.gpio import opening, using

DEBOUNCE_SECONDS = 0.03
"""How long a contact may chatter."""

HOLD_SECONDS = 1.0
"""From here on a press is a long one."""

MOST_PRESSES_UNREAD = 8
"""Presses that nobody asked for; of more, the oldest are forgotten: what a storm of them meant is past."""


class GpioButton:
    """A Button on a pin. It is made, used and closed within one event loop."""

    def __init__(
        self,
        board: Board,
        *,
        pin_factory: Any | None = None,
        debounce_seconds: float = DEBOUNCE_SECONDS,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        """Open the pin; `pin_factory` is gpiozero's (None: what it finds on this computer). Raises DeviceError."""
        if board.button is None:
            raise DeviceError(f"The board {board.name} has no button on a GPIO pin.")
        self._pin = board.button
        self._loop = asyncio.get_running_loop()
        self._presses: asyncio.Queue[Press] = asyncio.Queue(MOST_PRESSES_UNREAD)
        self._undecided = False
        """Whether it is down and not yet known to be held."""
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
        """The next press: LONG while the button is still held, SHORT when it is let go before. May be cancelled and
        called again: none is lost."""
        return await self._presses.get()

    def close(self) -> None:
        """Free the pin; a second time it does nothing. Waits for gpiozero's thread, 0.1 s, or `hold_seconds` if the
        button is down. Raises DeviceError."""
        with using(self._pin):
            self._button.close()

    def _handing_over(self, what: Callable[[], None]) -> Callable[[], None]:
        def hand_over() -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
                self._loop.call_soon_threadsafe(what)

        return hand_over

    def _down(self) -> None:
        self._undecided = True

    def _held(self) -> None:
        if self._undecided:  # else it was let go at that moment, and is already known to be a short one
            self._report(Press.LONG)

    def _up(self) -> None:
        if self._undecided:  # else it was a long one; or it was down when the toy was switched on
            self._report(Press.SHORT)

    def _report(self, press: Press) -> None:
        self._undecided = False
        if self._presses.full():
            self._presses.get_nowait()
        self._presses.put_nowait(press)
