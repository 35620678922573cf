"""This file knows the toy's own sound as its microphone hears it: takes it out, and tells how well that works here.

An echo canceller predicts the echo and subtracts it; a little is always left. What is left is known from what was
taken out, so all that is not clearly louder is held back: while the toy speaks and nobody else does, the ears hear
next to nothing. From how much is taken out follows how the toy may be interrupted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.audio import FRAME_SAMPLES, RATE, Audio, Frame, frames
from companion.ports import EchoCanceller

WELL: Final = 20.0
"""Decibels of the echo that must be taken out, so that anybody may interrupt by speaking; a toy that takes out less
..."""

ENOUGH: Final = 10.0
"""... but so much, is more careful; one that takes out even less cannot tell others from itself."""

SLACK: Final = 4.0
"""Decibels by which it may be less well for a while."""

LATEST: Final = 0.4
"""Seconds after which an echo comes too late to be taken out: WebRTC's canceller ends there, ours little later."""

LEARNING_SECONDS: Final = 2.0
"""Of its own sound, heard by itself, after which a toy knows how well it takes that out."""

SPAN: Final = 50
"""Frames (0.5 s) after its last sample in which the toy's sound may still come back."""

SHUT: Final = -30.0
"""Decibels by which what may be the toy itself is held back."""

MARGIN: Final = 7.0
"""Decibels by which somebody is louder than what is left of the echo, on average ..."""

LASTING: Final = 8
"""... for so many frames (80 ms) on balance; the echo is at times less well predicted for a moment."""

HOLD: Final = 20
"""Frames (0.2 s) for which somebody is heard after that: within words there are gaps."""

OVER_NOISE: Final = 4.0
"""Times the power of the room's noise (6 dB) that somebody is worth a word: an echo that dies away leaves noise."""

SOFTEST: Final = 1e-6
"""Power (-60 dBFS) of an echo that is worth a word."""

OWN: Final = 0.65
"""Likeness, 0 to 1, of 0.4 s of sound, from which on it is what was played up to half a second before: of 165 echoes in
simulated rooms the least had 0.70, of 228 pieces of other voices at the same time the most 0.61 [tried] ..."""

OWN_WORD: Final = 0.45
"""... from which on a word in it may be its own, where a part of the echo was taken out: what is left resembles less.
Of 47 times that "stop" was heard in somebody 12 dB softer than the toy the most had 0.37; of 2 in its own "once upon"
the least had 0.53 [tried].
"""

_COMPARED: Final = 40  # frames
_COMPARED_EVERY: Final = 10
_BEFORE: Final = 15  # frames: so long does it take at most to believe in somebody who is clear
_SMOOTH: Final = 0.8  # of a power, with each frame: 50 ms
_FADES: Final = 0.63  # a room's answer falls by at most 2 dB in 10 ms: 60 dB in 0.3 s
_DOWN, _UP, _UP_WHILE_OPEN = 0.1, 0.2, 0.05  # decibels a frame: two frames in three have less echo left
_SLIDES, _SLID = 0.03, -8.0
"""Decibels a frame by which, while nothing is played, less of the next echo will be taken out, and up to where: two
clocks that are 50 ppm apart slide by 0.2 ms in 4 s, and 10 dB are left of 17 for half a second [tried]."""

_BLOCK: Final = 50  # frames of the toy's sound over which is measured how much of it is taken out
_BLOCKS: Final = 5
_LEAK_AT_FIRST: Final = 0.0  # decibels


