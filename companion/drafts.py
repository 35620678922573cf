"""This file reads what was said so far whenever somebody pauses, so that it is known when the pause turns out to be
the end; and tells the ears, by what it reads, how long to wait for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from companion.audio import Utterance
from companion.ears import Ears
from companion.endings import Ending, ending
from companion.endpointing import judged
from companion.ports import Clock, EndOfTurn, Transcriber, Transcript
from companion.saying import joined
from companion.tasks import cancelled


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody said to the toy."""

    text: str
    engine: str
    utterance: Utterance
    committed: float
    """When it was clear that it was over: seconds on the body's clock."""
    late: float = 0.0
    """Seconds for which a reader that ran ahead, while simulated time stood still, would have been waited for."""

    def followed_by(self, more: Heard) -> Heard:
        """Both as one; it ended with `more`."""
        return replace(more, text=joined([self.text, more.text]))


class Drafts:
    """The readings of one utterance; use it within `async with`, which drops what is left."""

    def __init__(
        self,
        ears: Ears,
        transcriber: Transcriber,
        end_of_turn: EndOfTurn | None,
        language: str,
        clock: Clock,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`language`: a BCP 47 tag. `told` is called with what was read at a pause."""
        self._ears = ears
        self._transcriber = transcriber
        self._end_of_turn = end_of_turn
        self._language = language
        self._clock = clock
        self._told = told
        self._draft: asyncio.Task[Transcript] | None = None
        self._began = 0.0
        self._took = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    def begin(self, so_far: Utterance) -> None:
        """Somebody pauses: read what was said so far. No draft is left from before."""
        self._draft = asyncio.create_task(self._read(so_far))

    async def drop(self) -> None:
        """It was only a pause. Returns when nothing of the draft is left."""
        draft, self._draft = self._draft, None
        if draft:
            await cancelled(draft)

    async def commit(self, utterance: Utterance) -> Heard:
        """It was the end: what was said. Nothing followed the draft, so it is read already, or soon. Raises
        NotHeard."""
        now = self._clock.now()
        if self._draft is None:
            self.begin(utterance)
        assert self._draft is not None
        try:
            transcript = await self._draft
        finally:
            await self.drop()
        late = max(0.0, self._took - (now - self._began))
        return Heard(transcript.text, transcript.engine, utterance, now, late)

    async def _read(self, so_far: Utterance) -> Transcript:
        self._began, engines = self._clock.now(), self._clock.engine_seconds()
        evened = replace(so_far, audio=self._ears.loudness.evened(so_far.audio))
        transcript = await self._transcriber.transcribe(evened)
        how = ending(transcript.text, self._language)
        if self._end_of_turn and how is not Ending.CLOSED:
            how = judged(how, await self._end_of_turn.probability(evened.audio))
        self._took = self._clock.engine_seconds() - engines
        self._ears.expect(how)
        self._told(transcript.text)
        return transcript
