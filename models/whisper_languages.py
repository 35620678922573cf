"""This file is which languages Whisper hears, and by which names."""

from __future__ import annotations

from typing import Final

_WRITTEN: Final = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja
jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq
sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh
"""

LANGUAGES: Final = frozenset(_WRITTEN.split())
"""That tiny, base and small were trained in [read: faster-whisper 1.2, tokenizer.py]."""

ANOTHER_NAME: Final = {"cmn": "zh", "fil": "tl", "iw": "he", "jv": "jw", "nb": "no"}
"""Languages that Whisper calls by another name than most."""


def code(language: str) -> str:
    """What Whisper calls the language of a BCP 47 tag: "en" for "en-GB"."""
    primary = language.lower().replace("_", "-").partition("-")[0]
    return ANOTHER_NAME.get(primary, primary)
