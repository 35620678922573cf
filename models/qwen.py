"""This file asks Qwen-Character for a reply, streamed, through the `openai` client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from companion.address import is_loopback
from companion.errors import Cause, NoReply
from companion.ports import Prompt, Usage
from models.qwen_models import MODELS

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, AsyncStream
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

BASE_URL = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
"""The vendor page's international host. A key belongs to one region; other regions have other hosts."""

NO_PARENTHESES = dict.fromkeys(
    ("7", "8", "7552", "9909", "320", "873", "42344", "58359", "96899", "6599", "10297", "91093", "12832"), -100
)
"""The vendor page's own `logit_bias` against stage directions: 13 tokens of the Qwen vocabulary that hold a
parenthesis. It leaves holes ("(S" is another token); what comes through them, `companion.phrases` takes out."""

SESSION_HEADER = "x-dashscope-aca-session"
"""Names the conversation for the service's cache."""

LONGEST_REPLY_TOKENS = 400
"""About two minutes of speech: more than anybody listens to, and a bound on what a runaway reply may cost."""

LONGEST_REPLY = 4_000
"""Characters; a server that does not keep to the tokens is not read any further."""

CONNECT_SECONDS = 3.0
FIRST_TOKEN_SECONDS = 6.0
GAP_SECONDS = 5.0
REPLY_SECONDS = 30.0
"""When we give up, on the wall clock: to connect, to see the first token, between two, and on the whole reply. The
client's own default is 600 s, and comment lines that only keep the stream alive would stretch even that."""


class QwenChat:
    """One account's access to one model."""

    def __init__(self, *, base_url: str, key: str, model: str) -> None:
        self._base_url = base_url
        self._key = key
        self._model = model
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    async def load(self) -> None:
        """Load the client."""
        await self._opened()

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """The reply as it arrives, then what it cost. Raises NoReply."""
        client = await self._opened()
        with _translated(self._base_url):
            async with asyncio.timeout(FIRST_TOKEN_SECONDS):
                stream = await self._ask(client, prompt)
            length = 0
            async with stream, aclosing(_watched(stream)) as chunks:
                async for chunk in chunks:
                    if text := _text(chunk):
                        length += len(text)
                        yield text
                    if chunk.usage:
                        yield self._usage(chunk.usage)
                    if length > LONGEST_REPLY:
                        return

    async def warm(self) -> None:
        """Open a connection."""

    async def several(self, prompt: Prompt, count: int) -> tuple[list[str], Usage | None]:
        """`count` replies in one request."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client:
            await self._client.close()

    async def _ask(self, client: AsyncOpenAI, prompt: Prompt) -> AsyncStream[ChatCompletionChunk]:
        messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
        return await client.chat.completions.create(
            model=self._model,
            messages=cast("list[ChatCompletionMessageParam]", messages),
            stream=True,
            stream_options={"include_usage": True},
            seed=prompt.seed,
            max_tokens=LONGEST_REPLY_TOKENS,
            logit_bias=NO_PARENTHESES,
            extra_headers={SESSION_HEADER: prompt.session},
        )

    async def _opened(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._new_client)
            return self._client

    def _new_client(self) -> AsyncOpenAI:
        import httpx2
        import openai  # half a second on a fast machine: in a thread, once the microphone is open

        return openai.AsyncOpenAI(
            base_url=self._base_url,
            api_key=self._key,
            max_retries=1,
            timeout=httpx2.Timeout(GAP_SECONDS, connect=CONNECT_SECONDS, read=FIRST_TOKEN_SECONDS),
            http_client=openai.DefaultAsyncHttpxClient(trust_env=not is_loopback(self._base_url)),
        )

    def _usage(self, usage: CompletionUsage) -> Usage:
        details = usage.prompt_tokens_details
        price = MODELS.get(self._model)
        return Usage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=(details.cached_tokens if details else None) or 0,
            cost_usd=price.cost(usage.prompt_tokens, usage.completion_tokens) if price else 0.0,
        )


async def _watched(stream: AsyncStream[ChatCompletionChunk]) -> AsyncGenerator[ChatCompletionChunk, None]:
    """The chunks, until one is late or wrong: the client itself would wait for ever, and speak an error's text."""
    finished = False
    patience = FIRST_TOKEN_SECONDS
    loop = asyncio.get_running_loop()
    over = loop.time() + REPLY_SECONDS
    while True:
        async with asyncio.timeout_at(min(over, loop.time() + patience)):
            chunk = await anext(stream, None)
        if chunk is None:
            break
        if chunk.choices is None:  # an error without the envelope: the client lets it pass
            raise NoReply(Cause.BROKEN, f"The service broke off: {getattr(chunk, 'message', 'no reason given')}")
        for choice in chunk.choices:
            if choice.finish_reason == "error_finish":  # type: ignore[comparison-overlap]  # the vendor's own
                raise NoReply(Cause.BROKEN, f"The service broke off: {choice.delta.content}")
            finished = finished or choice.finish_reason is not None
        yield chunk
        patience = GAP_SECONDS
    if not finished:
        raise NoReply(Cause.BROKEN, "The reply ended in the middle")


def _text(chunk: ChatCompletionChunk) -> str:
    return "".join(choice.delta.content or "" for choice in chunk.choices if choice.delta)


@contextmanager
def _translated(base_url: str) -> Iterator[None]:
    """What the client raises, in our words."""
    import openai  # loaded already, with the client

    host = urlsplit(base_url).netloc
    try:
        yield
    except (TimeoutError, openai.APITimeoutError) as error:
        raise NoReply(Cause.SLOW, f"{host} was too slow to answer") from error
    except openai.APIConnectionError as error:
        raise NoReply(Cause.UNREACHABLE, f"Cannot reach {host} ({error.__cause__ or error})") from error
    except openai.APIStatusError as error:
        raise _refusal(error) from error
    except (openai.OpenAIError, ValueError) as error:  # ValueError: a chunk that is not JSON
        raise NoReply(Cause.BROKEN, f"{host} gave an answer that cannot be used ({error})") from error


MODERATED = {"data_inspection_failed", "datainspectionfailed"}
"""Codes, in lower case, of the service's moderation."""


def _refusal(error: APIStatusError) -> NoReply:
    body = error.body if isinstance(error.body, dict) else {}
    code, message = str(body.get("code") or ""), str(body.get("message") or error.message)
    if code.lower() in MODERATED:
        return NoReply(Cause.MODERATED, f"The service would not talk about this ({code})")
    if error.status_code == 401:
        return NoReply(Cause.REFUSED, "The service does not accept the key: is it of the region of base_url?")
    if error.status_code == 429:
        return NoReply(Cause.THROTTLED, f"Too many requests just now ({code or message})")
    if error.status_code >= 500:
        return NoReply(Cause.BROKEN, f"The service has trouble of its own (status {error.status_code})")
    return NoReply(Cause.REFUSED, f"The service refused the request: {message}")
