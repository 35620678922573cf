"""This file sends an answer as the vendor's service does, and goes wrong on the way as it was asked to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from models.mock_errors import ERRORS, OUTPUT_MODERATED, THROTTLED
from models.mock_faults import Faults
from models.mock_reply import Completion, encode, sse, text_tokens

SECONDS_BETWEEN_COMMENTS = 0.02
"""The service sends one every few seconds; what matters is that a read timeout never sees the end of it."""

COMMENT = b": keep-alive\n\n"

MALFORMED = b'data: {"choices": [{"delta": {"content": "and th\n\n'

FAILURES = ("stall", "keepalive", "cut", "flat_error", "stream_error", "stream_moderated", "error_finish")
"""Faults after which nothing of the answer follows."""


class Cut(Exception):
    """The connection is to be closed in the middle of the answer."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast answers come."""

    first_token_seconds: float = 0.0
    tokens_per_second: float = math.inf

    def with_faults(self, faults: Faults) -> Pace:
        """The same, but for what was asked for."""
        return Pace(faults.get("first_token", self.first_token_seconds), self.tokens_per_second)


class Answer(StreamingResponse):
    """An answer that is counted while it is being written, and whose generator ends when the client goes away."""

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        opened: Callable[[int], None],
        headers: Mapping[str, str],
        media_type: str,
    ) -> None:
        super().__init__(frames, headers=headers, media_type=media_type)
        self._frames = frames
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, counted."""
        self._opened(1)
        try:
            async with aclosing(self._frames):
                await super().__call__(scope, receive, send)
        finally:
            self._opened(-1)

    async def stream_response(self, send: Send) -> None:
        """Send it as far as it goes."""
        with suppress(Cut):  # no end is sent, so that the server closes the connection
            await super().stream_response(send)


async def streamed(
    completion: Completion, *, include_usage: bool, pace: Pace, faults: Faults
) -> AsyncGenerator[bytes, None]:
    """The frames of a streamed answer. Raises Cut."""
    failure = _failure(faults)
    whole_until = faults[failure] if failure else math.inf
    malformed_after = faults.get("malformed", math.inf)
    await asyncio.sleep(pace.first_token_seconds)
    pieces = 0
    for chunk in completion.chunks(include_usage=include_usage):
        text = "".join(choice["delta"]["content"] for choice in chunk["choices"])
        ends = not chunk["choices"] or any(choice["finish_reason"] for choice in chunk["choices"])
        if failure and (ends or (pieces >= whole_until and (text or whole_until == 0))):
            break
        if (text or ends) and pieces >= malformed_after:
            yield MALFORMED
            malformed_after = math.inf
        if text:
            await asyncio.sleep(text_tokens(text) / pace.tokens_per_second + faults.get("trickle", 0.0))
            pieces += 1
        yield sse(chunk)
    if failure:
        async with aclosing(_failing(failure, completion)) as rest:
            async for frame in rest:
                yield frame
    yield sse(None)


async def whole(completion: Completion, *, pace: Pace, faults: Faults) -> AsyncGenerator[bytes, None]:
    """The body of an answer that is not streamed, in one piece, as far as it comes. Raises Cut."""
    failure = _failure(faults)
    body = encode(completion.body())
    await asyncio.sleep(pace.first_token_seconds + completion.usage.completion_tokens / pace.tokens_per_second)
    match failure:
        case "stall":
            await asyncio.Event().wait()
        case "keepalive":
            while True:
                yield b" "  # which may stand before JSON
                await asyncio.sleep(SECONDS_BETWEEN_COMMENTS)
        case "cut":
            yield body[: len(body) // 2]
            raise Cut
        case "error_finish":
            yield encode(completion.instead(THROTTLED.message, "error_finish").body())
        case "":
            yield body[: len(body) // 2] if "malformed" in faults else body
        case _:
            yield encode(_error(failure, completion))


def _failure(faults: Faults) -> str:
    return next((name for name in FAILURES if name in faults), "")


async def _failing(failure: str, completion: Completion) -> AsyncGenerator[bytes, None]:
    """What comes instead of the rest of a stream."""
    match failure:
        case "stall":
            await asyncio.Event().wait()
        case "keepalive":
            while True:
                yield COMMENT
                await asyncio.sleep(SECONDS_BETWEEN_COMMENTS)
        case "cut":
            raise Cut
        case "error_finish":
            yield sse(completion.chunk(0, {"content": THROTTLED.message}, "error_finish"))
        case _:
            yield sse(_error(failure, completion))


def _error(failure: str, completion: Completion) -> dict[str, Any]:
    """The error in a stream that had begun well."""
    if failure == "flat_error":
        return THROTTLED.body(completion.request_id, flat=True)
    error = OUTPUT_MODERATED if failure == "stream_moderated" else ERRORS["500"]
    return error.body(completion.request_id, flat=False)
