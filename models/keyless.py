"""This file is the character's mind where there is no key: it refuses every turn, and says what is missing."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from companion.errors import Cause, NoReply
from companion.ports import Prompt, Usage


class KeylessChat:
    """A ChatModel that the owner has to mend first."""

    def __init__(self, sentence: str) -> None:
        """`sentence`: what is missing."""
        self._sentence = sentence

    async def load(self) -> None:
        """Raises NoReply."""
        raise NoReply(Cause.REFUSED, self._sentence)

    async def warm(self) -> bool:
        """There is nowhere to go, and the way is not what is missing."""
        return True

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """Raises NoReply."""
        raise NoReply(Cause.REFUSED, self._sentence)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """Raises NoReply."""
        raise NoReply(Cause.REFUSED, self._sentence)
        yield ""  # type: ignore[unreachable]  # what makes it a generator
