"""This file judges whether what was heard is meant for the toy. In doubt it is: a child who is not answered is worse
off than one who is answered once too often.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from difflib import SequenceMatcher

from companion.drafts import Heard
from companion.endings import says_nothing
from companion.names import names_toy, speaks_to_somebody_else, without_name
from companion.ports import Wake
from companion.words import WIDE, key

ECHO = 0.8
"""So much alike what the toy said last, 0 to 1, something is its own echo ..."""

ECHO_WORDS = 3
"""... if it has so many words: a "hello" for a "hello" is none."""

_WIDE = re.compile(f"[{WIDE}]")
"""Of these about four make as much as a word."""

FAR = 15.0
"""Decibels below whoever spoke to the toy before: four to six times as far away, or in the next room."""


class Addressed:
    """What it knows of who speaks to the toy."""

    def __init__(self, names: Collection[str], language: str) -> None:
        """`names` that it is called by, without "hey". `language`: a BCP 47 tag."""
        self.names = tuple(names)
        self._language = language
        self.usual = -math.inf
        """Level of whoever speaks to the toy, in dBFS; -inf as long as nobody did."""
        self._said = ""

    def said(self, words: str) -> None:
        """The toy has said this."""
        self._said = words

    def words(self, heard: Heard, called: Wake | None) -> str:
        """What was said after the name; all of it where no name was called."""
        rest = without_name(heard.text, self.names) if called and called.phrase else None
        return heard.text if rest is None else rest

    def against(self, heard: Heard, called: Wake | None, *, asked: bool) -> str | None:
        """Why this is not for the toy; None if it is. `called`: how it was called before; `asked`: it had asked."""
        if not heard.text.strip() or (says_nothing(heard.text, self._language) and not asked):
            return "nothing was said"
        if called and not called.sure and not names_toy(heard.text, self.names):
            return "it was not the name"
        if _alike(heard.text, self._said):
            return "it was the toy's own echo"
        level = heard.utterance.audio.speech_level
        if not called:
            if speaks_to_somebody_else(heard.text, self._language, self.names):
                return "it was for somebody else"
            if not asked and level < self.usual - FAR:
                return "it was too far away"
        self.usual = level
        return None


def _alike(heard: str, said: str) -> bool:
    one, other = key(heard), key(said)
    enough = len(one.split()) >= ECHO_WORDS or len(_WIDE.findall(one)) >= 4 * ECHO_WORDS
    return enough and SequenceMatcher(None, one, other, autojunk=False).ratio() >= ECHO
