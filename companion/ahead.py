"""This file works ahead: the next phrase is made while this one sounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Piece = TypeVar("Piece")


async def ahead(source: AsyncGenerator[Piece, None], count: int) -> AsyncGenerator[Piece, None]:
    """The pieces of `source`, of which up to `count` are made before they are asked for.

    Raises what `source` raises, after the pieces before it. Closing it closes `source`, and returns when that is
    done; so does cancelling. Use it within `aclosing`.
    """
    made: asyncio.Queue[Piece | None] = asyncio.Queue()
    room = asyncio.Semaphore(count)

    async def make() -> None:
        try:
            async with aclosing(source):
                async for piece in source:
                    await room.acquire()
                    made.put_nowait(piece)
        finally:
            made.put_nowait(None)

    maker = asyncio.create_task(make())
    try:
        while (piece := await made.get()) is not None:
            room.release()
            yield piece
        await maker
    finally:
        await cancelled(maker)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    """Cancel these tasks and wait until they have cleaned up. What they raise stays with them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: asyncio need not warn about it
