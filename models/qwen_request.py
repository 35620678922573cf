"""This file words a chat request, and refuses what the service would refuse, before it is sent.

Pure functions on values. Source: the vendor's page on Qwen-Character, and its list of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from companion.ports import LongTermMemory, Message, Prompt
from models.qwen_models import MODELS

SESSION_HEADER = "x-dashscope-aca-session"
"""Names the conversation for the service's cache and for its long-term memory."""

LONGEST_REPLY_TOKENS = 400
"""About two minutes of speech: more than anybody listens to, and a bound on what a runaway reply may cost."""

LARGEST_SEED = 2**31 - 1

MOST_REPLIES = 4
"""That one request may ask for."""

SKIPPABLE = ("system", "user", "assistant", "output")
"""Kinds of messages that long-term memory can be told to forget."""

UNSENDABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udfff]")
"""Control characters other than newline and tab, and halves of surrogate pairs, which UTF-8 cannot carry."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model chooses its words. None leaves it to the service, whose defaults the vendor recommends."""

    temperature: float | None = None
    """[0, 2); about 0.92 if not sent."""
    top_p: float | None = None
    """(0, 1]; 0.95 if not sent."""
    presence_penalty: float | None = None
    """[-2, 2]; 0 if not sent."""
    repetition_penalty: float | None = None
    """Above 0; 1.05 if not sent."""
    top_k: int | None = None
    """From 0; 20 if not sent."""
    max_tokens: int = LONGEST_REPLY_TOKENS
    """From 1 to the longest output of the model."""
    stop: str | tuple[str, ...] | None = None
    """The reply ends before any of these."""

    def __post_init__(self) -> None:
        """Raises ValueError, with the range."""
        _check("temperature", self.temperature, "in [0, 2)", lambda value: 0 <= value < 2)
        _check("top_p", self.top_p, "in (0, 1]", lambda value: 0 < value <= 1)
        _check("presence_penalty", self.presence_penalty, "in [-2, 2]", lambda value: -2 <= value <= 2)
        _check("repetition_penalty", self.repetition_penalty, "above 0", lambda value: 0 < value < float("inf"))
        _check("top_k", self.top_k, "a whole number from 0", lambda value: value >= 0, whole=True)
        check_longest(self.max_tokens, max(model.longest_output for model in MODELS.values()))
        stops = (self.stop,) if isinstance(self.stop, str) else self.stop or ()
        if not all(isinstance(stop, str) and stop for stop in stops):
            raise ValueError("stop is one or more texts that are not empty")

    def parameters(self) -> dict[str, Any]:
        """What the standard of the API knows of it."""
        stop = list(self.stop) if isinstance(self.stop, tuple) else self.stop
        values = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "presence_penalty": self.presence_penalty,
            "max_tokens": self.max_tokens,
            "stop": stop or None,
        }
        return {name: value for name, value in values.items() if value is not None}

    def extra(self) -> dict[str, Any]:
        """What only this vendor knows."""
        values = {"repetition_penalty": self.repetition_penalty, "top_k": self.top_k}
        return {name: value for name, value in values.items() if value is not None}


def check_longest(tokens: int, most: int) -> None:
    """Raises ValueError unless a reply may be of so many tokens."""
    _check("max_tokens", tokens, f"in [1, {most}]", lambda value: 1 <= value <= most, whole=True)


def request(model: str, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
    """What the client is called with, but for streaming, bias and the number of replies. Raises ValueError."""
    _check("seed", prompt.seed, f"in [0, {LARGEST_SEED}]", lambda value: 0 <= value <= LARGEST_SEED, whole=True)
    extra = sampling.extra()
    if prompt.memory:
        extra["character_options"] = _memory(prompt.memory, prompt.session)
    asked = {
        "model": model,
        "messages": _messages(prompt),
        "seed": prompt.seed,
        **sampling.parameters(),
    }
    if extra:
        asked["extra_body"] = extra
    if prompt.session:
        if not re.fullmatch(r"[!-~]+", prompt.session):
            raise ValueError("A session is named by ASCII letters, digits and signs, without spaces")
        asked["extra_headers"] = {SESSION_HEADER: prompt.session}
    return asked


def check_count(count: int) -> None:
    """Raises ValueError unless one request may ask for so many replies."""
    fits = isinstance(count, int) and not isinstance(count, bool) and 1 <= count <= MOST_REPLIES
    if not fits:
        raise ValueError(f"The number of replies is in [1, {MOST_REPLIES}], not {count}")


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    last = prompt.messages[-1] if prompt.messages else None
    if last is None or not (last.role == "user" or (last.role == "assistant" and last.partial)):
        raise ValueError("The last message is a user's, or an assistant's that is partial")
    messages = [_message(message) for message in prompt.messages]
    if last.role == "assistant":
        messages[-1]["partial"] = True
    return messages


def _message(message: Message) -> dict[str, Any]:
    if message.role not in ("system", "user", "assistant"):
        raise ValueError("The role of a message is system, user or assistant")
    return {"role": message.role, "content": sendable(message.content)}


def sendable(text: str) -> str:
    """`text` without what the wire cannot carry or the service would refuse: a replacement character stands for it."""
    return UNSENDABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _memory(memory: LongTermMemory, session: str) -> Mapping[str, Any]:
    if not session:
        raise ValueError("Long-term memory needs a session")
    _check("memory_entries", memory.entries, "in [20, 400]", lambda value: 20 <= value <= 400, whole=True)
    if not set(memory.skip) <= set(SKIPPABLE):
        raise ValueError(f"skip_save_types are out of {', '.join(SKIPPABLE)}")
    return {
        "profile": sendable(memory.profile),
        "memory": {
            "enable_long_term_memory": True,
            "memory_entries": memory.entries,
            "skip_save_types": list(memory.skip),
        },
    }


def _check(name: str, value: float | None, bounds: str, fits: Callable[[float], bool], *, whole: bool = False) -> None:
    if value is None:
        return
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not (number and fits(value)):
        raise ValueError(f"{name} is {bounds}, not {value!r}")
