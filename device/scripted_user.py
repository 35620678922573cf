"""This file is a user who follows a script: says each recording when the toy's light invites it, then is silent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Samples
from companion.state import State

POLITE_SECONDS = 0.5
"""How long the light must invite before the user speaks."""

PATIENT_SECONDS = 3.5
"""How long the user waits for an answer after the last line: longer than the longest pause an utterance may have."""

INVITING = (State.LISTENING, State.IDLE)
"""What the light shows when one may speak."""


class Line(Protocol):
    """One thing the user says."""

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
    """When a line was said: seconds of the world; `ended` is None while it is being said."""

    line: Line
    began: float
    ended: float | None = None


class ScriptedUser:
    """Somebody in front of the toy."""

    def __init__(self, lines: Sequence[Line], light: VisibleLight, noise: np.random.Generator) -> None:
        """`noise` makes the silence between the lines: dither of one bit, for zeros would be a dead microphone."""
        self._lines = deque(lines)
        self._light = light
        self._noise = noise
        self._pieces: Iterator[Samples] = iter(())
        self._rest = np.zeros(0, np.int16)
        self._last_spoke = 0.0
        self.said: list[Said] = []
        self.finished = asyncio.Event()
        """Set when the script is done and the toy has answered, or had time enough to."""

    def sounds(self, now: float) -> Samples:
        """The 10 ms from `now` on, as the microphone hears them."""
        invited = now - max(self._light.since, self._last_spoke) if self._light.state in INVITING else 0.0
        speaking = bool(self.said) and self.said[-1].ended is None
        if not speaking and self._lines and invited >= POLITE_SECONDS:
            self.said.append(Said(self._lines.popleft(), now))
            self._pieces = self.said[-1].line.samples()
            speaking = True
        if not speaking:
            if not self._lines and invited >= PATIENT_SECONDS:
                self.finished.set()
            return self._noise.integers(0, 2, FRAME_SAMPLES, dtype=np.int16)
        return self._speak(now)

    def _speak(self, now: float) -> Samples:
        while len(self._rest) < FRAME_SAMPLES and (piece := next(self._pieces, None)) is not None:
            self._rest = np.concatenate([self._rest, piece])
        frame, self._rest = self._rest[:FRAME_SAMPLES], self._rest[FRAME_SAMPLES:]
        if len(frame) < FRAME_SAMPLES:
            self.said[-1].ended = self._last_spoke = now + FRAME_SECONDS
            silence = self._noise.integers(0, 2, FRAME_SAMPLES - len(frame), dtype=np.int16)
            frame = np.concatenate([frame, silence])
        return frame
