"""This file waits for what is said to the toy: somebody calls it, speaks, pauses, has finished; and meant the toy."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from companion.addressed import Addressed
from companion.answer import Answer
from companion.audio import Utterance
from companion.barge_in import BargeIn
from companion.calling import BUTTON, Calling
from companion.drafts import Answering, Drafts, Heard
from companion.earcons import Earcon, Earcons
from companion.ears import Ears, Pause, Quiet, SpeechBegan, WentOn
from companion.face import Face
from companion.history import USER
from companion.journal import Journal
from companion.ports import Clock, EndOfTurn, Transcriber, Wake
from companion.state import State
from companion.tasks import meanwhile

FOLLOW_UP_SECONDS = 8.0
"""So long after it was called or has spoken one may speak to it without calling it; then it is idle ..."""

AFTER_A_QUESTION_SECONDS = 12.0
"""... and so long if it has asked something."""


class Listening:
    """A toy's attention to whoever is there."""

    def __init__(
        self,
        *,
        calling: Calling,
        addressed: Addressed,
        barge_in: BargeIn,
        ears: Ears,
        transcriber: Transcriber,
        end_of_turn: EndOfTurn | None,
        language: str,
        face: Face,
        clock: Clock,
        journal: Journal,
        earcons: Earcons,
        warm: Callable[[], Coroutine[Any, Any, object]],
    ) -> None:
        """`language`: a BCP 47 tag. `warm` is called as soon as somebody speaks."""
        self.addressed = addressed
        self.hears_on = calling.hears_on
        """Whether one may speak to it without calling it, just after it has spoken and while it thinks."""
        self._calling = calling
        self._barge_in = barge_in
        self._ears = ears
        self._drafts = partial(Drafts, ears, transcriber, end_of_turn, language, clock)
        self._face = face
        self._clock = clock
        self._journal = journal
        self._earcons = earcons
        self._warm = warm
        self._window = 0.0
        """Seconds for which nobody needs to call, from when it listens again."""
        self._deaf_until = 0.0
        """Seconds on the clock."""

    def invite(self, *, asked: bool) -> None:
        """Somebody may speak now without calling first; `asked`: the toy has asked something."""
        seconds = AFTER_A_QUESTION_SECONDS if asked else FOLLOW_UP_SECONDS
        self._window = seconds * self._ears.patience.follow_up if self.hears_on else 0.0

    def deafen(self, seconds: float) -> None:
        """What is heard in the next `seconds` is the toy itself, where it cannot tell that from others."""
        self._deaf_until = self._clock.now() + (0.0 if self._barge_in.hears_speech else seconds)

    async def over(self, obeys: Callable[[str], bool], ends: Callable[[], None]) -> Heard | None:
        """What is said by somebody who interrupts the toy while it speaks; see `BargeIn.heard`. Until then the
        microphone is read on, so that it is fresh when it is listened to again."""
        if not self.hears_on:
            await self._ears.ignore()
        heard = await self._barge_in.heard(lambda told: self._drafts(told=told), obeys=obeys, ends=ends)
        return self._noted(heard) if heard else None

    async def speech(self) -> None:
        """Wait until somebody speaks, if that needs no call; what they say comes with `more`."""
        deaf = self._deaf_until - self._clock.now() if self.hears_on else math.inf
        if deaf > 0:
            await self._ears.ignore(deaf)
        if not self._ears.hearing:  # over the toy's last words already
            await self._ears.speech()

    async def next(self, answering: Answering, *, asked: bool) -> Heard | None:
        """The next thing that is said to the toy, however long that takes; None if it has `asked` and nobody answers.
        `answering` begins an answer while it is not sure yet that this was all. Raises NotHeard and DeviceError."""
        if (deaf := self._deaf_until - self._clock.now()) > 0:
            await self._ears.ignore(deaf)
        called: Wake | None = None
        until, self._window = self._clock.now() + self._window, 0.0
        while True:
            if (patience := until - self._clock.now()) > 0:
                self._face.rest(State.LISTENING)
            else:
                called, patience = await self._called()
                until = self._clock.now() + (patience if self.hears_on else 0.0)
            heard = await self._hear(patience, self._if_for_it(answering, called, asked))
            if heard is None:
                if asked:
                    return None
                continue
            if reason := self.addressed.against(heard, called, asked=asked):
                self._journal.write("ignored", reason=reason)
                until = self._clock.now() if called and not called.sure else until
            elif words := self.addressed.words(heard, called):
                self._ears.rhythm.finished()
                return self._noted(replace(heard, text=words))
            else:  # its name, and nothing else
                called = replace(called, sure=True) if called else None
                await self._earcons.play(Earcon.LISTEN)  # not before: whoever goes on at once is not talked over
                until = self._clock.now() + patience
            await heard.drop()

    def _if_for_it(self, answering: Answering, called: Wake | None, asked: bool) -> Answering:
        """Begins no answer to what would not be answered."""

        def begin(heard: Heard) -> Answer | None:
            words = self.addressed.words(heard, called)
            if not words or self.addressed.against(heard, called, asked=asked):
                return None
            return answering(replace(heard, text=words))

        return begin

    async def more(self) -> Heard | None:
        """What somebody says who has just begun to, while the toy thinks; None if it is not for the toy."""
        self._face.show(State.LISTENING)
        heard = await self._hear(FOLLOW_UP_SECONDS)
        if heard is None or self.addressed.against(heard, None, asked=False):
            return None
        return self._noted(heard)

    def cut_off(self) -> None:
        """Whoever spoke had not finished: be more patient for a while."""
        self._ears.rhythm.cut_off()

    async def _called(self) -> tuple[Wake | None, float]:
        """Wait until somebody calls the toy: how, and the seconds in which it may then be spoken to."""
        self._face.rest(State.IDLE)
        called = await self._calling.wait(self._ears)
        if called:
            self._journal.write("called", by=called.phrase or "button")
        self._face.show(State.LISTENING)
        if called == BUTTON:
            await self._earcons.play(Earcon.LISTEN)
        return called, FOLLOW_UP_SECONDS * self._ears.patience.follow_up

    async def _hear(self, patience: float, answering: Answering = lambda _: None) -> Heard | None:
        """What somebody says next; None if nobody does within `patience` seconds. It is read while they pause."""
        async with meanwhile() as begin, self._drafts(answering=answering) as drafts:
            if self._ears.hearing:
                begin(self._warm())
            while True:
                match await self._ears.next(patience):
                    case SpeechBegan():
                        self._face.show(State.LISTENING)
                        begin(self._warm())
                    case Pause(so_far):
                        drafts.begin(so_far)
                    case WentOn():
                        await drafts.drop()
                    case Quiet():
                        return None
                    case Utterance() as utterance:
                        self._face.show(State.THINKING)
                        if not self.hears_on:  # who holds the button wants to know; the ears are closed meanwhile
                            await self._earcons.play(Earcon.DONE)
                        return await drafts.commit(utterance)

    def _noted(self, heard: Heard) -> Heard:
        at = heard.utterance.ended
        self._journal.write("heard", at=at, text=heard.text, engine=heard.engine, speaker=USER)
        return heard
