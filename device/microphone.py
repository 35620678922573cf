"""This file is the real microphone: a sound card's stream, cut into frames of 10 ms at 16 kHz.

How it crosses threads: PortAudio's thread only appends blocks to `_blocks` and notes their time, behind `_lock`,
which both sides hold for microseconds; then it wakes the loop with `call_soon_threadsafe`. All the rest, mixing,
resampling and cutting, belongs to the event loop. Where it has been quiet for a while, the loop is woken for several
blocks at once: most of what listening costs then is waking up.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from companion.audio import FRAME_SECONDS, RATE, Audio, Frame, Samples
from companion.errors import DeviceError
from companion.ports import Clock
from device.cut import Cut
from device.sample_clock import SampleClock
from device.sound_cards import Format, Line, PortAudio, be_urgent

BLOCK_SECONDS = 0.030
"""Of one callback. With 20 ms it costs 1.7 times as much to listen to a quiet room, with 40 ms no less [tried]; sound
servers give 30 to 40 ms at once anyway."""

RING_SECONDS = 5.0
"""Sound that may wait for a reader. On two busy cores 0.18 s waited [tried]; the simulated microphone keeps as much."""

LATENCY_SECONDS = 0.12
"""Asked of the device: its own buffer must outlast a moment in which the callback's thread gets no processor."""

STILL_SECONDS = 1.5
"""A device that gives nothing for so long is lost; nothing else tells, its stream even stays "active". With the time
that closing it takes, the loss is known within 2 s."""

QUIET_SECONDS = 5.0
"""After so much quiet the loop is woken less often: nobody is in the middle of a sentence, whatever its pauses ..."""

DOZE_SECONDS = 0.1
"""... only as often as this: a toy that speaks for long is steady noise, too, and nobody who interrupts may wait ..."""

SLEEP_SECONDS = 0.5
"""... or, where next to nothing is heard, as this. Whatever is louder wakes it at once."""

FAINT = 32
"""Of a sample; a block without a higher one is quiet: it is below -60 dBFS, where the speech detector does not look."""

LOUDER = 2.0
"""So many times as high as usual a block must be not to be quiet ..."""

SPARSELY = 5
"""One sample in so many is looked at for that: enough for its height, and a third of what numpy takes for all.
"""

USUAL = 0.002
"""... and so much of the usual height changes with each block: half of it in 7 s. Steady noise is quiet, too."""


