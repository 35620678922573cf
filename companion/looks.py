"""State -> look, as data: every kind of light renders this one table, so that all of them tell the same truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from companion.state import State

Rhythm = Literal["off", "solid", "breathe", "pulse", "double blink", "triple flash"]


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
        State.ATTENTION: Look((255, 0, 0), "triple flash", 4.0),
    }
)
