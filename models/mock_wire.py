"""This file speaks the vendor's wire for the mock server: requests checked as it checks them, replies in its shapes.

Pure functions on values; messages and codes are worded as the service words them.
Source: the vendor's page on Qwen-Character and its list of error messages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from companion.ports import Message

DEFAULT_SEED = 1234
"""The service's own: constant, so that a client which sends none gets the same answer to the same request."""

PARENTHESIS_TOKENS = frozenset({"7", "8", "9909", "7552", "320", "873"})
"""Ids of ( ) and their full-width and spaced forms in the Qwen vocabulary."""

BANNED = -50
"""A weight at or below this keeps a token away; -100 is the vendor's word for never."""

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a model reads and writes, in tokens."""

    longest_input: int
    longest_output: int


MODELS = {
    "qwen-plus-character": Limits(30_000, 4_000),
    "qwen-flash-character": Limits(8_000, 4_096),
    "qwen-plus-character-ja": Limits(7_680, 512),
}


class Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "invalid_parameter_error",
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.type = type

    def envelope(self, request_id: str) -> dict[str, Any]:
        """The body of the error response."""
        error = {"message": str(self), "type": self.type, "param": None, "code": self.code}
        return {"error": error, "request_id": request_id}


@dataclass(frozen=True, slots=True)
class Question:
    """A chat request that was found good."""

    model: str
    messages: tuple[Message, ...]
    partial: bool
    """Whether the last message is the beginning of the answer, to be continued."""
    stream: bool
    include_usage: bool
    n: int
    seed: int
    stop: tuple[str, ...]
    longest: int
    """Tokens of each answer, at most."""
    parentheses: bool
    """False where the request bans the tokens of parentheses."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer."""

    text: str
    finish_reason: str


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
            yield self._chunk(index, {"content": "", "role": "assistant"})
        for pieces in zip_longest(*(split(choice.text) for choice in self.choices)):
            for index, piece in enumerate(pieces):
                if piece is not None:
                    yield self._chunk(index, {"content": piece})
        for index, choice in enumerate(self.choices):
            yield self._chunk(index, {"content": ""}, choice.finish_reason)
        if include_usage:
            chunk = {"choices": [], "object": "chat.completion.chunk", "usage": self.usage.as_json()}
            yield chunk | self._common()

    def _chunk(self, index: int, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"delta": delta, "finish_reason": finish_reason, "index": index, "logprobs": None}
        return {"choices": [choice], "object": "chat.completion.chunk", "usage": None, **self._common()}

    def _common(self) -> dict[str, Any]:
        return {"created": self.created, "system_fingerprint": None, "model": self.model, "id": self.id}


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body. Raises Refused."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("Request body format invalid: it is not valid JSON.") from None
    if not isinstance(payload, dict):
        raise Refused("Request body format invalid: it is not a JSON object.")
    return payload


def question(payload: Mapping[str, Any]) -> Question:
    """The question in a request. Raises Refused with what the service would say against it."""
    model = payload.get("model")
    if not isinstance(model, str) or not model:
        raise Refused("you must provide a model parameter", code="invalid_request_error")
    if model not in MODELS:
        raise Refused(
            f"The model `{model:.80}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
        )
    limits = MODELS[model]
    messages, partial = _messages(payload.get("messages"))
    if prompt_tokens(messages) > limits.longest_input:
        raise _invalid(f"Range of input length should be [1, {limits.longest_input}]")
    _number(payload, "temperature", "Temperature should be in [0.0, 2.0)", lambda value: 0 <= value < 2)
    _number(payload, "top_p", "Range of top_p should be (0.0, 1.0]", lambda value: 0 < value <= 1)
    _number(payload, "presence_penalty", "Presence_penalty should be in [-2.0, 2.0]", lambda value: -2 <= value <= 2)
    _number(payload, "repetition_penalty", "Repetition_penalty should be greater than 0.0", lambda value: value > 0)
    _number(payload, "top_k", "Parameter top_k should be greater than or equal to 0", lambda value: value >= 0)
    options = payload.get("stream_options") or {}
    return Question(
        model=model,
        messages=messages,
        partial=partial,
        stream=payload.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        n=_whole(payload, "n", 1, 4, 1),
        seed=_whole(payload, "seed", 0, LARGEST_SEED, DEFAULT_SEED),
        stop=_stop(payload.get("stop")),
        longest=_whole(payload, "max_tokens", 1, limits.longest_output, limits.longest_output),
        parentheses=not _bans_parentheses(payload.get("logit_bias")),
    )


