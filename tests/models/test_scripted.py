from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, aclosing, nullcontext

import pytest

from companion.audio import Audio, Utterance
from companion.errors import Cause, NoReply, NotHeard, NoVoice
from companion.ports import Message, Prompt, Usage
from models.scripted import ScriptedChat, ScriptedTranscriber, ScriptedVoice

PROMPT = Prompt([Message("user", "Hello?")], seed=1, session="one")
COST = Usage(prompt_tokens=1, completion_tokens=2, cached_tokens=0, cost_usd=0.1)
NOTHING = Utterance(Audio.silence(0.1), began=0.0, ended=0.1)


class Stopwatch:
    """A clock on which every sleep is over at once, and counted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()

    def engine_seconds(self) -> float:
        return 0.0


async def reply(chat: ScriptedChat) -> list[str | Usage]:
    async with aclosing(chat.reply(PROMPT)) as stream:
        return [piece async for piece in stream]


async def speak(voice: ScriptedVoice, text: str) -> Audio:
    async with aclosing(voice.speak(text)) as pieces:
        return Audio.join([piece async for piece in pieces])


def utterance(began: float, seconds: float = 0.1) -> Utterance:
    return Utterance(Audio.silence(seconds), began=began, ended=began + seconds)


def test_texts_are_heard_in_order_and_after_the_last_nothing_is() -> None:
    transcriber = ScriptedTranscriber(["one", NotHeard("two")], engine="typed")
    utterances = [utterance(began) for began in (0.0, 1.0, 2.0)]
    transcript = asyncio.run(transcriber.transcribe(utterances[0]))
    assert (transcript.text, transcript.engine) == ("one", "typed")
    with pytest.raises(NotHeard, match="two"):
        asyncio.run(transcriber.transcribe(utterances[1]))
    with pytest.raises(NotHeard, match="no more texts"):
        asyncio.run(transcriber.transcribe(utterances[2]))
    assert transcriber.heard == utterances


def test_an_utterance_that_is_asked_about_again_longer_has_its_text_already() -> None:
    async def act() -> list[str]:
        transcriber = ScriptedTranscriber(["one", "two"])
        so_far = [utterance(0.0, 0.3), utterance(0.0, 0.9), utterance(0.0, 1.5), utterance(2.0, 0.3), utterance(2.0)]
        return [(await transcriber.transcribe(each)).text for each in so_far]

    assert asyncio.run(act()) == ["one", "one", "one", "two", "two"]


def test_what_was_not_heard_is_not_heard_again_either_and_the_next_is() -> None:
    transcriber = ScriptedTranscriber([NotHeard("one"), "two"])
    for seconds in (0.3, 0.6):
        with pytest.raises(NotHeard, match="one"):
            asyncio.run(transcriber.transcribe(utterance(0.0, seconds)))
    assert asyncio.run(transcriber.transcribe(utterance(1.0))).text == "two"


def test_a_cancelled_transcription_uses_up_no_text() -> None:
    async def cancel_and_ask_again() -> str:
        transcriber = ScriptedTranscriber(["one", "two"])
        dropped = asyncio.create_task(transcriber.transcribe(NOTHING))
        await asyncio.sleep(0)
        dropped.cancel()
        return (await transcriber.transcribe(NOTHING)).text

    assert asyncio.run(cancel_and_ask_again()) == "one"


def test_replies_come_in_order_piece_by_piece() -> None:
    chat = ScriptedChat([["Hel", "lo.", COST], ["Bye."]])
    assert asyncio.run(reply(chat)) == ["Hel", "lo.", COST]
    assert asyncio.run(reply(chat)) == ["Bye."]
    assert chat.prompts == [PROMPT, PROMPT]
    with pytest.raises(NoReply, match="no more replies"):
        asyncio.run(reply(chat))


def test_a_reply_may_fail_in_the_middle_and_is_closed_then() -> None:
    chat = ScriptedChat([["Hel", NoReply(Cause.SLOW, "it stalled"), "never"]])

    taken: list[str | Usage] = []

    async def take() -> None:
        async with aclosing(chat.reply(PROMPT)) as stream:
            async for piece in stream:
                taken.append(piece)

    with pytest.raises(NoReply, match="it stalled"):
        asyncio.run(take())
    assert taken == ["Hel"]
    assert chat.open == 0


def test_a_reply_counts_as_open_until_it_is_closed() -> None:
    async def count() -> list[int]:
        chat = ScriptedChat([["one", "two"]])
        counts = [chat.open]
        async with aclosing(chat.reply(PROMPT)) as stream:
            await anext(stream)
            counts.append(chat.open)
        return [*counts, chat.open]

    assert asyncio.run(count()) == [0, 1, 0]


def test_a_hum_is_as_long_as_its_text_and_every_text_has_its_own() -> None:
    voice = ScriptedVoice(seconds_per_character=0.1)
    one, two, again = (asyncio.run(speak(voice, text)) for text in ("Hello", "Adieu", "Hello"))
    assert one.seconds == pytest.approx(0.5)
    assert one.samples.tolist() == again.samples.tolist() != two.samples.tolist()
    assert one.level == pytest.approx(-15, abs=0.5)
    assert voice.said == ["Hello", "Adieu", "Hello"]


def test_a_voice_may_be_mute_on_a_phrase() -> None:
    voice = ScriptedVoice(mute_on=["Boo."])
    with pytest.raises(NoVoice):
        asyncio.run(speak(voice, "Boo."))
    assert voice.open == 0


def test_a_phrase_counts_as_open_until_it_is_closed() -> None:
    async def count() -> list[int]:
        voice = ScriptedVoice()
        counts = [voice.open]
        async with aclosing(voice.speak("Hello")) as pieces:
            await anext(pieces)
            counts.append(voice.open)
        return [*counts, voice.open]

    assert asyncio.run(count()) == [0, 1, 0]


def test_delays_pass_on_the_given_clock() -> None:
    clock = Stopwatch()
    asyncio.run(ScriptedTranscriber(["one"], clock=clock, delay=0.5).transcribe(NOTHING))
    asyncio.run(reply(ScriptedChat([["one", "two"]], clock=clock, delay=0.25)))
    asyncio.run(speak(ScriptedVoice(clock=clock, delay=0.125), "Hello"))
    assert clock.slept == [0.5, 0.25, 0.25, 0.125]


def test_without_a_delay_the_clock_is_left_alone() -> None:
    clock = Stopwatch()
    asyncio.run(reply(ScriptedChat([["one"]], clock=clock)))
    assert clock.slept == []


def test_a_delay_without_a_clock_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a clock"):
        ScriptedVoice(delay=1.0)
