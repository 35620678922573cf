"""This file knows what the toy does itself when it is told to, without asking anybody: phrases, by language.

A command is the whole utterance and nothing else. "Stop" stops; "when does the bus stop" is for the character, and so
is "good night, I am going to bed".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from companion.names import before_name, without_name
from companion.phrasebook import AFTER, AGAIN, AGAIN_DIFFERENTLY, BEFORE, DONE, GOODBYE, LOUDER, QUIETER, STOP
from companion.words import key, language_of


class Command(StrEnum):
    """What somebody may tell the toy to do."""

    STOP = "stop"
    LOUDER = "louder"
    QUIETER = "quieter"
    AGAIN = "again"
    """The same words once more."""
    AGAIN_DIFFERENTLY = "again differently"
    """Another answer to the same question."""
    GOODBYE = "goodbye"


PHRASES: Mapping[Command, Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        Command.STOP: STOP,
        Command.LOUDER: LOUDER,
        Command.QUIETER: QUIETER,
        Command.AGAIN: AGAIN,
        Command.AGAIN_DIFFERENTLY: AGAIN_DIFFERENTLY,
        Command.GOODBYE: GOODBYE,
    }
)
"""Every command has phrases in every language, and no phrase has two commands."""

WITHOUT_SPACES = ("zh", "ja")

LONGEST = 120
"""Characters. No command with all its politeness is longer, and speech-to-text may write "okay" a hundred times."""

_REPEATED = re.compile(r"^(.+?)(?:\W*\1)+$")
_DRAWN_OUT = re.compile(r"(.)\1{2,}")


def command(heard: str, language: str, names: Collection[str] = ()) -> Command | None:
    """What the toy is told to do, in `language` (a BCP 47 tag), if `heard` as a whole is nothing else.

    One of the toy's `names` may stand before or after it, and what is only polite. "Stop, stop, stop" is one stop, and
    "stooop" too.
    """
    spoken = language_of(language)
    table = _commands(spoken)
    return next((table[asked] for asked in _readings(heard, spoken, names) if asked in table), None)


def done(language: str) -> str:
    """What the toy says, in `language` (a BCP 47 tag), when it has done what it was told."""
    return DONE.get(language_of(language), DONE["en"])


def _readings(heard: str, language: str, names: Collection[str]) -> Iterator[str]:
    """What may be meant, the most literal first."""
    if len(heard) > LONGEST:
        return
    called = without_name(heard, names)
    for said in (heard, called, before_name(heard, names), before_name(called or "", names)):
        if said is not None:
            asked = key(said)
            for spelled in dict.fromkeys((asked, _DRAWN_OUT.sub(r"\1", asked), _DRAWN_OUT.sub(r"\1\1", asked))):
                yield from _without_manners(spelled, language)


def _without_manners(asked: str, language: str) -> Iterator[str]:
    """As it was said, said once instead of often, and with the polite words taken off, one after the other."""
    before, after = _manners(language)
    readings = [asked]
    for reading in readings:  # it grows meanwhile
        yield reading
        if repeated := _REPEATED.match(reading):
            yield repeated[1]
        shorter = [reading[polite.end() :] for polite in (before.match(reading),) if polite]
        shorter += [reading[: polite.start()] for polite in (after.search(reading),) if polite]
        readings += [each for each in shorter if each not in readings]


@cache
def _manners(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    space = "" if language in WITHOUT_SPACES else " "
    before, after = ("|".join(sorted(map(key, words.get(language, ())), reverse=True)) for words in (BEFORE, AFTER))
    never = "(?!)"
    return (
        re.compile(f"^(?:{before}){space}(?=.)" if before else never),
        re.compile(f"(?<=.){space}(?:{after})$" if after else never),
    )


@cache
def _commands(language: str) -> Mapping[str, Command]:
    return {key(phrase): what for what, phrases in PHRASES.items() for phrase in phrases.get(language, ())}
