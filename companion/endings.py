"""This file judges, from the words heard so far, whether somebody has finished: how long a pause is long enough.

Speech-to-text writes what it believes. A question mark is believed; a full stop is not after a word that nobody ends
on ("I want to play with the."), because fragments get one too; a missing full stop says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import cache

from companion.commands import command
from companion.trailing import ABBREVIATED, ASKING, COMPLETE, HANGING, LEANING, OPEN
from companion.words import WIDE, key, language_of

_Table = Mapping[str, Sequence[str]]


class Ending(StrEnum):
    """How an utterance ends, as far as its words tell."""

    CLOSED = "closed"
    """Like a sentence, or it is whole in itself: a command, yes or no."""
    UNKNOWN = "unknown"
    HANGING = "hanging"
    """It trails off: more is to come."""


_CLOSERS = " \t\r\n\u3000\u00a0\"'”’»」』)）]】*"
"""What may follow the end of a sentence and still belongs to it."""

_ASKED = re.compile(r"[?？!！؟][?？!！؟.。]*$")
_TRAILING = re.compile(r"(?:\.\.+|…|。。+|[,，、､،:：;；\-‐‑–—〜～~・])$")
_FULL_STOP = re.compile(r"[.。．｡]$")
_ONLY_NUMBERS = re.compile(r"^[\d\s.,、。]*$")
_INITIAL = re.compile(r"(?:^|[\s.])[a-zà-ÿ]$")
_WORD = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*['’]?")
_WITHOUT_SPACES = re.compile(rf"[{WIDE}]$")


def ending(transcript: str, language: str, names: Collection[str] = ()) -> Ending:
    """How `transcript` ends, in `language` (a BCP 47 tag); of an unknown language only punctuation counts.

    In this order: a question or exclamation mark closes; a comma, a dash, dots hang; a command or short whole answer
    closes; then the last word decides, and after it a full stop. A command may be said with one of the toy's `names`.
    """
    text = transcript.rstrip(_CLOSERS)
    spoken = language_of(language)
    if _ASKED.search(text):
        return Ending.CLOSED
    if _TRAILING.search(text):
        return Ending.HANGING
    stopped = _FULL_STOP.search(text) is not None
    words = text.rstrip("".join((_CLOSERS, ".。．｡"))).lower().replace("’", "'")
    if not any(character.isalnum() for character in words):
        return Ending.UNKNOWN
    if _is_whole(words, spoken, names):
        return Ending.CLOSED
    if stopped:
        return _after_full_stop(words, spoken)
    if _longest(ASKING, words, spoken):
        return Ending.CLOSED
    return Ending.HANGING if _last_word(words, spoken) in (HANGING, LEANING) else Ending.UNKNOWN


def _is_whole(words: str, language: str, names: Collection[str]) -> bool:
    """Whether it is a command, or the last sentence is a short answer ("I think so. Yes")."""
    if command(words, language, names):
        return True
    last = key(re.split(r"[.。!?！？]\s*", words)[-1])
    return last in _complete(language)


@cache
def _complete(language: str) -> frozenset[str]:
    return frozenset(key(phrase) for phrase in COMPLETE.get(language, ()))


def _after_full_stop(words: str, language: str) -> Ending:
    if _longest(ABBREVIATED, words, language):
        return Ending.HANGING
    match _last_word(words, language):
        case None if _INITIAL.search(words) or _ONLY_NUMBERS.match(words):
            return Ending.UNKNOWN  # "J. R.", "3." and "1, 2." go on as often as not; "I am 7." does not
        case None:
            return Ending.CLOSED
        case table:
            return Ending.HANGING if table is HANGING else Ending.UNKNOWN


def _last_word(words: str, language: str) -> _Table | None:
    """The table that knows the last word."""
    table = max((OPEN, HANGING, LEANING), key=lambda table: _longest(table, words, language))
    return table if _longest(table, words, language) else None


def _longest(table: _Table, words: str, language: str) -> int:
    """Characters of the longest entry that `words` end on: a whole word, or characters where there are no spaces."""
    entries = table.get(language, ())
    if _WITHOUT_SPACES.search(words):
        return max((len(entry) for entry in entries if words.endswith(entry)), default=0)
    found = _WORD.findall(words)
    return len(found[-1]) if found and found[-1] in entries else 0
