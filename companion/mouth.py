"""This file speaks: phrases as they come, through voice and speaker, the next one made while this one sounds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass

from companion.audio import Audio, Speech
from companion.errors import TurnError
from companion.journal import Journal, Turn
from companion.phrases import Gesture, Phrase
from companion.ports import Speaker, Voice
from companion.saying import Saying
from companion.tasks import Ahead

LOOK_AHEAD = 2
"""Phrases made before they are needed. Their sound waits here, so little is lost when the user interrupts."""


QUIETEST = 0.05
"""Amplitude of the quietest voice, 0 to 1: it can still be heard, and be told to be louder."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of a phrase's sound."""

    audio: Audio
    phrase: str
    """The words that begin with this piece; empty when it goes on with the phrase before."""

    @property
    def captioned(self) -> Audio:
        """The same for the speaker, which may want to show what it says."""
        if not self.phrase:
            return self.audio
        words = self.audio.words if isinstance(self.audio, Speech) else ()
        return Speech(self.audio.samples, self.audio.rate, words, self.phrase)


Sounds = Ahead[Sound | Gesture]
"""What is to be heard, piece by piece."""


class Mouth:
    """The voice of one character, in its speaker."""

    def __init__(
        self,
        name: str,
        voice: Voice,
        speaker: Speaker,
        journal: Journal,
        *,
        stock: Callable[[], float] = float,
        hush: Callable[[], None] = lambda: None,
    ) -> None:
        """`name`: the character's, for the journal. `stock`: how many seconds of sound must be there before the first
        is heard, and be kept after that. `hush` is called before the first sound of all that is said: what else the
        speaker plays ends then, and delays nothing."""
        self._name = name
        self._voice = voice
        self._speaker = speaker
        self._journal = journal
        self._stock = stock
        self._hush = hush
        self._saying: Saying | None = None

    def change_volume(self, factor: float) -> None:
        """Speak louder or quieter from now on, by a factor of the amplitude, as far as the owner allows."""
        self._speaker.volume = min(1.0, max(QUIETEST, self._speaker.volume * factor))

    def duck(self, decibels: float) -> None:
        """Be softer, if it speaks."""
        if self._saying:
            self._speaker.duck(decibels)

    def pause(self) -> None:
        """Fall silent and keep what is left, if it speaks."""
        if self._saying:
            self._speaker.pause()

    def resume(self) -> None:
        """Go on in full voice, if it spoke: with the word that was cut off."""
        if self._saying:
            position = self._speaker.position
            self._speaker.duck(0.0)
            self._speaker.resume(again=position - self._saying.word_begins(position))

    def make(self, phrases: AsyncGenerator[Phrase | Gesture, None], turn: Turn) -> Sounds:
        """The sounds of these phrases, the first of which are made from now on. Close them if they are not spoken."""
        return Ahead(self._sounds(phrases, turn), LOOK_AHEAD, self._enough)

    async def say(
        self,
        saying: Saying,
        sounds: Sounds,
        turn: Turn,
        sounding: Callable[[], None],
        gesture: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Let all these sounds be heard; `saying` tells afterwards what really was of them, however it ended.

        `sounding` is called when the first sample is heard, `gesture` for each gesture between them. Cancelled, it
        falls silent, and returns when the voice and the source of the phrases are closed. Raises what they raise, once
        what was made before has been heard.
        """
        ended: float | None = None
        self._saying = saying
        whole = False
        try:
            async with aclosing(sounds):
                async for sound in sounds:
                    if isinstance(sound, Gesture):
                        gesture(sound.text)
                        continue
                    if not saying.begun:
                        self._hush()
                    begins = await self._speaker.play(sound.captioned)
                    saying.add(sound.phrase, begins, sound.audio)
                    turn.stage("play", until=await self._speaker.reach(saying.begins))
                    sounding()
            whole = True
            ended = await self._speaker.reach(saying.ends)
        except TurnError:
            await self._speaker.reach(saying.ends)
            raise
        finally:
            self._speaker.stop()
            self._saying = None
            saying.heard(until=self._speaker.position, whole=whole)
            if saying.words:
                self._journal.write("said", at=ended, character=self._name, **saying.account())

    def _enough(self, made: Collection[Sound | Gesture]) -> bool:
        """Whether these can be heard while the next are made."""
        return sum(sound.audio.seconds for sound in made if isinstance(sound, Sound)) >= self._stock()

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
