"""This file keeps account of what is being said: how much of it was really heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from companion.audio import Audio, Speech, Word
from companion.pacing import Stretch, audible, paced, written

CUT_OFF = " —"
"""Ends the remembered words of somebody who was interrupted."""

ROUNDING = 1e-6
"""Seconds. Positions are sums of floats."""


@dataclass(eq=False, slots=True)
class _Phrase:
    """A phrase and its sound so far; times are positions of the speaker."""

    text: str
    begins: float
    ends: float
    timed: list[Word] = field(default_factory=list)
    """Its words, as far as the voice tells their times."""
    stretches: list[Stretch] = field(default_factory=list)
    """Where it sounds, as far as the voice does not."""

    @property
    def words(self) -> list[Word]:
        """All its words, and when they sound."""
        if not self.timed:
            return list(paced(written(self.text), self.stretches or [(self.begins, self.ends)]))
        return self.timed


class Saying:
    """Phrases on their way through the speaker, and how much of them was really heard."""

    def __init__(self, kind: str) -> None:
        """`kind`, as the journal names it: opening, reply, filler, apology, nudge."""
        self.kind = kind
        self.words = ""
        """What was heard of it; a dash ends what was cut off. Empty when no word was heard."""
        self._complete = False
        self._phrases: list[_Phrase] = []

    def add(self, phrase: str, begins: float, audio: Audio) -> None:
        """A piece of sound from position `begins` of the speaker on. No words: it goes on with those before."""
        ends = begins + audio.seconds
        if phrase or not self._phrases:
            self._phrases.append(_Phrase(phrase, begins, ends))
        newest = self._phrases[-1]
        newest.ends = ends
        words = audio.words if isinstance(audio, Speech) else ()
        newest.timed += [Word(begins + word.begins, begins + word.ends, word.upto) for word in words]
        if not words:
            newest.stretches += [(begins + begin, begins + end) for begin, end in audible(audio)]

    @property
    def begun(self) -> bool:
        """Whether there is any sound of it yet."""
        return bool(self._phrases)

    @property
    def begins(self) -> float:
        """The speaker's position at its first sample; 0 before there is one."""
        return self._phrases[0].begins if self._phrases else 0.0

    @property
    def ends(self) -> float:
        """The speaker's position after its last sample so far; 0 before there is one."""
        return self._phrases[-1].ends if self._phrases else 0.0

    def word_begins(self, position: float) -> float:
        """Where the word begins that sounds at this position of the speaker; in a pause, the position itself."""
        for phrase in self._phrases:
            for word in phrase.words:
                if word.begins <= position < word.ends:
                    return word.begins
        return position

    def heard(self, until: float, whole: bool) -> None:
        """It is over: the speaker came to position `until`; `whole` if nothing more was to come.

        A word was heard when half of it was. It is complete when all words were, and nothing more was to come.
        """
        over = self._phrases if whole else self._phrases[:-1]
        parts = [
            phrase.text if phrase in over and until + ROUNDING >= phrase.ends else _heard(phrase, until)
            for phrase in self._phrases
        ]
        self.words = joined(parts)
        self._complete = whole and parts == [phrase.text for phrase in self._phrases]
        if self.words and not self._complete:
            self.words += CUT_OFF

    def account(self) -> dict[str, str | bool]:
        """The fields of the journal's "said" line."""
        return {"kind": self.kind, "text": self.words.removesuffix(CUT_OFF), "complete": self._complete}


def _heard(phrase: _Phrase, until: float) -> str:
    """The beginning of the phrase, up to its last word that was heard."""
    words = phrase.words if until >= phrase.begins else []
    heard = takewhile(lambda word: (word.begins + word.ends) / 2 <= until + ROUNDING, words)
    return phrase.text[: max((word.upto for word in heard), default=0)]


def joined(phrases: Iterable[str]) -> str:
    """Phrases one after the other, with a space between them where the script has spaces."""
    words = ""
    for phrase in phrases:
        words += " " + phrase if words and phrase and words[-1] < "\u2e80" else phrase
    return words
