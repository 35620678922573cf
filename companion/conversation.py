"""READ THIS FIRST: the whole conversation, as one coroutine on one page.

Where its program counter stands is the state the toy is in, so a wrong transition cannot be written. Whatever it
does can be stopped by cancelling the task that does it; cleaning up is in `finally`, from the inside out: the
sound, the voice, the HTTP stream. How it starts, is muted and survives its devices is in `life.py`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable

from companion.audio import Utterance
from companion.cast import Cast, Member
from companion.commands import asks_again_differently
from companion.ears import Ears, Quiet
from companion.errors import Cause, NoReply, TurnError
from companion.history import USER
from companion.journal import Journal, Turn
from companion.mind import Mind
from companion.phrases import Gesture, Phrase, phrases
from companion.ports import Clock, Light, Transcriber
from companion.saying import Saying
from companion.state import State
from companion.tasks import first_of, meanwhile

FOLLOW_UP_SECONDS = 8.0
"""After so much silence the toy goes idle ..."""

AFTER_A_QUESTION_SECONDS = 12.0
"""... and after so much if it has asked something: then it goes on by itself, once."""

TAIL_SECONDS = 0.3
"""After its own last sample the toy is deaf for so long: rooms answer back."""


class Conversation:
    """Characters that talk with whoever is there."""

    def __init__(
        self,
        *,
        cast: Cast,
        ears: Ears,
        transcriber: Transcriber,
        mind: Mind,
        light: Light,
        clock: Clock,
        journal: Journal,
        nudges: bool = True,
    ) -> None:
        """`nudges`: whether a toy that has asked and gets no answer goes on by itself, once."""
        self._cast = cast
        self._ears = ears
        self._transcriber = transcriber
        self._mind = mind
        self._light = light
        self._clock = clock
        self._journal = journal
        self._nudges = nudges
        self._state: State | None = None
        self._asked: Member | None = None
        """Who has asked something that may be answered by silence."""
        self._refused = False
        """Whether the service refuses us until the owner mends it ..."""
        self._troubled = False
        """... or something else is missing that only the owner can mend: the light says so at rest."""

    async def open(self) -> None:
        """Say the first words: at most two toys in a row."""
        for member in self._cast.members[:2]:
            saying = Saying("opening")
            try:
                await self._while_deaf(self._say(member, saying, _just(member.character.opening)))
            except TurnError as error:
                self.lost(error, recovered=False)
            finally:
                self._mind.remember(member.name, saying.words)

    async def attend(self) -> None:
        """Wait for somebody to say something, and answer; or for nobody to answer, and go on."""
        noticed = await self._listen()
        await self._while_deaf(self._nudge(noticed) if isinstance(noticed, Member) else self._answer(noticed))

    async def _listen(self) -> Utterance | Member:
        """Wait for the next thing somebody says; or for who has asked and gets no answer. Fall idle meanwhile."""
        await self._ears.ignore(TAIL_SECONDS)
        asked, self._asked = self._asked, None
        self._rest(State.LISTENING)
        patience = AFTER_A_QUESTION_SECONDS if asked else FOLLOW_UP_SECONDS
        async with meanwhile() as begin:
            while not isinstance(noticed := await self._ears.next(patience), Utterance):
                if not isinstance(noticed, Quiet):
                    self.show(State.LISTENING)
                    begin(self._mind.warm())
                elif asked:
                    return asked
                else:
                    self._rest(State.IDLE)
                    patience = math.inf
            return noticed

    async def _answer(self, utterance: Utterance) -> None:
        """One turn: what was said, what to say to it, and the voice that says it."""
        turn = Turn(self._clock, since=utterance.ended)
        turn.stage("pause")
        self.show(State.THINKING)
        speaker = self._cast.members[0]
        try:
            transcript = await self._transcriber.transcribe(utterance)
            turn.stage("transcribe")
            if heard := transcript.text:
                self._journal.write("heard", at=utterance.ended, text=heard, engine=transcript.engine, speaker=USER)
                if asks_again_differently(heard, speaker.character.language):
                    heard = self._mind.history.take_back() or heard
                speaker = self._cast.whose_turn(heard)
                words = await self._reply(speaker, heard, turn)
                if other := self._cast.called(words, but=speaker):
                    await self._reply(other, "", Turn(self._clock, self._clock.now()))
        except TurnError as error:
            await self._apologise(speaker, error)

    async def _nudge(self, member: Member) -> None:
        """Somebody was asked and says nothing: go on."""
        try:
            await self._reply(member, "", Turn(self._clock, self._clock.now()), kind="nudge")
            self._asked = None
        except TurnError as error:
            self.lost(error, recovered=True)

    async def _reply(self, member: Member, heard: str, turn: Turn, kind: str = "reply") -> str:
        """Answer what was heard, or go on if nothing was; the words. Remembered is only what was really spoken."""
        saying = Saying(kind)
        reply = self._mind.reply(member.character, heard)
        try:
            await self._say(member, saying, phrases(reply, turn.spent), turn)
        finally:
            self._mind.answered(heard, member.name, saying.words)
        self._refused = False
        self._asked = member if self._nudges and saying.words.endswith(("?", "？")) else None
        self._journal.write("turn", **turn.account())
        return saying.words

    async def _apologise(self, member: Member, error: TurnError) -> None:
        """Say in the character's own voice that a turn was lost."""
        self.lost(error, recovered=True)
        try:
            await self._say(member, Saying("apology"), _just(member.character.apology(error.kind)))
        except TurnError as silent:
            self.lost(silent, recovered=False)

    async def _say(
        self,
        member: Member,
        saying: Saying,
        phrases: AsyncGenerator[Phrase | Gesture, None],
        turn: Turn | None = None,
    ) -> None:
        turn = turn or Turn(self._clock, self._clock.now())
        await member.mouth.say(saying, phrases, turn, sounding=lambda: self.show(State.SPEAKING))

    async def _while_deaf(self, doing: Awaitable[None]) -> None:
        """Do something while nobody is heard. The microphone is read on, so that it is fresh when we listen again;
        without echo cancellation what it brings now may well be the toy itself."""
        await first_of(doing, self._ears.ignore())

    def trouble(self) -> None:
        """Something is missing that only the owner can mend; the conversation goes on without it."""
        self._troubled = True

    def _rest(self, state: State) -> None:
        self.show(State.ATTENTION if self._refused or self._troubled else state)

    def show(self, state: State) -> None:
        """The light and the journal tell the same, and only here."""
        if state is not self._state:
            self._state = state
            self._light.show(state)
            self._journal.write("state", state=state.value)

    def lost(self, error: TurnError, *, recovered: bool) -> None:
        """Note a turn that was lost; `recovered` if it can be told aloud."""
        if isinstance(error, NoReply):
            self._refused = error.cause is Cause.REFUSED
        self._journal.write("fault", kind=error.kind, text=str(error), recovered=recovered)


async def _just(words: str) -> AsyncGenerator[Phrase | Gesture, None]:
    yield Phrase(words)