class SoundCardMicrophone:
    """A Microphone on a sound card, open from the first `read` until `close`, and again from the next `read`."""

    def __init__(
        self,
        clock: Clock,
        cards: PortAudio,
        name: str | None = None,
        played: Callable[[float, float], Audio] | None = None,
    ) -> None:
        """`name` as in `sound_cards.find`. `played` gives what the speaker played between two times of the clock."""
        self.overflows = 0
        """How often sound was lost, because the device or the loop was too slow."""
        self._clock = clock
        self._played = played
        self._line = Line(cards, "input", name, self._stream, spare=lambda: True)
        self._lock = threading.Lock()
        self._format = Format(None, "", RATE, 1)
        self._wired = np.zeros(1, dtype=bool)
        """Which channels have ever given more than one and the same value."""
        self._samples = SampleClock(RATE)
        self._blocks: deque[tuple[int, bytes]] = deque()
        """Each with the number of its first sample since the stream began."""
        self._captured = 0
        self._came = 0.0
        self._usual = 0.0
        """How high the highest sample of a block usually is."""
        self._stirred = self._woken = 0.0
        """When a block was last not quiet, and when the loop was woken last, in seconds of `time.monotonic()`."""
        self._loop: asyncio.AbstractEventLoop
        self._arrived = asyncio.Event()
        self._cut = Cut(RATE)
        self._ended = -math.inf

    async def read(self) -> Frame:
        """The next 10 ms. May be cancelled and called again. Raises DeviceError; then, reading again opens again."""
        while (frame := self._next()) is None:
            await self._more()
        return frame

    async def close(self) -> None:
        """Let go of the device. Nothing is captured until somebody reads again; do not close while somebody does."""
        await self._line.close()
        self._forget()

    async def _more(self) -> None:
        """Wait until there is more sound."""
        if not self._line.is_open:
            self._loop = asyncio.get_running_loop()
            self._arrived = asyncio.Event()
            await self._line.open()
        self._arrived.clear()
        if self._blocks:
            return
        patience = max(0.0, self._came + STILL_SECONDS - time.monotonic())
        waiting = self._loop.call_later(patience, self._arrived.set)  # cheaper than timeout, 50 times a second
        try:
            await self._arrived.wait()
        finally:
            waiting.cancel()
        lost = time.monotonic() - self._came >= STILL_SECONDS and not self._blocks
        if lost and self._line.is_open:  # else it was only spared: the next look opens it again
            await self._line.close(failed=True)
            raise DeviceError(f"the {self._line.what} has stopped giving sound")

    def _next(self) -> Frame | None:
        """A frame, if there is sound enough for one."""
        while not self._cut.ready:
            if (waiting := self._joined()) is None:
                return None
            first, data = waiting
            self._cut.add(first, self._mixed(np.frombuffer(data, dtype=np.int16).reshape(-1, self._format.channels)))
        captured, last = self._cut.take()
        with self._lock:
            passed = self._samples.time(last)
        # two clocks of one speed: what the callback may read in its thread, and the body's
        self._ended = max(self._ended, passed + self._clock.now() - time.monotonic())
        played = self._played(self._ended - FRAME_SECONDS, self._ended) if self._played else None
        return Frame(Audio(captured, RATE), self._ended, played)

    def _mixed(self, channels: Samples) -> Samples:
        """What was captured, shape (samples, channels), as one: as loud as the microphone, also where a card has
        channels to which none is wired."""
        if channels.shape[1] == 1:
            return channels[:, 0]
        self._wired |= np.ptp(channels, axis=0) > 0
        heard = channels[:, self._wired] if self._wired.any() else channels
        mixed: Samples = heard.mean(axis=1).astype(np.int16)
        return mixed

    def _joined(self) -> tuple[int, bytes] | None:
        """The blocks that wait, up to where sound was lost: together they cost hardly more than one."""
        with self._lock:
            if not self._blocks:
                return None
            first, data = self._blocks.popleft()
            joined, expected = [data], first + self._length(data)
            while self._blocks and self._blocks[0][0] == expected:
                joined.append(self._blocks.popleft()[1])
                expected += self._length(joined[-1])
        return first, b"".join(joined)

    def _length(self, block: bytes) -> int:
        """Samples of each channel."""
        return len(block) // (2 * self._format.channels)

    def _forget(self) -> None:
        with self._lock:
            self._blocks.clear()
        self._cut = Cut(self._format.rate)

    def _stream(self, sd: Any, form: Format) -> Any:
        """The stream to be started; called in a worker thread while none is open."""
        with self._lock:
            self._format = form
            self._wired = np.zeros(form.channels, dtype=bool)
            self._samples = SampleClock(form.rate)
            self._captured = 0
            self._blocks = deque(maxlen=math.ceil(RING_SECONDS / BLOCK_SECONDS))
            self._cut = Cut(form.rate)
            self._came = self._stirred = time.monotonic()
        return sd.RawInputStream(
            device=form.device,
            channels=form.channels,
            samplerate=form.rate,
            dtype="int16",
            blocksize=round(form.rate * BLOCK_SECONDS),
            latency=LATENCY_SECONDS,
            callback=self._take,
            finished_callback=self._end,
        )

    def _take(self, data: Any, count: int, when: Any, status: Any) -> None:
        """One block, in PortAudio's thread."""
        if not self._captured:
            be_urgent()
        block = bytes(data)
        now = time.monotonic()
        waited = when.currentTime - when.inputBufferAdcTime if when.inputBufferAdcTime else count / self._format.rate
        dozes = self._dozes(block, now)
        with self._lock:
            lost = self._samples.measured(self._captured, now - waited)
            if lost or status.input_overflow or len(self._blocks) == self._blocks.maxlen:
                self.overflows += 1
            self._blocks.append((self._captured, block))
            self._captured += count
            self._came = now
        if not dozes:
            self._woken = now
            self._wake()

    def _dozes(self, block: bytes, now: float) -> bool:
        """Whether the loop need not look at this block yet."""
        height = max(memoryview(block).cast("h")[::SPARSELY])  # sound swings to both sides
        if height > max(FAINT, LOUDER * self._usual):
            self._stirred = now
        self._usual += USUAL * (height - self._usual)
        seconds = DOZE_SECONDS if height > FAINT else SLEEP_SECONDS
        return now - self._stirred > QUIET_SECONDS and now - self._woken < seconds

    def _end(self) -> None:
        """The stream has ended, in PortAudio's thread: because it was closed, or because the device is lost."""
        self._came = -math.inf
        self._wake()

    def _wake(self) -> None:
        if self._arrived.is_set():
            return  # and the loop looks into the ring after it has cleared this
        with suppress(RuntimeError):  # the loop has ended before the stream
            self._loop.call_soon_threadsafe(self._arrived.set)
