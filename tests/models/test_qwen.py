import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from recording_server import RecordingServer, chunk, recording_server, streamed

from companion.errors import Cause, NoReply
from companion.ports import Message, Prompt, Usage
from models.mock_qwen import MockQwen
from models.qwen import QwenChat
from models.qwen_request import LONGEST_REPLY_TOKENS
from models.qwen_stream import LONGEST_REPLY

PROMPT = Prompt(
    [Message("system", "You are Bo."), Message("assistant", "Hello."), Message("user", "I'm reading a book")],
    seed=123321,
    session="opaque",
)

VENDORS_IDS = ["7", "8", "7552", "9909", "320", "873", "42344", "58359", "96899", "6599", "10297", "91093", "12832"]
"""Of the sample request on the vendor's page, under "Restricting output content"."""


async def reply(base_url: str, prompt: Prompt = PROMPT, key: str = "sk-secret") -> list[str | Usage]:
    chat = QwenChat(base_url=base_url, key=key, model="qwen-flash-character")
    try:
        async with aclosing(chat.reply(prompt)) as pieces:
            return [piece async for piece in pieces]
    finally:
        await chat.aclose()


def test_the_request_on_the_wire_is_the_one_on_the_vendors_page() -> None:
    with recording_server() as server:
        asyncio.run(reply(server.base_url))
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer sk-secret"
    assert headers["x-dashscope-aca-session"] == "opaque"
    assert body.pop("messages") == [
        {"role": "system", "content": "You are Bo."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "I'm reading a book"},
    ]
    bias = body.pop("logit_bias")
    assert set(VENDORS_IDS) < set(bias)
    assert set(bias.values()) == {-100}
    assert body == {
        "model": "qwen-flash-character",
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": 123321,
        "max_tokens": LONGEST_REPLY_TOKENS,
    }


def test_a_reply_comes_piece_by_piece_and_then_what_it_cost() -> None:
    with recording_server(streamed("Oh? So ", "serious.")) as server:
        *texts, usage = asyncio.run(reply(server.base_url))
    assert texts == ["Oh? So ", "serious."]
    assert isinstance(usage, Usage)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (134, 31, 0)
    assert usage.cost_usd == pytest.approx(134 * 0.05e-6 + 31 * 0.4e-6)


ENVELOPE = {"error": {"message": "No.", "type": "t", "param": None, "code": "c"}}


def coded(code: str) -> dict[str, Any]:
    return {"error": {**ENVELOPE["error"], "code": code}}


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((401, {}, ENVELOPE), Cause.REFUSED),
        ((400, {}, coded("invalid_parameter_error")), Cause.REFUSED),
        ((400, {}, coded("data_inspection_failed")), Cause.MODERATED),
        ((400, {}, {"code": "DataInspectionFailed", "message": "No.", "request_id": "1"}), Cause.MODERATED),
        ((429, {"retry-after": "0"}, coded("limit_requests")), Cause.THROTTLED),
        ((500, {"retry-after": "0"}, ENVELOPE), Cause.BROKEN),
        ([chunk({"content": "Hello"}), {"error": {"message": "boom", "code": "c"}}], Cause.BROKEN),
        ([chunk({"content": "Hello"}), {"code": "InternalError", "message": "boom"}], Cause.BROKEN),
        ([chunk({"content": "Throttling: too fast"}, "error_finish")], Cause.THROTTLED),
        ([chunk({"content": "Hello"})], Cause.BROKEN),
        ([chunk({"content": "Hello"}), "{not json"], Cause.BROKEN),
    ],
)
def test_every_way_to_fail_is_told_apart_and_no_error_text_is_spoken(answer: Any, cause: Cause) -> None:
    texts: list[str | Usage] = []

    async def ask(server: RecordingServer) -> None:
        chat = QwenChat(base_url=server.base_url, key="sk-secret", model="qwen-flash-character")
        try:
            async with aclosing(chat.reply(PROMPT)) as pieces:
                async for piece in pieces:
                    texts.append(piece)
        finally:
            await chat.aclose()

    with recording_server(answer) as server, pytest.raises(NoReply) as failure:
        asyncio.run(ask(server))
    assert failure.value.cause is cause
    assert texts in ([], ["Hello"])
    assert "sk-secret" not in str(failure.value)


def test_an_address_where_nobody_listens_is_named() -> None:
    with pytest.raises(NoReply) as failure:
        asyncio.run(reply("http://127.0.0.1:9/v1"))
    assert failure.value.cause is Cause.UNREACHABLE
    assert "127.0.0.1:9" in str(failure.value)


def test_a_reply_without_end_is_read_no_further() -> None:
    with recording_server(streamed(*["and on " * 100] * 1000)) as server:
        texts = asyncio.run(reply(server.base_url))
    assert sum(len(text) for text in texts if isinstance(text, str)) == LONGEST_REPLY


def test_closing_a_reply_closes_its_stream_at_the_server() -> None:
    async def ask() -> None:
        async with MockQwen([], tokens_per_second=20.0) as server:
            chat = QwenChat(base_url=server.base_url, key="sk-x", model="qwen-flash-character")
            async with aclosing(chat.reply(PROMPT)) as pieces:
                await anext(pieces)
                assert server.open_streams == 1
            assert await asyncio.to_thread(server.wait_until_quiet, 1.0)
            await chat.aclose()

    asyncio.run(ask())


def test_its_repr_tells_no_key() -> None:
    assert "sk-secret" not in repr(QwenChat(base_url="http://127.0.0.1:9/v1", key="sk-secret", model="m"))
