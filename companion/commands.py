"""This file knows what the toy does itself when it is told to, without asking anybody: phrases, by language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

AGAIN_DIFFERENTLY: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "en": ("say that again differently", "say it differently", "say that differently", "try that again"),
        "zh": ("换个说法", "换一种说法", "再说一遍换个说法", "重新说一遍"),
        "ja": ("別の言い方で", "言い直して", "もう一度違う言い方で言って"),
        "de": ("sag das nochmal anders", "sag es anders", "sag das anders"),
        "es": ("dilo de otra manera", "dilo de otra forma"),
        "fr": ("dis le autrement", "dis ça autrement"),
    }
)
"""Asks for another answer to the same words."""

POLITE = re.compile(r"^(?:please|bitte|por favor|s il te plaît|请)\s*|\s*(?:please|bitte|por favor|s il te plaît)$")
"""Does not change what is asked."""


def asks_again_differently(heard: str, language: str) -> bool:
    """Whether this, as a whole, asks for another answer, in `language` (a BCP 47 tag)."""
    return POLITE.sub("", plain(heard)) in AGAIN_DIFFERENTLY.get(language.partition("-")[0].lower(), ())


def plain(heard: str) -> str:
    """Words only: lower case, no punctuation."""
    letters = (character if unicodedata.category(character)[0] in "LMN" else " " for character in heard.lower())
    return " ".join("".join(letters).split())
