"""This file is what a speaker is to play: joined, faded, counted. It knows no device and no thread."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from companion.audio import Samples

FADE_SECONDS = 0.025
"""Of pause, resume and stop: short enough to be prompt, long enough not to click."""

DUCK_SECONDS = 0.030
"""Of a change of loudness."""

OVERLAP_SECONDS = 0.010
"""So much of the end of a sound depends on what follows it: soxr's filter reaches 8 ms at most [tried]."""

CONTEXT_SECONDS = 0.030
"""So much of what was before is resampled again with the next piece: overlap, and the filter's reach before it."""

SPANS = 256
"""Stretches of sound remembered, to tell what was heard when. Of about 10 ms: more than any device's latency."""

ROUNDING = 2
"""Samples. Positions are exact; sound consists of whole samples."""


class Join:
    """Resamples pieces of one sound so that they join as if they had been one, each complete at once.

    The end of a piece comes out as if silence followed; with the next piece comes a better version of that end.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        """From `rate` to `wanted` Hertz."""
        self.rate = rate
        self._wanted = wanted
        self._step = rate // math.gcd(rate, wanted)
        """Samples after which both rates meet on a whole sample."""
        self._context: Samples = np.zeros(0, dtype=np.int16)
        self._given = 0
        """Samples given out after the beginning of the context."""

    def add(self, samples: Samples) -> tuple[Samples, int]:
        """The piece at the wanted rate, and how many samples at its beginning replace the last ones given before."""
        if self.rate == self._wanted or not len(samples):
            return samples, 0
        known = np.concatenate([self._context, samples])
        fit = soxr.resample(known, self.rate, self._wanted)
        overlap = min(self._given, round(OVERLAP_SECONDS * self._wanted))
        new = fit[self._given - overlap :]
        keep = max(0, len(known) - round(CONTEXT_SECONDS * self.rate)) // self._step
        self._context = known[keep * self._step :]
        self._given = len(fit) - keep * (self._step * self._wanted // self.rate)
        return new, overlap


class Ramp:
    """A gain that goes straight to where it is sent."""

    def __init__(self, value: float) -> None:
        self.target = value
        self.left = 0
        """Samples until it is there."""
        self._value = value

    @property
    def still(self) -> bool:
        """Whether it has arrived."""
        return self.left == 0

    def to(self, target: float, samples: int) -> None:
        """Be at `target` after so many samples."""
        if target != self.target:
            self.target = target
            self.left = samples
            self._value = self._value if samples else target

    def take(self, samples: int) -> NDArray[np.float32]:
        """The gains of the next samples; no more than are left on the way, unless it has arrived."""
        if self.still:
            return np.full(samples, self.target, dtype=np.float32)
        step = (self.target - self._value) / self.left
        gains = self._value + step * np.arange(1, samples + 1, dtype=np.float32)
        self.left -= samples
        self._value = self._value + step * samples if self.left else self.target
        return gains


@dataclass(slots=True)
class _Piece:
    samples: Samples
    begins: float
    """Position of its first sample, in seconds."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a stretch of sound went in the stream."""

    first: int
    count: int
    begins: float


