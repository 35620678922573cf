"""This file makes several wake words one: a toy with more than one name, or more than one way to hear it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from companion.audio import Audio
from companion.ports import Wake, WakeWord


class AnyOf:
    """Hears what any of them hears; of several at once, the first that is sure, else the first."""

    def __init__(self, wake_words: Sequence[WakeWord]) -> None:
        self._wake_words = wake_words

    async def load(self) -> None:
        """Load all of them. Raises NotHeard if one cannot be loaded; the others hear all the same."""
        failures = await asyncio.gather(*(each.load() for each in self._wake_words), return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    def hears(self, frame: Audio) -> Wake | None:
        """What one of them heard. Every one hears every frame. Raises ValueError for a frame that is not 10 ms."""
        heard = [wake for wake in [each.hears(frame) for each in self._wake_words] if wake is not None]
        return next((wake for wake in heard if wake.sure), heard[0] if heard else None)

    def reset(self) -> None:
        """All of them forget the stream so far."""
        for each in self._wake_words:
            each.reset()
