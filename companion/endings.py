"""This file judges, from the words heard so far, whether somebody has finished: how long a pause is long enough.

Speech-to-text writes what it believes. A question mark is believed; a full stop is not after a word that nobody ends
on ("I want to play with the."), because fragments get one too; a missing full stop says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache

from companion.commands import command
from companion.patience import Ending
from companion.trailing import (
    ABBREVIATED,
    ASKING,
    BEGINNINGS,
    COMPLETE,
    DEPENDING,
    FILLERS,
    HANGING,
    LEADING_UP,
    LEANING,
    OPEN,
    REQUESTS,
)
from companion.words import WIDE, key, language_of

_Table = Mapping[str, Sequence[str]]


_CLOSERS = " \t\r\n\u3000\u00a0\"'”’»」』)）]】*"
"""What may follow the end of a sentence and still belongs to it."""

_ASKED = re.compile(r"[?？!！؟][?？!！؟.。]*$")
_TRAILING = re.compile(r"(?:\.\.+|…|。。+|[,，、､،:：;；\-‐‑–—〜～~・])$")
_SENTENCE = re.compile(r"[.。!?！？]\s*")
_FULL_STOP = re.compile(r"[.。．｡]$")
_ONLY_NUMBERS = re.compile(r"^[\d\s.,、。]*$")
_INITIAL = re.compile(r"(?:^|[\s.])[a-zà-ÿ]$")
_WORD = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*['’]?")
_WITHOUT_SPACES = re.compile(rf"[{WIDE}]$")


def ending(transcript: str, language: str, names: Collection[str] = ()) -> Ending:
    """How `transcript` ends, in `language` (a BCP 47 tag); of an unknown language only punctuation counts.

    In this order: a question or exclamation mark closes, but not a question that has only begun ("Can you?"); a comma,
    a dash, dots hang; a command or short whole answer closes; then the last word decides, and after it a full stop. A
    command may be said with one of the toy's `names`.
    """
    text = transcript.rstrip(_CLOSERS)
    spoken = language_of(language)
    if _TRAILING.search(text):
        return Ending.HANGING
    if not text.endswith(("!", "！")) and key(_last_sentence(text)) in _known(LEADING_UP, spoken):
        return Ending.TOLD
    if _ASKED.search(text):
        return Ending.UNKNOWN if _only_begun(text, spoken) else Ending.CLOSED
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


def says_nothing(transcript: str, language: str) -> bool:
    """Whether there is no word in it, or none but "um"."""
    fillers = _known(FILLERS, language_of(language))
    heard = key(transcript)
    return not heard or heard in fillers or all(word in fillers for word in heard.split())


def _is_whole(words: str, language: str, names: Collection[str]) -> bool:
    """Whether it is a command, or the last sentence is a short answer ("I think so. Yes")."""
    if command(words, language, names):
        return True
    return key(_last_sentence(words)) in _known(COMPLETE, language)


@cache
def _keys(phrases: Sequence[str]) -> frozenset[str]:
    return frozenset(map(key, phrases))


def _known(table: _Table, language: str) -> frozenset[str]:
    return _keys(table.get(language, ()))


def _last_sentence(text: str) -> str:
    """What follows the last full stop, question or exclamation mark that something follows."""
    return _SENTENCE.split(text.rstrip(_CLOSERS + ".。．｡?？!！؟"))[-1]


def _after_full_stop(words: str, language: str) -> Ending:
    if _longest(ABBREVIATED, words, language):
        return Ending.HANGING
    match _last_word(words, language):
        case None if _INITIAL.search(words) or _ONLY_NUMBERS.match(words):
            return Ending.UNKNOWN  # "J. R.", "3." and "1, 2." go on as often as not; "I am 7." does not
        case None:
            return _sentence(_last_sentence(words), language)
        case table:
            return Ending.HANGING if table is HANGING else Ending.UNKNOWN


def _sentence(words: str, language: str) -> Ending:
    """How a sentence with a full stop ends, whose last word says nothing."""
    if _begins_with(REQUESTS, words, language):
        return Ending.CLOSED
    if _begins_with(DEPENDING, words, language) and "," not in words:
        return Ending.UNKNOWN  # "If I was a bird."
    return Ending.TOLD


def _begins_with(table: _Table, words: str, language: str) -> bool:
    between = "" if _WITHOUT_SPACES.search(words) else " "
    return any(f"{words} ".startswith(phrase + between) for phrase in table.get(language, ()))


def _only_begun(text: str, language: str) -> bool:
    """Whether a question has nothing but what many questions begin with."""
    words = _WORD.findall(_last_sentence(text).lower())
    return 2 <= len(words) <= 3 and all(word in BEGINNINGS.get(language, ()) for word in words)


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
