"""This file turns streamed text into phrases fit to be spoken, and takes the gestures out of it.

Two small machines in a row, each fed one character at a time, so that where a phrase is cut never depends on how
the text arrived: `Directions` takes out what is not to be spoken, `Phrases` cuts what is left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from companion.errors import Cause, NoReply
from companion.ports import Usage

BRACKETS = {"(": ")", "（": "）", "[": "]", "【": "】"}
"""What opens a stage direction, and what closes it. Asterisks open and close one too."""

ROUND = str.maketrans("（）", "()")
"""A full-width bracket may be closed by a half-width one: models mix them."""

LONGEST_DIRECTION = 200
"""Characters. A direction still open after so many was probably never meant to be closed."""

LONGEST_PHRASE = 240
"""Characters. About a quarter of a minute; nobody wants to wait for more."""

FIRST_CLAUSE = 12
"""Characters after which the first phrase of a reply ends at a comma: the first sound comes that much sooner."""

HEAD_START = 24
"""Characters that must be on their way before a whole sentence is waited for: they sound for 1.6 s, in which the
longest sentence arrives (1 s, at 60 tokens a second) and its first sound is made. Those of Han and kana count twice."""

SENTENCE_END = re.compile(r"[.!?…。！？\n](?:(?<=[。！？\n])|(?<![.!?…].)[.!?…]*+(?=\s|$))")
"""A run of [.!?…] before a space, or one of [。！？\n]; written so that no run of dots is looked at twice."""

CLOSERS = "\"'”’»」』)）]】"
"""What may follow the end of a sentence and still belongs to it."""

URL = re.compile(r"(?:https?://|www\.)[!-~]+")
"""What nobody wants to hear spelled."""

FIRST_WITHOUT_SPACES = "\u2e80"
"""From here on are the scripts that put no spaces between words: Han, kana and what goes with them."""

NO_SENTENCE_END = re.compile(r"(?:^|\s)(?:[A-Z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|e\.g|i\.e|approx|No)\.$")
"""Full stops that end no sentence: initials and the abbreviations one meets in speech."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to be spoken in one breath; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Gesture:
    """A stage direction: something to be done, not said."""

    text: str


async def phrases(
    reply: AsyncGenerator[str | Usage, None], spent: Callable[[Usage], None]
) -> AsyncGenerator[Phrase | Gesture, None]:
    """The phrases and gestures of a reply, each as soon as it is complete; what it cost is told to `spent`. Closing
    it closes `reply`. Raises NoReply, also for a reply of nothing."""
    cutter = Phrases()
    empty = True
    async with aclosing(reply):
        async for piece in reply:
            if isinstance(piece, Usage):
                spent(piece)
                continue
            empty = empty and not piece.strip()
            for phrase in cutter.feed(piece):
                yield phrase
    for phrase in cutter.finish():
        yield phrase
    if empty:
        raise NoReply(Cause.BROKEN, "The reply was empty")


class Phrases:
    """Cuts a reply into phrases: its first clause, or clauses where they are short, then whole sentences. A gesture
    precedes the phrase it is in."""

    def __init__(self) -> None:
        self._directions = Directions()
        self._text = ""
        self._space = False
        self._ended_at_once = False
        """Whether the last clause was cut off before it was known what comes after it."""
        self._given = 0
        """Characters of the phrases so far."""

    def feed(self, text: str) -> list[Phrase | Gesture]:
        """What is complete once `text` has arrived too."""
        return list(self._take(part for character in text for part in self._directions.feed(character)))

    def finish(self) -> list[Phrase | Gesture]:
        """What is left at the end of the reply."""
        return [*self._take(iter(self._directions.finish())), *self._cut()]

    def _take(self, parts: Iterator[str | Gesture]) -> Iterator[Phrase | Gesture]:
        for part in parts:
            if isinstance(part, Gesture):
                if self._complete():  # the gesture comes after this phrase, not in it
                    yield from self._cut()
                self._leave_a_gap()
                yield part
            else:
                yield from self._add(part)

    def _add(self, character: str) -> Iterator[Phrase]:
        if character.isspace():
            if character == "\n" or self._complete():
                yield from self._cut()
            self._space = True
        elif self._goes_on_ending(character):
            pass
        elif _can_be_spoken(character):
            if self._space and self._text and character not in ".,!?;:":
                self._text += " "
            self._space = False
            if character not in CLOSERS + "。！？" and self._text.rstrip(CLOSERS).endswith(("。", "！", "？")):
                yield from self._cut()
            self._text += character
            if self._ends_at_once():
                yield from self._cut()
                self._ended_at_once = True
            if len(self._text) >= LONGEST_PHRASE:
                yield from self._cut(at=self._text.rfind(" "))
        elif unicodedata.category(character) == "So":  # an emoji
            self._leave_a_gap()

    @property
    def _hurried(self) -> bool:
        """Whether a clause is enough: little is there to be heard while a sentence arrives."""
        return self._given < HEAD_START

    def _ends_at_once(self) -> bool:
        """Whether a clause ends here, whatever follows: a service gives several tokens at once, and the next character
        may come 80 ms later. Not after a digit, which may begin a number, nor in a URL."""
        if not self._hurried:
            return False
        if self._text[-1] in "，、；：":
            return len(self._text) > FIRST_CLAUSE / 2
        if self._text[-1] not in ",;" or len(self._text) <= FIRST_CLAUSE:
            return False
        return self._text[-2].isalpha() and not URL.search(self._text.rpartition(" ")[2])

    def _goes_on_ending(self, character: str) -> bool:
        """Whether this still belongs to the end of a clause that was cut off already."""
        self._ended_at_once = self._ended_at_once and character in CLOSERS
        return self._ended_at_once

    def _leave_a_gap(self) -> None:
        """Something was taken out: the words on both sides of it do not become one, where a script has spaces."""
        self._space = self._space or (self._text[-1:].isalnum() and self._text[-1] < FIRST_WITHOUT_SPACES)

    def _complete(self) -> bool:
        words = self._text.rstrip(CLOSERS)
        if not words:
            return False
        if words[-1] in ".!?…。！？":
            return not NO_SENTENCE_END.search(words)
        return self._hurried and words[-1] in ",;:—–" and len(words) > FIRST_CLAUSE

    def _cut(self, at: int = -1) -> Iterator[Phrase]:
        text, rest = (self._text, "") if at <= 0 else (self._text[:at], self._text[at + 1 :])
        self._text, self._space = rest, False
        text = " ".join(URL.sub(" ", text).split())
        if any(character.isalnum() for character in text):
            self._given += len(text) + sum(character >= FIRST_WITHOUT_SPACES for character in text)
            yield Phrase(text)


