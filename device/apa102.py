"""This file is the light of APA102 lamps in a chain on SPI, through gpiozero: the three of a ReSpeaker 2-Mic.

gpiozero's own lgpio talks to the kernel's SPI device; what gpiozero does where there is none, clocking bits out by
hand, would take the processor a few milliseconds for each picture, and is refused. Whoever runs the toy makes an
`Apa102Light`, lets `shine` run beside everything else, and closes it in the end.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from companion.errors import DeviceError
from companion.ports import Clock
from device.boards import Board
from device.gpio import errors_below, opening
from device.shown import Rendered, Shown, full

CLOCK_PIN = 11
"""BCM number: the clock of SPI0, by which a mistake of gpiozero is told."""

STEPS = 31
"""Of a lamp's own brightness, below which its three colours have 255 steps each."""

LAMP = 0b1110_0000
"""Begins the four bytes of a lamp, before its brightness."""


class Apa102Light(Rendered):
    """A Light of several lamps, each of any colour."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        pin_factory: Any | None = None,
        brightness_cap: Callable[[], float] = full,
    ) -> None:
        """Open SPI0; dark until the first `show`. Raises DeviceError. The arguments are those of `GpioLight`."""
        if board.light != "apa102":
            raise DeviceError(f"The board {board.name} has no APA102 lamps.")
        self._lamps = board.lamps
        super().__init__(Shown(clock, brightness_cap, lamps=board.lamps))
        self._written: list[int] = []
        self._spi: Any = _spi(pin_factory)
        with suppress(DeviceError):  # told as soon as something is shown
            self._write(picture([(0.0, 0.0, 0.0)] * self._lamps))

    def close(self) -> None:
        """Turn the light off and free the pins; a second time it does nothing. Raises DeviceError."""
        spi, self._spi = self._spi, None
        if spi:
            with _using():
                try:
                    spi.write(picture([(0.0, 0.0, 0.0)] * self._lamps))
                finally:
                    spi.close()

    def _forget_written(self) -> None:
        self._written = []

    def _render(self) -> None:
        if self._shown.state is not None:
            red, green, blue = self._shown.colour()
            scales = [self._shown.brightness(lamp) for lamp in range(self._lamps)]
            self._write(picture([(red * scale, green * scale, blue * scale) for scale in scales]))

    def _write(self, data: list[int]) -> None:
        """Send this, unless it is what the lamps show already."""
        if self._spi and data != self._written:
            with _using():
                self._spi.write(data)
            self._written = data


def picture(colours: Sequence[tuple[float, float, float]]) -> list[int]:
    """The bytes that make lamps show these colours (red, green, blue, each 0 to 1), the first lamp first.

    A dim colour is made by the lamp's own brightness, so that it keeps its 255 steps; one that is not black is never
    dark. The end is as long as SK9822 lamps need it, which are sold as APA102: they show a picture with the next
    zeros only, and each lamp delays the clock by half a bit.
    """
    data = [0, 0, 0, 0]
    for colour in colours:
        brightest = min(1.0, max(colour))
        step = max(1, math.ceil(brightest * STEPS))
        least = 1 if brightest > 0 else 0
        parts = [round(min(1.0, part) * 255 * STEPS / step) for part in colour]
        if max(parts) < least:
            parts[max(range(3), key=lambda part: colour[part])] = least
        red, green, blue = parts
        data += [LAMP | step, blue, green, red]
    return data + [0, 0, 0, 0] + [0] * math.ceil(len(colours) / 16)


def _spi(pin_factory: Any | None) -> Any:
    """gpiozero's SPI0. Raises DeviceError."""
    with opening(CLOCK_PIN):
        from gpiozero import Device, SPIError, SPISoftwareFallback

        if pin_factory is None:
            Device.ensure_pin_factory()
            pin_factory = Device.pin_factory
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SPISoftwareFallback)
                return pin_factory.spi(port=0, device=0)
        except (SPISoftwareFallback, SPIError) as error:
            why = error.__context__ or error  # what gpiozero met, before it thought of another way
            raise DeviceError(
                f"There is no SPI here for the lamps: switch it on with raspi-config, Interface Options ({why})."
            ) from error


@contextmanager
def _using() -> Iterator[None]:
    """Around whatever is sent to the lamps: what gpiozero, or the library under it, raises becomes DeviceError."""
    import gpiozero

    try:
        yield
    except (gpiozero.GPIOZeroError, *errors_below()) as error:
        raise DeviceError(f"The lamps on SPI cannot be lit ({error}).") from error
