"""Things done at once are all ended when they should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import pytest

from companion.tasks import Ahead, cancelled, first_of, meanwhile

Result = TypeVar("Result")


class Source:
    """Counts up, and notes how far it came and whether it was closed."""

    def __init__(self, count: int, *, error: Exception | None = None, closing: int = 0) -> None:
        """After `count` pieces it ends, or raises `error`; it takes `closing` turns of the loop to close."""
        self._count = count
        self._error = error
        self._closing = closing
        self.begun = 0
        """Pieces that somebody began to make."""
        self.closed = False

    async def pieces(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                self.begun = number + 1
                await asyncio.sleep(0)
                yield number
            if self._error:
                raise self._error
        finally:
            for _ in range(self._closing):
                await asyncio.sleep(0)
            self.closed = True


async def rest() -> None:
    """Let everybody come to rest."""
    for _ in range(50):
        await asyncio.sleep(0)


def run(act: Callable[[], Awaitable[Result]]) -> Result:
    """Run `act`; no task may be left when it returns."""

    async def acting() -> Result:
        result = await act()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(acting())


def test_all_pieces_come_in_order() -> None:
    async def act() -> list[int]:
        async with aclosing(Ahead(Source(20).pieces(), 2)) as pieces:
            return [piece async for piece in pieces]

    assert run(act) == list(range(20))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_so_many_pieces_are_made_ahead_and_not_one_more(count: int) -> None:
    source = Source(20)

    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), count)) as pieces:
            for asked in range(1, 5):
                assert await anext(pieces) == asked - 1
                await rest()
                assert source.begun == asked + count

    run(act)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_they_are_made_before_the_first_is_asked_for(count: int) -> None:
    source = Source(20)

    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), count)):
            await rest()
            assert source.begun == count

    run(act)
    assert source.closed


@pytest.mark.parametrize(
    "source", [Source(20), Source(0), Source(0, error=ValueError("broken"))], ids=["a piece", "no piece", "an error"]
)
def test_it_is_ready_when_it_is_known_what_comes_first_and_that_takes_nothing(source: Source) -> None:
    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), 2)) as pieces:
            assert not pieces.begun
            await pieces.ready()
            await pieces.ready()
            assert pieces.begun
            if source.begun:
                assert await anext(pieces) == 0

    run(act)


def test_one_that_is_closed_at_once_has_made_nothing() -> None:
    source = Source(20)

    async def act() -> None:
        await Ahead(source.pieces(), 2).aclose()

    run(act)
    assert source.begun == 0


def test_closed_twice_is_closed_once_and_the_end_stays_the_end() -> None:
    source = Source(1)

    async def act() -> None:
        pieces = Ahead(source.pieces(), 2)
        assert [piece async for piece in pieces] == [0]
        assert [piece async for piece in pieces] == []
        await pieces.aclose()
        await pieces.aclose()
        assert [piece async for piece in pieces] == []

    run(act)
    assert source.closed


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_error_comes_after_the_pieces_before_it(count: int) -> None:
    source = Source(3, error=ValueError("broken"))
    found: list[int] = []

    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), count)) as pieces:
            async for piece in pieces:
                found.append(piece)

    with pytest.raises(ValueError, match="broken"):
        run(act)
    assert found == [0, 1, 2]
    assert source.closed


def test_an_error_that_nobody_waited_for_is_forgotten_with_the_rest() -> None:
    source = Source(2, error=ValueError("broken"))

    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), 5)) as pieces:
            await anext(pieces)
            await rest()

    run(act)  # and no warning of an exception that was never retrieved
    assert source.closed


@pytest.mark.parametrize("taken", [1, 3])
def test_closing_closes_the_source_before_it_returns(taken: int) -> None:
    source = Source(20, closing=10)

    async def act() -> None:
        async with aclosing(Ahead(source.pieces(), 2)) as pieces:
            for _ in range(taken):
                await anext(pieces)
        assert source.closed

    run(act)


def test_cancelling_who_waits_for_a_piece_closes_the_source() -> None:
    source = Source(1, closing=10)

    async def endless() -> AsyncGenerator[int, None]:
        async with aclosing(source.pieces()) as pieces:
            async for piece in pieces:
                yield piece
                await asyncio.Event().wait()

    async def listen() -> None:
        async with aclosing(Ahead(endless(), 2)) as pieces:
            async for _ in pieces:
                pass

    async def act() -> None:
        listening = asyncio.create_task(listen())
        await rest()
        assert not listening.done()
        await cancelled(listening)
        assert source.closed
        assert listening.cancelled()

    run(act)


class Doing:
    """Something that goes on until it is told to end, or cancelled; then it cleans up for a while."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.end = asyncio.Event()
        self._error = error
        self.cleaned_up = False

    async def __call__(self) -> None:
        try:
            await self.end.wait()
            if self._error:
                raise self._error
        finally:
            await rest()
            self.cleaned_up = True


