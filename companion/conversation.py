"""READ THIS FIRST: the whole conversation, as one coroutine on one page.

Where its program counter stands is the state the toy is in, so a wrong transition cannot be written. Whatever it
does can be stopped by cancelling the task that does it; cleaning up is in `finally`, from the inside out: the
sound, the voice, the HTTP stream. How it starts, is muted and survives its devices is in `life.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import replace

from companion.addressed import Addressed
from companion.calling import Calling
from companion.cast import Cast, Member
from companion.commands import Command, command, done
from companion.drafts import Drafts, Heard
from companion.ears import Ears, Pause, Quiet, SpeechBegan, WentOn
from companion.errors import Cause, NoReply, TurnError
from companion.history import USER
from companion.journal import Journal, Turn
from companion.mind import Mind
from companion.phrases import Gesture, Phrase, phrases
from companion.ports import Clock, EndOfTurn, Light, Transcriber, Wake
from companion.saying import CUT_OFF, Saying, joined
from companion.state import State
from companion.tasks import cancelled, first_of, meanwhile

FOLLOW_UP_SECONDS = 8.0
"""So long after it was called or has spoken one may speak to it without calling it; then it goes idle ..."""

AFTER_A_QUESTION_SECONDS = 12.0
"""... and so long if it has asked something: then it goes on by itself, once."""

TAIL_SECONDS = 0.3
"""After its own last sample the toy is deaf for so long: rooms answer back."""

VOLUME_STEP = 1.6
"""What "louder" multiplies the amplitude with: 4 dB, the least that everybody calls louder."""


class Conversation:
    """Characters that talk with whoever is there."""

    def __init__(
        self,
        *,
        cast: Cast,
        calling: Calling,
        addressed: Addressed,
        ears: Ears,
        transcriber: Transcriber,
        end_of_turn: EndOfTurn | None,
        mind: Mind,
        light: Light,
        clock: Clock,
        journal: Journal,
        nudges: bool = True,
    ) -> None:
        """`nudges`: whether a toy that has asked and gets no answer goes on by itself, once."""
        self._cast = cast
        self._calling = calling
        self._addressed = addressed
        self._ears = ears
        self._transcriber = transcriber
        self._end_of_turn = end_of_turn
        self._mind = mind
        self._light = light
        self._clock = clock
        self._journal = journal
        self._nudges = nudges
        self._language = cast.members[0].character.language
        self._state: State | None = None
        self._window = 0.0
        """Seconds for which one may speak to it without calling it, from when it listens again."""
        self._asked: Member | None = None
        """Who has asked something that may be answered by silence."""
        self._last = (cast.members[0], "")
        """Who has answered last, and what."""
        self._deaf_until = 0.0
        """Seconds on the clock."""
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
        self.invite()

    def invite(self) -> None:
        """Somebody may speak now without calling first, where that is how the toy is called."""
        usual = AFTER_A_QUESTION_SECONDS if self._asked else FOLLOW_UP_SECONDS
        self._window = usual * self._ears.patience.follow_up if self._calling.hears_on else 0.0

    async def attend(self) -> None:
        """Wait until somebody says something, and answer; or until nobody answers, and go on."""
        try:
            noticed: Heard | Member | None = await self._listen()
            while isinstance(noticed, Heard):
                noticed = await self._answer(noticed)
            if noticed:
                await self._while_deaf(self._nudge(noticed))
        except TurnError as error:
            await self._while_deaf(self._apologise(self._cast.members[0], error))

    async def _listen(self) -> Heard | Member:
        """Wait for the next thing that is said to the toy; or for who has asked and gets no answer."""
        await self._ears.ignore(self._deaf_until - self._clock.now())
        asked, self._asked = self._asked, None
        called: Wake | None = None
        until, self._window = self._clock.now() + self._window, 0.0
        while True:
            if (patience := until - self._clock.now()) > 0:
                self._rest(State.LISTENING)
            else:
                self._rest(State.IDLE)
                called, patience = await self._called()
                until = self._clock.now() + (patience if self._calling.hears_on else 0.0)
            heard = await self._hear(patience)
            if heard is None and asked:
                return asked
            if heard is None:
                until = self._clock.now()
            elif reason := self._addressed.against(heard, called, asked=asked is not None):
                self._journal.write("ignored", reason=reason)
                until = self._clock.now() if called and not called.sure else until
            elif not (words := self._addressed.words(heard, called)):  # its name, and nothing else
                called = replace(called, sure=True) if called else None
                until = self._clock.now() + patience
            elif await self._obey(words):
                until, self._window = self._clock.now() + self._window, 0.0
            else:
                self._ears.rhythm.finished()
                return self._noted(heard, words)

    async def _called(self) -> tuple[Wake | None, float]:
        """Wait until somebody calls the toy: how, and the seconds in which it may then be spoken to."""
        called = await self._calling.wait(self._ears)
        if called:
            self._journal.write("called", by=called.phrase or "button")
        self.show(State.LISTENING)
        return called, FOLLOW_UP_SECONDS * self._ears.patience.follow_up

    async def _hear(self, patience: float) -> Heard | None:
        """What somebody says next; None if nobody does within `patience` seconds. It is read while they pause."""
        drafts = Drafts(self._ears, self._transcriber, self._end_of_turn, self._language, self._clock)
        async with meanwhile() as begin, drafts:
            if self._ears.hearing:
                begin(self._mind.warm())
            while True:
                match await self._ears.next(patience):
                    case SpeechBegan():
                        self.show(State.LISTENING)
                        begin(self._mind.warm())
                    case Pause(so_far):
                        drafts.begin(so_far)
                    case WentOn():
                        await drafts.drop()
                    case Quiet():
                        return None
                    case utterance:
                        self.show(State.THINKING)
                        return await drafts.commit(utterance)

    async def _obey(self, words: str) -> Command | None:
        """Do what the toy does itself when it is told to, without asking anybody; None: it is for the character."""
        member, said = self._last
        match asked := command(words, self._language, self._addressed.names):
            case Command.STOP | Command.GOODBYE:
                self._asked = None
            case Command.LOUDER | Command.QUIETER:
                member.mouth.change_volume(VOLUME_STEP if asked is Command.LOUDER else 1 / VOLUME_STEP)
                await self._while_deaf(self._say(member, Saying("filler"), _just(done(self._language))))
                self.invite()
            case Command.AGAIN if said:
                await self._while_deaf(self._say(member, Saying("reply"), _just(said)))
                self.invite()
            case _:
                return None
        return asked

    async def _answer(self, heard: Heard) -> Heard | None:
        """Answer what was heard. As long as nothing of the answer sounds, whoever goes on is heard out first: then
        there is that to answer as well."""
        sounds = asyncio.get_running_loop().create_future()
        async with meanwhile() as begin:
            answering = begin(self._turn(heard, sounds))
            if self._calling.hears_on:
                somebody = begin(self._ears.speech())
                await asyncio.wait({answering, somebody, sounds}, return_when=asyncio.FIRST_COMPLETED)
                if somebody.done() and not answering.done() and not sounds.done():
                    somebody.result()
                    await cancelled(answering)
                    return await self._more(heard)
                await cancelled(somebody)
            await self._while_deaf(answering)
        self.invite()
        return None

    async def _more(self, before: Heard) -> Heard | None:
        """Somebody went on before the answer sounded: what there is to answer now."""
        self.show(State.LISTENING)
        heard = await self._hear(FOLLOW_UP_SECONDS)
        if heard is None or self._addressed.against(heard, None, asked=False):
            return before
        if obeyed := await self._obey(heard.text):
            return None if obeyed in (Command.STOP, Command.GOODBYE) else before
        self._ears.rhythm.cut_off()
        heard = self._noted(heard, heard.text)
        return replace(heard, text=joined([before.text, heard.text]))

    def _noted(self, heard: Heard, words: str) -> Heard:
        at = heard.utterance.ended
        self._journal.write("heard", at=at, text=words, engine=heard.engine, speaker=USER)
        return replace(heard, text=words)

    async def _turn(self, heard: Heard, sounds: asyncio.Future[None]) -> None:
        """What to say to what was heard, and the voice that says it."""
        turn = Turn(self._clock, since=heard.utterance.ended)
        turn.stage("pause", until=heard.committed)
        turn.late(heard.late)
        turn.stage("transcribe")
        self.show(State.THINKING)
        words = heard.text
        if command(words, self._language) is Command.AGAIN_DIFFERENTLY:
            words = self._mind.history.take_back() or words
        speaker = self._cast.whose_turn(words)
        try:
            said = await self._reply(speaker, words, turn, sounds)
            if other := self._cast.called(said, but=speaker):
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
        self.invite()

    async def _reply(
        self, member: Member, heard: str, turn: Turn, sounds: asyncio.Future[None] | None = None, kind: str = "reply"
    ) -> str:
        """Answer what was heard, or go on if nothing was; the words. Remembered is only what was really spoken."""
        saying = Saying(kind)
        reply = self._mind.reply(member.character, heard)
        try:
            await self._say(member, saying, phrases(reply, turn.spent), turn, sounds)
        finally:
            self._mind.answered(heard, member.name, saying.words)
            self._last = member, saying.words.removesuffix(CUT_OFF)
            self._addressed.said(saying.words)
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
        self.invite()

    async def _say(
        self,
        member: Member,
        saying: Saying,
        phrases: AsyncGenerator[Phrase | Gesture, None],
        turn: Turn | None = None,
        sounds: asyncio.Future[None] | None = None,
    ) -> None:
        """Speak; `sounds` is told when the first sample is heard."""

        def sounding() -> None:
            self.show(State.SPEAKING)
            if sounds and not sounds.done():
                sounds.set_result(None)

        try:
            await member.mouth.say(saying, phrases, turn or Turn(self._clock, self._clock.now()), sounding)
        finally:
            if saying.words:
                self._deaf_until = self._clock.now() + TAIL_SECONDS

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