class Interruptible(StrEnum):
    """How a toy that speaks may be interrupted; its button always works."""

    FULL = "full"
    """By speaking."""
    GUARDED = "guarded"
    """By speaking clearly, for a little longer."""
    WORDS = "words only"
    """By its name."""
    BUTTON = "button only"

    @property
    def by_speech(self) -> bool:
        """Whether somebody who speaks over the toy is told from the toy itself."""
        return self in (Interruptible.FULL, Interruptible.GUARDED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured, and what follows."""

    how: Interruptible
    why: str
    """A sentence."""
    delay: float | None = None
    """Seconds from being played to being captured."""
    suppression: float | None = None
    """Decibels by which the echo is softer than it was; None where there is none."""


UNKNOWN: Final = Verdict(Interruptible.WORDS, "it was not heard yet how its own sound comes back")

NO_REFERENCE: Final = Verdict(Interruptible.BUTTON, "nothing tells its ears what it plays itself")


class Echo:
    """The toy's own sound in its microphone."""

    def __init__(
        self,
        canceller: EchoCanceller | None,
        verdict: Verdict = UNKNOWN,
        told: Callable[[Verdict], None] = lambda _: None,
    ) -> None:
        """`verdict` is what holds until something is measured: for ever without a canceller. `told` is called with
        each new one."""
        self.verdict = verdict
        self._canceller = canceller
        self._told = told
        self.held_back: Sequence[Frame] = ()
        """When somebody has just begun to be heard: the last frames before, of which too little was heard."""
        self._lately: deque[Frame] = deque(maxlen=_COMPARED)
        self._silent = SPAN
        self._taken = self._left = self._peak = 0.0
        self._leak = _LEAK_AT_FIRST
        self._over = self._open = self._opened = 0
        self._gain = 1.0
        self._noise = SOFTEST
        self._learnt = 0
        self._sums = np.zeros(3)  # frames, power captured, power left
        self._blocks: deque[float] = deque(maxlen=_BLOCKS)
        self._near: deque[Audio] = deque(maxlen=frames(LEARNING_SECONDS))
        self._far: deque[Audio] = deque(maxlen=frames(LEARNING_SECONDS))

    def cleaned(self, frame: Frame) -> Frame:
        """What was captured without the toy's own sound."""
        if self._canceller is None:
            return frame
        if frame.played is None:
            self._conclude(NO_REFERENCE)
            return frame
        self.held_back = ()
        self._silent = 0 if frame.played.samples.any() else self._silent + 1
        captured = frame.captured.floats
        if self._silent >= self._span:
            self._noise = min(_power(captured), self._noise * 1.02)
            self._gain, self._taken, self._left, self._peak = 1.0, 0.0, 0.0, 0.0
            self._lately.clear()
            self._over = self._open = 0
            self._leak = max(self._leak, min(self._leak + _SLIDES, _SLID))
            return frame
        clean = self._canceller.cancel(frame.captured, frame.played)
        left = clean.floats
        power, rest, learning = _power(captured), _power(left), self._canceller.learning
        self._follow(_power(captured - left), rest, learning)
        self._measure(frame.captured, frame.played, power, rest, learning)
        if self._late:  # nothing of it is taken out: for the words in it, it is heard while it plays, no longer
            self._lately.append(frame)
            return self._let_through(frame.captured, frame, whole=not self._silent)
        self.held_back = tuple(self._lately)[-_BEFORE:] if self._open and self._gain < 1.0 else ()
        self._lately.append(replace(frame, captured=clean))
        self._opened = self._opened + 1 if self._open else 0
        if self._opened % _COMPARED_EVERY == 1 and self.is_own():
            self._canceller.reset()
            self._open = self._opened = 0
        return self._let_through(clean, frame, whole=self._open > 0)

    def _let_through(self, clean: Audio, frame: Frame, *, whole: bool) -> Frame:
        """What is heard of the frame: all that is left of it, or next to nothing."""
        gain = 1.0 if whole else 10 ** (SHUT / 20)
        gains = np.linspace(self._gain, gain, FRAME_SAMPLES)
        self._gain = gain
        return Frame(Audio(np.rint(clean.samples * gains).astype(np.int16)), frame.ends, frame.played)

    def _follow(self, taken: float, left: float, learning: bool) -> None:
        """Whether there is more than what is left of the echo."""
        self._taken = _SMOOTH * self._taken + (1 - _SMOOTH) * taken
        self._left = _SMOOTH * self._left + (1 - _SMOOTH) * left
        self._peak = max(self._taken, _FADES * self._peak)
        self._open = max(0, self._open - 1)
        if learning:
            self._leak = _LEAK_AT_FIRST
            self._over = self._open = 0
            return
        audible = self._left > OVER_NOISE * self._noise
        ratio = 10.0 * float(np.log10((self._left + 1e-12) / self._peak)) if self._peak > SOFTEST else math.inf
        over = audible and ratio > self._leak + MARGIN
        self._over = min(LASTING, self._over + 1) if over else max(0, self._over - 1)
        if self._over == LASTING:
            self._open = HOLD
        if ratio < self._leak:
            self._leak -= _DOWN
        elif audible and ratio < math.inf:
            self._leak += _UP_WHILE_OPEN if self._open else _UP

    def is_own(self) -> bool:
        """Whether what seems to be somebody is what was played: a canceller that has lost its place lets it through."""
        return self._likeness() > OWN

    def says_it_itself(self) -> bool:
        """Whether a word that was just heard may be the toy's own: it says many that sound alike."""
        return self._likeness() > (OWN if self._late else OWN_WORD)

    @property
    def _late(self) -> float:
        """Seconds after which its sound comes back where that is too late to be taken out, else 0."""
        delay = self.verdict.delay or 0.0
        return delay if delay >= LATEST else 0.0

    @property
    def _span(self) -> int:
        """Frames after its last sample in which its sound may still come back."""
        return SPAN + frames(self._late)

    def _likeness(self) -> float:
        """How much the last 0.4 s resemble what was played, 0 to 1."""
        if not self._lately:
            return 0.0
        left = np.concatenate([frame.captured.floats for frame in self._lately])
        played = np.concatenate([audio.floats for audio in self._far])[-len(left) - self._span * FRAME_SAMPLES :]
        if len(played) <= len(left):
            return 0.0
        size = 1 << len(played).bit_length()
        products = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(left, size).conj(), size)
        sums = np.concatenate([[0.0], np.cumsum(np.square(played, dtype=np.float64))])
        powers = (sums[len(left) :] - sums[: -len(left)]) * float(np.square(left).sum())
        likeness = np.abs(products[: len(powers)]) / np.sqrt(np.maximum(powers, 1e-9))
        return float(likeness.max())

    def _measure(self, captured: Audio, played: Audio, power: float, left: float, learning: bool) -> None:
        """How much of the echo is taken out, block by block of the toy's own sound."""
        self._near.append(captured)
        self._far.append(played)
        if learning:
            self._learnt += 1
            return
        predicted = self._peak > SOFTEST
        if (self._open and predicted) or (not predicted and played.level < -60.0):
            return  # of somebody who speaks nothing is taken out
        self._sums += (1, power, left)
        count, whole, rest = self._sums
        if count < _BLOCK:
            return
        self._sums[:] = 0
        self._learnt += _BLOCK
        noise = self._noise * count
        echo = max(whole - noise, 0.0)
        there = echo > SOFTEST * count
        self._blocks.append(10.0 * float(np.log10(echo / max(rest - noise, 1e-3 * echo))) if there else np.inf)
        if self._learnt >= frames(LEARNING_SECONDS):
            self._judge()

    def _judge(self) -> None:
        suppression = median(self._blocks)
        delay = self.verdict.delay
        if suppression < WELL or delay is None or self._late:
            delay = _delay(Audio.join(self._far), Audio.join(self._near))
        if self.verdict.how is Interruptible.FULL and suppression >= WELL - SLACK:
            suppression = max(suppression, WELL)  # once it was good, it need not be so good all the time
        if self.verdict.how.by_speech and suppression >= ENOUGH - SLACK:
            suppression = max(suppression, ENOUGH)
        self._conclude(_verdict(suppression, delay))

    def _conclude(self, verdict: Verdict) -> None:
        news = verdict.how is not self.verdict.how or self.verdict is UNKNOWN
        self.verdict = verdict
        if news:
            self._told(verdict)


