"""Sound that is lost is told, once for all of a minute."""

from __future__ import annotations

import asyncio
from functools import partial

from companion.losses import watched
from companion.tasks import meanwhile
from device.simulated import World


def test_what_is_lost_is_told_once_a_minute_and_what_was_told_is_not_told_again() -> None:
    world, told = World(), list[tuple[float, str]]()
    lost = {"what it heard": [0, 3, 3, 5, 5], "what it said": [0, 0, 0, 1, 1]}

    def count(what: str) -> int:
        return lost[what][int(world.now() // 60)]

    async def look() -> None:
        counts = {what: partial(count, what) for what in lost}
        async with world.turning(), meanwhile() as begin:
            begin(watched(counts, world, lambda sentence: told.append((world.now(), sentence))))
            await world.sleep(299.0)

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        runner.run(look())
    assert [round(at) for at, _ in told] == [60, 180]
    assert told[0][1].endswith("sound was lost 3 times of what it heard")
    assert told[1][1].endswith("sound was lost 2 times of what it heard and 1 times of what it said")
