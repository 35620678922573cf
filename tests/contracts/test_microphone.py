"""What every microphone must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeVar

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from page import BLOCK_SECONDS, page
from scene import in_world
from sound_server import sound_here

import device.browser_microphone
import device.microphone
from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Frame, Samples
from companion.ports import Clock, Microphone
from device.browser import Browser
from device.echo_path import Acoustics
from device.microphone import SoundCardMicrophone
from device.room import Room
from device.simulated import SimulatedMicrophone, SimulatedSpeaker, World
from device.sound_cards import PortAudio
from device.sound_server import CARD, SoundServer
from device.wall_clock import WallClock

FloatSamples = NDArray[np.float64]
Result = TypeVar("Result")


class Stage(Protocol):
    """A microphone, and in front of it something that changes with every frame."""

    clock: Clock
    microphone: Microphone
    slack: float
    """Seconds by which a moment may be off; the first of a stream by ten times as much."""
    stale: float
    """Seconds after which a frame that somebody waits for must have come."""
    keeps: tuple[float, float]
    """Seconds that wait for a reader: at least, and at most."""

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Run `act` while time passes."""
        ...

    def numbers(self, frames: Sequence[Frame]) -> list[int]:
        """Which frames these are, by what was to be heard."""
        ...


@dataclass
class Simulated:
    """A counter counts the frames, exactly."""

    clock: World
    microphone: Microphone
    slack: float = 1e-9
    stale: float = 2 * FRAME_SECONDS - 1e-9
    keeps: tuple[float, float] = (4.0, 10.0)

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            async with self.clock.turning():
                return await act()

        return in_world(self.clock, living)

    def numbers(self, frames: Sequence[Frame]) -> list[int]:
        return [int(frame.captured.samples[0]) for frame in frames]


def count(begins: float) -> Samples:
    return np.full(FRAME_SAMPLES, round(begins / FRAME_SECONDS) % 30_000, np.int16)


def simulated() -> Simulated:
    world = World()
    return Simulated(world, SimulatedMicrophone(world, count))


def in_a_room() -> Simulated:
    world = World()
    acoustics = Acoustics(Room(), seed=0, gain=1.0, heard=SimulatedSpeaker(world).heard)
    return Simulated(world, SimulatedMicrophone(world, count, acoustics), stale=3 * FRAME_SECONDS - 1e-9)


RUSTLE_SECONDS = 8.0
RUSTLE_RATE = 4_000
RUSTLE = np.random.default_rng(3).integers(-8_000, 8_000, round(RUSTLE_SECONDS * RUSTLE_RATE), dtype=np.int16)
"""A noise, no 10 ms of which are like any others."""

RING_SECONDS = 0.6


class SoundCard:
    """A microphone on a sound server, that hears `RUSTLE` once. A frame's number is its place in that."""

    slack = 0.005
    stale = 0.3
    keeps = (RING_SECONDS - 0.1, RING_SECONDS + 0.1)

    def __init__(self, server: SoundServer) -> None:
        self.clock: Clock = WallClock()
        self.microphone: Microphone = SoundCardMicrophone(self.clock, PortAudio(), CARD)
        self._server = server
        self._rustle = soxr.resample(RUSTLE, RUSTLE_RATE, RATE).astype(float)
        self._loudness = np.sqrt(np.convolve(self._rustle**2, np.ones(FRAME_SAMPLES), "valid")) + 1

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            with self._rustling():
                try:
                    return await act()
                finally:
                    await self.microphone.close()

        return asyncio.run(asyncio.wait_for(living(), 20))

    @contextmanager
    def _rustling(self) -> Iterator[None]:
        with self._server.saying(RUSTLE, RUSTLE_RATE):
            yield

    def numbers(self, frames: Sequence[Frame]) -> list[int]:
        """A frame follows the one before if it is what comes next, sample for sample; else its place is looked for."""
        numbers: list[int] = []
        place = 0
        for frame in frames:
            heard = frame.captured.samples.astype(float)
            if numbers and self._alike(heard, place + FRAME_SAMPLES):
                place += FRAME_SAMPLES
                numbers.append(numbers[-1] + 1)
            else:
                before, place = place, int(np.argmax(np.correlate(self._rustle, heard) / self._loudness))
                assert self._alike(heard, place)
                passed = round((place - before) / FRAME_SAMPLES)
                numbers.append((numbers[-1] if numbers else 0) + (passed if passed != 1 else 2))
        return numbers

    def _alike(self, heard: FloatSamples, place: int) -> bool:
        likely = self._rustle[place : place + FRAME_SAMPLES]
        return len(likely) == FRAME_SAMPLES and bool(np.corrcoef(heard, likely)[0, 1] > 0.9)


class InPage:
    """The microphone of a page that gives, in each 10 ms, another number."""

    slack = 0.005
    stale = 0.3
    keeps = (RING_SECONDS - 0.1, RING_SECONDS + 0.1)

    def __init__(self) -> None:
        self.clock: Clock = WallClock()
        self._browser = Browser(self.clock)
        self.microphone: Microphone = self._browser.microphone

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            await self._browser.open()
            try:
                async with page(self._browser):
                    return await act()
            finally:
                await self._browser.close()

        return asyncio.run(asyncio.wait_for(living(), 20))

    def numbers(self, frames: Sequence[Frame]) -> list[int]:
        return [int(frame.captured.samples[0]) for frame in frames]


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_here() as made:
        yield made


MICROPHONES = ("simulated", "simulated, in a room", "sound card", "browser")