class Track:
    """All that one stream plays, at the rate of its device."""

    def __init__(self) -> None:
        self.rate = 48_000
        self.end = 0.0
        """Position at which the sound queued so far ends, in seconds."""
        self.given = 0
        """Samples given to the device, silence included."""
        self._start = 0.0
        self._pieces: deque[_Piece] = deque()
        self._spans: deque[_Span] = deque(maxlen=SPANS)
        self._dying: Samples = np.zeros(0, dtype=np.int16)
        self._paused = False
        self._fade = Ramp(1.0)
        self._volume = 1.0
        self._ducked = 1.0
        self._gain = Ramp(1.0)

    def begin(self, rate: int, position: float) -> None:
        """Go on in a new stream, of `rate` Hertz; what the old one did not play after `position` is forgotten."""
        self.rate = rate
        self.given = 0
        self._start = self.end = position
        self._pieces.clear()
        self._spans.clear()
        self._dying = np.zeros(0, dtype=np.int16)

    @property
    def dry(self) -> bool:
        """Whether all sound was given to the device."""
        return not self._pieces

    @property
    def paused(self) -> bool:
        """Whether it keeps back what is left."""
        return self._paused

    @property
    def volume(self) -> float:
        """Amplitude of what is not ducked."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = volume
        self._aim()

    def append(self, samples: Samples, overlap: int, seconds: float) -> float:
        """Queue `seconds` of sound, the first `overlap` of its `samples` in place of the last ones queued, as far as
        these were not given away. The position at which the new sound begins."""
        begins = self.end
        left = 0
        while self._pieces and left < overlap:
            last = self._pieces[-1]
            cut = min(overlap - left, len(last.samples))
            last.samples = last.samples[: len(last.samples) - cut]
            left += cut
            if len(last.samples) == 0:
                self._pieces.pop()
        self.end += seconds
        if len(samples) > overlap - left:
            self._pieces.append(_Piece(samples[overlap - left :], begins - left / self.rate))
        return begins

    def take(self, count: int) -> Samples:
        """The next `count` samples for the device: sound if there is any, else silence."""
        out = np.zeros(count, dtype=np.int16)
        at = min(count, len(self._dying))
        out[:at], self._dying = self._dying[:at], self._dying[at:]
        while at < count and self._sounds:
            sound, begins = self._pull(count - at)
            out[at : at + len(sound)] = sound
            self._spans.append(_Span(self.given + at, len(sound), begins))
            at += len(sound)
        self.given += count
        return out

    def position(self, sample: float) -> float:
        """The position of the sound heard when so many samples of the stream have been heard."""
        for span in reversed(self._spans):
            if span.first <= sample:
                last = self.dry and span is self._spans[-1] and sample >= span.first + span.count
                return self.end if last else span.begins + min(sample - span.first, span.count) / self.rate
        if self._spans:
            return self._spans[0].begins
        return self.end if self.dry else self._start

    def sample(self, position: float) -> float | None:
        """After which sample of the stream `position` is heard; None while that was not given to the device."""
        for span in reversed(self._spans):
            into = (position - span.begins) * self.rate
            if into > -ROUNDING:
                return span.first + min(max(0.0, into), span.count) if into < span.count + ROUNDING else None
        return self._spans[0].first if self._spans else None

    def duck(self, decibels: float) -> None:
        """Be quieter by `decibels`."""
        self._ducked = 10 ** (-decibels / 20)
        self._aim()

    def pause(self) -> None:
        """Fade out, and keep what is left."""
        self._paused = True
        self._fade.to(0.0, 0 if self.dry else self._samples(FADE_SECONDS))

    def resume(self) -> None:
        """Fade in what was left."""
        self._paused = False
        self._fade.to(1.0, self._samples(FADE_SECONDS))

    def stop(self, position: float) -> None:
        """Fade out, and forget what is left: `position` was heard. The next sound begins there, unducked, unpaused."""
        fading: list[Samples] = []
        while (left := self._samples(FADE_SECONDS) - sum(map(len, fading))) > 0 and self._sounds:
            fading.append(self._pull(left)[0])
        if fading:
            rest = np.concatenate(fading)
            self._dying = np.concatenate([self._dying, _scaled(rest, np.linspace(1, 0, len(rest)))])
        self._pieces.clear()
        self._spans.clear()
        self._start = self.end = position
        self._paused = False
        self._ducked = 1.0
        self._fade = Ramp(1.0)
        self._gain = Ramp(self._volume)

    @property
    def _sounds(self) -> bool:
        return bool(self._pieces) and not (self._paused and self._fade.still)

    def _pull(self, most: int) -> tuple[Samples, float]:
        """Some of the next sound, as loud as it is to be, and its position; of one piece, and at most a fade long."""
        piece = self._pieces[0]
        count = min(most, len(piece.samples), *(ramp.left for ramp in (self._fade, self._gain) if not ramp.still))
        sound, begins = piece.samples[:count], piece.begins
        piece.samples = piece.samples[count:]
        piece.begins += count / self.rate
        if not len(piece.samples):
            self._pieces.popleft()
        if self._fade.still and self._gain.still and self._gain.target * self._fade.target == 1:
            return sound, begins
        return _scaled(sound, self._fade.take(count) * self._gain.take(count)), begins

    def _aim(self) -> None:
        self._gain.to(self._volume * self._ducked, 0 if self.dry else self._samples(DUCK_SECONDS))

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.rate)


def _scaled(samples: Samples, gains: NDArray[np.floating]) -> Samples:
    return np.rint(samples * gains).astype(np.int16)
