"""This file remembers what was really spoken, and renders it as the messages of a chat request.

The system message always comes first. What no longer fits the budget is left out in blocks, oldest first: after
a cut the beginning of the request stays the same for many turns, and the service's session cache keeps hitting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from companion.character import Character
from companion.errors import Cause, NoReply
from companion.ports import Message

USER = "user"
"""The speaker of everything that was heard."""

KEPT_AFTER_CUT = 0.6
"""Share of the budget that a cut leaves in use: the next cut is then many turns away."""

MARGIN = 1.1
"""How much more than the service counted last time we expect of the next request, token for token."""

WIDEST_CORRECTION = (0.5, 1.5)
"""Within what the service's count may correct ours: beyond it something else is wrong."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words that were really heard by somebody."""

    speaker: str
    words: str


class History:
    """Who said what, in order."""

    def __init__(self, budget: int, *, people: str = "", cast: int = 1) -> None:
        """`budget`: tokens that a request may have, system message and newest words included. With a `cast` of more
        than one character every message begins with its speaker's name; `people` is the name of who is not a toy."""
        self._budget = budget
        self._people = people or "Friend"
        self._group = cast > 1
        self._spoken: list[Spoken] = []
        self._forgotten = 0
        """How many of the oldest are left out of requests."""
        self._known = 0
        """How many the service remembers by itself, if it does."""
        self._correction = 1.0

    @property
    def spoken(self) -> tuple[Spoken, ...]:
        """All of it, oldest first."""
        return tuple(self._spoken)

    def remember(self, speaker: str, words: str) -> None:
        """Append what `speaker` said; no words leave no trace."""
        if words:
            self._spoken.append(Spoken(speaker, words))

    def take_back(self) -> str:
        """Forget everything since the user spoke last, and those words too; what they were. Empty: nobody has."""
        for place in reversed(range(len(self._spoken))):
            if self._spoken[place].speaker == USER:
                heard = self._spoken[place].words
                del self._spoken[place:]
                self._known = min(self._known, place)
                self._forgotten = min(self._forgotten, place)
                return heard
        return ""

    def forget(self) -> None:
        """Forget everything."""
        self._spoken.clear()
        self._forgotten = self._known = 0

    def messages(self, character: Character, heard: str = "", supplement: str = "") -> list[Message]:
        """The request in which `character` answers what was just `heard`, or goes on by itself if nothing was.

        The system message comes first, the `supplement` just before the last words of the user. Raises NoReply when
        even without any history it is too long.
        """
        system = Message("system", character.system_message())
        newest = self._newest(character, heard, supplement)
        room = self._budget - self._count([system, *newest])
        if room < 0:
            raise NoReply(Cause.TOO_LONG, "What was said does not fit into one request")
        if self._count(self._render(character, self._forgotten)) > room:
            while self._forgotten < len(self._spoken) and (
                self._count(self._render(character, self._forgotten)) > room * KEPT_AFTER_CUT
            ):
                self._forgotten += 1
        return [system, *self._render(character, self._forgotten), *newest]

    def news(self, character: Character, heard: str = "", supplement: str = "") -> list[Message]:
        """The same for a service that remembers by itself: only what it does not know yet, without the persona."""
        return [*self._render(character, self._known), *self._newest(character, heard, supplement)]

    def known(self) -> None:
        """The service now remembers all that was spoken."""
        self._known = len(self._spoken)

    def correct(self, messages: Sequence[Message], counted: int) -> None:
        """Learn from how many tokens the service `counted` in these messages."""
        least, most = WIDEST_CORRECTION
        self._correction = min(most, max(least, counted / tokens(messages) * MARGIN))

    def learn(self, limit: int) -> bool:
        """Learn that the service takes no more than `limit` tokens; whether leaving out more may help."""
        fits = limit < self._budget
        self._budget = min(self._budget, limit)
        return fits

    def _newest(self, character: Character, heard: str, supplement: str) -> list[Message]:
        messages = [Message("system", supplement)] if supplement else []
        if heard:
            messages.append(self._message(character, Spoken(USER, heard)))
        if self._group or not heard:
            messages.append(Message("assistant", f"{_name(character.name)}:", partial=True))
        return messages

    def _render(self, character: Character, since: int) -> list[Message]:
        return [self._message(character, spoken) for spoken in self._spoken[since:]]

    def _message(self, character: Character, spoken: Spoken) -> Message:
        role = "assistant" if spoken.speaker == character.name else "user"
        name = self._people if spoken.speaker == USER else spoken.speaker
        return Message(role, f"{_name(name)}: {spoken.words}" if self._group else spoken.words)

    def _count(self, messages: Sequence[Message]) -> float:
        return tokens(messages) * self._correction


def _name(name: str) -> str:
    """A name as a prefix: a colon in it would end it."""
    return " ".join(name.replace(":", " ").replace("：", " ").split())


def tokens(messages: Sequence[Message]) -> int:
    """What these messages cost at most, without a vocabulary at hand.

    The service counts each content and 5 more, and 3 for the request (worked out from the vendor page's sample
    counts). Han, kana and hangul count 1 a character, ASCII 1/4, all else 1/2: more than the vocabulary gives by
    a factor of 1.2 to 1.5, on the safe side.
    """
    return 3 + sum(5 + _content_tokens(message.content) for message in messages)


def _content_tokens(text: str) -> int:
    if text.isascii():  # most of it, and much quicker
        return math.ceil(len(text) / 4)
    ascii_letters = sum(character < "\x80" for character in text)
    ideographs = sum("\u2e80" <= character <= "\uffef" or character >= "\U00020000" for character in text)
    return math.ceil(ascii_letters / 4 + ideographs + (len(text) - ascii_letters - ideographs) / 2)
