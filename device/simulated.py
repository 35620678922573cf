"""The simulated body: a clock, a sound card and a light that exist only in time they make themselves.

The world advances by frames of 10 ms, each exactly when everything else in the program has come to rest: nobody
is ready to run and no engine is at work. So it is as fast as the engines, and the same every time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import selectors
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from companion.looks import SAFETY
from companion.motions import Motion
from companion.ports import Clock
from companion.state import State
from companion.tasks import cancelled
from device.echo_path import Acoustics
from device.ramp import DUCK_SECONDS, FADE_SECONDS, Ramp

LEAD_SECONDS = 0.2
"""How long before the end of one sound the next is taken: enough for the slowest computer to append it."""

KEPT_SECONDS = 2.0
"""So much of what was heard can be heard again."""

MOST_FRAMES_UNREAD = 500
"""Five seconds of sound; a microphone nobody reads loses what is older."""


class World:
    """Simulated time: a Clock, and the event loop in which it passes."""

    def __init__(self, *, realtime: bool = False, longest: float = float("inf")) -> None:
        """`realtime` paces it by the wall clock. After `longest` seconds (of audio time) it ends with TimeoutError."""
        self._realtime = realtime
        self._longest = longest
        self._frames = 0
        self._parts: list[Callable[[float], None]] = []
        self._moments = Moments()
        self._engines = 0
        self._engines_since = 0.0
        self._engine_seconds = 0.0
        self._turning = False

    def add(self, part: Callable[[float], None]) -> None:
        """Let `part` live in this world: called once a frame with the time at which the frame begins, in seconds."""
        self._parts.append(part)

    def now(self) -> float:
        """Seconds since the world began."""
        return self._frames * FRAME_SECONDS

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; at least until everybody else has come to rest once."""
        await self._moments.reach(self.now() + max(seconds, FRAME_SECONDS / 2))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Time stands still inside, unless the world is paced by the wall clock."""
        if self._engines == 0:
            self._engines_since = time.monotonic()
        self._engines += 1
        try:
            yield
        finally:
            self._engines -= 1
            if self._engines == 0 and not self._realtime:
                self._engine_seconds += time.monotonic() - self._engines_since

    def engine_seconds(self) -> float:
        """Wall seconds for which the world has stood still so far."""
        running = time.monotonic() - self._engines_since if self._engines and not self._realtime else 0.0
        return self._engine_seconds + running

    def event_loop(self) -> asyncio.AbstractEventLoop:
        """A loop in which this world turns; for `asyncio.Runner(loop_factory=world.event_loop)`."""
        if self._realtime:
            return asyncio.SelectorEventLoop()
        return asyncio.SelectorEventLoop(_RestingSelector(self._turn_when_at_rest))

    @asynccontextmanager
    async def turning(self) -> AsyncIterator[None]:
        """Time passes inside, and only there."""
        self._turning = True
        try:
            if self._realtime:
                async with self._paced():
                    yield
            else:
                yield
        finally:
            self._turning = False

    @asynccontextmanager
    async def _paced(self) -> AsyncIterator[None]:
        """What goes wrong in the world ends whoever lives in it, as it does when time is simulated."""
        living = asyncio.current_task()
        assert living is not None
        pace = asyncio.create_task(self._pace())

        def end(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled():
                living.cancel()

        pace.add_done_callback(end)
        try:
            yield
        except asyncio.CancelledError:
            if pace.done():
                living.uncancel()
                pace.result()
            raise
        finally:
            pace.remove_done_callback(end)
            await cancelled(pace)

    async def _pace(self) -> None:
        began = time.monotonic()
        for frame in itertools.count(1):
            await asyncio.sleep(began + frame * FRAME_SECONDS - time.monotonic())
            self._turn()

    def _turn_when_at_rest(self) -> bool:
        if self._engines or not self._turning:
            return False
        self._turn()
        return True

    def _turn(self) -> None:
        if self.now() >= self._longest:
            raise TimeoutError(f"the simulated world was to end within {self._longest} s")
        for part in self._parts:
            part(self.now())
        self._frames += 1
        self._moments.come(self.now())


class Moments:
    """Wakes those who wait for a number to be reached: a time, or a position in a stream of sound."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[float]]] = []
        self._order = itertools.count()

    async def reach(self, moment: float) -> float:
        """Wait for `moment`; what `come` said of it."""
        reached: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (moment, next(self._order), reached))
        return await reached

    def come(self, moment: float, tell: Callable[[float], float] = float) -> None:
        """Wake all who wait for `moment` or less, each with what `tell` makes of the moment it waited for."""
        while self._waiting and self._waiting[0][0] <= moment + 1e-9:
            awaited, _, reached = heapq.heappop(self._waiting)
            if not reached.done():  # cancelled meanwhile
                reached.set_result(tell(awaited))


class _RestingSelector(selectors.DefaultSelector):
    """Calls `turn` whenever the event loop would wait: nobody is ready to run then."""

    def __init__(self, turn: Callable[[], bool]) -> None:
        super().__init__()
        self._turn = turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0) or self._turn():
            return ready
        return super().select(timeout)


