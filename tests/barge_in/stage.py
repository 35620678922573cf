"""This file puts a real conversation into a simulated room, with somebody who speaks over the toy, and tells what came
of that.

The voices, the room, the canceller and the ears are real; what is said is the script's own, so that the words are
judged apart from whoever reads them.
"""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scene import Scene, bo
from synthetic import has_flite, speak

from companion.audio import RATE, Audio, Samples, Utterance
from companion.barge_in import STOP
from companion.character import Espeak
from companion.hearing import STOP_THRESHOLD
from companion.ports import ChatModel, Microphone, Prompt, SpeechDetector, Transcript, Usage, Voice
from companion.worktime import HeldVoice
from device.room import Room
from device.scripted_user import Interruption, Said
from device.simulated import World
from models.espeak import EspeakVoice
from models.flite import FliteVoice
from models.scripted import ScriptedChat
from models.speech_detector import SileroDetector
from models.sphinx_wake import SphinxWakeWord

SOAK = bool(os.environ.get("COMPANION_SOAK"))

USERS = ("rms", "awb", "kal16")

TOYS: dict[str, Callable[[], Voice]] = {"espeak": lambda: EspeakVoice(Espeak())} | (
    {"slt": lambda: FliteVoice("slt")} if has_flite() else {}
)
"""Who speaks for the toy."""

SPEECH = -30.0
"""dBFS: the level of the user's speech. An echo that is 12 dB louder still fits into 16 bits."""

AUDIBLE = -30.0
"""Decibels below its peak, from which on a sound is heard by somebody in the same room."""

OPENING = "Hello! I am Bo, and I have been looking forward to this all day. What shall we talk about?"

FIRST = "Can you tell me a story about a lighthouse?"
"""What the user says before the reply that is interrupted."""

STORY = (
    "Far out on a rock in the sea there was a lighthouse, and in it lived an old keeper with his cat. ",
    "Every evening he climbed the two hundred steps and lit the great lamp at the very top. ",
    "One night the fog came in so thick that even the gulls had to walk home. ",
    "The keeper heard a small bell ringing somewhere below, where no ship had ever been before. ",
    "He took his lantern, put the cat into his pocket and went down to the water to have a look. ",
    "There, between two rocks, sat a whale who had lost her way and was ringing the bell with her tail. ",
    "Good evening, said the keeper, and the whale said that it was not a good one for her at all. ",
    "So he turned the big light around and showed her the way to the open sea. ",
)
"""About 40 s."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Something the user says, or that just sounds."""

    text: str
    """What speech-to-text makes of it."""
    audio: Audio

    def samples(self) -> Iterator[Samples]:
        yield self.audio.samples

    @property
    def audible(self) -> tuple[float, float]:
        """Seconds from its beginning to its first and to its last sample that is heard."""
        loud = np.abs(self.audio.samples.astype(np.int32))
        heard = np.flatnonzero(loud >= loud.max() * 10 ** (AUDIBLE / 20))
        return float(heard[0]) / RATE, float(heard[-1] + 1) / RATE


def said(text: str, voice: str, level: float = SPEECH, *, heard: str | None = None) -> Sound:
    """Words, so loud; `heard`: what speech-to-text makes of them."""
    return Sound(text if heard is None else heard, at(level, spoken(text, voice)))


def at(level: float, audio: Audio) -> Audio:
    """The sound, with its speech at `level` dBFS."""
    louder = audio.samples * 10 ** ((level - audio.speech_level) / 20)
    return Audio(np.rint(np.clip(louder, -32_768, 32_767)).astype(np.int16))


@cache
def spoken(text: str, voice: str) -> Audio:
    with tempfile.TemporaryDirectory() as folder:
        return Audio(speak(text, voice, Path(folder)))


class Kept:
    """A voice that says the same thing twice at the price of once."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._kept: dict[str, list[Audio]] = {}

    async def load(self) -> None:
        await self._voice.load()

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        if text not in self._kept:
            async with aclosing(self._voice.speak(text)) as pieces:
                self._kept[text] = [piece async for piece in pieces]
        for piece in self._kept[text]:
            yield piece


@cache
def toy(name: str) -> Kept:
    return Kept(TOYS[name]())


class Reader:
    """A transcriber that knows the script: the words of whatever was said while the utterance lasted."""

    def __init__(self, otherwise: str) -> None:
        """`otherwise`: what it makes of an utterance in which nobody said anything."""
        self._otherwise = otherwise
        self.said: Sequence[Said] = ()
        self.heard: list[Utterance] = []

    async def load(self) -> None:
        pass

    async def transcribe(self, utterance: Utterance) -> Transcript:
        self.heard.append(utterance)
        return Transcript(" ".join(self._words(utterance)), "scripted")

    def _words(self, utterance: Utterance) -> Iterator[str]:
        """Of each thing as many words as fit into the part of it that was heard."""
        overlaps = False
        for one in self.said:
            begins, ends = (one.began + seconds for seconds in one.line.audible)  # type: ignore[attr-defined]
            heard = (min(utterance.ended + 0.05, ends) - begins) / (ends - begins)
            if utterance.began < ends and heard > 0:
                overlaps = True
                words = (one.line.text or "").split()
                yield from words if heard > 0.9 else words[: int(heard * len(words))]
        if not overlaps:
            yield self._otherwise


@dataclass(slots=True)
class Stream:
    """One reply as it was streamed."""

    began: float
    """Seconds of the world."""
    closed: float = math.inf
    complete: bool = False


class Streams(ScriptedChat):
    """A chat model whose pieces take their time, and that knows when each reply was closed."""

    def __init__(self, replies: Sequence[Sequence[str]], world: World) -> None:
        super().__init__(replies, clock=world, delay=0.3)
        self._world = world
        self.streams: list[Stream] = []

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        self.streams.append(stream := Stream(self._world.now()))
        try:
            async with aclosing(super().reply(prompt)) as pieces:
                async for piece in pieces:
                    yield piece
            stream.complete = True
        finally:
            stream.closed = self._world.now()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing that was said over the toy."""

    what: str
    """Where to find it: the scene and the words."""
    said: Said
    begins: float
    """When it was first audible: seconds of the world ..."""
    ends: float
    """... and last."""
    overlaps: bool
    """Whether the toy was speaking then."""
    events: dict[str, float]
    """Of each kind the first that followed."""

    def after(self, name: str) -> float | None:
        """Seconds from its first audible sample to an event."""
        return self.events[name] - self.begins if name in self.events else None

    @property
    def reacted(self) -> float | None:
        """Seconds to silence, or rather to the decision for it."""
        times = [at for name in ("pause", "interrupted") if (at := self.after(name)) is not None]
        return min(times, default=None)


