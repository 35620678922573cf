"""A real microphone or speaker, used for a moment and closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import numpy as np

from companion.audio import FRAME_SECONDS, Frame, Samples
from companion.ports import Microphone

MOST_SECONDS = 20.0


class Closes(Protocol):
    async def close(self) -> None:
        """Let go of the device."""
        ...


Device = TypeVar("Device", bound=Closes)
Result = TypeVar("Result")


def in_use(device: Device, use: Callable[[Device], Awaitable[Result]]) -> Result:
    """What `use` gives; it may take `MOST_SECONDS`."""

    async def live() -> Result:
        try:
            return await use(device)
        finally:
            await device.close()

    return asyncio.run(asyncio.wait_for(live(), MOST_SECONDS))


async def read(microphone: Microphone, seconds: float) -> list[Frame]:
    return [await microphone.read() for _ in range(round(seconds / FRAME_SECONDS))]


def captured(frames: list[Frame]) -> Samples:
    return np.concatenate([frame.captured.samples for frame in frames])
