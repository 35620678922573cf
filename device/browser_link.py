"""This file is the one line to the page that is the toy's body: messages both ways, and the page's own clock.

What goes over it, all within one WebSocket. Text is a JSON object: a page says what to {"do", ...}, it is told
{"tell", ...}. Bytes are sound, 16 bit, mono, little-endian, at the page's own rate, behind a header: see `Block`
for what comes, `Link.play` for what goes. A page sends a block 50 times a second, as a sound card would, also when
nothing is to be heard: this is its clock, the sign that it lives, and the acknowledgement of what it really played.
"""

from __future__ import annotations

import asyncio
import json
import math
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from companion.audio import Samples
from companion.errors import DeviceError
from companion.ports import Clock

HEADER = struct.Struct("<IIIIdd")
"""Of a block: capture, generation, samples played, nothing; frames at which that was, and at which the block ends."""

PLAYED = struct.Struct("<II")
"""Before sound that is to be played: generation, and number of the first sample in it."""

LONGEST_MESSAGE = 64 * 1024
"""Bytes of one message, in either direction. A block has 2 kB."""

CHUNK_SAMPLES = 12_000
"""Samples in one message to the page: a quarter of a second at 48 kHz."""

RATES = (8_000, 192_000)
"""Hertz that a page's sound may have."""

LAST_FRAME = 2.0**52
"""Of a page's clock: centuries. Far beyond that, sums of times would lose their seconds."""

STILL_SECONDS = 2.0
"""A page that says nothing for so long is lost."""

MOST_WAITING = 2_000
"""Messages that may wait for a page which does not take them: minutes of sound."""

MEASUREMENTS = 100
"""Blocks by which a page's clock is known: two seconds, in which two crystals part by less than a millisecond."""

GONE = "the page that is the toy's body is gone: open it again"


class Refused(Exception):
    """A page did what it must not: `code` is that of the WebSocket's end, the sentence is shown on the page."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """What a page heard and did in the last 20 ms."""

    capture: int
    """Which opening of the microphone this is from; 0: none."""
    generation: int
    """Which stream of sound it plays, as numbered by the speaker."""
    played: int
    """Samples of that stream really played so far."""
    heard_at: float
    """Frames of the page's clock at which the last of these had left it."""
    ends: float
    """Frames of the page's clock at which this block ends."""
    samples: Samples
    """What the microphone heard until then; empty while it is closed."""

    @classmethod
    def parse(cls, message: bytes) -> Block:
        """Raises Refused for what is none."""
        if len(message) < HEADER.size or (len(message) - HEADER.size) % 2:
            raise Refused(1007, "The page sent sound that cannot be read.")
        capture, generation, played, _, heard_at, ends = HEADER.unpack_from(message)
        if not 0 <= heard_at <= ends <= LAST_FRAME:
            raise Refused(1007, "The page sent sound that belongs to no time.")
        samples = np.frombuffer(message, "<i2", offset=HEADER.size).astype(np.int16, copy=False)
        return cls(capture, generation, played, heard_at, ends, samples)


class PageClock:
    """When each frame of a page's clock passed. What says so comes late, never early: the least late is right."""

    def __init__(self, rate: float) -> None:
        """`rate` in Hertz."""
        self._rate = rate
        self._begins: deque[float] = deque(maxlen=MEASUREMENTS)
        self._began = 0.0

    def measured(self, frame: float) -> None:
        """A page said just now that this frame has passed."""
        self._begins.append(time.monotonic() - frame / self._rate)
        self._began = min(self._begins)

    def time(self, frame: float) -> float:
        """When it passed, in seconds of `time.monotonic()`."""
        return self._began + frame / self._rate


class Link:
    """The line to whichever page is the body just now; without one, what is told is not heard."""

    def __init__(self, clock: Clock) -> None:
        self.rate: int | None = None
        """Hertz of the page's sound; None while there is none."""
        self.blocks: list[Callable[[Block], None]] = []
        """Who is told of each block."""
        self.begins: list[Callable[[], None]] = []
        """Who is told that a page has begun to sound."""
        self.leaves: list[Callable[[], None]] = []
        """Who is told that the page is gone."""
        self._clock = clock
        self._outbox: asyncio.Queue[str | bytes] | None = None
        self._samples = PageClock(1)
        self._latency = 0.0
        self._came = -math.inf
        self._news = asyncio.Event()

    @property
    def sounds(self) -> bool:
        """Whether there is a page that takes and gives sound."""
        return self.rate is not None

    def connect(self) -> asyncio.Queue[str | bytes]:
        """A page is there: what it is to be told from now on. Whoever was there before is told nothing more."""
        if self._outbox is not None:
            self.disconnect(self._outbox)
        self._outbox = asyncio.Queue(MOST_WAITING)
        return self._outbox

    def disconnect(self, outbox: asyncio.Queue[str | bytes]) -> None:
        """The page with this outbox is gone."""
        if outbox is self._outbox:
            self._outbox = None
            self.rate = None
            for leave in self.leaves:
                leave()

    def sound(self, rate: int, latency: float) -> None:
        """The page's sound is on, at `rate` Hertz; what it plays is heard `latency` seconds later. Raises Refused."""
        if not RATES[0] <= rate <= RATES[1] or not 0 <= latency <= 1:
            raise Refused(1008, "The page's sound is of no use: its rate or its latency cannot be.")
        self.rate = rate
        self._samples = PageClock(rate)
        self._latency = latency
        self._came = time.monotonic()
        for begin in self.begins:
            begin()
        self._ring()

    def block(self, block: Block) -> None:
        """The page sent this."""
        if self.rate is None:
            raise Refused(1008, "The page sent sound before it said at which rate.")
        self._came = time.monotonic()
        self._samples.measured(block.ends)
        for take in self.blocks:
            take(block)
        self._ring()

    def tell(self, what: str, **fields: Any) -> None:
        """Tell the page something."""
        self._put(json.dumps({"tell": what, **fields}))

    def play(self, generation: int, first: int, samples: Samples) -> None:
        """Give the page sound of a stream, from its sample number `first` on; what it has from there on is replaced."""
        for at in range(0, len(samples), CHUNK_SAMPLES):
            chunk = samples[at : at + CHUNK_SAMPLES]
            self._put(PLAYED.pack(generation, first + at) + chunk.astype("<i2").tobytes())

    def time(self, frame: float) -> float:
        """When this frame of the page's clock passes, in seconds on the body's."""
        return self._samples.time(frame) + self._clock.now() - time.monotonic()

    def heard(self, frame: float) -> float:
        """When what the page played at this frame is heard, in seconds on the body's clock."""
        return self.time(frame) + self._latency

    async def news(self, *, patient: bool) -> None:
        """Wait until the page sends something, or somebody calls `stir`; who is not `patient` gets a DeviceError when
        the page says nothing for `STILL_SECONDS`."""
        left = self._came + STILL_SECONDS - time.monotonic()
        try:
            async with asyncio.timeout(None if patient else max(0.0, left)):
                await self._news.wait()
        except TimeoutError:
            if time.monotonic() - self._came >= STILL_SECONDS:
                raise DeviceError(GONE) from None

    def stir(self) -> None:
        """Let everybody who waits for news look again."""
        self._ring()

    def _ring(self) -> None:
        rung, self._news = self._news, asyncio.Event()
        rung.set()

    def _put(self, message: str | bytes) -> None:
        if self._outbox is not None:
            try:
                self._outbox.put_nowait(message)
            except asyncio.QueueFull:  # it is not there any more, and nobody has noticed yet
                self.disconnect(self._outbox)
