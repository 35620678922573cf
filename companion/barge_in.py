"""This file hears whoever talks over the toy: it ducks, falls silent, and then decides whether that was meant.

At the first suspicion the toy is softer, so that it hears better; when somebody keeps on it is silent, and keeps what
it had to say. A word that asks for something, or more than a short sound, ends the reply; a cough, "mm hmm", a voice
from the next room do not: then it goes on with the word it was cut off in.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from companion.addressed import Addressed
from companion.backchannels import is_backchannel
from companion.commands import Command, command
from companion.drafts import Drafts, Heard
from companion.ears import Ears, KeepsOn, Pause, Quiet, SpeechBegan, WentOn
from companion.echo import Echo, Interruptible
from companion.endings import Ending, says_nothing
from companion.face import Face
from companion.journal import Journal
from companion.ports import Clock
from companion.state import State

DUCK = 15.0
"""Decibels by which the toy is softer while somebody may be speaking: then a voice 6 dB below it is clear as well."""

SOFTER = 8.0
"""Decibels below whoever spoke to the toy before, in the loudest half second: who is softer talks to others."""

QUIET_SECONDS = 1.2
"""After so long without anybody the toy goes on: 1.2 s of silence are somebody who waits for what comes."""


@dataclass(frozen=True, slots=True)
class Boldness:
    """How soon somebody who talks over the toy is believed, in seconds of speech."""

    pause: float
    """The toy falls silent ..."""
    discard: float
    """... and gives up what it had to say, whatever the words are."""


BOLDNESS = {Interruptible.FULL: Boldness(0.24, 0.7), Interruptible.GUARDED: Boldness(0.30, 0.9)}
"""A toy that takes its own sound out less well is more careful. The guarded one is a child's, too: a child squeals."""


class Talker(Protocol):
    """Who may be speaking, and can be interrupted."""

    def duck(self, decibels: float) -> None:
        """Be softer."""
        ...

    def pause(self) -> None:
        """Fall silent, and keep what is left."""
        ...

    def resume(self) -> None:
        """Go on, in full voice, with the word that was cut off."""
        ...


class BargeIn:
    """The toy's attention to others while it speaks itself."""

    def __init__(
        self,
        *,
        ears: Ears,
        echo: Echo,
        talkers: Sequence[Talker],
        drafts: Callable[[Callable[[str], None]], Drafts],
        addressed: Addressed,
        obeys: Callable[[str], bool],
        language: str,
        face: Face,
        clock: Clock,
        journal: Journal,
    ) -> None:
        ...
