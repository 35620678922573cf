"""What every clock must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from scene import in_world

from companion.audio import FRAME_SECONDS
from companion.ports import Clock
from device.simulated import World
from device.wall_clock import WallClock

Result = TypeVar("Result")

CLOCKS: dict[str, Callable[[], Clock]] = {
    "simulated": World,
    "simulated, on the wall clock": lambda: World(realtime=True),
    "wall clock": WallClock,
}


@pytest.fixture(params=CLOCKS)
def world(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def live(world: Clock, act: Callable[[], Awaitable[Result]]) -> Result:
    """Run `act` while time passes."""
    if not isinstance(world, World):
        return asyncio.run(act())
    turning = world.turning()

    async def living() -> Result:
        async with turning:
            return await act()

    return in_world(world, living)


@pytest.mark.parametrize("name", CLOCKS)
def test_time_begins_at_0(name: str) -> None:
    now = CLOCKS[name]().now()
    assert now == 0.0 or (name == "wall clock" and 0 < now < 0.1)


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.015, 0.02])
def test_a_sleep_lasts_at_least_as_long_as_was_asked(world: World, seconds: float) -> None:
    async def act() -> float:
        before = world.now()
        await world.sleep(seconds)
        return world.now() - before

    assert live(world, act) >= seconds - 1e-9


def test_time_never_goes_back(world: Clock) -> None:
    async def act() -> list[float]:
        times = []
        for _ in range(5):
            times.append(world.now())
            await world.sleep(0.005)
        return times

    times = live(world, act)
    assert times == sorted(times)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_sleep_of_nothing_lets_the_others_go_first(world: World, seconds: float) -> None:
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    async def act() -> None:
        task = asyncio.create_task(other())
        await world.sleep(seconds)
        order.append("sleeper")
        await task

    live(world, act)
    assert order == ["other", "sleeper"]


def test_sleepers_wake_in_the_order_of_their_time(world: Clock) -> None:
    order: list[float] = []

    async def sleeper(seconds: float) -> None:
        await world.sleep(seconds)
        order.append(seconds)

    async def act() -> None:
        await asyncio.gather(*(sleeper(seconds) for seconds in (0.03, 0.01, 0.05, 0.02)))

    live(world, act)
    assert order == [0.01, 0.02, 0.03, 0.05]


def test_a_sleeper_that_is_cancelled_disturbs_nobody(world: Clock) -> None:
    async def act() -> float:
        sleeping = asyncio.create_task(world.sleep(0.02))
        await asyncio.sleep(0)
        sleeping.cancel()
        await asyncio.wait({sleeping})
        await world.sleep(0.04)
        return world.now()

    assert live(world, act) >= 0.04 - 1e-9


def test_an_engine_at_work_may_be_within_another_and_may_fail(world: Clock) -> None:
    async def act() -> None:
        with pytest.raises(ValueError, match="broken"), world.working(), world.working():
            raise ValueError("broken")
        before = world.now()
        await world.sleep(FRAME_SECONDS)
        assert world.now() > before, "time goes on"

    live(world, act)


def test_time_that_stood_still_is_counted_and_never_less_than_before(world: Clock) -> None:
    async def act() -> list[float]:
        counted = [world.engine_seconds()]
        with world.working():
            counted.append(world.engine_seconds())
            await asyncio.sleep(0)
            counted.append(world.engine_seconds())
        counted.append(world.engine_seconds())
        await world.sleep(FRAME_SECONDS)
        counted.append(world.engine_seconds())
        return counted

    counted = live(world, act)
    assert counted[0] == 0.0
    assert counted == sorted(counted)
    assert counted[-1] == counted[-2], "it counts only while somebody works"
