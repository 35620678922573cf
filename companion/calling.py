"""This file knows how somebody gets the toy's attention: by speaking, by its name, or by holding its button."""

from __future__ import annotations

import asyncio
from typing import Protocol

from companion.ears import Ears
from companion.ports import Press, Wake, WakeWord
from companion.tasks import first_of

BUTTON = Wake("", sure=True)
"""Calls a toy without a name."""


class Calling(Protocol):
    """How a toy at rest is called."""

    hears_on: bool
    """Whether one may speak to it without calling it, just after it has spoken and while it thinks."""

    async def wait(self, ears: Ears) -> Wake | None:
        """Wait until it is called; None if whoever speaks has called nobody. What is said then comes with
        `ears.next`. Raises DeviceError."""
        ...


class Open:
    """Whoever speaks is heard."""

    hears_on = True

    async def wait(self, ears: Ears) -> None:
        """Wait until somebody speaks."""
        await ears.speech()


class ByName:
    """Whoever says its name is heard."""

    hears_on = True

    def __init__(self, name: WakeWord) -> None:
        self._name = name

    async def wait(self, ears: Ears) -> Wake | None:
        """Wait until somebody says the name."""
        return await ears.called(self._name)


class ByButton:
    """Whoever holds the button is heard, until it is let go; or taps it, until a pause or the next tap."""

    hears_on = False

    def __init__(self) -> None:
        self._pressed = asyncio.Event()
        self._held = False
        self._tapped: int | None = None
        """How many utterances the ears had given when a tap made them listen; None: none did, or that is over."""

    async def wait(self, ears: Ears) -> Wake:
        """Wait until the button is pressed. Until then no model sees a frame."""
        if not self._pressed.is_set():
            self._tapped = None
        await first_of(ears.ignore(), self._pressed_now())
        if self._held:
            ears.hold()
        return BUTTON

    def begins(self, press: Press, ears: Ears) -> bool:
        """Whether this press asks the toy to drop what it does, and listen; else it may end what is being said."""
        return press is Press.DOWN and not self._listens_by_tap(ears)

    def press(self, press: Press, ears: Ears) -> None:
        """What the button did."""
        match press:
            case Press.DOWN if self._listens_by_tap(ears):
                self._tapped = None
                ears.finish()
            case Press.DOWN:
                self._held, self._tapped = True, None
                self._pressed.set()
            case Press.SHORT if self._held:
                self._held, self._tapped = False, ears.utterances
                ears.release()
            case Press.UP:
                self._held = False
                ears.finish()
            case Press.DOUBLE:  # asks for something else than to be heard
                self._held, self._tapped = False, None
                self._pressed.clear()
                ears.finish()

    def _listens_by_tap(self, ears: Ears) -> bool:
        """Whether what a tap asked for is still to come: an utterance, and a pause after it."""
        return self._tapped == ears.utterances

    async def _pressed_now(self) -> None:
        await self._pressed.wait()
        self._pressed.clear()
