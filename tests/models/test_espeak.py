from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from companion.audio import Audio
from companion.character import Espeak
from companion.errors import NoVoice
from models.espeak import EspeakVoice, variants, voices

FOX = EspeakVoice(Espeak("en-us+f3", pitch=75, range=60, speed=165))
TORTOISE = EspeakVoice(Espeak("en+m3", pitch=20, range=30, speed=120))


async def speak(voice: EspeakVoice, text: str) -> Audio:
    async with aclosing(voice.speak(text)) as pieces:
        return Audio.join([piece async for piece in pieces])


def sound(text: str, voice: EspeakVoice = FOX) -> Audio:
    return asyncio.run(speak(voice, text))


def same(one: Audio, other: Audio) -> bool:
    return one.rate == other.rate and np.array_equal(one.samples, other.samples)


def test_a_phrase_is_audible_and_starts_at_once() -> None:
    hello = sound("Hello there, my friend.")
    assert hello.rate == 22_050
    assert 0.8 < hello.seconds < 2.5
    assert -30 < hello.level < -10
    assert np.argmax(np.abs(hello.samples.astype(int)) > 50) / hello.rate < 0.05


@pytest.mark.parametrize("name", ["en-us", "en-us+f3", "en-us+whisper", "en-us+croak", "en-us+klatt", "ja"])
def test_a_phrase_sounds_the_same_whatever_was_spoken_before(name: str) -> None:
    voice = EspeakVoice(Espeak(name))
    first = sound("Shall we go and see the sea?", voice)
    sound("Something else, with a hiss.", TORTOISE)
    assert same(first, sound("Shall we go and see the sea?", voice))


def test_voices_that_speak_at_the_same_time_keep_their_own_parameters() -> None:
    alone = [sound("Good morning.", voice) for voice in (FOX, TORTOISE)]

    async def at_once() -> list[Audio]:
        return await asyncio.gather(*(speak(voice, "Good morning.") for voice in (FOX, TORTOISE) * 5))

    for spoken, expected in zip(asyncio.run(at_once()), alone * 5, strict=True):
        assert same(spoken, expected)


def test_every_parameter_is_heard() -> None:
    plain = sound("Good morning.", EspeakVoice(Espeak()))
    for other in Espeak(voice="en-us+f3"), Espeak(pitch=80), Espeak(range=0), Espeak(speed=100):
        assert not same(plain, sound("Good morning.", EspeakVoice(other)))
    assert sound("Good morning.", EspeakVoice(Espeak(speed=100))).seconds > 1.3 * plain.seconds


def test_markup_is_text() -> None:
    assert sound("<b>fox</b>").seconds > 2 * sound("fox").seconds  # read aloud, not obeyed


def test_phonemes_in_brackets_are_text() -> None:
    assert sound("[[f'0ks]]").seconds > 1.3 * sound("fox").seconds


def test_control_characters_are_no_commands() -> None:
    assert same(sound("\x01150P hello"), sound(" 150P hello"))


def test_the_text_does_not_end_at_a_zero() -> None:
    assert same(sound("hello\0 there"), sound("hello  there"))


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "\0", "\x01", "\ud800", "?!", "\u200b"])
def test_what_cannot_be_spoken_is_silence(text: str) -> None:
    assert not np.any(sound(text).samples)


def test_an_abandoned_phrase_leaves_the_next_one_whole() -> None:
    whole = sound("Good morning.")

    async def abandon_and_speak() -> Audio:
        abandoned = asyncio.create_task(speak(TORTOISE, "Once upon a time there was a fox. " * 20))
        await asyncio.sleep(0)
        abandoned.cancel()
        return await speak(FOX, "Good morning.")

    assert same(asyncio.run(abandon_and_speak()), whole)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("en-uk", "no voice 'en-uk': did you mean en-us or en-gb"),
        ("en-us+Anni", "no variant 'Anni': did you mean Annie"),
        ("en-us+", "no variant '': there are"),
        ("", "no voice '': there are"),
        ("+f3", "no voice '': there are"),
        ("en-us+../../lang/ja", "no variant"),
        ("\ud800", "no voice"),
    ],
)
def test_an_unknown_voice_is_refused_and_a_near_one_named(name: str, sentence: str) -> None:
    with pytest.raises(NoVoice) as refusal:
        sound("Hello.", EspeakVoice(Espeak(name)))
    assert sentence in str(refusal.value)


def test_after_a_refusal_others_still_speak() -> None:
    whole = sound("Hello.")
    with pytest.raises(NoVoice):
        sound("Hello.", EspeakVoice(Espeak("nobody")))
    assert same(sound("Hello."), whole)


def test_a_missing_library_loses_the_turn_and_not_the_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(NoVoice, match="espeak-ng is missing"):
        sound("Hello.")


def test_missing_data_loses_the_turn_and_not_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = sound("Hello.")
    monkeypatch.setattr("models.espeak._data", lambda: tmp_path)
    monkeypatch.setattr("models.espeak.voices", lambda: {"en-us": "en-US"})
    with pytest.raises(NoVoice, match="cannot read its data"):
        sound("Hello.", EspeakVoice(Espeak("en-us")))
    monkeypatch.undo()
    assert same(sound("Hello."), whole)


@pytest.mark.parametrize("name", ["en-us", "en-gb", "EN-US", "zh", "ja", "fr-fr", "de"])
def test_a_language_is_found_by_its_usual_names(name: str) -> None:
    assert sound("1 2 3", EspeakVoice(Espeak(name))).level > -40


def test_the_voices_can_be_listed() -> None:
    assert {"en-us", "en-gb", "zh", "ja"} <= set(voices())
    assert {"f3", "m3", "whisper"} <= set(variants())


def test_a_voice_that_breathes_with_the_c_librarys_numbers_sounds_the_same_each_time_too() -> None:
    reed = EspeakVoice(Espeak(voice="en-gb+Reed"))
    assert same(sound("I am so happy", reed), sound("I am so happy", reed))
