"""This file knows how fast a voice is, and so how much of its sound is to be there before the first of it is heard."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

from companion.audio import Audio
from companion.ports import Clock, Voice

SLOW = 0.65
"""Seconds a voice takes for one second of sound: from here on its next piece may come too late. A voice of 0.36 in
pieces takes 0.55, because short pieces cost more."""

STOCK_SECONDS = 4.0
"""Of sound that a slow voice keeps: while it is heard, a voice of 0.8 makes the longest piece there is (3 s, the first
of a sentence of 12 s, which takes it 3.1 s) and has it taken 0.3 s early; the rest is for a moment in which the machine
is slower."""

LATELY_SECONDS = 20.0
"""Of sound; what was made before that counts little."""


class Timed:
    """A Voice whose speed is measured while it speaks. Where time stands still meanwhile it is as fast as can be."""

    def __init__(self, voice: Voice, clock: Clock) -> None:
        self._voice = voice
        self._clock = clock
        self._made = self._took = 0.0
        """Seconds of sound lately, and what they took."""

    def stock(self) -> float:
        """How many seconds of sound must be there before the first is heard, and be kept after that."""
        return STOCK_SECONDS if self._took > SLOW * self._made else 0.0

    async def load(self) -> None:
        """As the engine within."""
        await self._voice.load()

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """As the Voice within."""
        async with aclosing(self._voice.speak(text)) as pieces:
            began = self._clock.now()
            async for piece in pieces:
                self._note(piece.seconds, self._clock.now() - began)
                yield piece
                began = self._clock.now()

    def _note(self, made: float, took: float) -> None:
        kept = math.exp(-made / LATELY_SECONDS)
        self._made, self._took = kept * self._made + made, kept * self._took + took
