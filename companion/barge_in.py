"""This file hears whoever talks over the toy: it ducks, falls silent, and then decides whether that was meant.

At the first suspicion the toy is softer, so that it hears better; when somebody keeps on it is silent, and keeps what
it had to say. A word that asks for something, or more than a short sound, ends the reply; a cough, "mm hmm", a voice
from the next room do not: then it goes on with the word it was cut off in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from companion.addressed import Addressed
from companion.audio import Utterance
from companion.backchannels import is_backchannel
from companion.commands import Command, command
from companion.drafts import Drafts, Heard
from companion.ears import Ears, KeepsOn, Pause, SpeechBegan, WentOn
from companion.echo import UNKNOWN, Echo, Interruptible
from companion.endings import says_nothing
from companion.errors import NotHeard
from companion.face import Face
from companion.journal import Journal
from companion.mouth import Mouth
from companion.patience import Ending
from companion.ports import Wake, WakeWord
from companion.state import State

DUCK = 15.0
"""Decibels by which the toy is softer while somebody may be speaking: then a voice 6 dB below it is clear as well."""

SOFTER = 8.0
"""Decibels below whoever spoke to the toy before, in the loudest half second: who is softer talks to others."""

FAINTEST = -45.0
"""dBFS. Nobody speaks more softly to a toy that speaks itself."""

STOP = "stop"
"""The word that always ends a reply, even where speech-to-text makes something else of it ..."""

SHORT_SECONDS = 1.0
"""... if it is all that was said, as far as its length tells."""

LOOK_SECONDS = 0.1
"""Between two looks at whether it is known by now how well the toy's own sound is taken out."""

CAREFUL = 1.25
"""How much longer somebody must speak before a toy believes them that takes its own sound out less well: a factor."""


