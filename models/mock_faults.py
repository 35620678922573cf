"""This file names the faults that the mock server can be asked for, and reads how it is asked. Pure.

One writes NAME or NAME=VALUE, several with commas between: in the header `x-mock-fault`, in the last thing the user
says (`[[fault:NAME=VALUE]]`), or in the script the server was given.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from companion.ports import Message
from models.mock_errors import ERRORS, Refused

HEADER = "x-mock-fault"

WORD = re.compile(r"\s*\[\[fault:([^\[\]]*)\]\]")
"""A fault in what somebody says."""

MOST_BIASED = 13
"""Entries of `logit_bias` that `bias_refused` lets pass: the vendor page's own."""

_PIECES = "K pieces of text"


@dataclass(frozen=True, slots=True)
class Fault:
    """What can be asked for by a name."""

    line: str
    """What happens, for people."""
    default: float | None = None
    """What NAME alone stands for; None: it takes no value."""


_TABLE = {
    "first_token": Fault("the first token comes only after SECONDS (10)", 10),
    "trickle": Fault("SECONDS (0.5) go by before each piece of text", 0.5),
    "stall": Fault(f"silence for ever after {_PIECES} (2); with 0 nothing comes at all", 2),
    "keepalive": Fault(f"comment lines for ever after {_PIECES} (0), fifty a second", 0),
    "cut": Fault(f"the connection is closed after {_PIECES} (2), without an end", 2),
    "no_finish": Fault("the stream ends well, but says no finish_reason"),
    "flat_error": Fault(f"an error without its envelope in the stream after {_PIECES} (0)", 0),
    "stream_error": Fault(f"an error in its envelope in the stream after {_PIECES} (2)", 2),
    "stream_moderated": Fault(f"moderation of the answer, in the stream after {_PIECES} (2)", 2),
    "error_finish": Fault(f'"Throttling: ..." as if it were said, finish_reason error_finish, after {_PIECES} (2)', 2),
    "malformed": Fault(f"a data line that is no JSON after {_PIECES} (2)", 2),
    "empty": Fault("an answer without a word"),
    "giant": Fault("an answer of CHARACTERS (100000), whatever max_tokens says", 100_000),
    "control": Fault("control characters, lone surrogates, Markdown, URLs and emoji in the answer"),
    "parentheses": Fault("an answer full of stage directions, whatever logit_bias says"),
    "bias_refused": Fault(f"400 for a logit_bias of more than {MOST_BIASED} entries"),
    "retry_after": Fault("with a status below: the header Retry-After of SECONDS (1)", 1),
    "flat": Fault("with a status below: a body without an envelope"),
    "envelope": Fault("with a status below: a body with an envelope"),
} | {name: Fault(f"{error.status} {error.code}: {error.why}") for name, error in ERRORS.items()}

FAULTS: Mapping[str, str] = MappingProxyType({name: fault.line for name, fault in _TABLE.items()})
"""What can be asked for: name -> one line about it."""

Faults = Mapping[str, float]
"""The faults of one request: name -> value, seconds or a count."""


def read(written: str) -> Faults:
    """The faults that are asked for in one text. Raises ValueError with a sentence about what is wrong in it."""
    return dict(_one(part.strip()) for part in written.split(",") if part.strip())


def asked_for(script: str | None, header: str | None, payload: Mapping[str, Any]) -> Faults:
    """The faults of one request, wherever they are asked for. Raises Refused for one that does not exist."""
    found: dict[str, float] = {}
    try:
        for written in (script, header, *_in_words(payload.get("messages"))):
            found |= read(written or "")
    except ValueError as error:
        raise Refused(str(error), code="unknown_fault") from None
    return found


def refuse(faults: Faults, payload: Mapping[str, Any]) -> None:
    """Raises Refused where a fault asks for a status instead of an answer."""
    bias = payload.get("logit_bias")
    if "bias_refused" in faults and isinstance(bias, dict) and len(bias) > MOST_BIASED:
        raise Refused(f"<400> InternalError.Algo.InvalidParameter: logit_bias has more than {MOST_BIASED} entries")
    for name in faults:
        if error := ERRORS.get(name):
            flat = True if "flat" in faults else False if "envelope" in faults else None
            raise error.refused(flat=flat, retry_after=faults.get("retry_after"))


def without_words(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages without the faults that users asked for in them."""
    return tuple(
        replace(message, content=WORD.sub("", message.content))
        if message.role == "user" and "[[" in message.content
        else message
        for message in messages
    )


def _one(part: str) -> tuple[str, float]:
    name, equals, value = (piece.strip() for piece in part.partition("="))
    if name not in _TABLE:
        near = get_close_matches(name, _TABLE, n=1)
        raise ValueError(f"There is no fault {name!r:.60}" + (f"; did you mean {near[0]}?" if near else "."))
    default = _TABLE[name].default
    if not equals:
        return name, default or 0.0
    if default is None:
        raise ValueError(f"The fault {name} takes no value.")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1e6:
        raise ValueError(f"The value of the fault {name} should be a number from 0 to 1000000.")
    return name, number


def _in_words(messages: Any) -> Iterable[str]:
    """The faults in the user's last message, unless it was answered already: going on with an answer is free of it."""
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return
    last = messages[-1] if messages else {}
    if last.get("partial") is True and len(messages) > 1 and _only_a_name(last.get("content")):
        last = messages[-2]
    content = last.get("content")
    if last.get("role") == "user" and isinstance(content, str):
        yield from WORD.findall(content)


def _only_a_name(content: Any) -> bool:
    return isinstance(content, str) and content.rstrip().endswith((":", "："))
