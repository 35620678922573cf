"""This file lets time stand still while an engine works: the same ports, each holding the clock.

A simulated world then hears and plays nothing while speech-to-text computes or the network is read, so that a
slow machine gives the same journal as a fast one. On a wall clock these wrappers change nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TypeVar

from companion.audio import Audio, Utterance
from companion.ports import (
    ChatModel,
    Clock,
    EndOfTurn,
    Prompt,
    Transcriber,
    Transcript,
    Usage,
    Voice,
    Wake,
    WakeWord,
)

Piece = TypeVar("Piece")


class HeldWakeWord:
    """A WakeWord for which time stands still while it is loaded."""

    def __init__(self, wake_word: WakeWord, clock: Clock) -> None:
        self._wake_word = wake_word
        self._clock = clock

    async def load(self) -> None:
        """As the engine within."""
        with self._clock.working():
            await self._wake_word.load()

    def hears(self, frame: Audio) -> Wake | None:
        """As the WakeWord within."""
        return self._wake_word.hears(frame)

    def reset(self) -> None:
        """As the WakeWord within."""
        self._wake_word.reset()


class HeldEndOfTurn:
    """An EndOfTurn for which time stands still."""

    def __init__(self, end_of_turn: EndOfTurn, clock: Clock) -> None:
        self._end_of_turn = end_of_turn
        self._clock = clock

    async def load(self) -> None:
        """As the engine within."""
        with self._clock.working():
            await self._end_of_turn.load()

    async def probability(self, audio: Audio) -> float:
        """As the EndOfTurn within."""
        with self._clock.working():
            return await self._end_of_turn.probability(audio)


class HeldTranscriber:
    """A Transcriber for which time stands still."""

    def __init__(self, transcriber: Transcriber, clock: Clock) -> None:
        self._transcriber = transcriber
        self._clock = clock

    async def load(self) -> None:
        """As the engine within."""
        with self._clock.working():
            await self._transcriber.load()

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """As the Transcriber within."""
        with self._clock.working():
            return await self._transcriber.transcribe(utterance)


class HeldChat:
    """A ChatModel for which time stands still."""

    def __init__(self, chat: ChatModel, clock: Clock) -> None:
        self._chat = chat
        self._clock = clock

    async def load(self) -> None:
        """As the engine within."""
        with self._clock.working():
            await self._chat.load()

    async def warm(self) -> bool:
        """As the ChatModel within."""
        with self._clock.working():
            return await self._chat.warm()

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """As the ChatModel within."""
        with self._clock.working():
            return await self._chat.several(prompt, count)

    def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """As the ChatModel within."""
        return _held(self._chat.reply(prompt), self._clock)


class HeldVoice:
    """A Voice for which time stands still."""

    def __init__(self, voice: Voice, clock: Clock) -> None:
        self._voice = voice
        self._clock = clock

    async def load(self) -> None:
        """As the engine within."""
        with self._clock.working():
            await self._voice.load()

    def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """As the Voice within."""
        return _held(self._voice.speak(text), self._clock)


async def _held(pieces: AsyncGenerator[Piece, None], clock: Clock) -> AsyncGenerator[Piece, None]:
    try:
        while True:
            with clock.working():
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece
    finally:
        with clock.working():
            await pieces.aclose()