def choice(text: str, asked: Question) -> Choice:
    """`text` as far as the request lets it run."""
    ends = [place for stop in asked.stop if (place := text.find(stop)) >= 0]
    text = text[: min(ends)] if ends else text
    fitting = _fitting(text, asked.longest)
    return Choice(fitting, "stop" if fitting == text else "length")


def tokens(text: str) -> int:
    """About how many tokens `text` is: 1 a character of Chinese, Japanese or Korean, 1/4 of ASCII, 1/2 of the rest."""
    return math.ceil(sum(map(_weight, text)))


def prompt_tokens(messages: Sequence[Message]) -> int:
    """What a prompt counts: 5 tokens around each message, and 3 for the answer's beginning."""
    return shared_tokens(messages, messages) + 3


def shared_tokens(messages: Sequence[Message], before: Sequence[Message]) -> int:
    """The tokens of the messages with which both prompts begin."""
    count = 0
    for message, old in zip(messages, before, strict=False):
        if message != old:
            break
        count += tokens(message.content) + 5
    return count


def split(text: str) -> list[str]:
    """`text` in pieces of several tokens, as it streams: three words, or six characters where there are no spaces."""
    atoms = re.findall(rf"\s*[{_WIDE}]{{1,2}}|\s*[^\s{_WIDE}]+|\s+", text)
    return ["".join(atoms[start : start + 3]) for start in range(0, len(atoms), 3)]


def sse(payload: Mapping[str, Any] | None) -> bytes:
    """One frame of a stream; None is the last one."""
    return b"data: " + (b"[DONE]" if payload is None else encode(payload)) + b"\n\n"


def encode(payload: Mapping[str, Any]) -> bytes:
    """JSON as the service writes it: UTF-8 as it is, no spaces."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


_WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_WIDE_CHARACTER = re.compile(f"[{_WIDE}]")


def _weight(character: str) -> float:
    if character.isascii():
        return 0.25
    return 1.0 if _WIDE_CHARACTER.match(character) else 0.5


def _fitting(text: str, longest: int) -> str:
    """The beginning of `text` that is at most `longest` tokens."""
    room = float(longest)
    for end, character in enumerate(text):
        room -= _weight(character)
        if room < 0:
            return text[:end]
    return text


def _messages(value: Any) -> tuple[tuple[Message, ...], bool]:
    if not isinstance(value, list) or not value:
        raise _invalid("[] is too short - 'messages'")
    messages = tuple(_message(entry, index) for index, entry in enumerate(value))
    partial = value[-1].get("partial") is True
    if messages[-1].role != "user" and not (partial and messages[-1].role == "assistant"):
        raise _invalid("The last message must be from user, or from assistant with partial set to true")
    return messages, partial


def _message(entry: Any, index: int) -> Message:
    if not isinstance(entry, dict):
        raise _invalid(f"Input should be a valid dictionary: messages.{index}")
    role, content = entry.get("role"), entry.get("content")
    if role not in ("system", "user", "assistant"):
        raise _invalid("Role must be in [user, assistant, system]")
    if not isinstance(content, str):
        raise _invalid(f"Input should be a valid string: messages.{index}.content")
    return Message(role, content)


def _number(payload: Mapping[str, Any], key: str, complaint: str, fits: Callable[[float], bool]) -> None:
    value = payload.get(key)
    if value is not None and not (_is_number(value) and fits(value)):
        raise _invalid(complaint)


def _whole(payload: Mapping[str, Any], key: str, lowest: int, highest: int, default: int) -> int:
    value = payload.get(key)
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    raise _invalid(f"Range of {key} should be [{lowest}, {highest}]")


def _stop(value: Any) -> tuple[str, ...]:
    stops = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise _invalid("stop should be a string or a list of strings")
    return tuple(filter(None, stops))


def _bans_parentheses(bias: Any) -> bool:
    if bias is None:
        return False
    if not isinstance(bias, dict) or not all(str.isdecimal(token) for token in bias):
        raise _invalid("logit_bias should map token ids to weights")
    if not all(_is_number(weight) and -100 <= weight <= 100 for weight in bias.values()):
        raise _invalid("Range of logit_bias values should be [-100, 100]")
    return any(bias.get(token, 0) <= BANNED for token in PARENTHESIS_TOKENS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _invalid(complaint: str) -> Refused:
    return Refused(f"<400> InternalError.Algo.InvalidParameter: {complaint}")
