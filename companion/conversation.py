"""READ THIS FIRST: the whole conversation, as one coroutine on one page.

Where its program counter stands is the state the toy is in, so a wrong transition cannot be written. Whatever it
does can be stopped by cancelling the task that does it; cleaning up is in `finally`, from the inside out: the
sound, the voice, the HTTP stream. How it starts, is muted and survives its devices is in `life.py`.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Awaitable, Iterator

from companion.audio import Utterance
from companion.character import Character
from companion.ears import Ears, Quiet
from companion.errors import Cause, NoReply, TurnError
from companion.history import USER, History, Saying
from companion.journal import Journal, Turn
from companion.mouth import Mouth
from companion.phrases import Gesture, Phrase, phrases
from companion.ports import ChatModel, Clock, Light, Prompt, Transcriber
from companion.state import State
from companion.tasks import first_of

FOLLOW_UP_SECONDS = 8.0
"""After so much silence the toy goes idle."""

TAIL_SECONDS = 0.3
"""After its own last sample the toy is deaf for so long: rooms answer back."""


class Conversation:
    """A character that talks with whoever is there."""

    def __init__(
        self,
        *,
        character: Character,
        ears: Ears,
        transcriber: Transcriber,
        chat: ChatModel,
        mouth: Mouth,
        light: Light,
        clock: Clock,
        journal: Journal,
        history: History,
        session: str,
        seeds: Iterator[int],
    ) -> None:
        """`session` is an opaque id for the service's cache; `seeds` gives a fresh seed for every turn."""
        self._character = character
        self._ears = ears
        self._transcriber = transcriber
        self._chat = chat
        self._mouth = mouth
        self._light = light
        self._clock = clock
        self._journal = journal
        self._history = history
        self._session = session
        self._seeds = seeds
        self._state: State | None = None
        self._refused = False
        """Whether the service refuses us until the owner mends it; the light says so."""

    async def open(self) -> None:
        """Say the first words."""
        saying = Saying("opening")
        try:
            await self._while_deaf(self._say(saying, _just(self._character.opening)))
        except TurnError as error:
            self.lost(error, recovered=False)
        finally:
            self._history.remember(self._character.name, saying.words)

    async def attend(self) -> None:
        """Wait for somebody to say something, and answer."""
        utterance = await self._listen()
        await self._while_deaf(self._answer(utterance))

    async def _listen(self) -> Utterance:
        """Wait for the next thing somebody says; fall idle when nobody speaks."""
        await self._ears.ignore(TAIL_SECONDS)
        self.show(State.ATTENTION if self._refused else State.LISTENING)
        patience = FOLLOW_UP_SECONDS
        while not isinstance(noticed := await self._ears.next(patience), Utterance):
            if isinstance(noticed, Quiet):
                self.show(State.ATTENTION if self._refused else State.IDLE)
                patience = math.inf
            else:
                self.show(State.LISTENING)
                patience = FOLLOW_UP_SECONDS
        return noticed

    async def _answer(self, utterance: Utterance) -> None:
        """One turn: what was said, what to say to it, and the voice that says it."""
        turn = Turn(self._clock, since=utterance.ended)
        turn.stage("pause")
        self.show(State.THINKING)
        try:
            transcript = await self._transcriber.transcribe(utterance)
            turn.stage("transcribe")
            if heard := transcript.text:
                self._journal.write("heard", at=utterance.ended, text=heard, engine=transcript.engine, speaker=USER)
                await self._reply(heard, turn)
        except TurnError as error:
            await self._apologise(error)

    async def _reply(self, heard: str, turn: Turn) -> None:
        """Answer what was heard. Remembered is only what was really spoken; if nothing was, nothing at all."""
        prompt = Prompt(self._history.messages(self._character, heard), next(self._seeds), self._session)
        saying = Saying("reply")
        try:
            await self._say(saying, phrases(self._chat.reply(prompt), turn.spent), turn)
        finally:
            if saying.words:
                self._history.remember(USER, heard)
                self._history.remember(self._character.name, saying.words)
        self._refused = False
        self._journal.write("turn", **turn.account())

    async def _apologise(self, error: TurnError) -> None:
        """Say in the character's own voice that a turn was lost."""
        self.lost(error, recovered=True)
        try:
            await self._say(Saying("apology"), _just(self._character.apology(error.kind)))
        except TurnError as silent:
            self.lost(silent, recovered=False)

    async def _say(
        self, saying: Saying, phrases: AsyncGenerator[Phrase | Gesture, None], turn: Turn | None = None
    ) -> None:
        turn = turn or Turn(self._clock, self._clock.now())
        await self._mouth.say(saying, phrases, turn, sounding=lambda: self.show(State.SPEAKING))

    async def _while_deaf(self, doing: Awaitable[None]) -> None:
        """Do something while nobody is heard. The microphone is read on, so that it is fresh when we listen again;
        without echo cancellation what it brings now may well be the toy itself."""
        await first_of(doing, self._ears.ignore())

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