def test_when_the_first_ends_the_others_are_cancelled_and_waited_for() -> None:
    async def act() -> None:
        doings = [Doing() for _ in range(3)]
        doings[1].end.set()
        await first_of(*(doing() for doing in doings))
        assert [doing.cleaned_up for doing in doings] == [True] * 3

    run(act)


@pytest.mark.parametrize("failing", [0, 1])
def test_what_one_of_them_raised_is_raised_when_all_have_cleaned_up(failing: int) -> None:
    async def act() -> None:
        doings = [Doing(), Doing()]
        doings[failing] = Doing(error=ValueError("broken"))
        doings[failing].end.set()
        with pytest.raises(ValueError, match="broken"):
            await first_of(*(doing() for doing in doings))
        assert [doing.cleaned_up for doing in doings] == [True] * 2

    run(act)


def test_two_that_fail_at_once_raise_one_error_and_no_warning() -> None:
    async def act() -> None:
        doings = [Doing(error=ValueError("first")), Doing(error=ValueError("second"))]
        for doing in doings:
            doing.end.set()
        with pytest.raises(ValueError, match="first"):
            await first_of(*(doing() for doing in doings))

    run(act)


def test_one_that_is_cancelled_from_elsewhere_has_just_ended() -> None:
    async def act() -> None:
        doings = [Doing(), Doing()]
        task = asyncio.create_task(doings[0]())
        together = asyncio.create_task(first_of(task, doings[1]()))
        await rest()
        await cancelled(task)
        await together
        assert doings[1].cleaned_up

    run(act)


def test_cancelling_all_of_it_leaves_none_of_them_running() -> None:
    async def act() -> None:
        doings = [Doing(), Doing()]
        together = asyncio.create_task(first_of(*(doing() for doing in doings)))
        await rest()
        await cancelled(together)
        assert together.cancelled()
        assert [doing.cleaned_up for doing in doings] == [True] * 2

    run(act)


def test_what_was_begun_meanwhile_is_ended_with_the_block() -> None:
    async def act() -> None:
        doings = [Doing(), Doing()]
        async with meanwhile() as begin:
            tasks = [begin(doing()) for doing in doings]
            await rest()
            assert not any(task.done() for task in tasks)
        assert all(task.cancelled() for task in tasks)
        assert [doing.cleaned_up for doing in doings] == [True] * 2

    run(act)


def test_what_begins_meanwhile_gives_its_task_which_one_may_wait_for_or_end() -> None:
    async def act() -> None:
        waited, ended, failing = Doing(), Doing(), Doing(error=ValueError("broken"))
        async with meanwhile() as begin:
            task = begin(waited())
            waited.end.set()
            await task
            assert waited.cleaned_up
            task = begin(ended())
            await rest()
            await cancelled(task)
            assert ended.cleaned_up
            failing.end.set()
            with pytest.raises(ValueError, match="broken"):
                await begin(failing())

    run(act)


def test_an_error_of_what_went_on_meanwhile_stays_with_its_task() -> None:
    async def act() -> asyncio.Task[None]:
        failing = Doing(error=ValueError("broken"))
        failing.end.set()
        async with meanwhile() as begin:
            task = begin(failing())
            await rest()
            await rest()
        return task

    assert isinstance(run(act).exception(), ValueError)


def test_nothing_begun_meanwhile_is_no_trouble() -> None:
    async def act() -> None:
        async with meanwhile():
            pass

    run(act)


def test_cancelled_tasks_have_cleaned_up_and_keep_their_errors_to_themselves() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    async def act() -> None:
        doing = Doing()
        tasks = [asyncio.create_task(doing()), asyncio.create_task(stubborn()), asyncio.create_task(rest())]
        await asyncio.sleep(0)
        await cancelled(*tasks)
        assert doing.cleaned_up
        assert all(task.done() for task in tasks)

    run(act)


def test_as_long_as_it_is_not_enough_more_is_made_and_nothing_given() -> None:
    async def act() -> None:
        source = Source(20)
        async with aclosing(Ahead(source.pieces(), 2, lambda made: sum(made) >= 6)) as pieces:
            first = asyncio.ensure_future(anext(pieces))
            assert not pieces.begun
            await rest()
            assert pieces.begun
            assert first.result() == 0
            assert source.begun == 4  # 1 + 2 + 3 are enough again
            assert await anext(pieces) == 1
            await rest()
            assert source.begun == 5, "and it is kept up"

    run(act)


def test_what_ends_before_it_is_enough_is_given_all_the_same() -> None:
    async def act() -> list[int]:
        async with aclosing(Ahead(Source(3).pieces(), 2, lambda _: False)) as pieces:
            return [piece async for piece in pieces]

    assert run(act) == [0, 1, 2]
