"""This file asks for several replies and speaks the best: for who rather waits a little longer for a better answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from companion.errors import Cause, NoReply
from companion.phrases import Gesture, Phrases
from companion.ports import ChatModel, Prompt, Usage

SENTENCE_ENDS = tuple(".!?…。！？~～\"'”’」』")


class BestOf:
    """A ChatModel that lets another one answer several times, and chooses."""

    def __init__(self, chat: ChatModel, count: int, warn: Callable[[str], None]) -> None:
        """`count`: 2 to 4. `warn` is told, once, if the service gives one reply only."""
        self._chat = chat
        self._count = count
        self._warn = warn

    async def load(self) -> None:
        """As the ChatModel within."""
        await self._chat.load()

    async def warm(self) -> bool:
        """As the ChatModel within."""
        return await self._chat.warm()

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """As the ChatModel within."""
        return await self._chat.several(prompt, count)

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """The best of several replies, in one piece. Raises NoReply."""
        if self._count > 1:
            try:
                texts, usage = await self._chat.several(prompt, self._count)
            except NoReply as error:
                if error.cause is not Cause.REFUSED:
                    raise
                self._count = 1
                self._warn(f"Only one reply at a time from now on: {error}")
            else:
                before = [message.content for message in prompt.messages if message.role == "assistant"]
                yield best(texts, before)
                if usage:
                    yield usage
                return
        pieces = self._chat.reply(prompt)
        try:
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()


def best(texts: Sequence[str], before: Sequence[str]) -> str:
    """The reply to speak: one without stage directions, that is complete, that was not said `before`; of several such
    the shortest, of equally short ones the first."""

    def faults(text: str) -> tuple[bool, bool, bool, int]:
        cutter = Phrases()
        directions = any(isinstance(part, Gesture) for part in (*cutter.feed(text), *cutter.finish()))
        incomplete = not text.rstrip().endswith(SENTENCE_ENDS)
        return directions, incomplete, any(text.strip() in said for said in before), len(text)

    return min((text for text in texts if text.strip()), key=faults, default="")
