"""This file is the engine "typed": it hears the text itself where somebody typed instead of speaking."""

from __future__ import annotations

from collections.abc import Callable

from companion.audio import Utterance
from companion.ports import Transcriber, Transcript


class TypedTranscriber:
    """A Transcriber that knows what was typed, and asks another about what was really spoken."""

    def __init__(self, transcriber: Transcriber, typed: Callable[[Utterance], str | None]) -> None:
        """`typed` gives the text an utterance was made from; None if it was not made from text."""
        self._transcriber = transcriber
        self._typed = typed

    async def load(self) -> None:
        """As the other one. Raises NotHeard."""
        await self._transcriber.load()

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The words of one utterance. Raises NotHeard as the other one does."""
        text = self._typed(utterance)
        return await self._transcriber.transcribe(utterance) if text is None else Transcript(text, "typed")
