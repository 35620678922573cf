"""Sound as a value: 16-bit mono samples and their rate, with the arithmetic that belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Hertz. What ears work with; Whisper, Silero, webrtcvad and pocketsphinx all take this rate."""

FRAME_SECONDS = 0.010
"""Seconds of one frame from a microphone: the step of WebRTC's echo canceller, and a length webrtcvad takes."""

FRAME_SAMPLES = 160
"""Samples of one frame at `RATE`."""

Samples = NDArray[np.int16]


def frames(seconds: float) -> int:
    """How many frames so many seconds are."""
    return round(seconds / FRAME_SECONDS)


@dataclass(frozen=True, eq=False, slots=True)
class Audio:
    """A piece of mono sound: `samples` of int16, shape (n,), at `rate` Hertz."""

    samples: Samples
    rate: int = RATE

    def __post_init__(self) -> None:
        if self.samples.dtype != np.int16 or self.samples.ndim != 1:
            raise ValueError(f"int16 samples of shape (n,) expected, not {self.samples.dtype} {self.samples.shape}")
        if self.rate <= 0:
            raise ValueError(f"a rate above 0 Hz expected, not {self.rate}")

    @classmethod
    def silence(cls, seconds: float, rate: int = RATE) -> Audio:
        """Nothing but zeros, `seconds` long."""
        return cls(np.zeros(round(seconds * rate), dtype=np.int16), rate)

    @classmethod
    def join(cls, pieces: Iterable[Audio]) -> Audio:
        """All pieces one after the other. Raises ValueError for none, or for mixed rates."""
        parts = list(pieces)
        rates = {part.rate for part in parts}
        if len(rates) != 1:
            raise ValueError(f"pieces of one rate expected, not {sorted(rates)}")
        return cls(np.concatenate([part.samples for part in parts]), rates.pop())

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.samples) / self.rate

    @property
    def floats(self) -> NDArray[np.float32]:
        """The same samples as numbers from -1 to 1, shape (n,): what engines calculate with."""
        return self.samples.astype(np.float32) / np.float32(32768.0)

    @property
    def level(self) -> float:
        """Root mean square in dBFS (0 = a full-scale square wave); -inf for digital silence."""
        if not len(self.samples):
            return float("-inf")
        power = float(np.mean(np.square(self.samples, dtype=np.float64))) / 32768.0**2
        return 10.0 * float(np.log10(power)) if power > 0 else float("-inf")

    @property
    def speech_level(self) -> float:
        """dBFS of the loudest half second, frame by frame: of the speech in it, whatever silence is around."""
        size = round(FRAME_SECONDS * self.rate)
        frames = self.samples[: len(self.samples) // size * size].reshape(-1, size)
        if not len(frames):
            return self.level
        power = np.sort(np.mean(np.square(frames, dtype=np.float64), axis=1))[-50:]
        return 10.0 * float(np.log10(max(float(power.mean()), 1e-9) / 32768.0**2))


@dataclass(frozen=True, slots=True)
class Word:
    """When one word of a text sounds."""

    begins: float
    """Seconds from the beginning of the piece that has it."""
    ends: float
    """As above; never before `begins`."""
    upto: int
    """How many characters of the text have been said when it has: the word, and what is written close behind it."""


@dataclass(frozen=True, eq=False, slots=True)
class Speech(Audio):
    """A piece of a phrase's sound of which it is known when each word sounds, or which words they are."""

    words: tuple[Word, ...] = ()
    """Of this piece, and of those without words that go on with it; in the order of the text. `upto` counts in the
    whole phrase, whichever piece of it this is."""
    text: str = ""
    """The whole phrase, in the piece with which it begins, for speakers that show what they say; else empty."""


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """10 ms of one timeline at `RATE`: what the microphone captured and what the speaker played meanwhile."""

    captured: Audio
    ends: float
    """When its last sample was captured: seconds on the body's clock."""
    played: Audio | None = None
    """After volume and ducking; None where the body has no reference."""


@dataclass(frozen=True, eq=False, slots=True)
class Utterance:
    """One thing somebody said, cut out of the microphone's frames."""

    audio: Audio
    began: float
    """First sample of speech: seconds on the body's clock. The audio starts earlier, by the pre-roll."""
    ended: float
    """Last sample of speech: seconds on the body's clock. The audio ends later, by the pause."""
