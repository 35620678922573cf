"""This file knows how long a silence must be until somebody has finished: by what was heard, and by who is speaking.

Silence alone is a bad judge: of a public set of English turns it cuts off 21.7 % at 600 ms, and it needs 1600 ms for
5 %. What the transcript so far ends with tells much more, and so does how this speaker has paused before.
"""

from __future__ import annotations

from companion.patience import Ending, Patience

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