class SimulatedMicrophone:
    """A Microphone in front of which the world makes its sounds."""

    def __init__(self, world: World, sounds: Callable[[float], Samples], acoustics: Acoustics | None = None) -> None:
        """`sounds` gives the next frame of samples, at `RATE`, for the time in seconds at which it begins. With
        `acoustics` it hears more than these; its speaker must be older in the world than it is."""
        self._world = world
        self._sounds = sounds
        self._acoustics = acoustics
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self._open = False
        self._opened = 0.0
        world.add(self._capture)

    async def read(self) -> Frame:
        """The next 10 ms."""
        if not self._open:
            self._open = True
            self._opened = self._world.now()
        return await self._frames.get()

    async def close(self) -> None:
        """Capture nothing until the next `read`."""
        self._open = False
        while not self._frames.empty():
            self._frames.get_nowait()

    def _capture(self, begins: float) -> None:
        if self._frames.qsize() >= MOST_FRAMES_UNREAD:
            self._frames.get_nowait()  # as a sound card would, it loses the oldest
        said = self._sounds(begins)  # asked even while closed: the user speaks on
        assert len(said) == FRAME_SAMPLES
        ends = begins + FRAME_SECONDS
        frame = self._acoustics.frame(begins, said) if self._acoustics else Frame(Audio(said, RATE), ends)
        if self._open and frame and frame.ends > self._opened + FRAME_SECONDS / 2:  # captured since then
            self._frames.put_nowait(frame)


