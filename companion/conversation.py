"""READ THIS FIRST: the whole conversation, as one coroutine on one page.

Where its program counter stands is the state the toy is in, so a wrong transition cannot be written. Whatever it
does can be stopped by cancelling the task that does it; cleaning up is in `finally`, from the inside out: the
sound, the voice, the HTTP stream.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from companion.audio import Audio, Utterance
from companion.character import Character
from companion.ears import Ears, Quiet
from companion.errors import TurnError
from companion.history import USER, History, Saying
from companion.journal import Journal, Turn
from companion.phrases import Gesture, Phrase, phrases
from companion.ports import ChatModel, Clock, Light, Prompt, Speaker, Transcriber, Voice
from companion.state import State
from companion.tasks import ahead, cancelled, first_of

FOLLOW_UP_SECONDS = 8.0
"""After so much silence the toy goes idle."""

TAIL_SECONDS = 0.3
"""After its own last sample the toy is deaf for so long: rooms answer back."""

LOOK_AHEAD = 2
"""Phrases made before they are needed. Their sound waits here, so little is lost when the user interrupts."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of a phrase's sound."""

    audio: Audio
    phrase: str
    """The words that begin with this piece; empty when it goes on with the phrase before."""


class Conversation:
    """A character, a body and engines, talking with whoever is there."""

    def __init__(
        self,
        *,
        character: Character,
        ears: Ears,
        transcriber: Transcriber,
        chat: ChatModel,
        voice: Voice,
        speaker: Speaker,
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
        self._voice = voice
        self._speaker = speaker
        self._light = light
        self._clock = clock
        self._journal = journal
        self._history = history
        self._session = session
        self._seeds = seeds
        self._state: State | None = None
        self._busy: asyncio.Task[None] | None = None

    async def live(self) -> None:
        """Open, then listen and answer for ever. Ends by being cancelled, or with a DeviceError."""
        self._show(State.BOOTING)
        await self._while_deaf(self._open())
        while True:
            utterance = await self._listen()
            await self._while_deaf(self._answer(utterance))

    async def interrupt(self) -> None:
        """Drop what the toy is saying or thinking, and listen again. Returns when nothing of it is left."""
        if self._busy:
            await cancelled(self._busy)

    async def _open(self) -> None:
        """Say the first words."""
        saying = Saying("opening")
        try:
            await self._say(saying, _just(self._character.opening), Turn(self._clock, self._clock.now()))
        except TurnError as error:
            self._lost(error, recovered=False)
        finally:
            self._history.remember(self._character.name, saying.words)

    async def _listen(self) -> Utterance:
        """Wait for the next thing somebody says; fall idle when nobody speaks."""
        await self._ears.ignore(TAIL_SECONDS)
        self._show(State.LISTENING)
        patience = FOLLOW_UP_SECONDS
        while not isinstance(noticed := await self._ears.next(patience), Utterance):
            quiet = isinstance(noticed, Quiet)
            self._show(State.IDLE if quiet else State.LISTENING)
            patience = math.inf if quiet else FOLLOW_UP_SECONDS
        return noticed

    async def _answer(self, utterance: Utterance) -> None:
        """One turn: what was said, what to say to it, and the voice that says it."""
        turn = Turn(self._clock, since=utterance.ended)
        turn.stage("pause")
        self._show(State.THINKING)
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
        self._journal.write("turn", **turn.account())

    async def _apologise(self, error: TurnError) -> None:
        """Say in the character's own voice that a turn was lost."""
        self._lost(error, recovered=True)
        try:
            line = _just(self._character.apology(error.kind))
            await self._say(Saying("apology"), line, Turn(self._clock, self._clock.now()))
        except TurnError as silent:
            self._lost(silent, recovered=False)

    async def _say(self, saying: Saying, phrases: AsyncGenerator[Phrase | Gesture, None], turn: Turn) -> None:
        """Speak phrases as they come, the next one made while this one sounds, and note what was really heard."""
        ended: float | None = None
        try:
            async with aclosing(ahead(self._sounds(phrases, turn), LOOK_AHEAD)) as sounds:
                async for sound in sounds:
                    if isinstance(sound, Gesture):
                        self._journal.write("gesture", text=sound.text)
                    else:
                        begins = await self._speaker.play(sound.audio)
                        saying.add(sound.phrase, begins, begins + sound.audio.seconds)
                        turn.stage("play", until=await self._speaker.reach(saying.begins))
                        self._show(State.SPEAKING)
            ended = await self._speaker.reach(saying.ends)
        except TurnError:
            await self._speaker.reach(saying.ends)
            raise
        finally:
            saying.heard(until=self._speaker.position, complete=ended is not None)
            self._speaker.stop()
            if saying.words:
                self._journal.write("said", at=ended, character=self._character.name, **saying.account())

    async def _sounds(
        self, phrases: AsyncGenerator[Phrase | Gesture, None], turn: Turn
    ) -> AsyncGenerator[Sound | Gesture, None]:
        """The sound of each phrase, piece by piece, and the gestures between them."""
        async with aclosing(phrases):
            async for phrase in phrases:
                if isinstance(phrase, Gesture):
                    yield phrase
                    continue
                turn.stage("reply")
                words = phrase.text
                async with aclosing(self._voice.speak(phrase.text)) as pieces:
                    async for audio in pieces:
                        turn.stage("voice")
                        yield Sound(audio, words)
                        words = ""

    async def _while_deaf(self, doing: Coroutine[Any, Any, None]) -> None:
        """Do something while nobody is heard. The microphone is read on, so that it is fresh when we listen again;
        without echo cancellation what it brings now may well be the toy itself."""
        self._busy = asyncio.create_task(doing)
        try:
            await first_of(self._busy, self._ears.ignore())
        finally:
            self._busy = None

    def _show(self, state: State) -> None:
        """The light and the journal tell the same, and only here."""
        if state is not self._state:
            self._state = state
            self._light.show(state)
            self._journal.write("state", state=state.value)

    def _lost(self, error: TurnError, *, recovered: bool) -> None:
        self._journal.write("fault", kind=error.kind, text=str(error), recovered=recovered)


async def _just(words: str) -> AsyncGenerator[Phrase | Gesture, None]:
    yield Phrase(words)
