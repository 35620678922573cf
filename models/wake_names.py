"""This file judges a name before anything is trained for it, and finds what could be taken for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from numpy.random import Generator

from companion.errors import SettingsError
from models.wake_sentences import CHINESE, COMMON, pronunciations

ENOUGH: Final = 3
"""Syllables from which a name is told from everything else by its sound alone."""

LONGEST: Final = 40
"""Letters: what is longer does not fit into the two seconds that a head hears at once."""

_SCRIPTS: Final = {
    "ar": ("ARABIC",),
    "be": ("CYRILLIC",),
    "bg": ("CYRILLIC",),
    "cmn": ("CJK",),
    "el": ("GREEK",),
    "fa": ("ARABIC",),
    "he": ("HEBREW",),
    "hi": ("DEVANAGARI",),
    "ja": ("HIRAGANA", "KATAKANA"),  # of its kanji, espeak-ng only says that they are letters
    "ka": ("GEORGIAN",),
    "ko": ("HANGUL",),
    "mk": ("CYRILLIC",),
    "ru": ("CYRILLIC",),
    "uk": ("CYRILLIC",),
    "yue": ("CJK",),
    "zh": ("CJK",),
}
"""Scripts, as Unicode names them, that the voices of a language read; every other language's read LATIN."""

_VOWELS: Final = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôûåæøœąęěůаеёиоуыэюяіїєαεηιουωάέήίόύώ]+")
_SYLLABIC: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "DEVANAGARI")  # scripts in which a letter is a syllable


def normal(name: str) -> str:
    """As the name is stored and reported: lower case, one space between words."""
    return " ".join(unicodedata.normalize("NFC", name).lower().replace("’", "'").split())


def slug(name: str) -> str:
    """As its file is called: "hey bunny" gives "hey-bunny"."""
    return re.sub(r"[^\w]+", "-", normal(name)).strip("-")


def check(name: str, language: str) -> str | None:
    """Whether the name can be learnt: None, or a sentence of advice where it can, but a better one were easy.

    Raises SettingsError with a sentence and a suggestion where it cannot.
    """
    said = normal(name)
    letters = [letter for letter in said if letter.isalpha()]
    if len(letters) < 2 and not (letters and _script(letters[0]) in _SYLLABIC and len(letters) > 1):
        what = "a single letter" if letters else "no name at all"
        raise SettingsError([f"{name!r} is {what}: choose a name of three syllables or more, such as 'hey bunny'"])
    if strange := sorted(
        {mark for mark in said if not (mark.isalpha() or mark in " '-" or unicodedata.combining(mark))}
    ):
        raise SettingsError([f"{said!r}: {' '.join(strange)} is no letter; write the name as it is spoken, in words"])
    scripts = _SCRIPTS.get(language.lower().partition("-")[0], ("LATIN",))
    foreign = [letter for letter in letters if not unicodedata.combining(letter) and _script(letter) not in scripts]
    if foreign:
        wanted = " or ".join(script.capitalize() for script in scripts)
        raise SettingsError(
            [f"{said!r}: the voices for {language!r} cannot speak {foreign[0]!r}; write it in {wanted} letters"
             ", or give its --language"]
        )  # fmt: skip
    if len(said) > LONGEST:
        raise SettingsError([f"{said!r} is longer than {LONGEST} letters: two or three words are enough"])
    if all(word in COMMON for word in re.findall(r"[\w']+", said)):
        raise SettingsError(
            [f"{said!r} is said all day, and the toy would wake each time: add a name, as in 'hey bunny'"]
        )
    count = syllables(said)
    if count < 2:
        raise SettingsError([f"{said!r} is too short to be told from other words: try {_longer(said)!r}"])
    if count < ENOUGH:
        return f"{said!r} has two syllables; a longer one, such as {_longer(said)!r}, is heard more surely"
    return None


def syllables(name: str) -> int:
    """How many syllables the name has, as far as its letters tell."""
    return sum(map(_syllables, re.findall(r"[^\s'-]+", normal(name))))


def confusables(name: str, count: int, chance: Generator) -> list[str]:
    """At most `count` phrases that share a part with the name, or nearly sound like it, and are not it."""
    words = normal(name).split()
    parts = [" ".join(words[:end]) for end in range(1, len(words))] + [
        " ".join(words[at:]) for at in range(1, len(words))
    ]
    others = _near(words[-1], chance)  # the last word is the name proper; who says "they bunny" may well be calling
    near = [" ".join([*words[:-1], other]) for other in others]
    phrases = [phrase for phrase in dict.fromkeys([*near, *others]) if phrase != " ".join(words)]
    chance.shuffle(phrases)
    return list(dict.fromkeys([*parts, *phrases]))[:count]


def _near(word: str, chance: Generator) -> list[str]:
    """Words that differ in one sound; for what is in no dictionary, in one letter, or one Chinese character."""
    known = pronunciations()
    if (sounds := known.get(word)) and len(word) > 2:
        near = [
            other for other, theirs in known.items() if len(other) < 9 and _one_apart(sounds, theirs) and other != word
        ]
        chance.shuffle(near)
        return near[:24]
    made = [word[:at] + other + word[at + 1 :] for at, letter in enumerate(word) for other in _others(letter, chance)]
    chance.shuffle(made)
    return made[:12]


def _others(letter: str, chance: Generator) -> list[str]:
    """What may stand in the place of a letter."""
    for alike in "aeiou", "bdfgklmnprst":
        if letter in alike:
            return [other for other in alike if other != letter]
    script = _script(letter)
    if script == "CJK":
        characters = sorted({character for word in CHINESE for character in word} - {letter})
        return [characters[chance.integers(len(characters))] for _ in range(6)]
    if script == "LATIN":
        return []
    neighbours = [chr(ord(letter) + away) for away in (-4, -3, -2, -1, 1, 2, 3, 4)]  # in their alphabet
    return [other for other in neighbours if other.isalpha() and _script(other) == script]


def _one_apart(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two words, which have as many sounds, differ in one consonant. Vowels are no help: an accent may have
    the other one."""
    if len(one) != len(other):
        return False
    differing = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(differing) == 1 and not any(sound[0] in "AEIOU" for sound in differing[0])


def _syllables(word: str) -> int:
    if sounds := pronunciations().get(word):
        return sum(sound[0] in "AEIOU" for sound in sounds)
    if _script(word[0]) in _SYLLABIC:
        return len(word)
    return len(_VOWELS.findall(word.removesuffix("e"))) or 1


def _longer(name: str) -> str:
    script = _script(name[0])
    if script != "LATIN":
        return f"你好{name}" if script == "CJK" else f"{name} {name}"
    return f"hey {name}" if not name.startswith("hey ") and syllables(f"hey {name}") >= ENOUGH else f"{name} bunny"


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