class BargeIn:
    """The toy's attention to others while it speaks itself."""

    def __init__(
        self,
        *,
        ears: Ears,
        echo: Echo,
        words: WakeWord | None,
        mouths: Sequence[Mouth],
        addressed: Addressed,
        language: str,
        face: Face,
        journal: Journal,
    ) -> None:
        """`words`: what hears the toy's name, and `STOP`. `language`: a BCP 47 tag."""
        self._ears = ears
        self._echo = echo
        self._words = words
        self._mouths = mouths
        self._addressed = addressed
        self._language = language
        self._face = face
        self._journal = journal
        self._drafts: Drafts
        self._obeys: Callable[[str], bool]
        self._ends: Callable[[], None]
        self._ducked = self._paused = self._meant = False

    @property
    def hears_speech(self) -> bool:
        """Whether somebody who speaks over the toy is told from the toy itself."""
        return self._echo.verdict.how.by_speech

    async def heard(
        self,
        drafts: Callable[[Callable[[str], None]], Drafts],
        *,
        obeys: Callable[[str], bool],
        ends: Callable[[], None],
    ) -> Heard | None:
        """What somebody says who interrupts the toy; None if that is its name, or nothing that can be read.

        `drafts` makes the readings of an utterance, and tells them. `obeys` does what somebody asks for if it can be
        done while the toy speaks on. `ends` is called as soon as it is clear that the toy is to be silent. Raises
        DeviceError, and NotHeard after `ends`.
        """
        self._obeys, self._ends = obeys, ends
        try:
            while True:
                self._begin()
                if not self.hears_speech:
                    await self._by_name()
                async with drafts(self._reads) as self._drafts:
                    heard = await self._overlap()
                if self._meant:
                    return heard
                self._go_on()
        finally:
            self._hear_normally()

    def _begin(self) -> None:
        """Nobody speaks over the toy, yet."""
        care = 1.0 if self._echo.verdict.how is Interruptible.FULL else CAREFUL
        patience = self._ears.patience
        self._ears.marks = care * patience.keeps_on, care * patience.insists
        self._ears.softest = max(self._addressed.usual - SOFTER, FAINTEST)
        self._ears.listens_for = self._words
        if self._words:
            self._words.reset()  # what it heard last was somebody else, long ago
        self._ducked = self._paused = self._meant = False
        self._called: Wake | None = None

    async def _by_name(self) -> None:
        """Hear nothing but its name, and not even that where its own sound is not taken out; until that changes."""
        while not self.hears_speech:
            if not self._words or self._echo.verdict is UNKNOWN or self._echo.verdict.how is Interruptible.BUTTON:
                await self._ears.ignore(LOOK_SECONDS)
                continue
            called = await self._ears.called(
                self._words, enough=lambda: self._echo.verdict.how is not Interruptible.WORDS
            )
            if called and not self._echo.says_it_itself():
                self._is_called(called)
                return

    async def _overlap(self) -> Heard | None:
        """One utterance of somebody who speaks over the toy; None if it was not meant to interrupt it."""
        while True:
            match await self._ears.next():
                case SpeechBegan():
                    self._duck()
                case WentOn():
                    self._duck()
                    await self._drafts.drop()
                case KeepsOn(voiced) if voiced < self._ears.marks[-1]:
                    self._pause()
                case KeepsOn():
                    self._interrupt()
                case Wake() as wake if (wake.sure or wake.phrase == STOP) and not self._echo.says_it_itself():
                    self._is_called(wake)
                case Pause(so_far):
                    if not (self._paused or self._meant):
                        self._go_on()
                    self._drafts.begin(so_far)
                case Utterance() as utterance:
                    return await self._decided(utterance)

    async def _decided(self, utterance: Utterance) -> Heard | None:
        """What was said; None if the toy goes on."""
        if self._meant:
            self._face.show(State.THINKING)
        try:
            heard = await self._drafts.commit(utterance)
        except NotHeard:
            if self._meant:
                raise
            return None
        if self._called:
            return self._after(self._called, heard)
        if self._addressed.against(heard, None, asked=False):
            return None
        if not self._meant and self._paused and not self._only_listens(heard.text) and not self._obeys(heard.text):
            self._interrupt()
        return heard if self._meant else None

    def _after(self, called: Wake, heard: Heard) -> Heard | None:
        """What there is to do for somebody who said the toy's name, or "stop"; None for the name alone."""
        if called.phrase == STOP and heard.utterance.ended - heard.utterance.began < SHORT_SECONDS:
            return replace(heard, text=STOP)
        words = self._addressed.words(heard, called)
        return replace(heard, text=words) if words else None

    def _is_called(self, called: Wake) -> None:
        self._called = called
        self._interrupt()

    def _hear_normally(self) -> None:
        self._ears.marks, self._ears.softest, self._ears.listens_for = (), -math.inf, None

    def _reads(self, text: str) -> None:
        """What was read at a pause may be enough to decide."""
        if self._meant:
            return
        if command(text, self._language, self._addressed.names) in (Command.STOP, Command.GOODBYE):
            self._interrupt()
        elif self._only_listens(text):
            self._ears.expect(Ending.CLOSED)

    def _only_listens(self, text: str) -> bool:
        return says_nothing(text, self._language) or is_backchannel(text, self._language)

    def _duck(self) -> None:
        if not (self._ducked or self._paused or self._meant):
            self._ducked = True
            self._journal.write("duck")
            for mouth in self._mouths:
                mouth.duck(DUCK)

    def _pause(self) -> None:
        self._paused = True
        self._journal.write("pause")
        self._face.show(State.LISTENING)
        for mouth in self._mouths:
            mouth.pause()

    def _go_on(self) -> None:
        if self._paused:
            self._face.show(State.SPEAKING)
        if self._ducked or self._paused:
            self._journal.write("resume")
            for mouth in self._mouths:
                mouth.resume()
        self._ducked = self._paused = False

    def _interrupt(self) -> None:
        if self._meant:
            return
        self._meant = True
        self._hear_normally()
        self._journal.write("interrupted")
        self._face.show(State.LISTENING)
        self._ends()
