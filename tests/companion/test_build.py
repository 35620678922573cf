"""What is got ready when somebody begins to speak."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from companion.build import warmed
from companion.errors import DeviceError


class Getting:
    """A mind and a speaker that note what is got ready."""

    def __init__(self, *, speaker: bool) -> None:
        self.ready: list[str] = []
        self._speaker = speaker

    async def warm(self) -> bool:
        self.ready.append("mind")
        return True

    async def open(self) -> None:
        if not self._speaker:
            raise DeviceError("There is no speaker")
        self.ready.append("speaker")


@pytest.mark.parametrize(("speaker", "ready"), [(True, {"mind", "speaker"}), (False, {"mind"})])
def test_whoever_begins_to_speak_finds_the_mind_and_the_speaker_ready_as_far_as_they_are_there(
    speaker: bool, ready: set[str]
) -> None:
    getting: Any = Getting(speaker=speaker)
    asyncio.run(warmed(getting, getting))
    assert set(getting.ready) == ready
