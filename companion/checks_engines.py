"""This file judges what a toy hears, speaks and thinks with, from facts alone: models, key and service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from companion.errors import Cause
from companion.finding import Finding, fine, unknown
from companion.words import language_of

INTERNATIONAL: Final = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
BEIJING: Final = "https://dashscope.aliyuncs.com/compatible-mode/v1"

REGIONS: Final = {"international": INTERNATIONAL, "beijing": BEIJING}
"""Where a key may be from. There are more, and addresses of one's own."""

SLOW: Final = 2.5
"""Seconds to the first words of a trial request, above which a conversation drags."""

PULL: Final = "companion models pull"


@dataclass(frozen=True, slots=True)
class Model:
    """What was found for ears or voice."""

    engine: str
    """As the settings ask for it."""
    path: Path | None = None
    """Of the model; None: the embedded engine."""
    skipped: Sequence[str] = ()
    """Why others cannot be used."""
    mistakes: Sequence[str] = ()
    """Why what the settings name cannot be used."""
    speaks: str = ""
    """Of a voice: its language."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was found of the models that were pulled."""

    faults: Sequence[str] = ()
    """What is wrong with them."""
    mend: str = f"{PULL} brings what is damaged again; companion models verify"
    """Of these faults."""
    count: int = 0
    unread: int = 0
    """How many were too large to be compared."""
    mistakes: Sequence[str] = ()
    """In the owner's manifest."""


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of the key, but not the key."""

    there: bool = False
    mistakes: Sequence[str] = ()
    usual: bool = True
    """Whether it begins as the vendor's keys do."""
    placeholder: bool = False
    """Whether it is what manuals write instead of one."""
    locked: Path | None = None
    """The service's own, which this user may not read."""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Trial:
    """How a trial request ended."""

    host: str
    seconds: float | None = None
    """Until the first words; None: none came."""
    cause: Cause | None = None
    sentence: str = ""
    """What went wrong."""
    address: str = ""
    """That was asked."""
    region: str = ""
    """Whose address that is; empty: one of one's own."""
    others: Mapping[str, Trial] = field(default_factory=dict)
    """How the same key did in other regions, by their names; nobody asks them unless this one refused it."""

    @property
    def status(self) -> str:
        """Of HTTP; empty: none is told."""
        told = re.search(r"status (\d{3})", self.sentence)
        return told[1] if told else ""

    @property
    def refused_key(self) -> bool:
        """Whether it is the key that was not taken."""
        return (self.cause, self.status) == (Cause.REFUSED, "401")


def check_ears(found: Model, language: str) -> Finding:
    """What it hears with, in the characters' language."""
    if found.mistakes:
        return Finding("ears", False, "; ".join(found.mistakes), f"{PULL}, or leave [ears] model out")
    if found.path:
        return fine("ears", f"Whisper {found.path.name} hears {language}")
    why = _because(found.skipped)
    if found.engine == "whisper":
        return Finding("ears", False, f"The settings want Whisper, and no model can be used{why}", PULL)
    if language_of(language) != "en":
        what = f"The character speaks {language}, and the embedded ears hear English only{why}"
        return Finding("ears", False, what, f"{PULL} --language {language}")
    mend = "" if found.engine == "sphinx" else f"for better ones: {PULL}"
    return Finding("ears", None, f"The embedded ears are limited: no children, no noise{why}", mend)


def check_voice(found: Model, language: str) -> Finding:
    """What it speaks with."""
    if found.mistakes:
        return Finding("voice", False, "; ".join(found.mistakes), f"{PULL}, or leave [voice] model out")
    if found.path and found.speaks and language_of(found.speaks) != language_of(language):
        what = f"The voice {found.path.stem} speaks {found.speaks}, and the character {language}"
        return Finding("voice", False, what, f"{PULL} --language {language}, and leave [voice] model out")
    if found.path:
        return fine("voice", f"Piper {found.path.stem} speaks {language}")
    why = _because(found.skipped)
    if found.engine == "piper":
        return Finding("voice", False, f"The settings want Piper, and no voice can be used{why}", PULL)
    mend = "" if found.engine == "espeak" else f"for a better one: {PULL}"
    return Finding("voice", None, f"The embedded voice is understood, and sounds like a machine{why}", mend)


def check_name(called: str, phrases: Sequence[str], mistakes: Sequence[str], damaged: Sequence[str]) -> Finding:
    """What it is called by. `called` is open, wake or hold."""
    if mistakes:
        mend = "give [ears] names another name; or let it learn this one: companion wake add NAME; or "
        mend += '[ears] called = "hold" (its button) or "open" (whoever speaks)'
        return Finding("name", False, "; ".join(mistakes), mend)
    if damaged:
        return Finding("name", None, "; ".join(damaged), "learn it anew: companion wake add NAME --replace")
    if called == "wake":
        return fine("name", "Called by " + ", ".join(f'"{phrase}"' for phrase in phrases))
    return fine("name", "Called by its button" if called == "hold" else "Whoever speaks is heard")


