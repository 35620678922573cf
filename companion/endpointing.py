"""This file knows how long a silence must be until somebody has finished: by what was heard, and by who is speaking.

Silence alone is a bad judge: of a public set of English turns it cuts off 21.7 % at 600 ms, and it needs 1600 ms for
5 %. What the transcript so far ends with tells much more, and so does how this speaker has paused before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from companion.endings import Ending

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

SLOWEST, QUICKEST = 1.2, 0.3
"""Seconds: how far the pauses that somebody makes can move the shortest silence that ends an utterance."""

INERTIA = 0.9
"""How much of a habit is kept when a new pause is heard: an exponential moving average."""

MORE_PATIENT = 1.25
"""After somebody was cut off every silence must be so much longer ..."""

FORGIVEN_AFTER = 5
"""... for so many turns."""

FINISHED, UNFINISHED = 0.75, 0.25
"""Probability, from the sound alone, from which on a turn counts as finished; and below which as unfinished."""


class Rhythm:
    """How one speaker pauses. It learns as long as the conversation lasts."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._habit = QUICKEST
        self._wary = 0

    def silence(self, ending: Ending) -> float:
        """Seconds of silence after which somebody has finished whose words so far end like this."""
        if ending is Ending.CLOSED:
            return self._patience.closed  # nobody is kept waiting who has asked for something
        seconds = max(self._patience.silence(ending), self._habit)
        return min(self._patience.longest_silence, seconds * (MORE_PATIENT if self._wary else 1.0))

    def paused(self, seconds: float) -> None:
        """The speaker went on after so much silence in the middle of a sentence."""
        self._habit = min(SLOWEST, max(QUICKEST, INERTIA * self._habit + (1 - INERTIA) * seconds))

    def finished(self) -> None:
        """A turn is over, and nobody was cut off."""
        self._wary = max(0, self._wary - 1)

    def cut_off(self) -> None:
        """The speaker had not finished when we thought so."""
        self._wary = FORGIVEN_AFTER


def judged(ending: Ending, finished: float) -> Ending:
    """What the words say, corrected by how likely, from the sound alone, the speaker has `finished`: one that sounds
    unfinished is waited for, one that sounds finished closes what the words leave open."""
    if finished < UNFINISHED:
        return Ending.HANGING if ending is Ending.HANGING else Ending.UNKNOWN
    return Ending.CLOSED if finished > FINISHED and ending is Ending.UNKNOWN else ending
