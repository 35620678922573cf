"""This file holds the engines that follow a script: for tests, and for whoever tries the loop without models.

They obey the rules of their ports. A delay is audio time, spent on the body's clock, so that overlaps can be
arranged to the frame; without a delay they need no clock and answer at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from zlib import crc32

import numpy as np

from companion.audio import RATE, Audio, Speech, Utterance, Word
from companion.errors import Cause, NoReply, NotHeard, NoVoice
from companion.pacing import written
from companion.ports import Clock, Prompt, Transcript, Usage

LOUDNESS = 0.25
"""Peak of the scripted voice, of full scale: about -15 dBFS, as loud as a person close to the toy."""


class ScriptedTranscriber:
    """Hears the given texts, in order, whatever the sound; a NotHeard among them is raised in its turn.

    What begins at another moment is another utterance; one that is asked about again, longer, has its text already.
    """

    def __init__(
        self,
        texts: Iterable[str | NotHeard],
        *,
        engine: str = "scripted",
        clock: Clock | None = None,
        delay: float = 0.0,
    ) -> None:
        """`delay`: seconds of audio time for each utterance."""
        self._texts = list(texts)
        self._newest: tuple[float, str | NotHeard] | None = None
        """When the utterance last read began, and what it says."""
        self._engine = engine
        self._delay = _Delay(clock, delay)
        self.heard: list[Utterance] = []
        """Every utterance asked about, cancelled calls included."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The next text. A cancelled call uses up none. Raises NotHeard in its turn, and after the last text."""
        self.heard.append(utterance)
        await self._delay.pass_by()
        if self._newest is None or self._newest[0] != utterance.began:
            if not self._texts:
                raise NotHeard("the script has no more texts to hear")
            self._newest = utterance.began, self._texts.pop(0)
        text = self._newest[1]
        if isinstance(text, NotHeard):
            raise text
        return Transcript(text, self._engine)


class ScriptedChat:
    """Gives the given replies, in order, each in pieces; a NoReply among the pieces is raised in its turn."""

    def __init__(
        self,
        replies: Iterable[Sequence[str | Usage | NoReply]],
        *,
        clock: Clock | None = None,
        delay: float = 0.0,
    ) -> None:
        """`delay`: seconds of audio time from one piece to the next, whether somebody reads them or not."""
        self._replies = list(replies)
        self._delay = _Delay(clock, delay)
        self.prompts: list[Prompt] = []
        """Every prompt asked."""
        self.open = 0
        """Replies begun and not closed yet."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def warm(self) -> bool:
        """There is no way to open, and none is missing."""
        return True

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """The next `count` replies, each in one piece. Raises NoReply in its turn, and after the last reply."""
        replies: list[str] = []
        usage: Usage | None = None
        for _ in range(count):
            pieces = [piece async for piece in self.reply(prompt)]
            replies.append("".join(piece for piece in pieces if isinstance(piece, str)))
            usage = next((piece for piece in pieces if isinstance(piece, Usage)), usage)
        return replies, usage

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """The next reply; begun is used up. Raises NoReply in its turn, and after the last reply."""
        self.prompts.append(prompt)
        if not self._replies:
            raise NoReply(Cause.BROKEN, "the script has no more replies")
        pieces = self._replies.pop(0)
        self.open += 1
        try:
            began = self._delay.now()
            for number, piece in enumerate(pieces, 1):
                await self._delay.pass_by(began, number)
                if isinstance(piece, NoReply):
                    raise piece
                yield piece
        finally:
            self.open -= 1


class ScriptedVoice:
    """Hums each phrase as one tone, as long as the phrase has characters; every text has its own pitch."""

    def __init__(
        self,
        *,
        seconds_per_character: float = 0.06,
        mute_on: Collection[str] = (),
        clock: Clock | None = None,
        delay: float = 0.0,
    ) -> None:
        """`seconds_per_character`: 0.06 is a person's usual pace. `mute_on`: phrases that raise NoVoice.
        `delay`: seconds of audio time before each phrase sounds."""
        self._pace = seconds_per_character
        self._mute_on = mute_on
        self._delay = _Delay(clock, delay)
        self.said: list[str] = []
        """Every phrase asked for."""
        self.open = 0
        """Phrases begun and not closed yet."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """One tone at `RATE`, with the time of each word; nothing for an empty text. Raises NoVoice for a phrase it is
        mute on."""
        self.said.append(text)
        self.open += 1
        try:
            await self._delay.pass_by()
            if text in self._mute_on:
                raise NoVoice(f"the script has no voice for {text!r}")
            if text:
                yield self._hum(text)
        finally:
            self.open -= 1

    def _hum(self, text: str) -> Speech:
        hertz = 200 + crc32(text.encode(errors="replace")) % 400  # where voices are, and the same in every process
        phase = 2 * np.pi * hertz / RATE * np.arange(round(len(text) * self._pace * RATE))
        words = (Word(word.begins * self._pace, word.upto * self._pace, word.upto) for word in written(text))
        return Speech((32767 * LOUDNESS * np.sin(phase)).astype(np.int16), RATE, tuple(words))


class ScriptedDetector:
    """Takes whatever is louder than a threshold for speech."""

    def __init__(self, threshold: float = -45.0) -> None:
        """`threshold`: dBFS; the default lies between a quiet room and somebody speaking softly."""
        self._threshold = threshold

    def probability(self, frame: Audio) -> float:
        """1 above the threshold, else 0."""
        return float(frame.level > self._threshold)

    def reset(self) -> None:
        """Nothing to forget: every frame is judged for itself."""


class _Delay:
    """Audio time that an engine takes."""

    def __init__(self, clock: Clock | None, seconds: float) -> None:
        if seconds > 0 and clock is None:
            raise ValueError(f"a delay of {seconds} s needs a clock")
        self._clock = clock
        self._seconds = seconds

    def now(self) -> float:
        return self._clock.now() if self._clock else 0.0

    async def pass_by(self, since: float | None = None, times: int = 1) -> None:
        """Wait until it has passed so many times since a moment; None: since now."""
        until = (self.now() if since is None else since) + times * self._seconds
        if self._clock is not None and until > self._clock.now():
            await self._clock.sleep(until - self._clock.now())
        else:
            await asyncio.sleep(0)  # no engine answers without letting the loop turn: a reader can be cancelled here
