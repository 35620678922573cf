"""This file reads the service's answers, streamed and whole, as bytes.

The `openai` client lets pass, and would have us speak, what arrives with status 200 and is no reply all the same;
and its reading ends where ours must go on, at the few bytes after the last frame.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from companion.errors import Cause, NoReply
from models.qwen_errors import Failed
from models.qwen_limits import Patience

LONGEST_REPLY = 4_000
"""Characters; a server that does not keep to max_tokens is not read any further."""

LONGEST_FRAME = 1024 * 1024
"""Bytes."""

DRAIN_SECONDS = 0.1
DRAIN_BYTES = 4096
"""After `[DONE]`, for the few bytes that end the answer: only a connection that is read to the end is used again."""


Sort = Callable[[object, str], Failed]
"""What an error's body means, or the text that came in place of a reply."""


class Reading:
    """A reply while it is read."""

    def __init__(self, sort: Sort) -> None:
        self.usage: dict[str, Any] | None = None
        """As the service counted, if it did; known when all texts are read."""
        self._sort = sort
        self._finished = False
        self._text = ""

    async def texts(self, body: AsyncGenerator[bytes, None], patience: Patience) -> AsyncGenerator[str, None]:
        """The pieces of text in a stream. Raises Failed, and TimeoutError when `patience` is exhausted."""
        try:
            async with aclosing(_frames(body, patience)) as frames:
                async for frame in frames:
                    if text := self._read(frame):
                        self._text += text
                        patience.renew()
                        yield text
                    if len(self._text) >= LONGEST_REPLY:
                        return
                    if self._finished:
                        patience.end()
        except (Failed, TimeoutError):
            if not self._finished:
                raise
        if not self._finished:
            raise unusable("ended in the middle", again=True)
        if not self._text.strip():
            raise unusable("is empty")

    def _read(self, frame: dict[str, Any]) -> str:
        if frame.get("error") or (frame.get("choices") is None and frame.get("code")):
            raise self._sort(frame, "")
        if isinstance(frame.get("usage"), dict):
            self.usage = frame["usage"]
        choices = checked(frame.get("choices"), list)
        text = "".join(said(choice, "delta", self._sort) for choice in choices)
        if self._finished:
            return ""
        self._finished = any(choice.get("finish_reason") for choice in choices)
        return text[: LONGEST_REPLY - len(self._text)]


HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: JSON can carry it alone, but it is no text."""


async def whole(body: AsyncGenerator[bytes, None], sort: Sort) -> tuple[list[str], dict[str, Any] | None]:
    """The texts of an answer that is not streamed, in order, and the usage. Raises Failed."""
    data = bytearray()
    async for piece in body:
        data += piece
        if len(data) > LONGEST_FRAME:
            raise unusable("is too long")
    answer = decoded(bytes(data))
    if answer.get("error") or (answer.get("choices") is None and answer.get("code")):
        raise sort(answer, "")
    choices = [checked(choice, dict) for choice in checked(answer.get("choices"), list)]
    choices.sort(key=lambda choice: choice["index"] if isinstance(choice.get("index"), int) else 0)
    texts = [said(choice, "message", sort)[:LONGEST_REPLY] for choice in choices]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise unusable("is empty")
    usage = answer.get("usage")
    return texts, usage if isinstance(usage, dict) else None


def said(choice: Any, part: str, sort: Sort) -> str:
    """The text of one choice, in its `part`. Raises Failed, also when the text is an error's."""
    content = checked(checked(choice, dict).get(part) or {}, dict).get("content") or ""
    text: str = checked(content, str)
    if "error" in str(choice.get("finish_reason") or ""):
        raise sort(None, text)
    return HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def checked(value: Any, kind: type) -> Any:
    """`value`, if it is of that kind. Raises Failed."""
    if not isinstance(value, kind):
        raise unusable("is not of the service's shape")
    return value


def decoded(data: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises Failed."""
    try:
        return checked(json.loads(data), dict)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        raise unusable("is not valid JSON") from None


def unusable(why: str, *, again: bool = False) -> Failed:
    """An answer that is none."""
    return Failed(NoReply(Cause.BROKEN, f"The service's reply {why}"), again=again)


async def _frames(body: AsyncGenerator[bytes, None], patience: Patience) -> AsyncGenerator[dict[str, Any], None]:
    """The frames of a stream, `[DONE]` left out; comments are no news."""
    waiting = bytearray()
    data: list[bytes] = []
    while True:
        async with asyncio.timeout_at(patience.until):
            piece = await anext(body, None)
        if piece is None:
            return
        waiting += piece
        *lines, rest = bytes(waiting).split(b"\n")
        waiting = bytearray(rest)
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line.removeprefix(b"data:").strip())
            elif data and not line.strip():
                frame = b"\n".join(data)
                data.clear()
                if frame == b"[DONE]":
                    await _drain(body)
                    return
                yield decoded(frame)
        if len(waiting) + sum(map(len, data)) > LONGEST_FRAME:
            raise unusable("is too long")


async def _drain(body: AsyncGenerator[bytes, None]) -> None:
    length = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for piece in body:
                length += len(piece)
                if length > DRAIN_BYTES:
                    return
    except (Failed, TimeoutError):
        return
