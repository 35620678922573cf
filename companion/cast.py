"""This file knows who is in the conversation besides the people, and whose turn it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from companion.character import Character
from companion.mouth import Mouth


@dataclass(frozen=True, slots=True)
class Member:
    """A character, with its own voice."""

    character: Character
    mouth: Mouth

    @property
    def name(self) -> str:
        """What it is called."""
        return self.character.name


class Cast:
    """The characters of a conversation, in the order in which they take turns."""

    def __init__(self, members: Sequence[Member]) -> None:
        """At least one."""
        self.members = tuple(members)
        self._next = 0

    def whose_turn(self, heard: str) -> Member:
        """Who is to answer: whoever is called by name, else the next in turn."""
        return self.called(heard) or self.members[self._next]

    def answers(self, member: Member) -> None:
        """It is `member` who answers; after it comes the next one's turn."""
        self._next = (self.members.index(member) + 1) % len(self.members)

    def called(self, words: str, but: Member | None = None) -> Member | None:
        """Who is called by name first in these `words`, of all `but` one."""
        found = [
            (match.start(), place)
            for place, member in enumerate(self.members)
            if member is not but and (match := _named(member.name).search(words))
        ]
        return self.members[min(found)[1]] if found else None


def _named(name: str) -> re.Pattern[str]:
    """A name as a word of its own; scripts without spaces have no such words."""
    whole = rf"(?<!\w){re.escape(name)}(?!\w)" if name.isascii() else re.escape(name)
    return re.compile(whole, re.IGNORECASE)
