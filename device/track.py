"""This file is what a speaker is to play: joined, faded, counted. It knows no device and no thread."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from companion.audio import Samples
from device.ramp import DUCK_SECONDS, FADE_SECONDS, Ramp

OVERLAP_SECONDS = 0.010
"""So much of the end of a sound depends on what follows it: soxr's filter reaches 8 ms at most [tried]."""

CONTEXT_SECONDS = 0.030
"""So much of what was before is resampled again with the next piece: overlap, and the filter's reach before it."""

SPANS = 256
"""Stretches of sound remembered, to tell what was heard when. Of about 10 ms: more than any device's latency."""

KEPT_SECONDS = 2.5
"""So much of what was given away is kept, to be played again: 2 s of what was heard, and a device's latency."""

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


@dataclass(slots=True)
class _Piece:
    samples: Samples
    begins: float
    """Position of its first sample, in seconds."""

    def cut(self, count: int, rate: int) -> _Piece:
        """Its first `count` samples, which it loses."""
        taken = _Piece(self.samples[:count], self.begins)
        self.samples = self.samples[count:]
        self.begins += count / rate
        return taken


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
        self._kept: deque[_Piece] = deque()
        """What was given away since the last silence, as it was made."""
        self._kept_samples = 0
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
        self._forget(position)
        self._dying = np.zeros(0, dtype=np.int16)

    @property
    def dry(self) -> bool:
        """Whether all sound was given to the device."""
        return not self._pieces

    @property
    def silent(self) -> bool:
        """Whether nothing but silence would be taken now."""
        return not (len(self._dying) or self._sounds)

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
        if self.dry and not self._sounding:  # after a silence there is nothing to come from
            self._fade.arrive()
            self._gain.arrive()
            if not self._paused:
                self._keep_nothing()
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
            piece = self._pull(count - at)
            out[at : at + len(piece.samples)] = piece.samples
            self._spans.append(_Span(self.given + at, len(piece.samples), piece.begins))
            at += len(piece.samples)
        self.given += count
        return out

    def rest(self, count: int) -> None:
        """The next `count` samples for the device are silence: what `take` comes to, and costs next to nothing."""
        self.given += count

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
        self._fade.to(0.0, math.ceil(self._samples(FADE_SECONDS) * self._fade.value) if self._sounding else 0)

    def resume(self, again: float, heard: float) -> float:
        """Fade in what was left, when `heard` samples of the stream were heard; first the `again` seconds before that,
        as far as they are kept. By how much the position went back, in seconds."""
        went_back = 0.0
        if self._paused and self._kept and again > 0:
            position = self.position(heard)
            self._die()
            self._go_back(position - again)
            begins = self._pieces[0].begins if self._pieces else self.end
            self._spans.append(_Span(max(int(heard), *(span.first + span.count for span in self._spans)), 0, begins))
            went_back = position - begins
        self._paused = False
        begun = bool(self._kept)  # what begins only now needs no fade
        self._fade.to(1.0, math.ceil(self._samples(FADE_SECONDS) * (1 - self._fade.value)) if begun else 0)
        return went_back

    def stop(self, position: float) -> None:
        """Fade out, and forget what is left. The next sound begins at `position`, unducked and unpaused."""
        self._die()
        self._forget(position)
        self._paused = False
        self._ducked = 1.0
        self._fade = Ramp(1.0)
        self._gain = Ramp(self._volume)

    @property
    def _sounds(self) -> bool:
        return bool(self._pieces) and not (self._paused and self._fade.still)

    @property
    def _sounding(self) -> bool:
        """Whether the newest sample given to the device was one of a sound, and more is to follow it."""
        newest = self._spans[-1] if self._spans else None
        return newest is not None and newest.count > 0 and newest.first + newest.count == self.given

    def _pull(self, most: int) -> _Piece:
        """Some of the next sound, as loud as it is to be; of one piece, and no more than is left of a pause's fade."""
        fading = self._fade.left if self._paused else most
        piece = self._pieces[0].cut(min(most, fading, len(self._pieces[0].samples)), self.rate)
        if not len(self._pieces[0].samples):
            self._pieces.popleft()
        self._keep(piece)
        if self._fade.still and self._gain.still and self._gain.target * self._fade.target == 1:
            return piece
        count = len(piece.samples)
        return _Piece(_scaled(piece.samples, self._fade.take(count) * self._gain.take(count)), piece.begins)

    def _die(self) -> None:
        """What sounds fades out, whatever comes next."""
        fading: list[Samples] = []
        while self._sounding and (left := self._samples(FADE_SECONDS) - sum(map(len, fading))) > 0 and self._sounds:
            fading.append(self._pull(left).samples)
        if fading:
            rest = np.concatenate(fading)
            self._dying = _scaled(rest, np.linspace(1, 0, len(rest)))
        self._fade = Ramp(0.0)

    def _go_back(self, position: float) -> None:
        """Take back what was given away from `position` on, as far as it is kept."""
        while self._kept and (not self._pieces or self._pieces[0].begins > position):
            piece = self._kept.pop()
            self._kept_samples -= len(piece.samples)
            before = min(len(piece.samples), max(0, round((position - piece.begins) * self.rate)))
            if before:
                self._keep(piece.cut(before, self.rate))
            if len(piece.samples):
                self._pieces.appendleft(piece)
            if before:
                break

    def _keep(self, piece: _Piece) -> None:
        self._kept.append(piece)
        self._kept_samples += len(piece.samples)
        while self._kept_samples - len(self._kept[0].samples) > self._samples(KEPT_SECONDS):
            self._kept_samples -= len(self._kept.popleft().samples)

    def _keep_nothing(self) -> None:
        self._kept.clear()
        self._kept_samples = 0

    def _forget(self, position: float) -> None:
        """Nothing is left: all that was queued ended at `position`."""
        self._start = self.end = position
        self._pieces.clear()
        self._spans.clear()
        self._keep_nothing()

    def _aim(self) -> None:
        self._gain.to(self._volume * self._ducked, self._samples(DUCK_SECONDS))

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.rate)


def _scaled(samples: Samples, gains: NDArray[np.floating]) -> Samples:
    return np.rint(samples * gains).astype(np.int16)
