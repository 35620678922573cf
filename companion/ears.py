"""This file cuts the microphone's frames into utterances: where speech begins, where it has ended (endpointing).

Everything is counted in frames heard, never in wall time, so that a recording gives the same cuts every time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from companion.audio import FRAME_SECONDS, Audio, Frame, Utterance
from companion.ports import Microphone, SpeechDetector

SPEECH = 0.5
"""Probability at which a frame counts as speech. Silero's own default."""

STILL_SPEECH = 0.35
"""Probability at which speech that has begun goes on: 0.15 lower, Silero's own hysteresis."""


@dataclass(frozen=True)
class Patience:
    """How the ears decide, in seconds. The defaults are those of an adult."""

    start_voiced: float = 0.12
    """Speech has begun when so much ..."""
    start_within: float = 0.16
    """... of so much was voiced."""
    pre_roll: float = 0.6
    """Sound kept from before the beginning: soft first consonants."""
    pause: float = 0.7
    """Silence that ends an utterance."""
    longest: float = 30.0
    """An utterance is cut here whatever happens: what Whisper takes at once."""


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody has begun to speak; the utterance will follow."""

    at: float
    """First sample of speech: seconds on the body's clock."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody has spoken for as long as was asked."""


class Ears:
    """The one reader of the microphone."""

    def __init__(self, microphone: Microphone, detector: SpeechDetector, patience: Patience) -> None:
        self._microphone = microphone
        self._detector = detector
        self._patience = patience
        self._recent: deque[tuple[Frame, bool]] = deque(maxlen=_frames(patience.pre_roll + patience.start_within))
        self._speech: _Speech | None = None

    async def next(self, patience: float = math.inf) -> SpeechBegan | Utterance | Quiet:
        """What the ears notice next; Quiet after `patience` seconds without speech. May be cancelled and called
        again: it goes on where it was. Raises DeviceError."""
        frames_left = patience / FRAME_SECONDS
        while True:
            frame = await self._microphone.read()
            if noticed := self._hear(frame):
                return noticed
            frames_left -= 1
            if self._speech is None and frames_left < 0.5:
                return Quiet()

    async def ignore(self, seconds: float = math.inf) -> None:
        """Let `seconds` of sound pass unheard, and forget what came before: no model sees these frames."""
        self._speech = None
        self._recent.clear()
        self._detector.reset()
        frames_left = seconds / FRAME_SECONDS
        while frames_left > 0.5:
            await self._microphone.read()
            frames_left -= 1

    async def close(self) -> None:
        """Let go of the microphone, until somebody wants to hear again."""
        await self._microphone.close()

    def _hear(self, frame: Frame) -> SpeechBegan | Utterance | None:
        probability = self._detector.probability(frame.captured)
        if self._speech is None:
            self._recent.append((frame, probability >= SPEECH))
            return self._begin()
        self._speech.add(frame, voiced=probability >= STILL_SPEECH)
        return self._end(frame)

    def _begin(self) -> SpeechBegan | None:
        window = list(self._recent)[-_frames(self._patience.start_within) :]
        voiced = [frame for frame, is_voiced in window if is_voiced]
        if len(voiced) < _frames(self._patience.start_voiced):
            return None
        self._speech = _Speech([frame for frame, _ in self._recent], voiced[0].ends - FRAME_SECONDS, voiced[-1].ends)
        self._recent.clear()
        return SpeechBegan(self._speech.began)

    def _end(self, frame: Frame) -> Utterance | None:
        speech = self._speech
        assert speech is not None
        long_enough = frame.ends - speech.ended >= self._patience.pause - FRAME_SECONDS / 2
        if not long_enough and len(speech.frames) < _frames(self._patience.longest):
            return None
        self._speech = None
        audio = Audio.join([heard.captured for heard in speech.frames])
        return Utterance(audio, speech.began, speech.ended)


@dataclass(slots=True)
class _Speech:
    frames: list[Frame]
    began: float
    ended: float

    def add(self, frame: Frame, *, voiced: bool) -> None:
        self.frames.append(frame)
        if voiced:
            self.ended = frame.ends


def _frames(seconds: float) -> int:
    return round(seconds / FRAME_SECONDS)