def check_models(found: Pulled) -> Finding:
    """Whether the models are what was pulled, and others can be."""
    if found.mistakes:
        what = "; ".join([*found.mistakes, *found.faults])
        mend = "correct that; until then `companion models` neither lists nor pulls any"
        return Finding("models", False if found.faults else None, what, mend)
    if found.faults:
        return Finding("models", False, "; ".join(found.faults), found.mend)
    if not found.count:
        return unknown("models", "None was pulled")
    if found.unread:
        compared = found.count - found.unread
        return unknown("models", f"{compared} of {found.count} compared and whole; the others only with --deep")
    return fine("models", f"{found.count} pulled, each whole to the byte")


def check_key(key: Key) -> Finding:
    """Whether there is a key, and whether it looks like one."""
    if not key.needed:
        return unknown("key", "The settings want a rehearsal, which needs none")
    if key.mistakes:
        return Finding("key", False, "; ".join(key.mistakes), "copy it again, alone: companion setup")
    if not key.there and key.locked:
        return unknown("key", f"The service has one in {key.locked}: sudo companion doctor tries it")
    if not key.there:
        mend = "companion setup asks for it, or set DASHSCOPE_API_KEY; the vendor's console makes one"
        return Finding("key", False, "There is no key: it cannot answer", mend)
    if key.placeholder:
        return Finding("key", False, "The key is what manuals write in its place", "put the real one there")
    if not key.usual:
        return Finding("key", None, "The key does not begin with sk-, as the vendor's do", "is it the right one?")
    return fine("key", "There is one, and it looks like one")


def check_network(trial: Trial | None, clock_is_set: bool = True) -> Finding:
    """Whether the service answers. None: nothing was asked."""
    if trial is None:
        return unknown("network", "Nothing was asked: that needs a key")
    if trial.seconds is not None:
        what = f"{trial.host} answers; the first words came after {trial.seconds:.2f} s"
        if trial.seconds > SLOW:
            return Finding("network", None, what, "that is slow: a nearer region, a better network or another model")
        return fine("network", what)
    if taken := next((name for name, other in trial.others.items() if other.seconds is not None), ""):
        what = f"The key is of the region {taken}, and the settings name {trial.region}"
        mend = f'[chat] base_url = "{trial.others[taken].address}", or: companion setup --region {taken}'
        return Finding("network", False, what, mend)
    if trial.others and all(other.refused_key for other in trial.others.values()):
        what = f"The key is wrong: {' and '.join([trial.region, *trial.others])} refuse it"
        return Finding("network", False, what, "copy the key again, whole: companion setup")
    return Finding("network", False, trial.sentence, _network_mend(trial, clock_is_set))


def _network_mend(trial: Trial, clock_is_set: bool) -> str:
    match trial.cause, trial.status:
        case Cause.REFUSED, "401":
            return (
                f"copy the key again, whole (companion setup); if it is right it is of another region, and [chat] "
                f"base_url must be that region's: {INTERNATIONAL} (international), {BEIJING} (Beijing)"
            )
        case Cause.REFUSED, "403":
            return "give the key the right to use the model, in the vendor's console; or another [chat] model"
        case Cause.REFUSED, "404":
            return "is [chat] base_url whole, with /compatible-mode/v1, and [chat] model spelt as the vendor does?"
        case Cause.REFUSED, _:
            return "settle it in the vendor's console; or is [chat] base_url that of another service?"
        case Cause.THROTTLED, _:
            return "wait a minute; if it goes on, ask for more in the vendor's console"
        case Cause.UNREACHABLE, _ if not clock_is_set:
            return "set the clock first: with a wrong one no certificate is valid"
        case Cause.UNREACHABLE, _ if "certificate" in trial.sentence.lower():
            return "is there a page to log in on (hotel, school)? A proxy? Is the clock right?"
        case Cause.UNREACHABLE, _:
            return "is it on the network (ping 1.1.1.1; nmcli device wifi)? Does [chat] base_url name the right host?"
        case Cause.SLOW, _:
            return "the network or the service is too slow: nearer to the router, a nearer region, or try again"
        case _:
            return "try again in a minute; if it goes on, see the vendor's status page"


def _because(skipped: Sequence[str]) -> str:
    return f" ({'; '.join(skipped)})" if skipped else ""
