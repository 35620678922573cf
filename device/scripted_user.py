"""This file is a user who follows a script: says each recording when the toy's light invites it, then is silent; and
interrupts, if the script says so."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Samples, Utterance
from companion.ports import Press
from companion.state import State

POLITE_SECONDS = 0.5
"""How long the light must invite before the user speaks, once the toy has answered."""

PATIENT_SECONDS = 3.5
"""How long the user waits for an answer: longer than the longest pause within an utterance."""

INVITING = (State.LISTENING, State.IDLE)
"""What the light shows when one may speak."""

PUZZLING = (State.ATTENTION, State.OFFLINE)
"""What it shows when something is wrong: one waits, and then speaks all the same, for it may well listen."""


class Line(Protocol):
    """One thing the user says."""

    @property
    def text(self) -> str | None:
        """What it says, where that is known because it was typed."""
        ...

    def samples(self) -> Iterator[Samples]:
        """Its sound at `companion.audio.RATE`, in pieces."""
        ...


class VisibleLight(Protocol):
    """A light, as somebody sees it who looks at it."""

    @property
    def state(self) -> State | None:
        """What it shows now."""
        ...

    @property
    def since(self) -> float:
        """Since when, in seconds of the world."""
        ...


@dataclass(frozen=True, slots=True)
class Interruption:
    """Something the user says without being invited, whether or not the toy still speaks."""

    after: float
    """Seconds since the first reply became audible."""
    line: Line


@dataclass(slots=True)
class Said:
    """When a line was said: seconds of the world."""

    line: Line
    began: float
    ended: float = math.inf
    """Infinite while it is being said."""
    first: float | None = None
    """When the first utterance began that was made of it."""
    _pieces: Iterator[Samples] = field(init=False)
    _rest: Samples = field(init=False)

    def __post_init__(self) -> None:
        self._pieces = self.line.samples()
        self._rest = np.zeros(0, np.int16)

    def go_on(self, now: float) -> Samples:
        """Its 10 ms from `now` on; less than that where it ends."""
        while len(self._rest) < FRAME_SAMPLES and (piece := next(self._pieces, None)) is not None:
            self._rest = np.concatenate([self._rest, piece])
        frame, self._rest = self._rest[:FRAME_SAMPLES], self._rest[FRAME_SAMPLES:]
        if len(frame) < FRAME_SAMPLES:
            self.ended = now + FRAME_SECONDS
            self._rest = np.zeros(0, np.int16)  # what is left of its sound would be kept as long as the script
        return frame


def typed(lines: Iterable[Said], utterance: Utterance) -> str | None:
    """The text from which `utterance` was made; None if none of these lines was. A line that the ears took for two
    utterances is all in the first; asked again about the same one, what it says is the same."""
    for said in lines:
        if said.line.text is not None and said.began < utterance.ended and utterance.began < said.ended:
            said.first = utterance.began if said.first is None else said.first
            return said.line.text if utterance.began == said.first else ""
    return None


class ScriptedUser:
    """Somebody in front of the toy."""

    def __init__(
        self,
        lines: Sequence[Line],
        light: VisibleLight,
        noise: np.random.Generator,
        press: Callable[[Press], None] | None = None,
        interruptions: Sequence[Interruption] = (),
    ) -> None:
        """`noise` makes the silence between the lines: dither of one bit, for zeros would be a dead microphone.
        `press`: what holds the toy's button while something is said; None where nobody needs to. Of the
        `interruptions` nothing is heard if no reply ever comes."""
        self._lines = deque(lines)
        self._light = light
        self._noise = noise
        self._press = press or (lambda _: None)
        self._interruptions = deque(sorted(interruptions, key=lambda interruption: interruption.after))
        self._replied: float | None = None
        """When the first reply became audible, in seconds of the world."""
        self._last_spoke = 0.0
        self.said: list[Said] = []
        """What was said so far, interruptions included."""
        self._sounding: list[Said] = []
        """Of this what is being said; more than one thing where interruptions overlap."""
        self._done = asyncio.Event()

    async def done(self) -> None:
        """Wait until the script is done and the toy has answered, or had time enough to."""
        await self._done.wait()

    def sounds(self, now: float) -> Samples:
        """The 10 ms from `now` on, as the microphone hears them."""
        self._look(now)
        speaking = bool(self._sounding)
        frame = self._over([said.go_on(now) for said in self._sounding])
        self._sounding = [said for said in self._sounding if said.ended == math.inf]
        if speaking and not self._sounding:
            self._last_spoke = now + FRAME_SECONDS
            self._press(Press.UP)
        return frame

    def typed(self, utterance: Utterance) -> str | None:
        """The text from which `utterance` was made; None if it was spoken."""
        return typed(self.said, utterance)

    def _look(self, now: float) -> None:
        """Begin to say what is to be said now, by what the light shows."""
        state = self._light.state
        if state is State.SPEAKING and self.said and self._replied is None and self._light.since > self.said[0].began:
            self._replied = self._light.since
        if self._replied is not None:
            while self._interruptions and now > self._replied + self._interruptions[0].after - FRAME_SECONDS / 2:
                self._say(self._interruptions.popleft().line, now)
        if self._sounding:
            return
        answered = self._light.since > self._last_spoke and state in INVITING
        invited = now - max(self._light.since, self._last_spoke) if state in (*INVITING, *PUZZLING) else 0.0
        if self._lines:
            if invited >= (POLITE_SECONDS if answered else PATIENT_SECONDS):
                self._say(self._lines.popleft(), now)
        elif invited >= PATIENT_SECONDS and (self._replied is None or not self._interruptions):
            self._done.set()

    def _say(self, line: Line, now: float) -> None:
        if not self._sounding:
            self._press(Press.DOWN)
        self.said.append(Said(line, now))
        self._sounding.append(self.said[-1])

    def _over(self, sounds: Sequence[Samples]) -> Samples:
        """A frame of all these at once, and of silence where they end."""
        longest = max(map(len, sounds), default=0)
        mixed = np.zeros(FRAME_SAMPLES, np.int32)
        for sound in sounds:
            mixed[: len(sound)] += sound
        mixed[longest:] = self._noise.integers(0, 2, FRAME_SAMPLES - longest, dtype=np.int16)
        return np.clip(mixed, -32_768, 32_767).astype(np.int16)