def _verdict(suppression: float, delay: float | None) -> Verdict:
    if delay is not None and delay >= LATEST:
        why = f"its own sound comes back after {delay * 1000:.0f} ms, and only {LATEST * 1000:.0f} ms can be taken out"
        return Verdict(Interruptible.WORDS, why, delay, None if suppression == np.inf else suppression)
    if suppression == np.inf:
        return Verdict(Interruptible.FULL, "its own sound does not come back")
    when = f" after {delay * 1000:.0f} ms" if delay is not None else ""
    why = f"its own sound comes back{when}, and {suppression:.0f} dB of it are taken out"
    how = Interruptible.WORDS
    if suppression >= ENOUGH:
        how = Interruptible.FULL if suppression >= WELL else Interruptible.GUARDED
    return Verdict(how, why, delay, suppression)


def _delay(played: Audio, captured: Audio) -> float | None:
    """Seconds by which `captured` follows `played`, -0.1 to 1; None where it holds nothing of it."""
    far, near = (np.fft.rfft(audio.floats, 1 << 17) for audio in (played, captured))
    cross = near * far.conj()
    whitened = np.fft.irfft(cross / (np.abs(cross) + 1e-9))
    lags = np.arange(-RATE // 10, RATE)
    found = np.abs(whitened[lags])
    best = int(np.argmax(found))
    clear = found[best] > 8 * np.sqrt(np.mean(np.square(found)))
    return float(lags[best]) / RATE if clear else None


def _power(samples: NDArray[np.float32]) -> float:
    return float(samples @ samples) / len(samples)  # a third of what a mean of squares takes
