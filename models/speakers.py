"""This file takes the names off what is said in a group chat ("Ling Lu: Hm."). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from companion.ports import Message
from models.topic import CJK

LONGEST_NAME = 40
"""Characters of a name that nobody knows beforehand."""

_CAPITALISED = r"[^\W\d_a-z][\w.'’-]*"
_NAME = re.compile(rf"\s*((?:{_CAPITALISED}(?: {_CAPITALISED}){{0,3}})|[{CJK}·]{{1,8}})[:：](?!//)\s*")
"""Up to four words with capitals, or up to eight characters of Han or kana, before a colon."""


def named(text: str, known: Sequence[str] = ()) -> tuple[str, str]:
    """Who says it and what; "" where no name stands before it. Names that are `known` may have any form."""
    for name in sorted(known, key=len, reverse=True):
        match = re.match(rf"\s*({re.escape(name)})\s*[:：]\s*", text, re.IGNORECASE)
        if match:
            return name, text[match.end() :]
    match = _NAME.match(text)
    if match and len(match[1]) <= LONGEST_NAME:
        return match[1], text[match.end() :]
    return "", text


def nameless(messages: Sequence[Message], known: Sequence[str] = ()) -> tuple[Message, ...]:
    """The messages without the names that stand before what people and characters say."""
    return tuple(
        replace(message, content=words)
        if message.role != "system" and (words := named(message.content, known)[1]) not in ("", message.content)
        else message
        for message in messages
    )
