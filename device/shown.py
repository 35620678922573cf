"""This file works out what a light shows at each moment: the same for every kind of light, of one lamp or more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from companion.errors import DeviceError
from companion.looks import LOOKS, SAFETY, Look, brightness, follow
from companion.motions import MOTIONS, Motion, moved
from companion.ports import Clock
from companion.state import State

RENDER_SECONDS = 1 / 25
"""Between two renderings: enough for a breath that does not step."""


def full() -> float:
    """As bright as can be."""
    return 1.0


class Shown:
    """A state, since when it is shown, the sound it follows, and the gesture that moves it just now."""

    def __init__(
        self,
        clock: Clock,
        brightness_cap: Callable[[], float] = full,
        *,
        lamps: int = 1,
        looks: Mapping[State, Look] = LOOKS,
    ) -> None:
        """`brightness_cap` tells, at each moment, the brightness of the brightest look: more than 0, at most 1."""
        self.state: State | None = None
        """None before the first one."""
        self._clock = clock
        self._cap = brightness_cap
        self._looks = looks
        self._lamps = lamps
        self._since = 0.0
        self._level = self._sound = 0.0
        self._level_at = 0.0
        self._motion: Motion | None = None
        self._moves_since = 0.0

    def show(self, state: State, level: float) -> bool:
        """Show `state` from now on, as bright as a sound of this level makes it; whether that is news."""
        now = self._clock.now()
        if news := state is not self.state:
            self.state, self._since, self._level = state, now, level
            if state in SAFETY:
                self._motion = None
        else:
            self._level = follow(self._level, level, now - self._level_at)
        self._sound, self._level_at = level, now
        return news

    def move(self, motion: Motion) -> None:
        """Let a gesture move it for a moment; not while it shows what one must be able to rely on, nor while another
        gesture does."""
        if self.state not in (None, *SAFETY) and self._moved() is None:
            self._motion, self._moves_since = motion, self._clock.now()

    def let_fall(self) -> None:
        """Let the level come down to that of the sound, as far as it has had the time to."""
        now = self._clock.now()
        self._level = follow(self._level, self._sound, now - self._level_at)
        self._level_at = now

    async def shine(self, render: Callable[[], None]) -> NoReturn:
        """Let the rhythm go on, until cancelled: `render` is called each time that the light is to be written."""
        while True:
            self.let_fall()
            render()
            await self._clock.sleep(RENDER_SECONDS)

    def colour(self) -> list[float]:
        """Red, green and blue, each 0 to 1, of the state at its brightest; black before there is one."""
        return [part / 255 for part in self._looks[self.state].colour] if self.state else [0.0, 0.0, 0.0]

    def brightness(self, lamp: int = 0) -> float:
        """How bright a lamp is now, 0 to 1."""
        if self.state is None:
            return 0.0
        if (moves := self._moved(lamp)) is not None:
            return self._cap() * moves
        return self._cap() * brightness(self._looks[self.state], self._clock.now() - self._since, self._level)

    def _moved(self, lamp: int = 0) -> float | None:
        """How bright the gesture makes a lamp now; None where there is none."""
        if self._motion is None:
            return None
        course, seconds = MOTIONS[self._motion], self._clock.now() - self._moves_since
        if seconds >= course.seconds(self._lamps):
            self._motion = None
            return None
        return moved(course, seconds, lamp)


class Rendered(ABC):
    """A Light on pins, whatever it is made of: how it is written is its own."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def show(self, state: State, level: float = 0.0) -> None:
        """Show `state` from now on: it is on the pins when this returns. After `close` it does nothing."""
        if self._shown.show(state, level):
            self._forget_written()
        with suppress(DeviceError):  # a broken light is no reason to lose a turn: `shine` meets it, too, and tells
            self._render()

    def gesture(self, motion: Motion) -> None:
        """Let a gesture move the light for a moment: `shine` shows it."""
        self._shown.move(motion)

    async def shine(self) -> NoReturn:
        """Let the rhythm go on, until cancelled. Raises DeviceError when the pins can no longer be written."""
        await self._shown.shine(self._render)

    @abstractmethod
    def _render(self) -> None:
        """Write what is to be seen now, as far as it is not. Raises DeviceError."""

    @abstractmethod
    def _forget_written(self) -> None:
        """Write all of it the next time, whatever it is."""
