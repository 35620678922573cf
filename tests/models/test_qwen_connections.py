"""One warm connection over a conversation, and nothing left behind by replies that were given up."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from statistics import median
from types import SimpleNamespace

import httpcore2._async.http11 as pool
import pytest
from raw_server import raw_server

from companion.errors import Cause, NoReply
from companion.ports import Message, Prompt
from models.mock_qwen import MockQwen
from models.qwen import Limits, QwenChat
from models.qwen_transport import IDLE_SECONDS

PROMPT = Prompt([Message("system", "You are Bo."), Message("user", "What about dragons?")], seed=7, session="s")

STOCK_EXPIRY = 5.0
"""Seconds after which the stock client lets go of an idle connection."""


async def reply(chat: QwenChat) -> str:
    async with aclosing(chat.reply(PROMPT)) as pieces:
        return "".join([piece async for piece in pieces if isinstance(piece, str)])


@asynccontextmanager
async def talking(server: MockQwen, limits: Limits | None = None) -> AsyncIterator[QwenChat]:
    chat = QwenChat(base_url=server.base_url, key="sk-x", model="qwen-plus-character", limits=limits)
    async with aclosing(chat):
        await chat.load()
        yield chat


class PoolClock:
    """The clock of the connection pool, which a test can put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + self._ahead))

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


def test_twenty_turns_with_long_pauses_take_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = PoolClock(monkeypatch)

    async def talk() -> int:
        async with MockQwen([]) as server, talking(server) as chat:
            for _ in range(20):
                assert await reply(chat)
                clock.advance(STOCK_EXPIRY * 3)
            return server.connections

    assert asyncio.run(talk()) == 1


def test_a_connection_that_stood_idle_for_very_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = PoolClock(monkeypatch)

    async def talk() -> int:
        async with MockQwen([]) as server, talking(server) as chat:
            await reply(chat)
            clock.advance(IDLE_SECONDS + 1)
            await reply(chat)
            return server.connections

    assert asyncio.run(talk()) == 2


def test_refusals_and_several_replies_keep_the_connection() -> None:
    async def talk() -> int:
        async with MockQwen([], faults=["data_inspection_failed"]) as server, talking(server) as chat:
            with pytest.raises(NoReply):
                await reply(chat)
            await chat.several(PROMPT, 2)
            await reply(chat)
            return server.connections

    assert asyncio.run(talk()) == 1


def test_warming_opens_the_one_connection_without_a_chat_request_or_the_key() -> None:
    async def talk() -> tuple[int, int, int]:
        async with MockQwen([]) as server, talking(server) as chat:
            await chat.warm()
            warmed = server.connections
            assert server.requests == 0
            await chat.warm()
            await reply(chat)
            await chat.warm()
            return warmed, server.connections, server.requests

    assert asyncio.run(talk()) == (1, 1, 1)


def test_a_reply_takes_the_connection_that_is_being_opened() -> None:
    async def talk() -> int:
        async with MockQwen([]) as server, talking(server) as chat:
            await asyncio.gather(chat.warm(), chat.warm(), reply(chat))
            return server.connections

    assert asyncio.run(talk()) == 1


def test_warming_tells_the_key_to_nobody() -> None:
    heads: list[bytes] = []

    async def talk() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            await reader.read()

        async with raw_server(serve) as url, aclosing(QwenChat(base_url=url, key="sk-secret", model="m")) as chat:
            await chat.warm()

    asyncio.run(talk())
    assert len(heads) == 1
    assert b"sk-secret" not in heads[0]


def test_warming_never_fails_and_takes_no_longer_than_opening_a_connection_may() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def warm(url: str) -> None:
        async with aclosing(QwenChat(base_url=url, key="sk-x", model="m", limits=Limits(connect=0.1))) as chat:
            await chat.load()
            began = time.monotonic()
            await chat.warm()
            assert time.monotonic() - began < 1.0
        await chat.warm()  # closed already

    async def talk() -> None:
        async with raw_server(silent) as url:
            await warm(url)
        await warm("http://127.0.0.1:9/v1")

    asyncio.run(talk())


@asynccontextmanager
async def forgetful(answers: Callable[[int], bool]) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that drops a connection without an answer where `answers` says so of the request's number. The list
    has, for each request, the number of its connection."""
    requests: list[int] = []
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        mine = connections
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-len"))
            await reader.readexactly(length)
            requests.append(mine)
            if not answers(len(requests)):
                return
            data = b'{"choices": [{"index": 0, "message": {"content": "Hello."}, "finish_reason": "stop"}]}'
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))

    async with raw_server(serve) as url:
        yield url, requests


def test_a_connection_found_dead_is_replaced_at_once_and_without_counting_as_an_attempt() -> None:
    async def talk() -> list[int]:
        async with forgetful(lambda number: number != 2) as (url, requests):
            chat = QwenChat(base_url=url, key="sk-x", model="m", limits=Limits(pause=60.0))
            async with aclosing(chat):
                for _ in range(2):
                    assert (await chat.several(PROMPT, 1))[0] == ["Hello."]
            return requests

    assert asyncio.run(talk()) == [1, 1, 2]


def test_a_fresh_connection_that_dies_is_another_attempts_business() -> None:
    async def talk() -> list[int]:
        async with forgetful(lambda _: False) as (url, requests):
            chat = QwenChat(base_url=url, key="sk-x", model="m", limits=Limits(pause=0.01))
            async with aclosing(chat):
                with pytest.raises(NoReply) as failure:
                    await chat.several(PROMPT, 1)
            assert failure.value.cause is Cause.UNREACHABLE
            return requests

    assert asyncio.run(talk()) == [1, 2, 3]


def sockets() -> int:
    gc.collect()
    names = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]  # noqa: PTH208  # they come and go
    return sum(os.path.islink(name) and os.readlink(name).startswith("socket:") for name in names)  # noqa: PTH114, PTH115


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts sockets as Linux lists them")  # noqa: PTH112
@pytest.mark.parametrize(
    ("way", "fault"), [("cancelled", None), ("cancelled", "stall=1"), ("closed", None), ("closed", "keepalive=1")]
)
def test_a_hundred_replies_given_up_in_the_middle_leave_nothing(way: str, fault: str | None) -> None:
    times: list[float] = []

    async def talk() -> None:
        async with MockQwen([], tokens_per_second=500.0, faults=[fault] * 100) as server, talking(server) as chat:
            tasks, before = asyncio.all_tasks(), sockets()
            for _ in range(100):
                await (cancel if way == "cancelled" else close)(chat)
                began = time.monotonic()
                assert await asyncio.to_thread(server.wait_until_quiet, 2.0)
                times[-1] += time.monotonic() - began
            async with asyncio.timeout(2.0):
                while asyncio.all_tasks() != tasks or sockets() > before:  # noqa: ASYNC110  # sockets tell nobody
                    await asyncio.sleep(0.01)
            assert server.open_streams == 0
            assert await reply(chat)

    async def close(chat: QwenChat) -> None:
        async with aclosing(chat.reply(PROMPT)) as pieces:
            await anext(pieces)
            began = time.monotonic()
        times.append(time.monotonic() - began)

    async def cancel(chat: QwenChat) -> None:
        begun = asyncio.Event()

        async def read() -> None:
            async with aclosing(chat.reply(PROMPT)) as pieces:
                async for _ in pieces:
                    begun.set()

        reading = asyncio.create_task(read())
        await begun.wait()
        began = time.monotonic()
        reading.cancel()
        await asyncio.wait([reading])
        times.append(time.monotonic() - began)

    asyncio.run(talk())
    assert median(times) < 0.1
