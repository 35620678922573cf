"""This file remembers what was really spoken, and renders it as the messages of a chat request.

The system message always comes first. What no longer fits the budget is left out in blocks, oldest first: after
a cut the beginning of the request stays the same for many turns, and the service's session cache keeps hitting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from companion.character import Character
from companion.ports import Message

USER = "user"
"""The speaker of everything that was heard."""

KEPT_AFTER_CUT = 0.6
"""Share of the budget that a cut leaves in use: the next cut is then many turns away."""


CUT_OFF = " —"
"""Ends the remembered words of somebody who was interrupted."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words that were really heard by somebody."""

    speaker: str
    words: str


class Saying:
    """Phrases on their way through the speaker, and how much of them was really heard."""

    def __init__(self, kind: str) -> None:
        """`kind`, as the journal names it: opening, reply, filler, apology, nudge."""
        self.kind = kind
        self.words = ""
        """What was heard of it; a dash ends what was cut off."""
        self._complete = False
        self._phrases: list[tuple[str, float, float]] = []

    def add(self, phrase: str, begins: float, ends: float) -> None:
        """A piece of sound from position `begins` to `ends` of the speaker. No words: it goes on with those before."""
        if not phrase and self._phrases:
            phrase, begins, _ = self._phrases.pop()
        self._phrases.append((phrase, begins, ends))

    @property
    def begins(self) -> float:
        """The speaker's position at its first sample; 0 before there is one."""
        return self._phrases[0][1] if self._phrases else 0.0

    @property
    def ends(self) -> float:
        """The speaker's position after its last sample so far; 0 before there is one."""
        return self._phrases[-1][2] if self._phrases else 0.0

    def heard(self, until: float, complete: bool) -> None:
        """It is over: the speaker came to position `until`; `complete` if nothing more was to come."""
        self._complete = complete
        heard = [_part(text, _share(until, begins, ends)) for text, begins, ends in self._phrases]
        self.words = " ".join(text for text in heard if text)
        if self.words and not complete:
            self.words += CUT_OFF

    def account(self) -> dict[str, str | bool]:
        """The fields of the journal's "said" line."""
        return {"kind": self.kind, "text": self.words.removesuffix(CUT_OFF), "complete": self._complete}


def _share(until: float, begins: float, ends: float) -> float:
    """How much of a sound was heard; one that lasts no time is heard as soon as it begins."""
    return (until - begins) / (ends - begins) if ends > begins else float(until >= begins)


def _part(text: str, share: float) -> str:
    """The words of `text` that fit in this share of its sound."""
    if share > 1.0 - 1e-6:  # positions are sums of floats
        return text
    part = text[: max(0, int(len(text) * share))]
    within_a_word = " " in text and not text[len(part)].isspace()
    return part.rpartition(" ")[0] if within_a_word else part.rstrip()


class History:
    """Who said what, in order."""

    def __init__(self, budget: int) -> None:
        """`budget`: tokens that a request may have, system message and newest words included."""
        self._budget = budget
        self._spoken: list[Spoken] = []
        self._forgotten = 0
        """How many of the oldest are left out of requests."""

    @property
    def spoken(self) -> tuple[Spoken, ...]:
        """All of it, oldest first."""
        return tuple(self._spoken)

    def remember(self, speaker: str, words: str) -> None:
        """Append what `speaker` said; no words leave no trace."""
        if words:
            self._spoken.append(Spoken(speaker, words))

    def messages(self, character: Character, heard: str) -> list[Message]:
        """The request in which `character` answers what was just `heard`: system message first, `heard` last."""
        system = Message("system", character.system_message())
        newest = Message("user", heard)
        room = self._budget - tokens([system, newest])
        if tokens(self._render(character)) > room:
            while self._forgotten < len(self._spoken) and tokens(self._render(character)) > room * KEPT_AFTER_CUT:
                self._forgotten += 1
        return [system, *self._render(character), newest]

    def _render(self, character: Character) -> list[Message]:
        return [
            Message("assistant" if spoken.speaker == character.name else "user", spoken.words)
            for spoken in self._spoken[self._forgotten :]
        ]


def tokens(messages: list[Message]) -> int:
    """What these messages cost at most, without a vocabulary at hand.

    The service counts each content and 5 more, and 3 for the request (worked out from the vendor page's sample
    counts). Han, kana and hangul count 1 a character, ASCII 1/4, all else 1/2: more than the vocabulary gives by
    a factor of 1.2 to 1.5, on the safe side.
    """
    return 3 + sum(5 + _content_tokens(message.content) for message in messages)


def _content_tokens(text: str) -> int:
    ascii_letters = sum(character < "\x80" for character in text)
    ideographs = sum("\u2e80" <= character <= "\uffef" or character >= "\U00020000" for character in text)
    return math.ceil(ascii_letters / 4 + ideographs + (len(text) - ascii_letters - ideographs) / 2)
