"""This file tells the owner that the computer was too slow for its sound: then what is heard or said has holes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from companion.ports import Clock

LOOK_SECONDS = 60.0
"""Between two looks; what was lost in between is one sentence."""


async def watched(counts: Mapping[str, Callable[[], int]], clock: Clock, warn: Callable[[str], None]) -> NoReturn:
    """Look for ever. `counts`: how often sound was lost so far, by what it was, such as "what it heard"."""
    before = {what: count() for what, count in counts.items()}
    while True:
        await clock.sleep(LOOK_SECONDS)
        now = {what: count() for what, count in counts.items()}
        lost = [f"{now[what] - before[what]} times of {what}" for what in counts if now[what] > before[what]]
        if lost:
            warn(f"The computer was too slow in the last minute: sound was lost {' and '.join(lost)}")
        before = now
