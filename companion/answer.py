"""This file is an answer on its way: begun while somebody may still go on, and silent until they do not."""

from __future__ import annotations

from dataclasses import dataclass

from companion.cast import Member
from companion.mouth import Sounds


@dataclass(frozen=True, slots=True)
class Answer:
    """What a character is going to say to what was heard."""

    member: Member
    sounds: Sounds
    """Made from now on, as far as is needed for nobody to wait."""

    async def drop(self) -> None:
        """Nobody wants to hear it: close the voice and the request. Returns when that is done; twice is once."""
        await self.sounds.aclose()
