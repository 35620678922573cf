"""This file keeps account of what is being said: how much of it was really heard."""

from __future__ import annotations

from collections.abc import Iterable

CUT_OFF = " —"
"""Ends the remembered words of somebody who was interrupted."""


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

    def word_begins(self, position: float) -> float:
        return position

    def heard(self, until: float, complete: bool) -> None:
        """It is over: the speaker came to position `until`; `complete` if nothing more was to come."""
        self._complete = complete
        heard = [_part(text, _share(until, begins, ends)) for text, begins, ends in self._phrases]
        self.words = joined(heard)
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


def joined(phrases: Iterable[str]) -> str:
    """Phrases one after the other, with a space between them where the script has spaces."""
    words = ""
    for phrase in phrases:
        words += " " + phrase if words and phrase and words[-1] < "\u2e80" else phrase
    return words
