"""This file reads what was said so far whenever somebody pauses, and lets the answer begin: all is there when the pause
turns out to be the end. By what it reads, the ears know how long to wait for that.

Nothing of an answer sounds before. Who goes on drops it, without a trace: its request and its voice are closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from companion.answer import Answer
from companion.audio import Utterance
from companion.ears import Ears
from companion.endings import ending
from companion.endpointing import judged
from companion.journal import Turn
from companion.patience import Ending
from companion.ports import Clock, EndOfTurn, Transcriber
from companion.saying import joined
from companion.tasks import cancelled

LEAD_SECONDS = 0.45
"""The answer to what is whole begins at once; to all else so long before the pause would be over: the service's first
word takes 0.43 s, and the longer a pause, the fewer go on after it. Of 80 scripted turns 1.29 answers were begun for
each; with 0.6 it was 1.40 [tried]."""

MOST_ANSWERS = 2
"""Begun in one utterance: who pauses forty times in a sentence pays for no more."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody said to the toy."""

    text: str
    engine: str
    utterance: Utterance
    turn: Turn
    """The account of what follows."""
    how: Ending = Ending.UNKNOWN
    """How it ends, as far as its words and its melody tell."""
    answer: Answer | None = None
    """What has begun already."""

    def followed_by(self, more: Heard) -> Heard:
        """Both as one; it ended with `more`, to which no answer has begun."""
        return replace(more, text=joined([self.text, more.text]))

    def anew(self) -> Heard:
        """The same, to which no answer has begun; whoever said it waits anew."""
        self.turn.awaited()
        return replace(self, answer=None)

    async def drop(self) -> None:
        """It is not to be answered."""
        if self.answer:
            await self.answer.drop()


Answering = Callable[[Heard], Answer | None]
"""Begins the answer to what was heard, if there is to be one."""


class Drafts:
    """The readings of one utterance; use it within `async with`, which drops what is left."""

    def __init__(
        self,
        ears: Ears,
        transcriber: Transcriber,
        end_of_turn: EndOfTurn | None,
        language: str,
        clock: Clock,
        answering: Answering = lambda _: None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`language`: a BCP 47 tag. `told` is called with what was read at a pause."""
        self._ears = ears
        self._transcriber = transcriber
        self._end_of_turn = end_of_turn
        self._language = language
        self._clock = clock
        self._answering = answering
        self._told = told
        self._answers = 0
        self._draft: _Draft | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    def begin(self, so_far: Utterance) -> None:
        """Somebody pauses: read what was said so far. No draft is left from before."""
        turn = Turn(self._clock, since=so_far.ended)
        reading = asyncio.create_task(self._read(so_far, turn))
        self._draft = _Draft(turn, reading, asyncio.create_task(self._answer(reading)))

    async def drop(self) -> None:
        """It was only a pause. Returns when nothing of the draft is left."""
        draft, self._draft = self._draft, None
        if draft:
            await cancelled(draft.answering, draft.reading)
            if answer := draft.answer:
                await answer.drop()

    async def commit(self, utterance: Utterance) -> Heard:
        """It was the end: what was said. Nothing followed the draft, so it is read already, or soon. Raises
        NotHeard."""
        if self._draft is None:
            self.begin(utterance)
        assert self._draft is not None
        self._draft.turn.committed()
        try:
            heard = await asyncio.shield(self._draft.reading)
        except BaseException:
            await self.drop()
            raise
        await cancelled(self._draft.answering)
        draft, self._draft = self._draft, None  # its answer belongs to whoever hears
        return replace(heard, utterance=utterance, answer=draft.answer)

    async def _read(self, so_far: Utterance, turn: Turn) -> Heard:
        evened = replace(so_far, audio=self._ears.loudness.evened(so_far.audio))
        transcript = await self._transcriber.transcribe(evened)
        turn.stage("transcribe")
        how = ending(transcript.text, self._language)
        if self._end_of_turn and how is not Ending.CLOSED:
            how = judged(how, await self._end_of_turn.probability(evened.audio))
        self._ears.expect(how)
        self._told(transcript.text)
        return Heard(transcript.text, transcript.engine, so_far, turn, how)

    async def _answer(self, reading: asyncio.Task[Heard]) -> Answer | None:
        """The answer, begun when it is likely enough to be wanted."""
        heard = await reading
        if self._answers >= MOST_ANSWERS or self._ears.held:
            return None
        if heard.how is not Ending.CLOSED:
            wait = self._ears.rhythm.silence(heard.how) - LEAD_SECONDS - heard.turn.seconds
            if wait > 0:
                await self._clock.sleep(wait)
        answer = self._answering(heard)
        self._answers += answer is not None
        return answer


@dataclass(frozen=True, slots=True)
class _Draft:
    turn: Turn
    reading: asyncio.Task[Heard]
    answering: asyncio.Task[Answer | None]

    @property
    def answer(self) -> Answer | None:
        """What has begun so far."""
        done = self.answering.done() and not self.answering.cancelled() and not self.answering.exception()
        return self.answering.result() if done else None
