"""This file does things at once: one piece ahead of another, the first of several; and ends what it began."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, TypeVar

Piece = TypeVar("Piece")


class Ahead(Generic[Piece]):
    """The pieces of a source, of which up to `count` are made before they are asked for: from now on.

    Raises what the source raises, after the pieces before it. Use it within `aclosing`.
    """

    def __init__(
        self,
        source: AsyncGenerator[Piece, None],
        count: int,
        enough: Callable[[Collection[Piece]], bool] = bool,
    ) -> None:
        """More than `count` are made, and none is given at first, as long as those that wait are not `enough`."""
        self._source = source
        self._count = count
        self._enough = enough
        self._waiting: deque[Piece] = deque()
        self._begun, self._made, self._taken = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._over = False
        self._maker = asyncio.create_task(self._make())

    def __aiter__(self) -> Ahead[Piece]:
        return self

    async def __anext__(self) -> Piece:
        await self._begun.wait()
        while not self._waiting:
            if self._over:
                if not self._maker.cancelled():
                    await self._maker
                raise StopAsyncIteration
            self._made.clear()
            await self._made.wait()
        self._taken.set()
        return self._waiting.popleft()

    @property
    def begun(self) -> bool:
        """Whether there is enough to begin with, or it is known that there is no more."""
        return self._begun.is_set()

    async def ready(self) -> None:
        """Wait until it has begun. Takes nothing: what the source raises is for whoever takes the pieces."""
        await self._begun.wait()

    async def aclose(self) -> None:
        """Close the source; returns when that is done. There are no more pieces then."""
        await cancelled(self._maker)
        self._end()
        await self._source.aclose()  # a maker that had not begun has not

    async def _make(self) -> None:
        try:
            async with aclosing(self._source):
                async for piece in self._source:
                    self._waiting.append(piece)
                    self._made.set()
                    while self._enough(self._waiting):
                        self._begun.set()
                        if len(self._waiting) < self._count:
                            break
                        self._taken.clear()
                        await self._taken.wait()  # before the next is begun
        finally:
            self._end()

    def _end(self) -> None:
        self._over = True
        self._begun.set()
        self._made.set()


async def first_of(*doings: Awaitable[object]) -> None:
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
async def meanwhile() -> AsyncIterator[Callable[[Coroutine[Any, Any, object]], asyncio.Task[object]]]:
    """Gives what begins something that goes on meanwhile, and is ended with the block."""
    tasks: list[asyncio.Task[object]] = []

    def begin(doing: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
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
