"""This file does things at once: one piece ahead of another, the first of several; and ends what it began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

Piece = TypeVar("Piece")


async def ahead(source: AsyncGenerator[Piece, None], count: int) -> AsyncGenerator[Piece, None]:
    """The pieces of `source`, of which up to `count` are made before they are asked for.

    Raises what `source` raises, after the pieces before it. Closing it closes `source`, and returns when that is
    done; so does cancelling. Use it within `aclosing`.
    """
    made: asyncio.Queue[Piece | None] = asyncio.Queue()
    room = asyncio.Semaphore(count - 1)

    async def make() -> None:
        try:
            async with aclosing(source):
                async for piece in source:
                    made.put_nowait(piece)
                    await room.acquire()  # before the next is begun
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


async def first_of(*doings: Awaitable[None]) -> None:
    """Do these at once until one of them ends; then the others are cancelled, and waited for. Raises what one of
    them raised; one that was cancelled from elsewhere has just ended."""
    tasks = [asyncio.ensure_future(doing) for doing in doings]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancelled(*tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


@asynccontextmanager
async def meanwhile() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]]:
    """Gives what begins something that goes on meanwhile, and is ended with the block."""
    tasks: list[asyncio.Task[None]] = []

    def begin(doing: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(doing))
        return tasks[-1]

    try:
        yield begin
    finally:
        if tasks:
            await cancelled(*tasks)


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel these tasks and wait until they have cleaned up. What they raise stays with them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: asyncio need not warn about it