@pytest.fixture(params=MICROPHONES)
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stage:
    if request.param == "simulated":
        return simulated()
    if request.param == "simulated, in a room":
        return in_a_room()
    if request.param == "browser":
        monkeypatch.setattr(device.browser_microphone, "MOST_BLOCKS", round(RING_SECONDS / BLOCK_SECONDS))
        return InPage()
    monkeypatch.setattr(device.microphone, "RING_SECONDS", RING_SECONDS)
    return SoundCard(request.getfixturevalue("server"))


def follow_one_another(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_frame_is_10_ms_at_the_rate_of_the_ears(stage: Stage) -> None:
    async def listen() -> list[Frame]:
        return [await stage.microphone.read() for _ in range(50)]

    for frame in stage.live(listen):
        assert (frame.captured.rate, len(frame.captured.samples)) == (RATE, FRAME_SAMPLES)
        assert frame.played is None or (frame.played.rate, len(frame.played.samples)) == (RATE, FRAME_SAMPLES)


def test_frames_follow_one_another_without_a_gap_and_are_fresh(stage: Stage) -> None:
    async def listen() -> list[Frame]:
        frames = []
        for _ in range(120):
            frame = await stage.microphone.read()
            assert -10 * stage.slack <= stage.clock.now() - frame.ends < stage.stale
            frames.append(frame)
        return frames

    frames = stage.live(listen)
    assert follow_one_another(stage.numbers(frames))
    settled = [frame.ends for frame in frames[20:]]
    assert settled == pytest.approx([settled[0] + n * FRAME_SECONDS for n in range(100)], abs=stage.slack)


def test_the_first_frame_in_simulation_is_the_first_10_ms() -> None:
    stage = simulated()

    async def listen() -> list[Frame]:
        return [await stage.microphone.read() for _ in range(3)]

    frames = stage.live(listen)
    assert stage.numbers(frames) == [0, 1, 2]
    assert [frame.ends for frame in frames] == pytest.approx([0.01, 0.02, 0.03])


def test_who_reads_late_gets_every_frame_nevertheless(stage: Stage) -> None:
    async def listen() -> list[Frame]:
        first = await stage.microphone.read()
        await stage.clock.sleep(0.75 * stage.keeps[0])
        return [first, *[await stage.microphone.read() for _ in range(round(stage.keeps[0] / FRAME_SECONDS))]]

    assert follow_one_another(stage.numbers(stage.live(listen)))


def test_a_microphone_that_nobody_reads_loses_the_oldest_frames_first(stage: Stage) -> None:
    least, most = stage.keeps

    async def listen() -> tuple[float, list[Frame]]:
        first = await stage.microphone.read()
        await stage.clock.sleep(2 * most)
        away = stage.clock.now() - first.ends
        return away, [first, *[await stage.microphone.read() for _ in range(round(least / FRAME_SECONDS) + 20)]]

    away, frames = stage.live(listen)
    numbers = stage.numbers(frames)
    gap = next((n for n, (one, other) in enumerate(pairwise(numbers), 1) if other != one + 1), len(numbers))
    assert gap <= round(stage.stale / FRAME_SECONDS) + 1, "what was cut into frames already is kept, however old"
    found = numbers[gap:]
    lost = (found[0] - numbers[0]) * FRAME_SECONDS
    assert away - most <= lost <= away - least + 0.1, "it keeps a part, and the newest"
    assert follow_one_another(found), "and what follows has no gap"


def cancelled_again_and_again(stage: Stage, pauses: Sequence[int]) -> list[int]:
    """Cancelled after so many frames' time, and that many turns of the loop."""

    async def listen() -> list[Frame]:
        frames = []
        for pause in pauses:
            reading = asyncio.ensure_future(stage.microphone.read())
            if pause:
                await stage.clock.sleep(pause * FRAME_SECONDS / 2)
            for _ in range(pause):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                frames.append(reading.result())
        return [*frames, await stage.microphone.read()]

    return stage.numbers(stage.live(listen))


def test_a_reader_that_is_cancelled_and_calls_again_loses_no_frame(stage: Stage) -> None:
    assert follow_one_another(cancelled_again_and_again(stage, [40, *[0, 1, 2, 3, 4] * 20]))


@given(pauses=st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(deadline=None, max_examples=30)
def test_however_it_is_cancelled_in_simulation_no_frame_is_lost(pauses: list[int]) -> None:
    assert follow_one_another(cancelled_again_and_again(simulated(), pauses))


def test_a_frame_keeps_its_samples_while_later_ones_are_captured(stage: Stage) -> None:
    async def listen() -> list[tuple[Frame, list[int]]]:
        frames = [await stage.microphone.read() for _ in range(3)]
        then = [frame.captured.samples.tolist() for frame in frames]
        await stage.clock.sleep(0.4)
        for _ in range(30):
            await stage.microphone.read()
        return list(zip(frames, then, strict=True))

    for frame, samples in stage.live(listen):
        assert frame.captured.samples.tolist() == samples


def test_a_microphone_that_is_closed_captures_nothing_until_it_is_read_again(stage: Stage) -> None:
    async def listen() -> list[Frame]:
        first = await stage.microphone.read()
        await stage.clock.sleep(0.2)
        await stage.microphone.close()
        await stage.microphone.close()
        closed_at = stage.clock.now()
        await stage.clock.sleep(0.6)
        again = stage.clock.now()
        frames = [await stage.microphone.read() for _ in range(60)]
        assert frames[0].ends > again - FRAME_SECONDS > closed_at
        return [first, *frames]

    first, *found = stage.numbers(stage.live(listen))
    assert found[0] - first > 75, "nothing of what was left"
    assert follow_one_another(found), "and no gap"


def test_a_microphone_that_was_never_read_can_be_closed(stage: Stage) -> None:
    async def listen() -> list[Frame]:
        await stage.microphone.close()
        return [await stage.microphone.read()]

    assert len(stage.live(listen)) == 1
