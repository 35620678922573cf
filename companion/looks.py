"""State -> look, as data: every kind of light renders this one table, so that all of them tell the same truth.

How bright a look is at each moment is here as well, as pure functions. Whatever the look and whatever the sound,
nothing flashes more than three times in any second (WCAG 2.3.1, for people whom a flashing light makes ill).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from companion.state import State

Rhythm = Literal["off", "solid", "wink", "breathe", "pulse", "double blink", "triple flash"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks: patterns differ by rhythm, not only by colour, for those who see few colours."""

    colour: tuple[int, int, int]
    """Red, green, blue, each 0-255."""
    rhythm: Rhythm
    period: float = 0.0
    """Seconds of one round of the rhythm; 0 for a light that does not change."""
    follows_level: bool = False
    """Whether the brightness follows the sound, heard or played."""


LOOKS: Mapping[State, Look] = MappingProxyType(
    {
        State.BOOTING: Look((255, 214, 170), "breathe", 3.0),
        State.IDLE: Look((0, 40, 48), "solid"),  # the microphone is open: dim, but never dark
        State.LISTENING: Look((0, 220, 255), "solid", follows_level=True),
        State.THINKING: Look((255, 150, 0), "pulse", 1.0),
        State.SPEAKING: Look((0, 210, 80), "breathe", 2.0, follows_level=True),
        State.MUTED: Look((255, 0, 0), "solid"),
        State.OFFLINE: Look((255, 150, 0), "double blink", 4.0),
        State.ATTENTION: Look((255, 0, 170), "triple flash", 4.0),
    }
)
"""Red says that the microphone is closed, and nothing else does: a toy that needs its owner may well listen."""

COLOURLESS: Mapping[State, Look] = MappingProxyType({**LOOKS, State.MUTED: Look((255, 0, 0), "wink", 2.0)})
"""The same where a lamp has one colour only, which would show what is muted as it shows what waits."""

SAFETY = frozenset({State.MUTED, State.ATTENTION, State.OFFLINE})
"""States that no gesture covers: who looks at the light must be able to rely on it at every moment."""

DIMMEST = 0.2
"""Brightness between two breaths or pulses: a light that breathes is never dark."""

QUIETEST = 0.4
"""Brightness, of the rhythm's own, of a light that follows a sound while there is none."""

SILENT, LOUD = -55.0, -20.0
"""dBFS of a sound that moves the light no more than silence does, and of one that makes it as bright as can be."""

FLASH_SECONDS = 0.2
"""How long a blink or a flash is on."""

FLASH_EVERY = 0.5
"""Seconds from one blink or flash to the next of the same group: two in a second."""

FALL = 0.5
"""The level falls by at most this much in a second, so that syllables (four or five a second) do not flicker: to
change the brightness by 0.1, which is what counts as a flash, it then takes a third of a second."""

_SHORTEST: Mapping[Rhythm, float] = MappingProxyType(
    {"wink": 1 / 3, "breathe": 1 / 3, "pulse": 1 / 3, "double blink": 2 * FLASH_EVERY, "triple flash": 3 * FLASH_EVERY}
)
"""Seconds; a shorter period is rendered as this one."""


def brightness(look: Look, seconds: float, level: float = 0.0) -> float:
    """How bright `look` is, 0 to 1, `seconds` after it began; `level` (0 to 1) is the sound it may follow.

    Every rhythm but "off" begins bright, so that a state is seen from its first moment.
    """
    rhythm = _rhythm(look, seconds)
    if not look.follows_level:
        return rhythm
    return rhythm * (QUIETEST + (1 - QUIETEST) * min(1.0, max(0.0, level)))


def follow(shown: float, level: float, seconds: float) -> float:
    """The level to show `seconds` after `shown` was, when the sound's own is `level`: it rises at once, and falls
    slowly."""
    return max(level, shown - FALL * seconds)


def loudness(decibels: float) -> float:
    """The level, 0 to 1, that a light shows of a sound of so many dBFS (-inf is silence)."""
    return min(1.0, max(0.0, (decibels - SILENT) / (LOUD - SILENT)))


def _rhythm(look: Look, seconds: float) -> float:
    if look.rhythm in ("off", "solid"):
        return float(look.rhythm == "solid")
    period = max(look.period, _SHORTEST[look.rhythm])
    within = seconds % period
    match look.rhythm:
        case "wink":
            return float(within < period - FLASH_SECONDS)
        case "breathe":
            return DIMMEST + (1 - DIMMEST) * (1 + math.cos(math.tau * within / period)) / 2
        case "pulse":
            return 1 - (1 - DIMMEST) * within / period
        case "double blink":
            return _flashes(2, within)
        case _:
            return _flashes(3, within)


def _flashes(count: int, within: float) -> float:
    return float(within < count * FLASH_EVERY and within % FLASH_EVERY < FLASH_SECONDS)
