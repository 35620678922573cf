"""What everything that speaks must do, whichever library it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from toy_models import toy_piper

from companion.audio import Audio, Speech
from companion.character import Espeak
from companion.ports import Voice
from companion.prepared import Prepared
from companion.worktime import HeldVoice
from device.wall_clock import WallClock
from models.espeak import EspeakVoice
from models.piper import Piper
from models.random_piper import SMALL, random_piper
from models.scripted import ScriptedVoice

LINES = ["Good morning, my friend.", "Good morning.", "Good night.", "", "..."]
"""Of what is said here, what a voice keeps that keeps anything."""

VOICES: list[Callable[[Path], Voice]] = [
    lambda _: ScriptedVoice(),
    lambda _: EspeakVoice(Espeak()),
    lambda folder: Piper(toy_piper(folder)),
    lambda folder: Piper(random_piper(folder, shape=SMALL), cuts=folder / "cuts"),
    lambda _: HeldVoice(EspeakVoice(Espeak()), WallClock()),
    lambda folder: Prepared(Piper(random_piper(folder, shape=SMALL), cuts=folder / "cuts"), LINES),
]


@pytest.fixture(params=VOICES, ids=["scripted", "espeak", "piper", "piper in pieces", "held", "prepared"])
def voice(request: pytest.FixtureRequest, tmp_path: Path) -> Voice:
    made: Voice = request.param(tmp_path)
    return made


async def pieces(voice: Voice, text: str) -> list[Audio]:
    async with aclosing(voice.speak(text)) as spoken:
        return [piece async for piece in spoken]


def seconds(voice: Voice, text: str) -> float:
    return sum(piece.seconds for piece in asyncio.run(pieces(voice, text)))


def test_a_phrase_is_audible_and_of_one_rate(voice: Voice) -> None:
    phrase = Audio.join(asyncio.run(pieces(voice, "Good morning, my friend.")))  # join refuses mixed rates
    assert 0.5 < phrase.seconds < 4
    assert phrase.level > -35


def test_a_longer_phrase_takes_longer(voice: Voice) -> None:
    assert seconds(voice, "Good morning, my friend, did you sleep well?") > 1.5 * seconds(voice, "Good morning.")


def test_whoever_tells_when_words_sound_tells_it_of_all_of_them_in_order(voice: Voice) -> None:
    text = "Good morning, my friend! Did you sleep - in 1984 - out of the blue?"
    upto, ends, sounding = 0, 0.0, 0.0
    for piece in asyncio.run(pieces(voice, text)):
        assert isinstance(piece, Speech)
        if piece.words:
            assert ends <= sounding + 0.001  # the pieces without words go on with those before
            ends, sounding = 0.0, 0.0
        sounding += piece.seconds
        for word in piece.words:
            assert upto < word.upto
            assert 0.0 <= word.begins <= word.ends
            assert word.begins >= ends - 0.001
            upto, ends = word.upto, word.ends
    assert ends <= sounding + 0.001
    assert upto == len(text)


@pytest.mark.parametrize("text", ["", " ", "\n", "\0", "\x01", "\ud800", "😀", "...", "<b>", "%s %n", "你好"])
def test_no_text_is_too_strange(voice: Voice, text: str) -> None:
    assert seconds(voice, text) < 3


def test_one_phrase_after_another_is_spoken(voice: Voice) -> None:
    assert seconds(voice, "Good morning.") == pytest.approx(seconds(voice, "Good morning."), abs=0.1)


def test_phrases_at_the_same_time_are_all_spoken(voice: Voice) -> None:
    async def at_once() -> list[list[Audio]]:
        return await asyncio.gather(*(pieces(voice, text) for text in ("Good morning.", "Good night.", "Good bye.")))

    assert all(Audio.join(phrase).seconds > 0.3 for phrase in asyncio.run(at_once()))


def test_a_phrase_closed_after_its_first_piece_leaves_the_next_one_whole(voice: Voice) -> None:
    whole = seconds(voice, "Good night.")

    async def close_early() -> None:
        async with aclosing(voice.speak("Good morning, my friend.")) as spoken:
            await anext(spoken)

    asyncio.run(close_early())
    assert seconds(voice, "Good night.") == pytest.approx(whole, abs=0.1)


def test_a_cancelled_phrase_ends_at_once_and_leaves_the_next_one_whole(voice: Voice) -> None:
    whole = seconds(voice, "Good night.")

    async def cancel() -> None:
        dropped = asyncio.create_task(pieces(voice, "Good morning, my friend."))
        await asyncio.sleep(0)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped

    asyncio.run(cancel())
    assert seconds(voice, "Good night.") == pytest.approx(whole, abs=0.1)


def test_a_phrase_never_begun_costs_nothing(voice: Voice) -> None:
    async def make_and_close() -> None:
        await voice.speak("Good morning.").aclose()

    asyncio.run(make_and_close())
