"""Time stands still while an engine works, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import pytest

from companion.audio import Audio, Utterance
from companion.errors import Cause, NoReply, NotHeard, NoVoice
from companion.ports import Prompt, Transcript, Usage, Wake
from companion.worktime import HeldChat, HeldEndOfTurn, HeldTranscriber, HeldVoice, HeldWakeWord

UTTERANCE = Utterance(Audio.silence(1.0), 0.2, 0.8)
WAKE = Wake("hey bo", sure=True)
PROMPT = Prompt((), 1, "s")
USAGE = Usage(1, 1, 0, 0.0)


class Held:
    """A Clock that notes whether somebody holds it."""

    def __init__(self) -> None:
        self.holders = 0

    def now(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None: ...

    @contextmanager
    def working(self) -> Iterator[None]:
        self.holders += 1
        try:
            yield
        finally:
            self.holders -= 1

    def engine_seconds(self) -> float:
        return 0.0


class Engine:
    """All the engines in one; each notes whether time stood still whenever it was at work."""

    def __init__(self, clock: Held, *, error: Exception | None = None, stuck: bool = False) -> None:
        self._clock = clock
        self._error = error
        self._stuck = stuck
        self.held: list[int] = []
        self.closed = False
        self.resets = 0

    async def _work(self) -> None:
        self.held.append(self._clock.holders)
        await (asyncio.Event().wait() if self._stuck else asyncio.sleep(0))
        self.held.append(self._clock.holders)

    async def load(self) -> None:
        await self._work()

    async def transcribe(self, utterance: Utterance) -> Transcript:
        assert utterance is UTTERANCE
        await self._work()
        if self._error:
            raise self._error
        return Transcript("hello", "test")

    async def probability(self, audio: Audio) -> float:
        assert audio is UTTERANCE.audio
        await self._work()
        if self._error:
            raise self._error
        return 0.75

    def hears(self, frame: Audio) -> Wake | None:
        self.held.append(self._clock.holders)
        return WAKE if frame is UTTERANCE.audio else None

    def reset(self) -> None:
        self.resets += 1

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        assert prompt is PROMPT
        try:
            for piece in ("Hel", "lo.", USAGE):
                await self._work()
                yield piece
            if self._error:
                raise self._error
        finally:
            await asyncio.sleep(0)
            self.held.append(self._clock.holders)
            self.closed = True

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        assert text == "Hello."
        try:
            await self._work()
            yield Audio.silence(0.1)
            if self._error:
                raise self._error
        finally:
            self.held.append(self._clock.holders)
            self.closed = True


async def pieces_of_reply(chat: HeldChat, clock: Held) -> list[str | Usage]:
    found: list[str | Usage] = []
    async with aclosing(chat.reply(PROMPT)) as pieces:
        async for piece in pieces:
            assert clock.holders == 0, "time passes while nobody waits for the engine"
            found.append(piece)
    return found


def test_time_stands_still_while_an_utterance_is_transcribed() -> None:
    clock = Held()
    engine = Engine(clock)
    assert asyncio.run(HeldTranscriber(engine, clock).transcribe(UTTERANCE)) == Transcript("hello", "test")
    assert engine.held == [1, 1]
    assert clock.holders == 0


def test_time_stands_still_while_a_reply_is_read_and_passes_between_its_pieces() -> None:
    clock = Held()
    engine = Engine(clock)
    assert asyncio.run(pieces_of_reply(HeldChat(engine, clock), clock)) == ["Hel", "lo.", USAGE]
    assert set(engine.held) == {1}
    assert engine.closed
    assert clock.holders == 0


def test_time_stands_still_while_a_phrase_is_made() -> None:
    clock = Held()
    engine = Engine(clock)

    async def listen() -> float:
        async with aclosing(HeldVoice(engine, clock).speak("Hello.")) as pieces:
            return sum([piece.seconds async for piece in pieces])

    assert asyncio.run(listen()) == pytest.approx(0.1)
    assert set(engine.held) == {1}


def test_time_stands_still_while_it_is_judged_whether_a_turn_is_over() -> None:
    clock = Held()
    engine = Engine(clock)
    assert asyncio.run(HeldEndOfTurn(engine, clock).probability(UTTERANCE.audio)) == 0.75
    assert engine.held == [1, 1]
    assert clock.holders == 0


def test_a_name_is_listened_for_while_time_passes() -> None:
    clock = Held()
    engine = Engine(clock)
    held = HeldWakeWord(engine, clock)
    assert held.hears(Audio.silence(0.01)) is None
    assert held.hears(UTTERANCE.audio) == WAKE
    assert engine.held == [0, 0], "a frame at a time, which takes no time"
    held.reset()
    assert engine.resets == 1


@pytest.mark.parametrize("held", [HeldChat, HeldEndOfTurn, HeldTranscriber, HeldVoice, HeldWakeWord])
def test_time_stands_still_while_an_engine_is_loaded(held: Callable[[Engine, Held], Any]) -> None:
    clock = Held()
    engine = Engine(clock)
    asyncio.run(held(engine, clock).load())
    assert engine.held == [1, 1]
    assert clock.holders == 0


def test_errors_pass_through_and_let_time_go_on() -> None:
    clock = Held()
    with pytest.raises(NotHeard):
        asyncio.run(HeldTranscriber(Engine(clock, error=NotHeard("no")), clock).transcribe(UTTERANCE))
    with pytest.raises(NotHeard):
        asyncio.run(HeldEndOfTurn(Engine(clock, error=NotHeard("no")), clock).probability(UTTERANCE.audio))
    chat = Engine(clock, error=NoReply(Cause.BROKEN, "no"))
    with pytest.raises(NoReply):
        asyncio.run(pieces_of_reply(HeldChat(chat, clock), clock))
    voice = Engine(clock, error=NoVoice("no"))

    async def listen() -> None:
        async with aclosing(HeldVoice(voice, clock).speak("Hello.")) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(NoVoice):
        asyncio.run(listen())
    assert clock.holders == 0
    assert chat.closed
    assert voice.closed


def test_closing_a_reply_halfway_closes_that_of_the_engine_while_time_stands_still() -> None:
    clock = Held()
    engine = Engine(clock)

    async def leave() -> None:
        async with aclosing(HeldChat(engine, clock).reply(PROMPT)) as pieces:
            assert await anext(pieces) == "Hel"
        assert engine.closed, "before closing returned"

    asyncio.run(leave())
    assert engine.held == [1, 1, 1]
    assert clock.holders == 0


@pytest.mark.parametrize("engine_of", ["chat", "voice", "transcriber", "end of turn"])
def test_cancelling_who_waits_for_an_engine_lets_time_go_on(engine_of: str) -> None:
    clock = Held()
    engine = Engine(clock, stuck=True)

    async def wait() -> None:
        if engine_of == "transcriber":
            await HeldTranscriber(engine, clock).transcribe(UTTERANCE)
        elif engine_of == "end of turn":
            await HeldEndOfTurn(engine, clock).probability(UTTERANCE.audio)
        elif engine_of == "chat":
            await pieces_of_reply(HeldChat(engine, clock), clock)
        else:
            async with aclosing(HeldVoice(engine, clock).speak("Hello.")) as pieces:
                await anext(pieces)

    async def act() -> None:
        waiting = asyncio.create_task(wait())
        for _ in range(10):
            await asyncio.sleep(0)
        assert clock.holders == 1
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()

    asyncio.run(act())
    assert clock.holders == 0
    assert engine.closed == (engine_of in ("chat", "voice"))


def test_two_engines_at_work_hold_time_until_the_last_is_done() -> None:
    clock = Held()
    quick, slow = Engine(clock), Engine(clock, stuck=True)

    async def act() -> None:
        waiting = asyncio.create_task(HeldTranscriber(slow, clock).transcribe(UTTERANCE))
        await HeldTranscriber(quick, clock).transcribe(UTTERANCE)
        assert clock.holders == 1
        waiting.cancel()
        await asyncio.wait({waiting})

    asyncio.run(act())
    assert clock.holders == 0
