"""How long an event loop stands still while something is done."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def longest_standstill(work: Callable[[], Any]) -> float:
    """Seconds between two turns of the loop, at most, while `work` is done."""

    async def probed() -> float:
        task = asyncio.ensure_future(work())
        turns = [time.perf_counter()]
        while not task.done():
            await asyncio.sleep(0.001)
            turns.append(time.perf_counter())
        await task
        return float(max(np.diff(turns)))

    return asyncio.run(probed())
