"""What is remembered of a sentence that was cut off, wherever it was, against what espeak-ng says when it said it."""

from __future__ import annotations

import asyncio
import ctypes
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import toy_models
from scene import in_world
from toy_models import HOP, toy_piper

from companion.audio import Audio, Speech
from companion.character import Espeak
from companion.journal import Journal, Turn
from companion.mouth import Mouth
from companion.phrases import Gesture, Phrase
from companion.ports import Voice
from companion.saying import CUT_OFF, Saying
from device.simulated import SimulatedSpeaker, World
from models import espeak, random_piper
from models.espeak import EspeakVoice
from models.piper import Piper
from models.scripted import ScriptedVoice

STEP = 0.010
ENGLISH = (
    "Yes.",
    "Good morning!",
    "Did you say breakfast?",
    "What do you think was in it?",
    "Did you dream of something round?",
    "Elephants remember things that butterflies forget.",
    "That is when the day puts its shoes on!",
    "The extraordinary hippopotamus is a big, friendly animal.",
    "Unfortunately, unquestionably, rabbits never fly.",
    "One of my ears is up, and the other one is nearly up!",
    "Once upon a time I got lost in a pocket, and there was another pocket inside!",
    "It was 1984, and Dr. Smith had 27 rabbits; none of them could swim.",
    "If you count to twenty, slowly, the moon will come out from behind that big cloud over there.",
    "Well - no, not really, but thank you for asking me so nicely about it today, my friend.",
)
GERMAN = (
    "Guten Morgen! Hast du heute Nacht von etwas Rundem geträumt?",
    "Die Geschwindigkeitsbegrenzung ist für Hasen nicht so wichtig, sagt der Igel.",
)
SENTENCES = [*((sentence, "en-us") for sentence in ENGLISH), *((sentence, "de") for sentence in GERMAN)]


def spoken(voice: Voice, text: str) -> list[Audio]:
    async def speak() -> list[Audio]:
        async with aclosing(voice.speak(text)) as pieces:
            return [piece async for piece in pieces]

    return asyncio.run(speak())


def remembered(text: str, pieces: Sequence[Audio], until: float) -> str:
    """What is kept of this phrase when it was cut off after so many seconds."""
    saying, begins = Saying("reply"), 0.0
    for piece in pieces:
        saying.add(text if begins == 0.0 else "", begins, piece)
        begins += piece.seconds
    saying.heard(until, whole=True)
    assert (saying.words == text) == (not saying.words.endswith(CUT_OFF) and saying.words != "")
    return saying.words.removesuffix(CUT_OFF)


def wrong(text: str, pieces: Sequence[Audio], halves: Sequence[float]) -> Counter[int]:
    """By how many words what is kept is wrong, for cuts at every 10 ms: `halves` of the words are heard at these
    seconds."""
    seconds = sum(piece.seconds for piece in pieces)
    found: Counter[int] = Counter()
    for cut in range(round(seconds / STEP) + 1):
        kept = remembered(text, pieces, cut * STEP)
        assert text.startswith(kept)
        found[abs(words(kept) - sum(half <= cut * STEP for half in halves))] += 1
    return found


def words(text: str) -> int:
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def share(found: Counter[int], most: int) -> float:
    return sum(count for off, count in found.items() if off <= most) / found.total()


class Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("id", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("rest", ctypes.c_char * 16),
    )


def events(text: str, voice: str) -> list[tuple[int, float]]:
    """Of each word espeak-ng says, and of each end of a clause (-1): its character, from 0, and its second."""
    found: list[tuple[int, float]] = []
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))

    def collect(_samples: int | None, _count: int, told: ctypes._Pointer[Event]) -> int:
        place = 0
        while told[place].type:
            if told[place].type in (1, 5):
                character = told[place].position - 1 if told[place].type == 1 else -1
                found.append((character, told[place].sample / 22_050))
            place += 1
        return 0

    callback = kind(collect)
    parameters = Espeak(voice=voice)
    with espeak._library() as (library, _):
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetVoiceByName(voice.encode())
        for parameter, value in (1, parameters.speed), (3, parameters.pitch), (4, parameters.range):
            library.espeak_SetParameter(parameter, value, 0)
        written = text.encode()
        library.espeak_Synth(written, ctypes.c_size_t(len(written) + 1), 0, 1, 0, 1, None, None)
    return found


def halves(text: str, told: Sequence[tuple[int, float]], sound: Audio) -> list[float]:
    """When half of each word was heard: from its event to the next one, or to the pause before that. Words that
    espeak-ng says as one, "of the", have equal parts of it."""
    loud = np.flatnonzero(sound.samples) / sound.rate
    groups: list[tuple[float, int]] = []
    for match in re.finditer(r"\S*\w\S*", text):
        begin = next((at for character, at in told if match.start() <= character < match.end()), None)
        groups.append(groups.pop() if begin is None else (begin, 0))
        groups[-1] = groups[-1][0], groups[-1][1] + 1
    halves: list[float] = []
    for begin, count in groups:
        later = [at for character, at in told if at > begin and (character < 0 or at in dict(groups))]
        ends = float(loud[loud < (later[0] if later else sound.seconds)][-1])
        halves += [begin + (ends - begin) * (number + 0.5) / count for number in range(count)]
    return halves


