"""What every ChatModel keeps to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace

import pytest

from companion.choosing import BestOf
from companion.errors import Cause, NoReply
from companion.ports import ChatModel, Message, Prompt, Usage
from companion.worktime import HeldChat
from device.wall_clock import WallClock
from models.keyless import KeylessChat
from models.mock_qwen import MockQwen
from models.qwen import QwenChat
from models.scripted import ScriptedChat

PROMPT = Prompt([Message("system", "You are Bo."), Message("user", "What about dragons?")], seed=7, session="s")

Open = Callable[[], int]


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[ChatModel, Open]]:
    chat = ScriptedChat([["Drag", "ons are "], ["Drag", "ons are "]])
    yield chat, lambda: chat.open


@asynccontextmanager
async def qwen() -> AsyncIterator[tuple[ChatModel, Open]]:
    async with MockQwen([]) as server:
        chat = QwenChat(base_url=server.base_url, key="sk-x", model="qwen-flash-character")
        async with aclosing(chat):
            yield chat, lambda: 0 if server.wait_until_quiet(1.0) else server.open_streams


@asynccontextmanager
async def held() -> AsyncIterator[tuple[ChatModel, Open]]:
    async with scripted() as (chat, still_open):
        yield HeldChat(chat, WallClock()), still_open


@asynccontextmanager
async def best_of_two() -> AsyncIterator[tuple[ChatModel, Open]]:
    async with qwen() as (chat, still_open):
        yield BestOf(chat, 2, lambda _: None), still_open


@asynccontextmanager
async def scripted_refusal() -> AsyncIterator[ChatModel]:
    yield ScriptedChat([[NoReply(Cause.REFUSED, "no")]])


@asynccontextmanager
async def qwen_refusal() -> AsyncIterator[ChatModel]:
    async with MockQwen([]) as server:
        chat = QwenChat(base_url=server.base_url, key="sk-invalid", model="qwen-flash-character")
        async with aclosing(chat):
            yield chat


@asynccontextmanager
async def held_refusal() -> AsyncIterator[ChatModel]:
    async with scripted_refusal() as chat:
        yield HeldChat(chat, WallClock())


@asynccontextmanager
async def keyless() -> AsyncIterator[ChatModel]:
    yield KeylessChat("There is no key")


Factory = Callable[[], AbstractAsyncContextManager[tuple[ChatModel, Open]]]


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_a_reply_is_text_in_pieces_with_the_usage_last_if_at_all(make: Factory) -> None:
    async def ask() -> list[str | Usage]:
        async with make() as (chat, _), aclosing(chat.reply(PROMPT)) as pieces:
            return [piece async for piece in pieces]

    pieces = asyncio.run(ask())
    texts = [piece for piece in pieces if isinstance(piece, str)]
    assert "dragons" in "".join(texts).lower()
    assert pieces[: len(texts)] == texts
    assert len(pieces) - len(texts) <= 1


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_the_same_prompt_gives_the_same_reply(make: Factory) -> None:
    async def ask() -> list[str]:
        async with make() as (chat, _):
            replies = []
            for _ in range(2):
                async with aclosing(chat.reply(PROMPT)) as pieces:
                    replies.append("".join([piece async for piece in pieces if isinstance(piece, str)]))
            return replies

    first, second = asyncio.run(ask())
    assert first == second


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_closed_in_the_middle_nothing_stays_open(make: Factory) -> None:
    async def ask() -> int:
        async with make() as (chat, still_open):
            async with aclosing(chat.reply(PROMPT)) as pieces:
                await anext(pieces)
            return still_open()

    assert asyncio.run(ask()) == 0


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_cancelled_in_the_middle_nothing_stays_open_and_the_next_reply_comes(make: Factory) -> None:
    async def ask() -> tuple[int, str]:
        async with make() as (chat, still_open):

            async def read() -> None:
                async with aclosing(chat.reply(PROMPT)) as pieces:
                    async for _ in pieces:
                        await asyncio.sleep(0)

            reading = asyncio.create_task(read())
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            left = still_open()
            async with aclosing(chat.reply(PROMPT)) as pieces:
                return left, "".join([piece async for piece in pieces if isinstance(piece, str)])

    left, reply = asyncio.run(ask())
    assert left == 0
    assert "dragons" in reply.lower()


@pytest.mark.parametrize("make", [scripted_refusal, qwen_refusal, held_refusal, keyless])
def test_what_cannot_be_answered_raises_no_reply(make: Callable[[], AbstractAsyncContextManager[ChatModel]]) -> None:
    async def ask() -> None:
        async with make() as chat, aclosing(chat.reply(PROMPT)) as pieces:
            async for _ in pieces:
                pass

    with pytest.raises(NoReply) as failure:
        asyncio.run(ask())
    assert failure.value.cause is Cause.REFUSED


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
@pytest.mark.parametrize("count", [1, 2])
def test_several_replies_are_whole_texts_and_as_many_as_asked_for(make: Factory, count: int) -> None:
    async def ask() -> tuple[list[str], Usage | None]:
        async with make() as (chat, _):
            return await chat.several(PROMPT, count)

    texts, usage = asyncio.run(ask())
    assert len(texts) == count
    assert all("dragons" in text.lower() for text in texts)
    assert usage is None or usage.completion_tokens > 0


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_a_warm_way_changes_nothing_but_the_wait(make: Factory) -> None:
    async def ask() -> str:
        async with make() as (chat, _):
            await chat.warm()
            await chat.warm()
            async with aclosing(chat.reply(PROMPT)) as pieces:
                return "".join([piece async for piece in pieces if isinstance(piece, str)])

    assert "dragons" in asyncio.run(ask()).lower()


@pytest.mark.parametrize("make", [scripted, qwen, held, best_of_two])
def test_a_partial_reply_is_gone_on_with_and_not_repeated(make: Factory) -> None:
    begun = replace(PROMPT, messages=[*PROMPT.messages, Message("assistant", "Bo:", partial=True)])

    async def ask() -> str:
        async with make() as (chat, _), aclosing(chat.reply(begun)) as pieces:
            return "".join([piece async for piece in pieces if isinstance(piece, str)])

    reply = asyncio.run(ask())
    assert reply
    assert not reply.startswith("Bo:")


@pytest.mark.parametrize("make", [scripted_refusal, qwen_refusal, held_refusal, keyless])
def test_without_an_answer_several_replies_fail_and_warming_does_not(
    make: Callable[[], AbstractAsyncContextManager[ChatModel]],
) -> None:
    async def ask() -> None:
        async with make() as chat:
            await chat.warm()
            await chat.several(PROMPT, 2)

    with pytest.raises(NoReply) as failure:
        asyncio.run(ask())
    assert failure.value.cause is Cause.REFUSED