class SimulatedSpeaker:
    """A Speaker that keeps what it played."""

    def __init__(self, world: World, *, loudest: float = 1.0) -> None:
        """`loudest`: the highest `volume` that can be set, 0 to 1."""
        self._world = world
        self._loudest = loudest
        self._queue: deque[tuple[float, Audio]] = deque()
        """What is sounding and what comes after it, each with the position at which it begins."""
        self._kept: deque[tuple[float, Audio]] = deque()
        """What came before it since the last silence."""
        self._dying: deque[Audio] = deque()
        """What fades out before anything else is heard; it counts no more."""
        self._taken = 0
        """Samples heard of the first in the queue."""
        self._fraction = 0.0
        """Of a sample, due but not yet heard: 10 ms of 22,050 Hz are 220.5 samples."""
        self._position = 0.0
        self._queued_until = 0.0
        self._sounding = False
        """Whether the last frame ended in the midst of sound."""
        self._paused = False
        self._fade = Ramp(1.0)
        self._volume = loudest
        self._ducked = 1.0
        self._gain = Ramp(loudest)
        self._moments = Moments()
        self._heard: list[tuple[float, Audio]] = []
        world.add(self._sound)

    @property
    def position(self) -> float:
        """Position in the sound heard: its seconds since the start. `resume(again)` sets it back."""
        return self._position

    @property
    def volume(self) -> float:
        """Amplitude of the full voice, 0 to 1; never above the cap."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = min(max(volume, 0.0), self._loudest)
        self._aim()

    @property
    def heard(self) -> list[tuple[float, Audio]]:
        """All that sounded, in pieces of at most a frame: when each began, in seconds of the world, and the piece."""
        return self._heard

    async def open(self) -> None:
        """It is always ready."""

    async def play(self, audio: Audio) -> float:
        """Append `audio`; the position at which it begins. Returns when that is at most `LEAD_SECONDS` away."""
        begins = self._queued_until
        if not self._queue:  # after a silence there is nothing to come from
            self._fade.arrive()
            self._gain.arrive()
            if not self._paused:
                self._kept.clear()
        self._queue.append((begins, audio))
        self._queued_until += audio.seconds
        await self.reach(begins - LEAD_SECONDS)
        return begins

    async def reach(self, position: float) -> float:
        """Wait until `position` is heard or the sound is stopped; when that was, in seconds of the world."""
        if position < self._position or not self._queue:
            return self._world.now()
        return await self._moments.reach(position)

    def duck(self, decibels: float) -> None:
        """Play on, quieter by `decibels`."""
        self._ducked = 10 ** (-decibels / 20)
        self._aim()

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        self._paused = True
        self._fade.to(0.0, self._samples(FADE_SECONDS * self._fade.value) if self._sounding else 0)

    def resume(self, again: float = 0.0) -> None:
        """Go on with what was left, after the last `again` seconds of what was heard, as far as they are kept."""
        if self._paused and again > 0:
            self._die()
            self._go_back(self._position - min(again, KEPT_SECONDS))
        self._paused = False
        begun = self._kept or self._taken  # what begins only now needs no fade
        self._fade.to(1.0, self._samples(FADE_SECONDS * (1 - self._fade.value)) if begun else 0)

    def stop(self) -> None:
        """Fall silent and forget what is left."""
        self._die()
        self._queue.clear()
        self._kept.clear()
        self._taken = 0
        self._queued_until = self._position
        self._paused = False
        self._fade = Ramp(1.0)
        self._ducked = 1.0
        self._gain = Ramp(self._volume)
        self._moments.come(float("inf"), lambda _: self._world.now())

    def _sound(self, now: float) -> None:
        """Let the 10 ms from `now` on be heard."""
        left = FRAME_SECONDS
        while self._dying and left > 0:
            dying = self._dying.popleft()
            count, after = self._due(left, dying.rate, len(dying.samples))
            self._heard.append((now + FRAME_SECONDS - left, Audio(dying.samples[:count], dying.rate)))
            if count < len(dying.samples):
                self._dying.appendleft(Audio(dying.samples[count:], dying.rate))
            left = after
        self._sounding = False
        while left > 0 and self._next():
            begins, audio = self._queue[0]
            count, after = self._due(left, audio.rate, self._ready)
            self._hear(self._pull(count), now + FRAME_SECONDS - left)
            self._position = begins + self._taken / audio.rate
            self._sounding = True
            left = after
        if not self._queue:
            self._moments.come(float("inf"), lambda _: now + FRAME_SECONDS - left)

    def _hear(self, audio: Audio, began: float) -> None:
        before = self._position
        self._moments.come(before + audio.seconds, lambda position: began + max(0.0, position - before))
        self._heard.append((began, audio))

    def _next(self) -> bool:
        """Whether there is a sound to be heard; it is the first in the queue then."""
        while self._queue and self._taken == len(self._queue[0][1].samples):
            self._kept.append(self._queue.popleft())
            self._taken = 0
            while len(self._kept) > 1 and self._kept[1][0] <= self._position - KEPT_SECONDS:
                self._kept.popleft()
        return bool(self._queue) and self._ready > 0

    @property
    def _ready(self) -> int:
        """Samples of the first in the queue that may be heard."""
        left = len(self._queue[0][1].samples) - self._taken
        return min(left, self._fade.left) if self._paused else left

    def _due(self, left: float, rate: int, most: int) -> tuple[int, float]:
        """How many of at most so many samples are due in the `left` seconds of a frame; how many seconds are left
        after them."""
        due = left * rate + self._fraction
        count = min(int(due + 1e-6), most)
        self._fraction = 0.0 if count == most else due - count
        return count, left - count / rate if count == most else 0.0

    def _pull(self, count: int) -> Audio:
        """The next samples of the first in the queue, as loud as they are to be."""
        _, audio = self._queue[0]
        samples = audio.samples[self._taken : self._taken + count]
        self._taken += count
        if not (self._fade.still and self._gain.still and self._fade.target * self._gain.target == 1):
            samples = (samples * (self._fade.take(count) * self._gain.take(count))).astype(np.int16)
        return Audio(samples, audio.rate)

    def _die(self) -> None:
        """What sounds fades out, before anything else is heard."""
        left = FADE_SECONDS
        while self._sounding and self._next() and (most := round(left * self._queue[0][1].rate)) > 0:
            piece = self._pull(min(self._ready, most))
            gains = np.linspace(left, left - piece.seconds, len(piece.samples)) / FADE_SECONDS
            self._dying.append(Audio((piece.samples * gains).astype(np.int16), piece.rate))
            left -= piece.seconds
        self._sounding = False
        self._fraction = 0.0
        self._fade = Ramp(0.0)

    def _go_back(self, position: float) -> None:
        """Have the next be heard from `position` on, as far as it is kept."""
        while self._kept and (not self._queue or self._queue[0][0] > position):
            self._queue.appendleft(self._kept.pop())
        if self._queue:
            begins, audio = self._queue[0]
            self._taken = min(len(audio.samples), max(0, round((position - begins) * audio.rate)))
            self._position = begins + self._taken / audio.rate

    def _aim(self) -> None:
        self._gain.to(self._volume * self._ducked, self._samples(DUCK_SECONDS))

    def _samples(self, seconds: float) -> int:
        """At the rate of what is heard next."""
        return math.ceil(seconds * (self._queue[0][1].rate if self._queue else RATE))


class SimulatedLight:
    """A Light that keeps what it showed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.shown: list[tuple[float, State]] = []
        """When, in seconds of the world, and which state."""
        self.level = 0.0
        """Of the sound that it follows now, 0 to 1."""
        self.moved: list[tuple[float, Motion]] = []
        """When, and what a gesture made it do."""

    @property
    def state(self) -> State | None:
        """What it shows now."""
        return self.shown[-1][1] if self.shown else None

    @property
    def since(self) -> float:
        """Since when, in seconds of the world."""
        return self.shown[-1][0] if self.shown else 0.0

    def show(self, state: State, level: float = 0.0) -> None:
        """Show `state` from now on."""
        self.level = level
        if state is not self.state:
            self.shown.append((self._clock.now(), state))

    def gesture(self, motion: Motion) -> None:
        """Let a gesture move it for a moment, unless it shows what one must be able to rely on."""
        if self.state not in (None, *SAFETY):
            self.moved.append((self._clock.now(), motion))
