"""This file says for how long the ears wait for an adult and for a child, by how what was said so far ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Ending(StrEnum):
    """How an utterance ends, as far as its words tell."""

    CLOSED = "closed"
    """It asks for something, or it is whole in itself: a question, a request, a command, yes or no."""
    TOLD = "told"
    """Like a sentence that tells something: whoever tells one thing often tells the next."""
    UNKNOWN = "unknown"
    HANGING = "hanging"
    """It trails off: more is to come."""


Age = Literal["adult", "child"]


@dataclass(frozen=True)
class Patience:
    """How the ears decide, in seconds. The defaults are those for an adult."""

    start_voiced: float = 0.12
    """Speech has begun when so much ..."""
    start_within: float = 0.16
    """... of so much was voiced."""
    pre_roll: float = 0.6
    """Sound kept from before the beginning: soft first consonants."""
    draft: float = 0.15
    """Silence after which what was said so far is worth reading."""
    closed: float = 0.45
    """Silence that ends an utterance which asks for something, or is whole, as far as it was read ..."""
    told: float = 0.64
    """... which tells something ..."""
    unknown: float = 0.8
    """... of which nobody can tell, or which was not read yet ..."""
    hanging: float = 1.8
    """... which hangs in the air."""
    follow_up: float = 1.0
    """How much longer than an adult one may take to answer the toy: a factor."""
    keeps_on: float = 0.24
    """Speech, silences left out, of somebody who talks over the toy, after which it falls silent ..."""
    insists: float = 0.7
    """... and gives up what it had to say, whatever the words are."""
    longest_silence: float = 3.0
    """Whatever was heard, so much silence ends an utterance."""
    longest: float = 30.0
    """An utterance is cut here whatever happens: what Whisper takes at once."""

    def silence(self, ending: Ending) -> float:
        """Seconds of silence that end an utterance which ends like this."""
        return {
            Ending.CLOSED: self.closed,
            Ending.TOLD: self.told,
            Ending.UNKNOWN: self.unknown,
            Ending.HANGING: self.hanging,
        }[ending]


PATIENCE: Mapping[Age, Patience] = MappingProxyType(
    {
        "adult": Patience(),
        "child": Patience(closed=0.55, told=1.15, unknown=1.6, hanging=2.6, follow_up=1.5, keeps_on=0.3, insists=0.9),
    }
)
"""Children pause for longer, and in the middle of a sentence; and they squeal while they listen."""
