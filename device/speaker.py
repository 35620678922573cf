"""This file is the real speaker: one stream of a sound card that plays silence when there is no sound, and is closed
when there was none for long: most of what a toy costs that nobody speaks to is such silence.

How it crosses threads: PortAudio's thread takes samples from `_track`, and notes them in `_reference` and their time
in `_samples`, behind `_lock`; the loop touches these three only behind the same lock, and never resamples while it
holds it. So neither waits for the other longer than it takes to copy a few milliseconds of sound.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from typing import Any

import numpy as np

from companion.audio import RATE, Audio
from companion.errors import DeviceError
from companion.ports import Clock
from device.reference import Reference
from device.sample_clock import SampleClock
from device.sound_cards import Format, Line, PortAudio, be_urgent
from device.track import Join, Track

LEAD_SECONDS = 0.3
"""How long before the end of one sound the next is taken: the device's latency, and a busy computer's delay."""

BLOCK_SECONDS = 0.010
"""Of one callback. Half of the latency costs a quarter less of the processor, and has gaps [tried, on a sound server].
"""

LATENCY_SECONDS = 0.030
"""Asked of the device. With it there is silence 50 to 65 ms after a stop, its fade included, and with 80 ms after 110
to 140; with 25 ms there were gaps while both cores were busy [tried, on a sound server]."""

REST_SECONDS = 15.0
"""After the last sound the stream is closed: longer than any wait for an answer, so that it is open for a conversation.
"""

LOOK_SECONDS = 0.010
"""Between two looks at how far the sound is, while somebody waits for it."""

STILL_SECONDS = 1.5
"""A device that takes nothing for so long is lost."""

LATE_SECONDS = 3.0
"""A device that plays so much longer than the sound lasts, hangs."""


class SoundCardSpeaker:
    """A Speaker on a sound card, open from `play` or from `open` until `close`, or until it has rested for long."""

    def __init__(
        self,
        clock: Clock,
        cards: PortAudio,
        name: str | None = None,
        *,
        latency: float = LATENCY_SECONDS,
        loudest: float = 1.0,
        rest: float | None = REST_SECONDS,
    ) -> None:
        """`name` as in `sound_cards.find`. `latency`: seconds asked of the device. `loudest`: the highest `volume`
        that can be set, 0 to 1. `rest`: seconds without sound after which it is closed; None: never, for amplifiers
        that pop when it is opened."""
        self.underflows = 0
        """How often the device got nothing in time, while there was sound to be played."""
        self._clock = clock
        self._latency = latency
        self._loudest = loudest
        self._line = Line(cards, "output", name, self._stream, spare=self._at_rest)
        self._lock = threading.Lock()
        self._track = Track()
        self._track.volume = loudest
        self._samples = SampleClock(self._track.rate)
        self._reference = Reference(self._track.rate)
        self._channels = 1
        self._asked = -math.inf
        """When the device last took samples, in seconds of `time.monotonic()`."""
        self._heard = 0.0
        """Samples of the stream heard when somebody looked last: it never runs backwards, whatever is measured."""
        self._join: Join | None = None
        self._stops = 0
        self._again = 0.0
        """Seconds by which the position was set back so far."""
        self._rest = rest
        self._until_rest: asyncio.TimerHandle | None = None
        """What closes it when it has rested."""
        self._closing: asyncio.Task[None] | None = None
        """That it is being closed for that reason."""

    @property
    def position(self) -> float:
        """Where in the sound it is, in seconds since the start: what left the device, not what it was given."""
        with self._lock:
            return min(self._track.position(self._passed()), self._track.end)

    @property
    def volume(self) -> float:
        """Amplitude of the full voice, 0 to 1 (1 is as it was made); never above the cap."""
        return self._track.volume

    @volume.setter
    def volume(self, volume: float) -> None:
        with self._lock:
            self._track.volume = min(max(volume, 0.0), self._loudest)

    async def open(self) -> None:
        """Let silence flow, so that no amplifier clips the first syllable. Raises DeviceError."""
        self._rest_later()
        if self._closing:
            await asyncio.wait([self._closing])  # or it would close what is played now
        if self._line.is_open and self._still():
            await self._lose()
        await self._line.open()

    async def close(self) -> None:
        """Let go of the device at once; what was not played is forgotten. Playing opens it again."""
        if self._until_rest:
            self._until_rest.cancel()
        await self._line.close()
        self._forget()

    async def play(self, audio: Audio) -> float:
        """Append `audio`; the position at which it begins. Returns when that is at most `LEAD_SECONDS` away. Raises
        DeviceError."""
        await self.open()
        with self._lock:
            goes_on = not self._track.dry
        if self._join is None or not goes_on or self._join.rate != audio.rate:
            self._join = Join(audio.rate, self._track.rate)
        samples, overlap = self._join.add(audio.samples)
        with self._lock:
            begins = self._track.append(samples, overlap, audio.seconds)
        await self.reach(begins - LEAD_SECONDS)
        return begins

    async def reach(self, position: float) -> float:
        """Wait until `position` is heard or the sound is stopped; when that was, on the clock. Raises DeviceError."""
        stops = self._stops
        patience = LATE_SECONDS + max(0.0, position - self.position) - self._again
        looked = time.monotonic()
        while self._stops == stops:
            if self.position > position or self._at_rest():
                return min(self._clock.now(), self._heard_at(position))
            if self._still() or patience + self._again <= 0 or not self._line.is_open:
                await self._lose()
                raise DeviceError(f"the {self._line.what} has stopped taking sound")
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            patience -= 0.0 if self._track.paused else now - looked
            looked = now
        return self._clock.now()

    def duck(self, decibels: float) -> None:
        """Play on, quieter by `decibels`."""
        with self._lock:
            self._track.duck(decibels)

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        with self._lock:
            self._track.pause()

    def resume(self, again: float = 0.0) -> None:
        """Go on with what was left, after the last `again` seconds of what was heard, as far as they are kept."""
        with self._lock:
            self._again += self._track.resume(again, self._passed())

    def stop(self) -> None:
        """Fall silent and forget what is left; the next sound starts unducked and unpaused."""
        with self._lock:
            self._track.stop(self._track.position(self._track.given))  # what the device has will be heard
        self._stops += 1

    def played_between(self, begin: float, end: float) -> Audio:
        """What was heard between two times of the clock, at `RATE`, after volume and ducking; silence where nothing
        was. Asked for one stretch after another it gives a sound without cracks."""
        count = round((end - begin) * RATE)
        if not self._line.is_open:
            return Audio(np.zeros(count, dtype=np.int16))
        with self._lock:
            reference = self._reference
            drained = reference.drain()
            sample = self._samples.sample(begin - self._clock.now() + time.monotonic())
        return Audio(reference.take(drained, sample, count))

    def _passed(self) -> float:
        """Samples of the stream heard so far; within the lock."""
        self._heard = max(self._heard, self._samples.sample(time.monotonic()))
        return self._heard

    def _at_rest(self) -> bool:
        """Whether all sound was heard."""
        return self.position >= self._track.end

    def _still(self) -> bool:
        """Whether the device takes nothing any more."""
        return time.monotonic() - self._asked > STILL_SECONDS

    def _heard_at(self, position: float) -> float:
        """When `position` was heard, on the clock; infinity when nobody knows."""
        with self._lock:
            sample = self._track.sample(position)
            passed = math.inf if sample is None else self._samples.time(sample)
        return passed + self._clock.now() - time.monotonic()

    def _rest_later(self) -> None:
        """Close it when it has rested from now on."""
        if self._rest is not None:
            if self._until_rest:
                self._until_rest.cancel()
            self._until_rest = asyncio.get_running_loop().call_later(self._rest, self._rest_now)

    def _rest_now(self) -> None:
        """Close it, unless there is sound."""
        if self._at_rest():
            self._closing = asyncio.create_task(self._line.close())
        else:
            self._rest_later()

    async def _lose(self) -> None:
        """Give a lost device up, and the sound with it; the next to play opens it again."""
        self._forget()
        await self._line.close(failed=True)

    def _forget(self) -> None:
        """What is left, and what the device did not play."""
        position = self.position
        with self._lock:
            self._track.stop(position)
        self._stops += 1

    def _stream(self, sd: Any, form: Format) -> Any:
        """The stream to be started; called in a worker thread while none is open."""
        position = self.position
        with self._lock:
            self._track.begin(form.rate, position)
            self._samples = SampleClock(form.rate)
            self._heard = 0.0
            self._reference = Reference(form.rate)
            self._channels = form.channels
            self._join = None
            self._asked = time.monotonic()
        return sd.RawOutputStream(
            device=form.device,
            channels=form.channels,
            samplerate=form.rate,
            dtype="int16",
            blocksize=round(form.rate * BLOCK_SECONDS),
            latency=self._latency,
            callback=self._fill,
            finished_callback=self._end,
        )

    def _fill(self, data: Any, count: int, when: Any, status: Any) -> None:
        """The next block, in PortAudio's thread."""
        if not self._track.given:
            be_urgent()
        now = time.monotonic()
        ahead = when.outputBufferDacTime - when.currentTime if when.outputBufferDacTime else self._latency
        with self._lock:
            lost = self._samples.measured(self._track.given, now + max(0.0, ahead))
            if (lost or status.output_underflow) and not self._track.dry:
                self.underflows += 1
            self._asked = now
            if silent := self._track.silent:
                self._track.rest(count)
                self._reference.put_silence(count)
            else:
                samples = self._track.take(count)
                self._reference.put(samples)
        if silent:
            data[:] = bytes(len(data))
        else:
            block = np.frombuffer(data, dtype=np.int16).reshape(count, self._channels)
            block[:] = samples[:, np.newaxis]

    def _end(self) -> None:
        """The stream has ended, in PortAudio's thread: because it was closed, or because the device is lost."""
        self._asked = -math.inf
