"""This file is what a body has that lacks a part: a light that stays dark, a button that nobody presses."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from companion.motions import Motion
from companion.state import State


class DarkLight:
    """A Light that shows nothing."""

    def show(self, state: State, level: float = 0.0) -> None:
        """Nobody sees it."""

    def gesture(self, motion: Motion) -> None:
        """Nor this."""


class NoButton:
    """A Button that is never pressed."""

    async def pressed(self) -> NoReturn:
        """Wait until cancelled."""
        while True:
            await asyncio.Event().wait()