class Show:
    """One conversation in a room, played to its end."""

    def __init__(
        self,
        *interruptions: tuple[float, Sound],
        room: Room,
        seed: int = 0,
        voice: str = "espeak",
        user: str = "rms",
        lines: Sequence[str] = (FIRST,),
        replies: int | None = None,
        sentences: int = len(STORY),
        volume: float = 1.0,
        otherwise: str = "",
        microphone: Callable[[Microphone], Microphone] | None = None,
        detector: SpeechDetector | None = None,
    ) -> None:
        """`interruptions`: seconds after the first reply became audible, and what is said then. `replies`, each of so
        many `sentences` of the story; None: one more than there are interruptions."""
        self.name = f"{room}, seed {seed}, {voice} {volume:g}, {user}"
        self._over = [sound for _, sound in interruptions]
        reader = Reader(otherwise)
        count = len(interruptions) + len(lines) if replies is None else replies
        story = [
            list(itertools.islice(itertools.cycle(STORY), turn % 3, turn % 3 + sentences)) for turn in range(count)
        ]
        if count > 1:
            story[-1] = story[-1][:1]  # nobody interrupts that
        self.scene = Scene(
            *(said(line, user) for line in lines),  # type: ignore[arg-type]
            chat=lambda world: self._streams(story, world),
            transcriber=lambda _: reader,
            voice=lambda world: HeldVoice(toy(voice), world),
            character=bo(opening=OPENING),
            detector=detector or SileroDetector(),
            interruptions=[Interruption(after, sound) for after, sound in interruptions],
            interrupting=SphinxWakeWord(STOP, threshold=STOP_THRESHOLD),
            room=room,
            seed=seed,
            microphone=microphone,
        )
        self.played: list[tuple[float, Audio]] = []
        """What the speaker was given to play, and the position at which it began."""
        self.resumed: list[tuple[float, float, float]] = []
        """When the speaker went on, at which position, and after how many seconds of what was heard before."""
        self._watch()
        self.reader = reader
        reader.said = self.scene.user.said
        self.scene.speaker.volume = volume

    def _watch(self) -> None:
        speaker, world = self.scene.speaker, self.scene.world
        play, resume = speaker.play, speaker.resume

        async def watched_play(audio: Audio) -> float:
            begins = await play(audio)
            self.played.append((begins, audio))
            return begins

        def watched_resume(again: float = 0.0) -> None:
            self.resumed.append((world.now(), speaker.position, again))
            resume(again)

        speaker.play, speaker.resume = watched_play, watched_resume  # type: ignore[method-assign]

    def _streams(self, story: Sequence[Sequence[str]], world: World) -> ChatModel:
        self.chat = Streams(story, world)
        return self.chat

    def play(self) -> Show:
        self.scene.play()
        return self

    def count(self, name: str) -> int:
        """How often the journal tells of it."""
        return len(self.scene.told(name))

    @property
    def spoken_seconds(self) -> float:
        """Of the toy's own sound."""
        return sum(piece.seconds for _, piece in self.scene.speaker.heard)

    def heard_between(self, begins: float, ends: float) -> tuple[Samples, int]:
        """What the speaker played between these seconds of the world, and its rate."""
        pieces = [(at, piece) for at, piece in self.scene.speaker.heard if begins <= at < ends]
        rate = pieces[0][1].rate if pieces else RATE
        sound = np.zeros(math.ceil((ends - begins) * rate) + rate // 50, np.int16)
        for at, piece in pieces:
            first = round((at - begins) * rate)
            sound[first : first + len(piece.samples)] = piece.samples[: max(0, len(sound) - first)]
        return sound[: math.ceil((ends - begins) * rate)], rate

    def outcomes(self) -> list[Outcome]:
        """What became of the interruptions, in their order."""
        user = self.scene.user.said
        times = [*(one.began for one in user[1:]), float("inf")]
        over = {id(interruption) for interruption in self._over}
        return [self._outcome(one, until) for one, until in zip(user, times, strict=True) if id(one.line) in over]

    def _outcome(self, one: Said, until: float) -> Outcome:
        begins, ends = (one.began + seconds for seconds in one.line.audible)  # type: ignore[attr-defined]
        states = [event.fields["state"] for event in self.scene.told("state") if event.at <= begins]
        events: dict[str, float] = {}
        for event in self.scene.events:
            if begins <= event.at < until:
                events.setdefault(event.name, event.at)
        return Outcome(f"{self.name}: {one.line.text!r}", one, begins, ends, states[-1] == "speaking", events)


def percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent, method="higher")) if values else float("nan")


def milliseconds(values: Sequence[float]) -> str:
    return f"p50 {percentile(values, 50) * 1000:.0f} ms, p95 {percentile(values, 95) * 1000:.0f} ms"


def share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.1%})" if whole else "none"
