"""What every microphone must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import in_world

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Frame, Samples
from companion.ports import Microphone
from device.simulated import SimulatedMicrophone, World


@dataclass
class Stage:
    """A microphone in a world, in front of which a counter counts the frames."""

    world: World
    microphone: Microphone


def simulated() -> Stage:
    world = World()

    def count(begins: float) -> Samples:
        return np.full(FRAME_SAMPLES, round(begins / FRAME_SECONDS) % 30_000, np.int16)

    return Stage(world, SimulatedMicrophone(world, count))


MICROPHONES: dict[str, Callable[[], Stage]] = {"simulated": simulated}

each_microphone = pytest.mark.parametrize("make", MICROPHONES.values(), ids=MICROPHONES)


def frames_of(stage: Stage, listen: Callable[[], Awaitable[list[Frame]]]) -> list[Frame]:
    async def living() -> list[Frame]:
        async with stage.world.turning():
            return await listen()

    return in_world(stage.world, living)


def numbers(frames: list[Frame]) -> list[int]:
    """Which frames these are, by what was to be heard."""
    return [int(frame.captured.samples[0]) for frame in frames]


@each_microphone
def test_a_frame_is_10_ms_at_the_rate_of_the_ears(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        return [await stage.microphone.read() for _ in range(100)]

    for frame in frames_of(stage, listen):
        assert (frame.captured.rate, len(frame.captured.samples)) == (RATE, FRAME_SAMPLES)
        assert frame.played is None or (frame.played.rate, len(frame.played.samples)) == (RATE, FRAME_SAMPLES)


@each_microphone
def test_frames_follow_one_another_without_a_gap_and_are_fresh(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        frames = []
        for _ in range(200):
            frame = await stage.microphone.read()
            assert 0 <= stage.world.now() - frame.ends + 1e-9 < 2 * FRAME_SECONDS
            frames.append(frame)
        return frames

    frames = frames_of(stage, listen)
    assert numbers(frames) == list(range(200))
    assert [frame.ends for frame in frames] == pytest.approx([(n + 1) * FRAME_SECONDS for n in range(200)])


@each_microphone
def test_who_reads_late_gets_every_frame_nevertheless(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        first = await stage.microphone.read()
        await stage.world.sleep(3.0)
        return [first, *[await stage.microphone.read() for _ in range(400)]]

    assert numbers(frames_of(stage, listen)) == list(range(401))


@each_microphone
def test_a_microphone_that_nobody_reads_loses_the_oldest_frames_first(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        await stage.microphone.read()
        await stage.world.sleep(60.0)
        return [await stage.microphone.read() for _ in range(1000)]

    found = numbers(frames_of(stage, listen))
    assert 5_000 <= found[0] < 6_000, "it keeps some seconds, not a minute"
    assert found == list(range(found[0], found[0] + 1000)), "and what follows has no gap"


@each_microphone
@given(pauses=st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(deadline=None, max_examples=30)
def test_a_reader_that_is_cancelled_and_calls_again_loses_no_frame(
    make: Callable[[], Stage], pauses: list[int]
) -> None:
    """Cancelled after so many frames' time, and that many turns of the loop."""
    stage = make()

    async def listen() -> list[Frame]:
        frames = []
        for pause in pauses:
            reading = asyncio.ensure_future(stage.microphone.read())
            if pause:
                await stage.world.sleep(pause * FRAME_SECONDS / 2)
            for _ in range(pause):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                frames.append(reading.result())
        return [*frames, await stage.microphone.read()]

    found = numbers(frames_of(stage, listen))
    assert found == list(range(found[0], found[0] + len(found)))


@each_microphone
def test_a_frame_keeps_its_samples_while_later_ones_are_captured(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        frames = [await stage.microphone.read() for _ in range(3)]
        await stage.world.sleep(1.0)
        return frames

    assert [set(frame.captured.samples.tolist()) for frame in frames_of(stage, listen)] == [{0}, {1}, {2}]


@each_microphone
def test_a_microphone_that_is_closed_captures_nothing_until_it_is_read_again(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        await stage.microphone.read()
        await stage.world.sleep(1.0)
        await stage.microphone.close()
        await stage.microphone.close()
        closed_at = stage.world.now()
        await stage.world.sleep(2.0)
        again = stage.world.now()
        frames = [await stage.microphone.read() for _ in range(100)]
        assert frames[0].ends > again - FRAME_SECONDS > closed_at
        return frames

    found = numbers(frames_of(stage, listen))
    assert found == list(range(found[0], found[0] + 100)), "nothing of what was left, and no gap"


@each_microphone
def test_a_microphone_that_was_never_read_can_be_closed(make: Callable[[], Stage]) -> None:
    stage = make()

    async def listen() -> list[Frame]:
        await stage.microphone.close()
        return [await stage.microphone.read()]

    assert len(frames_of(stage, listen)) == 1
