"""A voice that is slow begins later, and is not interrupted by what it still has to make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from companion.audio import Audio
from companion.timed import LATELY_SECONDS, STOCK_SECONDS, Timed
from device.simulated import World


class Taking:
    """A Voice of which every piece, as long as it is told, takes so much of its own time."""

    def __init__(self, world: World, factor: float) -> None:
        self._world = world
        self.factor = factor

    async def load(self) -> None: ...

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        for seconds in map(float, text.split()):
            await self._world.sleep(self.factor * seconds)
            yield Audio.silence(seconds)


def stocks(*factors: float, heard: float = 0.0) -> list[float]:
    """The stock after some seconds of each speed; `heard`: how long whoever takes a piece takes for it."""
    world = World()

    async def speak() -> list[float]:
        voice = Taking(world, 0.0)
        timed = Timed(voice, world)
        found = [timed.stock()]
        async with world.turning():
            for voice.factor in factors:
                async for _ in timed.speak(" ".join(["1"] * round(2 * LATELY_SECONDS))):
                    await world.sleep(heard)
                found.append(timed.stock())
        return found

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        return runner.run(speak())


def test_nobody_waits_for_a_voice_that_is_quick_enough() -> None:
    assert stocks(0.05, 0.55) == [0.0, 0.0, 0.0]


def test_a_slow_voice_keeps_a_stock_and_one_that_becomes_quick_needs_none() -> None:
    assert stocks(0.8, 0.2, 1.5) == [0.0, STOCK_SECONDS, 0.0, STOCK_SECONDS]


def test_what_whoever_listens_takes_is_not_counted() -> None:
    assert stocks(0.3, heard=1.0) == [0.0, 0.0]


@pytest.mark.parametrize("pieces", [1, 3])
def test_its_pieces_are_those_of_the_voice(pieces: int) -> None:
    world = World()

    async def speak() -> list[float]:
        async with world.turning():
            return [piece.seconds async for piece in Timed(Taking(world, 0.1), world).speak("1 2 3"[: 2 * pieces - 1])]

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        assert runner.run(speak()) == [1.0, 2.0, 3.0][:pieces]
