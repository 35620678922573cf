"""The simulated world: as fast as its engines, and the same every time."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from scene import Scene, Shout, in_world

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Samples
from companion.state import State
from device.simulated import MOST_FRAMES_UNREAD, Moments, SimulatedLight, SimulatedMicrophone, World


def scene() -> Scene:
    return Scene(
        Shout(1.0), Shout(0.5, 0.4, 0.5), hears=["one", "two"], replies=[["First. ", "And more."], ["(nods) Second."]]
    )


def test_time_passes_frame_by_frame_and_only_while_the_world_turns() -> None:
    world = World()
    frames: list[float] = []
    world.add(frames.append)

    async def act() -> None:
        await asyncio.sleep(0)
        assert world.now() == 0.0
        async with world.turning():
            await world.sleep(1.0)
        assert world.now() == pytest.approx(1.0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert world.now() == pytest.approx(1.0)

    in_world(world, act)
    assert frames == pytest.approx([number * FRAME_SECONDS for number in range(100)])


def test_an_hour_without_engines_takes_no_hour() -> None:
    world = World()
    began = time.monotonic()

    async def act() -> None:
        async with world.turning():
            await world.sleep(3600.0)

    in_world(world, act)
    assert time.monotonic() - began < 60.0


def test_a_sleeper_wakes_with_the_first_frame_at_or_after_its_time() -> None:
    world = World()

    async def act() -> None:
        async with world.turning():
            for seconds, now in [(0.01, 0.01), (0.07, 0.08), (0.015, 0.10), (0.0, 0.11), (-1.0, 0.12)]:
                await world.sleep(seconds)
                assert world.now() == pytest.approx(now)

    in_world(world, act)


def test_no_frame_begins_before_everybody_has_come_to_rest() -> None:
    world = World()

    async def chatter() -> None:
        for _ in range(1000):
            await asyncio.sleep(0)
            assert world.now() == 0.0

    async def act() -> None:
        async with world.turning():
            task = asyncio.create_task(chatter())
            await world.sleep(0.01)
            assert task.done()
            await task

    in_world(world, act)


def test_the_world_stands_still_while_an_engine_works() -> None:
    world = World()

    async def engine(waiting: asyncio.Event) -> float:
        with world.working():
            await waiting.wait()
            return world.now()

    async def act() -> None:
        async with world.turning():
            loop = asyncio.get_running_loop()
            done = asyncio.Event()
            sleeping = asyncio.create_task(world.sleep(0.01))
            loop.call_later(0.02, done.set)  # a thread or a socket that takes wall time
            assert await engine(done) == 0.0
            assert world.engine_seconds() >= 0.015
            await sleeping
            assert world.now() == pytest.approx(0.01)

    in_world(world, act)


def test_the_world_stands_still_until_the_last_of_two_engines_is_done() -> None:
    world = World()

    async def act() -> None:
        async with world.turning():
            first, second = world.working(), world.working()
            first.__enter__()
            second.__enter__()
            first.__exit__(None, None, None)
            sleeping = asyncio.create_task(world.sleep(0.01))
            await asyncio.sleep(0.002)
            assert (world.now(), sleeping.done()) == (0.0, False)
            second.__exit__(None, None, None)
            await sleeping

    in_world(world, act)


def test_on_the_wall_clock_time_waits_for_no_engine() -> None:
    world = World(realtime=True)

    async def act() -> None:
        async with world.turning():
            with world.working():
                await world.sleep(0.02)
            assert world.now() >= 0.02
            assert world.engine_seconds() == 0.0

    in_world(world, act)


def test_the_same_script_gives_the_same_world_twice() -> None:
    first, second = scene(), scene()
    first.play()
    second.play()
    assert first.events == second.events
    assert len(first.events) > 10
    assert first.light.shown == second.light.shown
    assert first.world.now() == second.world.now()
    assert [began for began, _ in first.speaker.heard] == [began for began, _ in second.speaker.heard]
    for (_, one), (_, other) in zip(first.speaker.heard, second.speaker.heard, strict=True):
        assert np.array_equal(one.samples, other.samples)


def test_slow_engines_change_nothing_but_the_wall_time() -> None:
    """An engine that holds the clock takes no audio time, however long it works."""

    def journal(turns: int) -> list[tuple[float, str]]:
        stage = scene()
        transcribe = stage.transcriber.transcribe

        async def slowly(utterance: object) -> object:
            with stage.world.working():
                for _ in range(turns):
                    await asyncio.sleep(0)
            return await transcribe(utterance)  # type: ignore[arg-type]

        stage.transcriber.transcribe = slowly  # type: ignore[method-assign, assignment]
        stage.play()
        return [(event.at, event.name) for event in stage.events]

    assert journal(turns=1) == journal(turns=500)


@pytest.mark.parametrize("realtime", [False, True])
def test_a_world_that_lasts_too_long_ends_with_an_error(realtime: bool) -> None:
    world = World(realtime=realtime, longest=0.05)
    cleaned_up: list[float] = []

    async def act() -> None:
        async with world.turning():
            try:
                await asyncio.Event().wait()
            finally:
                cleaned_up.append(world.now())

    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        in_world(world, act)
    assert cleaned_up == [pytest.approx(0.05)]


@pytest.mark.parametrize("realtime", [False, True])
def test_what_goes_wrong_in_the_world_ends_it(realtime: bool) -> None:
    world = World(realtime=realtime)

    def part(now: float) -> None:
        if now > 0.015:
            raise ValueError("the recording is damaged")

    world.add(part)

    async def act() -> None:
        async with world.turning():
            await asyncio.Event().wait()

    with pytest.raises(ValueError, match="damaged"):
        in_world(world, act)


def test_on_the_wall_clock_an_error_of_those_who_live_in_it_stays_theirs() -> None:
    world = World(realtime=True)

    async def act() -> None:
        async with world.turning():
            await world.sleep(0.01)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        in_world(world, act)


def test_on_the_wall_clock_being_cancelled_from_outside_is_no_error_of_the_world() -> None:
    world = World(realtime=True)

    async def live() -> None:
        async with world.turning():
            await asyncio.Event().wait()

    async def act() -> None:
        living = asyncio.create_task(live())
        await asyncio.sleep(0)
        living.cancel()
        await asyncio.wait({living})
        assert living.cancelled()

    in_world(world, act)


def test_moments_wake_in_order_and_are_told_their_own() -> None:
    async def act() -> None:
        moments = Moments()
        told: list[tuple[float, float]] = []

        async def wait(moment: float) -> None:
            told.append((moment, await moments.reach(moment)))

        waiting = [asyncio.create_task(wait(moment)) for moment in (3.0, 1.0, 2.0, 1.0)]
        await asyncio.sleep(0)
        moments.come(2.0, lambda moment: moment * 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [(1.0, 10.0), (1.0, 10.0), (2.0, 20.0)]
        moments.come(float("inf"), lambda moment: 7.0)
        await asyncio.gather(*waiting)
        assert told[-1] == (3.0, 7.0)

    asyncio.run(act())


def quiet(begins: float) -> Samples:
    return np.zeros(FRAME_SAMPLES, np.int16)


def test_a_microphone_that_nobody_reads_keeps_five_seconds() -> None:
    world = World()
    microphone = SimulatedMicrophone(world, quiet)

    async def act() -> None:
        async with world.turning():
            await microphone.read()
            await world.sleep(60.0)
            frame = await microphone.read()
            assert world.now() - frame.ends == pytest.approx((MOST_FRAMES_UNREAD - 1) * FRAME_SECONDS)

    in_world(world, act)


def test_a_light_keeps_what_it_showed_and_since_when() -> None:
    world = World()
    light = SimulatedLight(world)
    assert (light.state, light.since) == (None, 0.0)

    async def act() -> None:
        async with world.turning():
            await world.sleep(1.0)
            light.show(State.LISTENING)
            await world.sleep(1.0)
            light.show(State.LISTENING, 0.5)
            assert light.since == pytest.approx(1.0), "the same state goes on"
            light.show(State.THINKING)

    in_world(world, act)
    assert [state for _, state in light.shown] == [State.LISTENING, State.THINKING]
    assert [at for at, _ in light.shown] == pytest.approx([1.0, 2.0])
