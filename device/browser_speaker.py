"""This file is the speaker of a page: what it has played is what the page says it has played.

A phrase is sent as soon as it is there, so that no busy moment makes a gap; ducked, paused and cut off it is in the
page, within milliseconds. What was sent is kept for a while: a part that is to be heard again, or that a page took with
it when it was closed, is sent once more.
"""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass

from companion.audio import Audio, Samples, Speech
from companion.errors import DeviceError
from companion.ports import Clock
from device.browser_link import GONE, Block, Link
from device.track import Join

LEAD_SECONDS = 0.3
"""How long before the end of one sound the next is taken, as on a sound card."""

KEPT_SECONDS = 2.5
"""So much of what was heard is kept, to be heard again."""

LATE_SECONDS = 3.0
"""A page that lives and plays nothing for so long, though there is sound, hangs."""

BLOCKS = 256
"""Acknowledgements remembered, to tell when what was heard: five seconds."""


@dataclass(slots=True)
class _Piece:
    samples: Samples
    first: int
    """Its first sample's number in the stream; below 0 for what was heard before the stream began."""
    begins: float
    """Position of that sample, in seconds."""
    text: str = ""
    """What is said from there on; empty where it is shown already, or nothing begins."""

    @property
    def until(self) -> int:
        """The number of the sample after its last."""
        return self.first + len(self.samples)