@dataclass(slots=True)
class Directions:
    """Takes stage directions out of a text: ( ), （ ）, [ ], 【 】, nested ones too, and *actions*.

    A direction is held until it closes. If it has not by the end of the reply or within `LONGEST_DIRECTION`, it
    ends at its first sentence end, and what follows is spoken.
    """

    _open: list[str] = field(default_factory=list)
    """The closers that are waited for, outermost first."""
    _held: str = ""
    _asterisks: int = 0
    """Asterisks just seen outside a bracket: what follows says what they mean."""

    def feed(self, character: str) -> list[str | Gesture]:
        """The characters that may be spoken and the gestures that are complete, now that `character` is known."""
        if character == "*" and self._open in ([], ["*"]):
            self._asterisks += 1
            return []
        return [*self._settle_asterisks(before=character), *self._feed(character)]

    def finish(self) -> list[str | Gesture]:
        """What is left at the end of the reply."""
        parts = self._settle_asterisks(before=" ")
        while self._open:
            parts += self._give_up()
            parts += self._settle_asterisks(before=" ")
        return parts

    def _settle_asterisks(self, before: str) -> list[str | Gesture]:
        count, self._asterisks = self._asterisks, 0
        if count != 1:  # none, or **emphasis**, whose words are spoken
            return []
        if self._open:
            return self._close()
        if not before.isspace():  # "2 * 3" opens nothing
            self._open.append("*")
        return []

    def _feed(self, character: str) -> list[str | Gesture]:
        plain = character.translate(ROUND)
        if not self._open:
            if character in BRACKETS:
                self._open.append(BRACKETS[character].translate(ROUND))
                return []
            return [] if plain in BRACKETS.values() else [character]
        if plain == self._open[-1]:
            return self._close(character)
        if character in BRACKETS and len(self._open) < LONGEST_DIRECTION:
            self._open.append(BRACKETS[character].translate(ROUND))
        self._held += character
        if len(self._held) <= LONGEST_DIRECTION:
            return []
        if SENTENCE_END.search(self._held + "\0"):
            return self._give_up()
        self._held = self._held[-LONGEST_DIRECTION:]  # still no end in sight: a giant reply must not fill the memory
        return []

    def _close(self, closer: str = "") -> list[str | Gesture]:
        self._open.pop()
        if self._open:
            self._held += closer
            return []
        held, self._held = self._held, ""
        return _gesture(held)

    def _give_up(self) -> list[str | Gesture]:
        held, self._held = self._held, ""
        self._open.clear()
        end = SENTENCE_END.search(held)
        direction, rest = (held[: end.end()], held[end.end() :]) if end else (held, "")
        parts = _gesture(direction)
        for character in rest:
            parts += self.feed(character)
        return parts


def _gesture(held: str) -> list[str | Gesture]:
    text = " ".join("".join(character for character in held if _can_be_told(character)).split())
    return [Gesture(text[:LONGEST_DIRECTION])] if text else []


def _can_be_told(character: str) -> bool:
    """Whether the journal and a terminal may have it: no controls, no half characters."""
    return character.isspace() or unicodedata.category(character) not in {"Cc", "Cs"}


def _can_be_spoken(character: str) -> bool:
    """Whether a voice can do anything with it: no controls, no surrogates, no emoji, no Markdown."""
    if character in "*_#`~|<>{}\\^\ufe0f":
        return False
    category = unicodedata.category(character)
    return character == "°" or category not in {"Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk"}


async def just(words: str) -> AsyncGenerator[Phrase | Gesture, None]:
    """These words, and nothing else."""
    yield Phrase(words)
