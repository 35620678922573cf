"""The simulated body: a clock, a sound card and a light that exist only in time they make themselves.

The world advances by frames of 10 ms, each exactly when everything else in the program has come to rest: nobody
is ready to run and no engine is at work. So it is as fast as the engines, and the same every time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from companion.ports import Clock
from companion.state import State
from companion.tasks import cancelled
from device.echo_path import Acoustics

LEAD_SECONDS = 0.2
"""How long before the end of one sound the next is taken: enough for the slowest computer to append it."""

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

    def __init__(self, world: World) -> None:
        self._world = world
        self._queue: deque[tuple[float, Audio]] = deque()
        """What is sounding and what comes after it, each with the position at which it begins."""
        self._taken = 0
        """Samples heard of the first in the queue."""
        self._fraction = 0.0
        """Of a sample, due but not yet heard: 10 ms of 22,050 Hz are 220.5 samples."""
        self._position = 0.0
        self._queued_until = 0.0
        self._paused = False
        self._volume = 1.0
        self._ducked = 1.0
        self._gain = 1.0
        self._moments = Moments()
        self._heard: list[tuple[float, Audio]] = []
        world.add(self._sound)

    @property
    def position(self) -> float:
        """Seconds of sound heard since the start."""
        return self._position

    @property
    def volume(self) -> float:
        """Amplitude of the full voice, 0 to 1."""
        return self._volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._volume = min(max(volume, 0.0), 1.0)

    @property
    def _wanted(self) -> float:
        return self._volume * self._ducked

    @property
    def heard(self) -> list[tuple[float, Audio]]:
        """All that sounded, in pieces of at most a frame: when each began, in seconds of the world, and the piece."""
        return self._heard

    async def play(self, audio: Audio) -> float:
        """Append `audio`; the position at which it begins. Returns when that is at most `LEAD_SECONDS` away."""
        begins = self._queued_until
        if not self._queue:
            self._gain = self._wanted  # after a silence there is nothing to come from
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

    def pause(self) -> None:
        """Fall silent and keep what is left."""
        self._paused = True

    def resume(self) -> None:
        """Go on with what was left."""
        self._paused = False

    def stop(self) -> None:
        """Fall silent and forget what is left."""
        self._queue.clear()
        self._taken, self._fraction = 0, 0.0
        self._queued_until = self._position
        self._paused = False
        self._ducked = 1.0
        self._gain = self._volume
        self._moments.come(float("inf"), lambda _: self._world.now())

    def _sound(self, now: float) -> None:
        """Let the 10 ms from `now` on be heard."""
        left = FRAME_SECONDS
        while self._queue and not self._paused and left > 0:
            begins, audio = self._queue[0]
            if self._taken == len(audio.samples):
                self._queue.popleft()
                self._taken = 0
                continue
            due = left * audio.rate + self._fraction
            heard = audio.samples[self._taken : self._taken + int(due + 1e-6)]
            self._hear(Audio(heard, audio.rate), now + FRAME_SECONDS - left)
            self._taken += len(heard)
            self._position = begins + self._taken / audio.rate
            whole = self._taken == len(audio.samples)
            self._fraction = 0.0 if whole else due - len(heard)
            left = left - len(heard) / audio.rate if whole else 0.0
        self._gain = self._wanted
        if not self._queue:
            self._moments.come(float("inf"), lambda _: now + FRAME_SECONDS - left)

    def _hear(self, audio: Audio, now: float) -> None:
        before = self._position
        self._moments.come(before + audio.seconds, lambda position: now + max(0.0, position - before))
        if self._gain != 1.0 or self._wanted != 1.0:
            gains = np.linspace(self._gain, self._wanted, len(audio.samples))
            audio = Audio((audio.samples * gains).astype(np.int16), audio.rate)
        self._heard.append((now, audio))


class SimulatedLight:
    """A Light that keeps what it showed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.shown: list[tuple[float, State]] = []
        """When, in seconds of the world, and which state."""

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
        if state is not self.state:
            self.shown.append((self._clock.now(), state))
