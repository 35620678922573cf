"""This file holds the scripted engines that tell when a toy is called, and when somebody has finished."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from companion.audio import FRAME_SAMPLES, RATE, Audio
from companion.errors import NotHeard
from companion.ports import Wake


class ScriptedWakeWord:
    """Takes the first loud sound after silence for its name: once for each sound, as a name is told once."""

    _loud: int  # frames of the sound so far
    _silent: int  # frames since the last loud one

    def __init__(
        self, phrase: str = "hey toy", *, sure: bool = True, threshold: float = -45.0, after: int = 20, pause: int = 30
    ) -> None:
        """`threshold`: dBFS of what is loud. `after`: loud frames until the name is heard. `pause`: frames of silence
        after which a sound counts as another one."""
        self._phrase = phrase
        self._sure = sure
        self._threshold = threshold
        self._after = after
        self._pause = pause
        self._loaded = False
        self.reset()

    async def load(self) -> None:
        """From now on it hears."""
        self._loaded = True

    def hears(self, frame: Audio) -> Wake | None:
        """Whether this is the frame. Raises ValueError for a frame that is not 10 ms at `RATE`."""
        if len(frame.samples) != FRAME_SAMPLES or frame.rate != RATE:
            raise ValueError(f"10 ms at {RATE} Hz expected, not {len(frame.samples)} samples at {frame.rate} Hz")
        if not self._loaded:
            return None
        loud = frame.level > self._threshold
        self._silent = 0 if loud else self._silent + 1
        if self._silent > self._pause:
            self._loud = 0
        self._loud += loud
        return Wake(self._phrase, self._sure) if loud and self._loud == self._after else None

    def reset(self) -> None:
        """Forget the stream so far."""
        self._loud = 0
        self._silent = 0


class ScriptedEndOfTurn:
    """Gives the given probabilities, in order, whatever the sound, and then its last one again and again; a NotHeard
    among them is raised in its turn."""

    def __init__(self, probabilities: Iterable[float | NotHeard] = (1.0,)) -> None:
        """At least one."""
        self._probabilities = list(probabilities)
        if not self._probabilities:
            raise ValueError("at least one probability expected")
        self.asked: list[Audio] = []
        """Every sound asked about."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def probability(self, audio: Audio) -> float:
        """The next one. Raises NotHeard in its turn, and for another rate than `RATE`."""
        self.asked.append(audio)
        await asyncio.sleep(0)  # no engine answers without letting the loop turn
        if audio.rate != RATE:
            raise NotHeard(f"an end of turn is found at {RATE} Hz, not at {audio.rate}")
        probability = self._probabilities.pop(0) if len(self._probabilities) > 1 else self._probabilities[0]
        if isinstance(probability, NotHeard):
            raise probability
        return probability
