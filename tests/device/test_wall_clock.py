"""The clock of a real body."""

from __future__ import annotations

import asyncio

from device.wall_clock import WallClock


def test_it_begins_near_0_and_never_goes_back() -> None:
    clock = WallClock()
    times = [clock.now() for _ in range(100)]
    assert 0 <= times[0] < 1
    assert times == sorted(times)


def test_a_sleep_lasts_at_least_as_long_as_was_asked() -> None:
    async def sleep() -> float:
        clock = WallClock()
        began = clock.now()
        await clock.sleep(0.02)
        return clock.now() - began

    assert asyncio.run(sleep()) > 0.019


def test_it_waits_for_no_engine() -> None:
    clock = WallClock()
    with clock.working():
        before = clock.now()
        while clock.now() == before:
            pass
    assert clock.engine_seconds() == 0.0
