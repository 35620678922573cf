"""This file keeps the sound of the few lines that a character says word for word, so that each is made only once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing, suppress

from companion.audio import Audio
from companion.errors import NoVoice
from companion.ports import Voice


class Prepared:
    """A Voice that has some lines ready. Of all else that it says it keeps nothing."""

    def __init__(self, voice: Voice, lines: Iterable[str]) -> None:
        """`lines`, in the order in which they will be needed."""
        self._voice = voice
        self._kept: dict[str, tuple[Audio, ...] | None] = dict.fromkeys(lines)
        """Each line, and its sound once it was made to its end."""

    async def load(self) -> None:
        """As the engine within."""
        await self._voice.load()

    def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """As the Voice within; a line that was spoken to its end once is there at once, in the same pieces."""
        return self._line(text) if text in self._kept else self._voice.speak(text)

    async def prepare(self, at_rest: Callable[[], Awaitable[None]]) -> None:
        """Make the lines that nobody has needed yet, one after the other; `at_rest` is awaited before each. A voice
        that fails ends it: whoever needs the line will be told."""
        with suppress(NoVoice):
            for text in self._kept:
                if self._kept[text] is None:
                    await at_rest()
                    async with aclosing(self._line(text)) as pieces:
                        async for _ in pieces:
                            pass

    async def _line(self, text: str) -> AsyncGenerator[Audio, None]:
        if (kept := self._kept[text]) is not None:
            await asyncio.sleep(0)  # whoever waits for it can be cancelled here, as with any voice
            for piece in kept:
                yield piece
            return
        made: list[Audio] = []
        async with aclosing(self._voice.speak(text)) as pieces:
            async for piece in pieces:
                made.append(piece)
                yield piece
        self._kept[text] = tuple(made)
