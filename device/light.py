"""This file is the light on GPIO pins, through gpiozero: three that are red, green and blue, or one LED.

Whoever runs the toy makes a `GpioLight`, lets `shine` run beside everything else, and closes it in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from companion.errors import DeviceError
from companion.looks import COLOURLESS, LOOKS
from companion.ports import Clock
from device.boards import Board
from device.gpio import opening, using
from device.shown import Rendered, Shown, full

SMALLEST_CHANGE = 1 / 255
"""Of a pin's duty cycle; less is not written, but for a new state."""

UNKNOWN = -1.0
"""The duty cycle of a pin that is to be written whatever it is."""

DIMMEST_DUTY = 0.012
"""Of the brightest pin of a light that is on: lgpio knows 100 steps and rounds down, so less could be dark."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""How bright red, green and blue are to the eye (Rec. 709): what one LED shows of a colour."""


class GpioLight(Rendered):
    """A Light of three pins for the colours, or of one for the brightness only."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        pin_factory: Any | None = None,
        brightness_cap: Callable[[], float] = full,
    ) -> None:
        """Open the pins; dark until the first `show`. Raises DeviceError.

        `pin_factory` is gpiozero's (None: what it finds on this computer). `brightness_cap` tells the brightness of
        the brightest look, more than 0 and at most 1; however low it is, no state becomes dark.
        """
        if board.light not in ("rgb", "led"):
            raise DeviceError(f"The board {board.name} has no light on GPIO pins.")
        self._board = board
        looks = COLOURLESS if board.light == "led" else LOOKS
        super().__init__(Shown(clock, brightness_cap, looks=looks))
        self._written: list[float] = []
        self._lamps: list[Any] = []
        with ExitStack() as opened:  # if one pin fails, the ones before it are free again
            for pin in board.light_pins:
                lamp = _lamp(pin, board.light_active_high, pin_factory)
                opened.callback(_put_out, pin, lamp)
                self._lamps.append(lamp)
            self._open = opened.pop_all()

    def close(self) -> None:
        """Turn the light off and free the pins; a second time it does nothing. Raises DeviceError."""
        self._lamps = []
        self._open.close()

    def _forget_written(self) -> None:
        self._written = [UNKNOWN] * len(self._lamps)

    def _render(self) -> None:
        if self._shown.state is None:
            return
        duties = self._duties()
        for number, lamp in enumerate(self._lamps):
            if abs(duties[number] - self._written[number]) >= SMALLEST_CHANGE:
                with using(self._board.light_pins[number]):
                    lamp.value = duties[number]
                self._written[number] = duties[number]

    def _duties(self) -> list[float]:
        """The duty cycle of each pin, 0 to 1."""
        parts = self._shown.colour()
        if self._board.light == "led":
            parts = [sum(part * weight for part, weight in zip(parts, LUMINANCE, strict=True))]
        scale = self._shown.brightness()
        if scale > 0 and max(parts) > 0:
            scale = max(scale, DIMMEST_DUTY / max(parts))
        return [min(1.0, part * scale) for part in parts]


def _lamp(pin: int, active_high: bool, pin_factory: Any | None) -> Any:
    with opening(pin):
        from gpiozero import PWMOutputDevice

        return PWMOutputDevice(pin, active_high=active_high, pin_factory=pin_factory)


def _put_out(pin: int, lamp: Any) -> None:
    with using(pin):
        try:
            lamp.off()
        finally:
            lamp.close()