class BrowserSpeaker:
    """A Speaker in a page. What sounds is a stream; each stop, and each repetition, begins another one."""

    def __init__(self, clock: Clock, link: Link, *, loudest: float = 1.0) -> None:
        """`loudest`: the highest `volume` that can be set, 0 to 1."""
        self._clock = clock
        self._link = link
        self._loudest = loudest
        self._volume = loudest
        self._ducked = 1.0
        self._paused = False
        self._generation = 0
        self._rate = 0
        self._pieces: list[_Piece] = []
        self._sent = 0
        """Samples of this stream given to the page."""
        self._played = 0
        """And played by it."""
        self._heard: deque[tuple[int, float]] = deque(maxlen=BLOCKS)
        """Samples played, and at which frame of the page's clock that was."""
        self._end = 0.0
        """Position at which the sound queued so far ends, in seconds."""
        self._join: Join | None = None
        self._stops = 0
        self._advanced = 0.0
        """When it last played, or had nothing to play, in seconds of `time.monotonic()`."""
        link.blocks.append(self._take)
        link.begins.append(self._begin)

    @property
    def position(self) -> float:
        """Where in the sound it is, in seconds since the start: what the page has played."""
        if self._at_rest:
            return self._end
        piece = next((piece for piece in reversed(self._pieces) if piece.first <= self._played), self._pieces[0])
        return min(piece.begins + (self._played - piece.first) / self._rate, self._end)

    @property
    def volume(self) -> float:
        """Amplitude of the full voice, 0 to 1 (1 is as it was made); never above the cap."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = min(max(volume, 0.0), self._loudest)
        self._aim()
        self._link.tell("volume", to=self._volume)

    async def open(self) -> None:
        """The page is always ready."""

    async def play(self, audio: Audio) -> float:
        """Append `audio`; the position at which it begins. Returns when that is at most `LEAD_SECONDS` away. Raises
        DeviceError."""
        begins = self._end
        if len(audio.samples):
            self._append(audio)
        await self.reach(begins - LEAD_SECONDS)
        return begins

    async def reach(self, position: float) -> float:
        """Wait until `position` is heard or the sound is stopped; when that was, on the clock. Raises DeviceError."""
        stops = self._stops
        while self._stops == stops:
            if self.position > position or self._at_rest:
                return min(self._clock.now(), self._heard_when(position))
            try:
                await self._link.news(patient=False)
                if not self._paused and time.monotonic() - self._advanced > LATE_SECONDS:
                    raise DeviceError("the page has stopped playing: look at its tab, or open it again")
            except DeviceError:
                self._forget(self.position)
                raise
        return self._clock.now()

    def duck(self, decibels: float) -> None:
        """Play on, quieter by `decibels`."""
        self._ducked = 10 ** (-decibels / 20)
        self._aim()

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        self._paused = True
        self._link.tell("pause")

    def resume(self, again: float = 0.0) -> None:
        """Go on with what was left, after the last `again` seconds of what was heard, as far as they are kept."""
        if self._paused and again > 0 and self._pieces:
            self._send_again(self.position - again)
        else:
            self._link.tell("resume")
        self._paused = False
        self._advanced = time.monotonic()

    def stop(self) -> None:
        """Fall silent and forget what is left; the next sound starts unducked and unpaused."""
        self._forget(self.position)

    @property
    def _at_rest(self) -> bool:
        """Whether all sound was heard."""
        return self._played >= self._sent

    def _append(self, audio: Audio) -> None:
        if not self._link.sounds or self._link.rate is None:
            raise DeviceError(GONE)
        if self._at_rest:
            self._advanced = time.monotonic()
            if not self._paused:
                self._pieces.clear()
        if self._join is None or self._at_rest or self._join.rate != audio.rate or self._rate != self._link.rate:
            self._rate = self._link.rate
            self._join = Join(audio.rate, self._rate)
        samples, overlap = self._join.add(audio.samples)
        overlap = min(overlap, self._sent)
        self._drop(overlap)
        text = audio.text if isinstance(audio, Speech) else ""
        piece = _Piece(samples, self._sent - overlap, self._end - overlap / self._rate, text)
        self._end += audio.seconds
        if len(samples):
            self._pieces.append(piece)
            self._sent = piece.until
            self._link.play(self._generation, piece.first, piece.samples)
        while len(self._pieces) > 1 and self._pieces[0].until < self._played - KEPT_SECONDS * self._rate:
            self._pieces.pop(0)

    def _drop(self, count: int) -> None:
        """Let go of the last samples queued: a better version of them follows."""
        while count and self._pieces:
            last = self._pieces[-1]
            cut = min(count, len(last.samples))
            last.samples = last.samples[: len(last.samples) - cut]
            count -= cut
            if not len(last.samples):
                self._pieces.pop()

    def _send_again(self, position: float) -> None:
        """Have all from `position` on be heard, as far as it is kept, in a stream of its own."""
        sample = self._pieces[0].first
        for piece in self._pieces:
            if piece.begins <= position:
                sample = min(piece.first + round((position - piece.begins) * self._rate), piece.until)
        self._next_stream()
        self._link.tell("again", generation=self._generation)
        for piece in self._pieces:
            piece.first -= sample
            if piece.until > 0:
                begins = max(0, piece.first)
                self._link.play(self._generation, begins, piece.samples[begins - piece.first :])
        self._sent = max(0, self._pieces[-1].until)

    def _forget(self, position: float) -> None:
        """Nothing is left: all that was queued ended at `position`."""
        self._next_stream()
        self._pieces.clear()
        self._end = position
        self._join = None
        self._paused = False
        self._ducked = 1.0
        self._stops += 1
        self._link.tell("cut", generation=self._generation, gain=self._volume)
        self._link.stir()

    def _next_stream(self) -> None:
        self._generation += 1
        self._sent = self._played = 0
        self._heard.clear()
        self._advanced = time.monotonic()

    def _begin(self) -> None:
        """A page has begun to sound: it is as the last one was, and goes on where that was."""
        paused = self._paused
        if self._pieces and not self._at_rest and self._link.rate == self._rate:
            self._send_again(self.position)
        else:
            self._forget(self.position)
        self._aim()
        if paused:
            self.pause()

    def _take(self, block: Block) -> None:
        """The page has played so much."""
        if block.generation == self._generation and block.played > self._played:
            self._played = min(block.played, self._sent)
            self._heard.append((self._played, block.heard_at))
            self._advanced = time.monotonic()
            self._caption()

    def _caption(self) -> None:
        """Show the words that have just begun to sound: whoever reads along is never ahead of the voice."""
        for piece in self._pieces:
            if piece.text and piece.first < self._played:
                self._link.tell("words", text=piece.text)
                piece.text = ""

    def _heard_when(self, position: float) -> float:
        """When `position` was heard, on the clock; infinity when nobody knows."""
        sample = self._sample(position)
        for played, frame in self._heard:
            if played > sample or (played, frame) == self._heard[-1]:
                return self._link.heard(frame - max(0.0, played - sample))
        return math.inf

    def _sample(self, position: float) -> float:
        """The number in the stream of the sample at `position`."""
        for piece in reversed(self._pieces):
            if piece.begins <= position + 1e-9:
                return min(piece.first + (position - piece.begins) * self._rate, piece.until)
        return self._pieces[0].first if self._pieces else 0.0

    def _aim(self) -> None:
        self._link.tell("gain", to=self._volume * self._ducked)
