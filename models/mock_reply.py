"""This file shapes answers as the vendor's service sends them: as one object, or in pieces, with what they cost.

Pure functions on values. Source: the vendor's page on Qwen-Character.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from typing import Any

from companion.ports import Message
from models.mock_request import Question, prompt_tokens
from models.topic import CJK


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer."""

    text: str
    finish_reason: str | None
    """None where a fault leaves it out."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int

    def as_json(self) -> dict[str, Any]:
        """As it stands in a body."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }


@dataclass(frozen=True, slots=True)
class Completion:
    """All answers to one request, in both shapes the wire knows."""

    id: str
    created: int
    """Seconds since 1970."""
    model: str
    choices: Sequence[Choice]
    usage: Usage

    @property
    def request_id(self) -> str:
        """What the service calls the request itself."""
        return self.id.removeprefix("chatcmpl-")

    def instead(self, text: str, finish_reason: str) -> Completion:
        """The same with other words in every choice."""
        return replace(self, choices=[Choice(text, finish_reason) for _ in self.choices])

    def body(self) -> dict[str, Any]:
        """The whole reply as one object."""
        choices = [
            {
                "message": {"role": "assistant", "content": choice.text},
                "finish_reason": choice.finish_reason,
                "index": index,
                "logprobs": None,
            }
            for index, choice in enumerate(self.choices)
        ]
        return {"choices": choices, "object": "chat.completion", "usage": self.usage.as_json(), **self._common()}

    def chunks(self, *, include_usage: bool) -> Iterator[dict[str, Any]]:
        """The reply piece by piece; the pieces of several choices take turns."""
        for index in range(len(self.choices)):
            yield self.chunk(index, {"content": "", "role": "assistant"})
        for pieces in zip_longest(*(split(choice.text) for choice in self.choices)):
            for index, piece in enumerate(pieces):
                if piece is not None:
                    yield self.chunk(index, {"content": piece})
        for index, choice in enumerate(self.choices):
            if choice.finish_reason:
                yield self.chunk(index, {"content": ""}, choice.finish_reason)
        if include_usage:
            chunk = {"choices": [], "object": "chat.completion.chunk", "usage": self.usage.as_json()}
            yield chunk | self._common()

    def chunk(self, index: int, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """One piece of choice `index`."""
        choice = {"delta": delta, "finish_reason": finish_reason, "index": index, "logprobs": None}
        return {"choices": [choice], "object": "chat.completion.chunk", "usage": None, **self._common()}

    def _common(self) -> dict[str, Any]:
        return {"created": self.created, "system_fingerprint": None, "model": self.model, "id": self.id}


def choice(text: str, asked: Question) -> Choice:
    """`text` as far as the request lets it run."""
    ends = [place for stop in asked.stop if (place := text.find(stop)) >= 0]
    text = text[: min(ends)] if ends else text
    fitting = _fitting(text, asked.longest)
    return Choice(fitting, "stop" if fitting == text else "length")


def text_tokens(text: str) -> int:
    """About how many tokens `text` is by itself."""
    return prompt_tokens([Message("assistant", text)]) - prompt_tokens([Message("assistant", "")])


def shared_tokens(messages: Sequence[Message], before: Sequence[Message]) -> int:
    """The tokens of the messages with which both prompts begin."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(messages, before, strict=False))
    return prompt_tokens([message for message, _ in pairs]) - prompt_tokens([])


def split(text: str) -> list[str]:
    """`text` in pieces of several tokens, as it streams: three words, or six characters where there are no spaces."""
    atoms = re.findall(rf"\s*[{CJK}]{{1,2}}|\s*[^\s{CJK}]+|\s+", text)
    return ["".join(atoms[start : start + 3]) for start in range(0, len(atoms), 3)]


def sse(payload: Mapping[str, Any] | None) -> bytes:
    """One frame of a stream; None is the last one."""
    return b"data: " + (b"[DONE]" if payload is None else encode(payload)) + b"\n\n"


def encode(payload: Mapping[str, Any]) -> bytes:
    """JSON as the service writes it: UTF-8 as it is, no spaces; what is no text (lone surrogates) as escapes."""
    try:
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(payload, separators=(",", ":")).encode()


def _fitting(text: str, longest: int) -> str:
    """The beginning of `text` that is at most `longest` tokens."""
    return text[: bisect_right(range(1, len(text) + 1), longest, key=lambda end: text_tokens(text[:end]))]