def test_with_the_times_of_words_at_most_one_is_wrong_and_without_at_most_two() -> None:
    exact: Counter[int] = Counter()
    shares: Counter[int] = Counter()
    for text, language in SENTENCES:
        (sound,) = spoken(EspeakVoice(Espeak(voice=language)), text)
        assert isinstance(sound, Speech)
        truth = halves(text, events(text, language), sound)
        exact += wrong(text, [sound], truth)
        shares += wrong(text, [Audio(sound.samples, sound.rate)], truth)
    for name, found in ("with the times of words", exact), ("by the share alone", shares):
        print(
            f"{name}, {found.total()} cuts in {len(SENTENCES)} sentences: "
            f"right {share(found, 0):.1%}, one word wrong at most {share(found, 1):.1%}, two {share(found, 2):.1%}"
        )
    assert share(exact, 1) >= 0.99
    assert share(exact, 0) > 0.95
    assert share(shares, 2) >= 0.99
    assert share(shares, 1) > 0.95


@pytest.mark.parametrize(
    ("make", "frames_of"),
    [
        (lambda folder: Piper(toy_piper(folder, durations=True)), toy_models.frames_of),
        (
            lambda folder: Piper(random_piper.random_piper(folder, shape=random_piper.SMALL), cuts=folder / "cuts"),
            random_piper.frames_of,
        ),
    ],
    ids=["whole", "in pieces"],
)
def test_a_voice_of_pipers_is_cut_where_its_durations_say(
    tmp_path: Path, make: Callable[[Path], Piper], frames_of: Callable[[int], int]
) -> None:
    voice = make(tmp_path)
    text = "Good morning, my friend. Did you dream of something round?"
    pieces = spoken(voice, text)
    piper = voice._loaded().voice
    halves, began = [], 0.0
    for phonemes in piper.phonemize(text):
        samples = [sum(map(frames_of, piper.phonemes_to_ids([each])[2:-1])) * HOP for each in phonemes]
        ends = np.cumsum([sum(map(frames_of, piper.phonemes_to_ids([])[:2])) * HOP, *samples]) / 22_050
        word: list[float] = []
        for phoneme, begin, end in zip([*phonemes, " "], ends, [*ends[1:], 0.0], strict=True):
            if phoneme == " " and word:
                halves.append(began + (word[0] + word[-1]) / 2)
                word = []
            elif phoneme.isalpha() or phoneme in "ˈˌː":
                word += [float(begin), float(end)]
        began += float(ends[-1]) + sum(map(frames_of, piper.phonemes_to_ids([])[2:])) * HOP / 22_050
    assert began == pytest.approx(sum(piece.seconds for piece in pieces), abs=0.001)
    found = wrong(text, pieces, halves)
    print(f"Piper with durations, {found.total()} cuts: right {share(found, 0):.1%}, one wrong {share(found, 1):.1%}")
    assert share(found, 1) == 1.0
    assert share(found, 0) > 0.95


@pytest.mark.parametrize("text", ["One two three four.", "Yes.", "我们去公园玩吧。", "..."])
def test_at_either_end_it_is_right(text: str) -> None:
    (sound,) = spoken(ScriptedVoice(seconds_per_character=0.12), text)
    for plain in sound, Audio(sound.samples, sound.rate):
        assert remembered(text, [plain], 0.0) == ""
        assert remembered(text, [plain], 0.02) == ""
        assert remembered(text, [plain], 0.05) in ("", "One", text[:1])
        for left in (0.05, 0.02, 0.0):
            assert remembered(text, [plain], sound.seconds - left) == text


async def phrases(*texts: str) -> AsyncGenerator[Phrase | Gesture, None]:
    for text in texts:
        yield Phrase(text)


@pytest.mark.parametrize("again", [0.0, 0.5])
@pytest.mark.parametrize("paused_at_the_end", [False, True])
def test_after_a_pause_what_was_heard_counts_exactly(again: float, paused_at_the_end: bool) -> None:
    """Paused after 1.5 s, resumed with a part once more, and stopped after another second of sound."""
    world = World(longest=60.0)
    speaker = SimulatedSpeaker(world)
    saying = Saying("reply")
    text = "One two three four five six seven eight nine ten eleven twelve."

    async def act() -> None:
        async with world.turning():
            journal = Journal(world)
            mouth = Mouth("Pip", ScriptedVoice(), speaker, journal)
            turn = Turn(world, 0.0)
            talking = asyncio.ensure_future(mouth.say(saying, mouth.make(phrases(text), turn), turn, lambda: None))
            await world.sleep(1.5)
            speaker.pause()
            await world.sleep(1.0)
            before = speaker.position
            speaker.resume(again)
            assert speaker.position == pytest.approx(before - again, abs=0.001)
            await world.sleep(1.0)
            if paused_at_the_end:
                speaker.pause()
                await world.sleep(1.0)
            talking.cancel()
            await asyncio.wait([talking])

    in_world(world, act)
    heard = sum(piece.seconds for _, piece in speaker.heard)
    reached = int((heard - again) / 0.06)
    kept = saying.words.removesuffix(CUT_OFF)
    assert saying.words.endswith(CUT_OFF)
    assert text.startswith(kept)
    assert len(kept) - 5 <= reached <= len(kept) + 8


def test_where_a_word_begins() -> None:
    saying = Saying("reply")
    (sound,) = spoken(ScriptedVoice(), "One two, three.")
    saying.add("One two, three.", 10.0, sound)
    begins = [saying.word_begins(10.0 + at) for at in (-1.0, 0.0, 0.1, 0.20, 0.25, 0.4, 0.50, 0.6, 2.0)]
    assert begins == pytest.approx([9.0, 10.0, 10.0, 10.20, 10.24, 10.24, 10.50, 10.54, 12.0])
