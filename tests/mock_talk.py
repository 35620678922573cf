"""Talking to the mock Qwen server: with the real client, and without its checks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai

from companion.character import load
from models.mock_qwen import MockQwen

PIP = load("pip")

JIANG_RANG = {"role": "system", "content": "You are Jiang Rang, a male Go prodigy who has won many awards."}
OPENING = {"role": "assistant", "content": "Class monitor, what are you up to?"}
BOOK = [JIANG_RANG, OPENING, {"role": "user", "content": "I'm reading a book"}]
VENDORS_IDS = (7, 8, 7552, 9909, 320, 873, 42344, 58359, 96899, 6599, 10297, 91093, 12832)
NO_PARENTHESES = {str(token): -100 for token in VENDORS_IDS}

Raw = httpx2.AsyncClient


def talk(story: Callable[[MockQwen, openai.AsyncOpenAI], Coroutine[Any, Any, None]], **options: Any) -> None:
    """Run `story` with a fresh server and the real client."""

    async def run() -> None:
        async with MockQwen([PIP], **options) as server, client(server) as chat:
            await story(server, chat)
        assert server.open_streams == 0

    asyncio.run(run())


@asynccontextmanager
async def client(server: MockQwen, key: str = "sk-any") -> AsyncGenerator[openai.AsyncOpenAI, None]:
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(api_key=key, base_url=server.base_url, http_client=http, max_retries=0) as chat:
        yield chat


async def ask(chat: openai.AsyncOpenAI, messages: Any = BOOK, **options: Any) -> Any:
    options = {"model": "qwen-plus-character"} | options
    return await chat.chat.completions.create(messages=messages, **options)


async def text(chat: openai.AsyncOpenAI, messages: Any = BOOK, **options: Any) -> str:
    return str((await ask(chat, messages, **options)).choices[0].message.content)


async def post(
    server: MockQwen,
    body: Any = None,
    *,
    content: bytes | None = None,
    key: str | None = "sk-any",
    fault: str | None = None,
    **more: str,
) -> httpx2.Response:
    """One request without the client's own checks; `more` are headers, with "_" for "-"."""
    content = json.dumps(body).encode() if content is None else content
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    headers |= {"authorization": f"Bearer {key}"} if key else {}
    headers |= {"x-mock-fault": fault} if fault else {}
    async with Raw(trust_env=False) as http:
        return await http.post(f"{server.base_url}/chat/completions", content=content, headers=headers)


def port_of(server: MockQwen) -> int:
    return int(server.base_url.split(":")[2].removesuffix("/v1"))


def request(**changes: Any) -> dict[str, Any]:
    return {"model": "qwen-plus-character", "messages": BOOK} | changes
