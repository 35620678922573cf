"""This file reduces what was heard to its words, so that phrases can be compared however they were spelled."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

WIDE = "\u2e80-\u2fff\u3005-\u3007\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""The scripts that put no spaces between words, for a regular expression: Han, kana and what goes with them."""

ACCENTS = re.compile("[\u0300-\u036f]")
"""The combining marks of Latin letters; the voicing marks of kana are others (U+3099, U+309A) and stay."""

BETWEEN_WIDE = re.compile(f"(?<=[{WIDE}]) +(?=[{WIDE}])")
"""Spaces that say nothing: some speech-to-text puts them between the words of Chinese and Japanese."""


def plain(heard: str) -> str:
    """Words only: lower case, no punctuation, full-width letters as ordinary ones."""
    folded = unicodedata.normalize("NFKC", heard).lower()
    letters = (character if unicodedata.category(character)[0] in "LMN" else " " for character in folded)
    return " ".join("".join(letters).split())


@lru_cache(4096)  # asked of the same few words again and again
def key(heard: str) -> str:
    """What two spellings of one phrase have in common: `plain`, without accents, no spaces between wide letters."""
    words = BETWEEN_WIDE.sub("", plain(heard))
    return unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFD", words.casefold())))


def language_of(tag: str) -> str:
    """The language of a BCP 47 tag: "en" of "en-GB"."""
    return tag.partition("-")[0].lower()


def listed(phrases: str) -> tuple[str, ...]:
    """The phrases of a table, written one after the other with " / " between them."""
    return tuple(" ".join(phrase.split()) for phrase in phrases.split(" /"))
