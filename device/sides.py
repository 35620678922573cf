"""This file plays on one side of a speaker at a time, to find out which is which.

PortAudio's thread takes samples from `_left`, behind `_lock`; all the rest belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from companion.audio import Audio
from companion.errors import DeviceError
from device.sound_cards import Format, Line, PortAudio

MOST_SIDES = 2

BLOCK_SECONDS = 0.02
"""Of one callback."""

LATENCY_SECONDS = 0.1
"""Asked of the device; nobody waits for an answer here."""

LATE_SECONDS = 3.0
"""A device that plays so much longer than the sound lasts, hangs."""


class Sides:
    """A speaker with one channel or two, open from `open` until `close`."""

    def __init__(self, cards: PortAudio, name: str | None = None, *, volume: float = 1.0) -> None:
        """`name` as in `sound_cards.find`; `volume` is an amplitude, 0 to 1."""
        self.count = 0
        """How many there are, once it is open."""
        self.name = ""
        """Of the device, once it is open."""
        self._volume = volume
        self._line = Line(cards, "output", name, self._stream, spare=lambda: False)
        self._lock = threading.Lock()
        self._rate = 0
        self._left: NDArray[np.int16] = np.zeros((0, 1), dtype=np.int16)
        self._played = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    async def open(self) -> None:
        """Open the device. Raises DeviceError."""
        self._loop = asyncio.get_running_loop()
        await self._line.open()

    async def play(self, sound: Audio, side: int) -> None:
        """Play `sound` on one side, from 0; returns when it was heard. Raises DeviceError."""
        samples = soxr.resample(sound.samples, sound.rate, self._rate) if sound.rate != self._rate else sound.samples
        block = np.zeros((len(samples), self.count), dtype=np.int16)
        block[:, side] = np.round(samples * self._volume)
        self._played.clear()
        with self._lock:
            self._left = block
        try:
            async with asyncio.timeout(sound.seconds + LATE_SECONDS):
                await self._played.wait()
        except TimeoutError:
            await self._line.close(failed=True)
            raise DeviceError(f"the {self._line.what} has stopped taking sound") from None
        await asyncio.sleep(LATENCY_SECONDS)  # what was taken is still to be heard

    async def close(self) -> None:
        """Let go of the device."""
        await self._line.close()

    def _stream(self, sd: Any, form: Format) -> Any:
        """The stream to be started; called in a worker thread."""
        most = int(sd.query_devices(form.device, "output")["max_output_channels"])
        self.count = max(form.channels, min(MOST_SIDES, most))
        self.name = form.name
        self._rate = form.rate
        return sd.RawOutputStream(
            device=form.device,
            channels=self.count,
            samplerate=form.rate,
            dtype="int16",
            blocksize=round(form.rate * BLOCK_SECONDS),
            latency=LATENCY_SECONDS,
            callback=self._fill,
        )

    def _fill(self, data: Any, count: int, when: Any, status: Any) -> None:
        """The next block, in PortAudio's thread."""
        block = np.frombuffer(data, dtype=np.int16).reshape(count, self.count)
        with self._lock:
            taken, self._left = self._left[:count], self._left[count:]
        block[: len(taken)] = taken
        block[len(taken) :] = 0
        if len(taken) and not len(self._left):
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._played.set)
