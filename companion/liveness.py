"""This file judges whether the toy lives: sound comes in, and its light turns. Whoever asks shows that the loop does.

A process that is there, a stream that calls itself active: both prove nothing, so only what moves counts. Frames are
those that the ears have read, so a thread that hangs, such as one that reads what was said, is noticed as well.

Nobody reads frames while the toy gets ready, which must not last for ever; while it is muted; and while it waits for a
device. That is lost, and the toy knows: it looks for it by itself, and a new start would find no more. So a toy without
a microphone is alive, and is not started again and again. But where the sound system itself does not come back from
what it was told to do, nothing but a new start helps.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from companion.audio import Frame
from companion.ports import Clock, Event, Microphone
from companion.state import State

SOUND_SECONDS = 15.0
"""Without a frame. A slow board reads for some seconds what was said to it, and hears nothing meanwhile."""

LIGHT_SECONDS = 5.0
"""Without a rendering: they come 25 times a second."""

HANGING_SECONDS = 60.0
"""In which a sound system may find itself again: the toy is there the sooner for it when it does."""

READY_SECONDS = 120.0
"""In which a toy is built and loads its engines: what systemd allows for the start."""


class Liveness:
    """What the toy has shown of itself lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.hangs_for: Callable[[], float] = lambda: 0.0
        """Asked for how many seconds the sound system has not come back from what it was told to do."""
        self.begin()

    def begin(self) -> None:
        """A toy is built from now on: nothing is known of it yet."""
        self._state = State.BOOTING
        self._waits = False
        self._began = self._heard = self._clock.now()
        self._shone: float | None = None

    def heard(self) -> None:
        """A frame was read from the microphone."""
        self._heard = self._clock.now()

    def shone(self) -> None:
        """The light was rendered. One that has turned once is expected to go on; a toy without a light needs none."""
        self._shone = self._clock.now()

    def observe(self, event: Event) -> None:
        """Note what the toy does: whether it listens, is muted, or waits for a device."""
        if not self._listens:
            self._heard = self._clock.now()
        match event.name:
            case "state":
                self._state = State(event.fields["state"])
                self._waits = self._waits and self._state is State.ATTENTION
            case "fault" if event.fields["kind"] == "device":
                self._waits = not event.fields["recovered"]

    def ails(self) -> str:
        """What stands still, as a sentence; empty while the toy lives."""
        now = self._clock.now()
        if self._state is State.BOOTING and now - self._began > READY_SECONDS:
            return f"It has not got ready within {READY_SECONDS:.0f} s"
        if self._listens and now - self._heard > SOUND_SECONDS:
            return f"It has heard nothing at all for {SOUND_SECONDS:.0f} s"
        if self.hangs_for() > HANGING_SECONDS:
            return f"The sound system has hung for {HANGING_SECONDS:.0f} s"
        if self._shone is not None and now - self._shone > LIGHT_SECONDS:
            return f"Its light has stood still for {LIGHT_SECONDS:.0f} s"
        return ""

    @property
    def _listens(self) -> bool:
        """Whether frames are due."""
        return self._state not in (State.BOOTING, State.MUTED) and not self._waits


class NotedMicrophone:
    """A Microphone of which each frame that is read is noted."""

    def __init__(self, microphone: Microphone, note: Callable[[], None]) -> None:
        self._microphone = microphone
        self._note = note

    async def read(self) -> Frame:
        """The next 10 ms. Raises DeviceError."""
        frame = await self._microphone.read()
        self._note()
        return frame

    async def close(self) -> None:
        """Let go of the device."""
        await self._microphone.close()


class NotedClock:
    """A Clock on which each sleep is noted: what turns sleeps between two turns, and not when it hangs or has ended."""

    def __init__(self, clock: Clock, note: Callable[[], None]) -> None:
        self._clock = clock
        self._note = note

    def now(self) -> float:
        """Seconds since the start."""
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._note()
        await self._clock.sleep(seconds)

    def working(self) -> AbstractContextManager[None]:
        """Held while an engine works."""
        return self._clock.working()

    def engine_seconds(self) -> float:
        """Wall seconds for which time has stood still."""
        return self._clock.engine_seconds()
