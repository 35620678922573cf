"""READ THIS FIRST: the whole conversation, as one coroutine on one page.

Where its program counter stands is the state the toy is in, so a wrong transition cannot be written. Whatever it
does can be stopped by cancelling the task that does it; cleaning up is in `finally`, from the inside out: the
sound, the voice, the HTTP stream. How it starts, is muted and survives its devices is in `life.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from companion.answer import Answer
from companion.cast import Cast, Member
from companion.commands import Command, command, done
from companion.drafts import Heard
from companion.earcons import Earcon, Earcons
from companion.errors import DeviceError, TurnError
from companion.face import Face
from companion.fillers import Fillers
from companion.journal import Journal, Turn
from companion.listening import Listening
from companion.mind import Mind
from companion.mouth import Sounds
from companion.phrases import just, phrases
from companion.ports import Clock
from companion.saying import CUT_OFF, Saying
from companion.state import State
from companion.tasks import cancelled, first_of

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
        listening: Listening,
        mind: Mind,
        face: Face,
        clock: Clock,
        journal: Journal,
        earcons: Earcons,
        nudges: bool = True,
    ) -> None:
        """`nudges`: whether a toy that has asked and gets no answer goes on by itself, once."""
        self._cast = cast
        self._listening = listening
        self._mind = mind
        self._face = face
        self._clock = clock
        self._journal = journal
        self._earcons = earcons
        self._nudges = nudges
        self._fillers = Fillers(clock)
        self._language = cast.members[0].character.language
        self._asked: Member | None = None
        """Who has asked something that may be answered by silence."""
        self._last = (cast.members[0], "")
        """Who has answered last, and what."""
        self._heard: Heard | None = None
        """What somebody said already who is to be attended to next."""

    async def open(self) -> None:
        """Say the first words: at most two toys in a row."""
        for member in self._cast.members[:2]:
            saying = Saying("opening")
            try:
                self._heard = await self._aloud(self._tell(member, saying, member.character.opening))
            except TurnError as error:
                self._face.lost(error, recovered=False)
            finally:
                self._mind.remember(member.name, saying.words)
            if self._heard:
                break
        self.invite()

    async def notice(self, kind: str) -> None:
        """Say in the character's own voice what is the matter with the toy, as well as can be. The light goes on to
        tell it, too, and nobody is listened to."""
        member = self._cast.members[0]
        turn = Turn(self._clock, self._clock.now())
        words = member.mouth.make(just(member.character.apology(kind)), turn)
        try:
            await member.mouth.say(Saying("apology"), words, turn, lambda: None)
        except TurnError as error:
            self._face.lost(error, recovered=False)
        except DeviceError:
            pass  # the light tells

    def invite(self) -> None:
        """Somebody may speak now without calling first, where that is how the toy is called."""
        self._listening.invite(asked=self._asked is not None)

    async def again(self) -> None:
        """Say once more what was answered last, if anything was."""
        try:
            self._heard = await self._aloud(self._repeat())
        except TurnError as error:
            self._heard = await self._aloud(self._apologise(self._last[0], error))
        self.invite()

    async def attend(self) -> None:
        """Wait until somebody says something, and answer; or until nobody answers, and go on."""
        heard, self._heard = self._heard, None
        try:
            heard = heard or await self._listening.next(self._begin, asked=self._asked is not None)
            if heard is None:
                heard = await self._aloud(self._nudge())
            while heard:
                heard = await self._do(heard)
        except TurnError as error:
            self._heard = await self._aloud(self._apologise(self._cast.members[0], error))

    async def _do(self, heard: Heard) -> Heard | None:
        """Do what somebody asks for, or answer; what is said by whoever interrupts that."""
        member, said = self._last
        match self._command(heard.text):
            case Command.STOP | Command.GOODBYE:
                self._asked = None
                return None
            case Command.LOUDER | Command.QUIETER as asked:
                self._change_volume(asked)
                over = await self._aloud(self._tell(member, Saying("filler"), done(self._language)))
            case Command.AGAIN if said:
                over = await self._aloud(self._repeat())
            case Command.AGAIN_DIFFERENTLY:
                over = await self._answer(replace(heard, text=self._mind.history.take_back() or heard.text))
            case _:
                over = await self._answer(heard)
        if over is None:
            self.invite()
        return over

    def _begin(self, heard: Heard) -> Answer | None:
        """Begin to answer, unheard as yet, what may have been all; None where that has to wait."""
        if self._mind.patient or self._command(heard.text):
            return None
        return self._made(self._cast.whose_turn(heard.text), heard.text, heard.turn)

    async def _answer(self, heard: Heard) -> Heard | None:
        """Answer what was heard, with a filler before when that takes long. As long as nothing sounds, whoever goes on
        is heard out first: then there is that to answer as well."""
        answer = self._begun(heard)
        waiting = self._fillers.until(answer, heard.turn)
        try:
            while True:
                self._face.show(State.THINKING)
                coming = asyncio.ensure_future(waiting.filler())
                await first_of(coming, self._listening.speech())
                if coming.cancelled():
                    await waiting.drop()
                    return await self._more(heard)
                filler = coming.result()
                telling = asyncio.ensure_future(self._fill(filler) if filler else self._turn(answer, heard))
                over = await self._aloud(telling)
                if over or not filler or telling.cancelled():
                    return over
        finally:
            await waiting.drop()

    async def _more(self, before: Heard) -> Heard | None:
        """Somebody went on before the answer sounded: what there is to answer now."""
        more = await self._listening.more()
        if more is None or self._obeys(more.text):
            return before.anew()
        if self._command(more.text) in (Command.STOP, Command.GOODBYE):
            return more
        self._listening.cut_off()
        return before.followed_by(more)

    def _command(self, words: str) -> Command | None:
        """What the toy does itself when it is told to, without asking anybody; None: it is for the character."""
        return command(words, self._language, self._listening.addressed.names)

    def _obeys(self, words: str) -> bool:
        """Do what can be done while something else goes on, if that is what the words ask for."""
        if (asked := self._command(words)) not in (Command.LOUDER, Command.QUIETER):
            return False
        self._change_volume(asked)
        return True

    def _change_volume(self, asked: Command) -> None:
        self._last[0].mouth.change_volume(VOLUME_STEP if asked is Command.LOUDER else 1 / VOLUME_STEP)

    def _begun(self, heard: Heard) -> Answer:
        """The answer to what was heard, on its way."""
        answer = heard.answer or self._made(self._cast.whose_turn(heard.text), heard.text, heard.turn)
        self._cast.answers(answer.member)
        return answer

    async def _fill(self, filler: Answer) -> None:
        """Say a filler; without a voice for it one waits in silence."""
        try:
            await self._say(filler.member, Saying("filler"), filler.sounds, Turn(self._clock, self._clock.now()))
        except TurnError as error:
            self._face.lost(error, recovered=True)

    async def _turn(self, answer: Answer, heard: Heard) -> None:
        """Say the answer to what was heard, and what another character, called by it, says to that."""
        try:
            said = await self._reply(answer, heard.text, heard.turn)
            if other := self._cast.called(said, but=answer.member):
                await self._go_on(other)
        except TurnError as error:
            await self._apologise(answer.member, error)

    async def _nudge(self) -> None:
        """Somebody was asked and says nothing: go on, once."""
        assert self._asked
        member, self._asked = self._asked, None
        try:
            await self._go_on(member, "nudge")
            self._asked = None
        except TurnError as error:
            self._face.lost(error, recovered=True)
        self.invite()

    async def _go_on(self, member: Member, kind: str = "reply") -> None:
        """Somebody says something by itself."""
        turn = Turn(self._clock, self._clock.now())
        await self._reply(self._made(member, "", turn), "", turn, kind=kind)

    async def _reply(self, answer: Answer, heard: str, turn: Turn, kind: str = "reply") -> str:
        """Say the answer to what was heard, if anything was; the words. Remembered is only what was really spoken."""
        member, saying = answer.member, Saying(kind)
        try:
            await self._say(member, saying, answer.sounds, turn)
        finally:
            self._mind.answered(heard, member.name, saying.words)
            if saying.words:
                self._last = member, saying.words.removesuffix(CUT_OFF)
            self._listening.addressed.said(saying.words)
        self._face.answered()
        self._asked = member if self._nudges and saying.words.endswith(("?", "？")) else None
        self._journal.write("turn", **turn.account())
        return saying.words

    async def _apologise(self, member: Member, error: TurnError) -> None:
        """Say in the character's own voice that a turn was lost."""
        self._face.lost(error, recovered=True)
        try:
            await self._tell(member, Saying("apology"), member.character.apology(error.kind))
        except TurnError as silent:
            self._face.lost(silent, recovered=False)
            await self._earcons.play(Earcon.ERROR)
        self.invite()

    def _made(self, member: Member, heard: str, turn: Turn) -> Answer:
        """The answer of `member`, on its way from now on."""
        return Answer(member, member.mouth.make(phrases(self._mind.reply(member.character, heard), turn.spent), turn))

    async def _repeat(self) -> None:
        member, said = self._last
        if said:
            await self._tell(member, Saying("reply"), said)

    async def _tell(self, member: Member, saying: Saying, words: str) -> None:
        """Say these words."""
        turn = Turn(self._clock, self._clock.now())
        await self._say(member, saying, member.mouth.make(just(words), turn), turn)

    async def _say(self, member: Member, saying: Saying, made: Sounds, turn: Turn) -> None:
        """Let be heard what was made."""
        try:
            sounding = partial(self._face.show, State.SPEAKING)
            await member.mouth.say(saying, made, turn, sounding, self._face.gesture)
        finally:
            if saying.words:
                self._listening.deafen(TAIL_SECONDS)

    async def _aloud(self, doing: Coroutine[Any, Any, None] | asyncio.Task[None]) -> Heard | None:
        """Do something that sounds, until it is done or somebody interrupts it; what they say."""
        interrupted = False

        def end() -> None:
            nonlocal interrupted
            interrupted = True
            sounding.cancel()

        sounding = asyncio.ensure_future(doing)
        over = asyncio.ensure_future(self._listening.over(self._obeys, end))
        try:
            await asyncio.wait({sounding, over}, return_when=asyncio.FIRST_COMPLETED)
            return await (over if interrupted or over.done() else sounding)
        finally:
            await cancelled(sounding, over)
