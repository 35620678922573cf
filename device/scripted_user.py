"""This file is a user who follows a script: says each recording when the toy's light invites it, then is silent."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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

PUZZLING = (State.ATTENTION,)
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


@dataclass(slots=True)
class Said:
    """When a line was said: seconds of the world."""

    line: Line
    began: float
    ended: float = math.inf
    """Infinite while it is being said."""
    first: float | None = None
    """When the first utterance began that was made of it."""


class ScriptedUser:
    """Somebody in front of the toy."""

    def __init__(
        self,
        lines: Sequence[Line],
        light: VisibleLight,
        noise: np.random.Generator,
        press: Callable[[Press], None] | None = None,
    ) -> None:
        """`noise` makes the silence between the lines: dither of one bit, for zeros would be a dead microphone.
        `press`: what holds the toy's button while a line is said; None where nobody needs to."""
        self._lines = deque(lines)
        self._light = light
        self._noise = noise
        self._press = press or (lambda _: None)
        self._pieces: Iterator[Samples] = iter(())
        self._rest = np.zeros(0, np.int16)
        self._last_spoke = 0.0
        self._said: list[Said] = []
        self._done = asyncio.Event()

    async def done(self) -> None:
        """Wait until the script is done and the toy has answered, or had time enough to."""
        await self._done.wait()

    def sounds(self, now: float) -> Samples:
        """The 10 ms from `now` on, as the microphone hears them."""
        state = self._light.state
        answered = self._light.since > self._last_spoke and state in INVITING
        invited = now - max(self._light.since, self._last_spoke) if state in (*INVITING, *PUZZLING) else 0.0
        speaking = bool(self._said) and self._said[-1].ended == math.inf
        if not speaking and self._lines and invited >= (POLITE_SECONDS if answered else PATIENT_SECONDS):
            line = self._lines.popleft()
            self._said.append(Said(line, now))
            self._pieces = line.samples()
            self._press(Press.DOWN)
            speaking = True
        if not speaking:
            if not self._lines and invited >= PATIENT_SECONDS:
                self._done.set()
            return self._noise.integers(0, 2, FRAME_SAMPLES, dtype=np.int16)
        return self._speak(now)

    def typed(self, utterance: Utterance) -> str | None:
        """The text from which `utterance` was made; None if it was spoken. A line that the ears took for two
        utterances is all in the first; asked again about the same one, what it says is the same."""
        for said in self._said:
            if said.line.text is not None and said.began < utterance.ended and utterance.began < said.ended:
                said.first = utterance.began if said.first is None else said.first
                return said.line.text if utterance.began == said.first else ""
        return None

    def _speak(self, now: float) -> Samples:
        while len(self._rest) < FRAME_SAMPLES and (piece := next(self._pieces, None)) is not None:
            self._rest = np.concatenate([self._rest, piece])
        frame, self._rest = self._rest[:FRAME_SAMPLES], self._rest[FRAME_SAMPLES:]
        if len(frame) < FRAME_SAMPLES:
            self._said[-1].ended = self._last_spoke = now + FRAME_SECONDS
            self._press(Press.UP)
            silence = self._noise.integers(0, 2, FRAME_SAMPLES - len(frame), dtype=np.int16)
            frame = np.concatenate([frame, silence])
        return frame
