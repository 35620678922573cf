"""This file reads a chat request as the vendor's service does, and words its objections as the service does.

Pure functions on values. Source: the vendor's page on Qwen-Character and its list of error messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from companion.history import tokens
from companion.ports import Message
from models.mock_bias import ASTERISKS, PARENTHESES, bans
from models.mock_errors import Refused
from models.qwen_models import MODELS

DEFAULT_SEED = 1234
"""The service's own: constant, so that a client which sends none gets the same answer to the same request."""

LARGEST_SEED = 2**31 - 1

_TOKENS_OF_NONE = tokens([])


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
    asterisks: bool
    """False where it bans those of asterisks."""


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
    check_length(messages, model)
    _number(payload, "temperature", "Temperature should be in [0.0, 2.0)", lambda value: 0 <= value < 2)
    _number(payload, "top_p", "Range of top_p should be (0.0, 1.0]", lambda value: 0 < value <= 1)
    _number(payload, "presence_penalty", "Presence_penalty should be in [-2.0, 2.0]", lambda value: -2 <= value <= 2)
    _number(payload, "repetition_penalty", "Repetition_penalty should be greater than 0.0", lambda value: value > 0)
    _number(payload, "top_k", "Parameter top_k should be greater than or equal to 0", lambda value: value >= 0)
    options = payload.get("stream_options") or {}
    bias = _bias(payload.get("logit_bias"))
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
        parentheses=not bans(bias, PARENTHESES),
        asterisks=not bans(bias, ASTERISKS),
    )


def prompt_tokens(messages: Sequence[Message]) -> int:
    """What these cost, as `companion.history` counts; most of them were in the last request, too."""
    return _TOKENS_OF_NONE + sum(_message_tokens(message.content) for message in messages)


@lru_cache(maxsize=2_000)
def _message_tokens(content: str) -> int:
    return tokens([Message("user", content)]) - _TOKENS_OF_NONE


def check_length(messages: Sequence[Message], model: str) -> None:
    """Raises Refused where these are more than the model takes."""
    longest = MODELS[model].longest_input
    if prompt_tokens(messages) > longest:
        raise _invalid(f"Range of input length should be [1, {longest}]")


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


def _bias(value: Any) -> Mapping[str, float]:
    bias = {} if value is None else value
    if not isinstance(bias, dict) or not all(str.isdecimal(token) for token in bias):
        raise _invalid("logit_bias should map token ids to weights")
    if not all(_is_number(weight) and -100 <= weight <= 100 for weight in bias.values()):
        raise _invalid("Range of logit_bias values should be [-100, 100]")
    return bias


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _invalid(complaint: str) -> Refused:
    return Refused(f"<400> InternalError.Algo.InvalidParameter: {complaint}")
