"""This file is the boards Companion knows: which pin is the button, which are the light, what the sound card is called.

Pins are BCM numbers. A board of one's own is one of these with other pins: `Board.changed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from companion.errors import SettingsError

LightKind = Literal["none", "screen", "led", "rgb", "apa102"]
"""One LED; red, green and blue on a pin each; a chain of APA102 on SPI; or nothing that has pins."""

LIGHT_PINS: Mapping[LightKind, tuple[str, ...]] = MappingProxyType(
    {
        "none": (),
        "screen": (),
        "led": ("the light",),
        "rgb": ("red", "green", "blue"),
        "apa102": ("the light's data", "the light's clock"),
    }
)
"""What the pins of each kind of light are for, in their order."""

BUSES: Mapping[int, str] = MappingProxyType(
    dict.fromkeys((2, 3), "I2C") | dict.fromkeys(range(7, 12), "SPI") | dict.fromkeys((12, *range(18, 22)), "I2S")
)
"""Pins that a sound card (I2S, and I2C to set it up) or another board on top needs for itself."""

CHAIN_PINS = (10, 11)
"""Data and clock of SPI0: APA102 are lit over no other pins."""

GREATEST_PIN = 27
"""Of the 40-pin header."""


@dataclass(frozen=True, slots=True)
class Board:
    """One board, or one way of wiring. Raises SettingsError, with all mistakes at once, if it cannot be so."""

    name: str
    button: int | None = None
    """Its pin."""
    button_active_high: bool = False
    """Whether the pin is high while the button is pressed (else it is pulled up, and the button connects to ground)."""
    light: LightKind = "none"
    light_pins: tuple[int, ...] = ()
    """In the order of `LIGHT_PINS`."""
    light_active_high: bool = True
    """Whether a high pin lights it."""
    lamps: int = 1
    """How many there are in the light's chain."""
    card: str | None = None
    """The sound card's name; None is any."""
    bus: tuple[int, ...] = ()
    """Pins of a bus that this board may use, because it is made for them."""

    def __post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise SettingsError(mistakes)

    def changed(self, **changes: Any) -> Board:
        """The same, wired differently. A light of another kind has no pins but those given; a chain of APA102 has
        those of SPI0, which are then its own. Raises SettingsError."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)} | changes
        if (kind := parts["light"]) != self.light:
            given = changes.get("light_pins")
            parts["light_pins"] = given if given is not None else CHAIN_PINS if kind == "apa102" else ()
            parts["bus"] = CHAIN_PINS if kind == "apa102" else ()
        return Board(**parts)

    @property
    def wiring(self) -> str:
        """In words: which GPIO pins its button and its light are on."""
        button = f"button on {self.button}" if self.button is not None else "no button"
        match self.light:
            case "none" | "screen":
                return f"{button}, no light"
            case "apa102":
                return f"{button}, {self.lamps} APA102 on SPI"
            case _:
                pins = zip(LIGHT_PINS[self.light], self.light_pins, strict=True)
                lights = ", ".join(f"{what.removeprefix('the ')} on {pin}" for what, pin in pins)
                return f"{button}, {lights}"

    def _mistakes(self) -> Iterator[str]:
        names = LIGHT_PINS[self.light]
        if len(self.light_pins) != len(names):
            yield f"Board {self.name}: a light of kind {self.light} has {len(names)} pins, not {len(self.light_pins)}"
        elif self.light == "apa102" and self.light_pins != CHAIN_PINS:
            yield f"Board {self.name}: a chain of APA102 has its data on GPIO pin 10 and its clock on 11 (SPI0)"
        used = [*zip(names, self.light_pins, strict=False)]
        if self.button is not None:
            used.insert(0, ("the button", self.button))
        for what, pin in used:
            if not 0 <= pin <= GREATEST_PIN:
                yield f"Board {self.name}: there is no GPIO pin {pin} for {what}, only 0 to {GREATEST_PIN}"
            elif pin in BUSES and pin not in self.bus:
                yield f"Board {self.name}: GPIO pin {pin} belongs to {BUSES[pin]} and cannot be {what}"
        for pin, times in Counter(pin for _, pin in used).items():
            if times > 1:
                users = " and ".join(what for what, used_pin in used if used_pin == pin)
                yield f"Board {self.name}: GPIO pin {pin} cannot be {users} at once"


BOARDS: Mapping[str, Board] = MappingProxyType(
    {
        board.name: board
        for board in (
            Board("generic-rgb", button=17, light="rgb", light_pins=(25, 24, 23)),
            Board("generic-led", button=17, light="led", light_pins=(25,)),
            Board(
                "respeaker-2mic",
                button=17,
                light="apa102",
                light_pins=CHAIN_PINS,
                lamps=3,
                card="seeed2micvoicec",
                bus=CHAIN_PINS,
            ),
            Board("aiy-v1", button=23, light="led", light_pins=(25,), card="sndrpigooglevoi"),
            Board(
                "whisplay",
                button=17,
                button_active_high=True,
                light="rgb",
                light_pins=(25, 24, 23),
                light_active_high=False,
                card="whisplaysound",
            ),
            Board("usb"),
            Board("simulated", light="screen"),
        )
    }
)
"""By name; "generic-rgb" is the default."""
