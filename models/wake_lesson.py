"""This file teaches a head a name: from what voices and people said to thresholds, and figures that are honest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from companion.audio import RATE, Audio
from companion.errors import DeviceError
from models.speech_embedding import BEFORE, Floats, SpeechEmbedding
from models.threads import give_way
from models.wake_augment import trimmed, warped
from models.wake_file import Figures, Head
from models.wake_layers import Layers, peaks
from models.wake_sounds import STREAM, Amounts, Clip, Kind, Prompt, Saying, Studio
from models.wake_training import PER_CALL, Clue, evidence, learn

SHORT_LOOK: Final = 8
"""Embeddings that a head looks at for a name that is said in `SHORT`: 1.3 s. What comes before only distracts it."""

SHORT: Final = 0.95
"""Seconds."""

LONGEST: Final = 1.8
"""Seconds that a name may last at most, for a head to hear all of it at once."""

NOTICED: Final = 12.0
"""False notices an hour at which a score begins to be likely: what is only likely needs the transcript, too."""

LEAST_SURE, LEAST_LIKELY = 0.0, -2.5
"""Scores below which nothing is sure, or likely, however quiet the measured hours were."""

SHORTEST_RECORDING, LONGEST_RECORDING = 0.4, 2.5
"""How long a recording of the name may be, without the silence around it, beside what voices take."""

UNLIKE: Final = -2.0
"""Score that a recording of the name reaches with a head that knows synthetic voices alone: all sayings of voices it
had never met did, and 12 % of their other sentences, which are longer [tried]."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How thoroughly a name is learnt."""

    amounts: Amounts = field(default_factory=Amounts)
    heads: int = 3
    steps: int = 1500
    """Of each head."""
    per_recording: int = 120
    """Clips made of each recording."""
    every: int = 1
    """One voice of so many is used."""

    @classmethod
    def quick(cls) -> Recipe:
        """To try things out, in seconds: such a head knows its name, and is easily fooled."""
        amounts = Amounts(2, 1, 8, 2, 12, positives=(300, 40), negatives=(14, 10), nears=(12, 12))
        return cls(amounts, heads=1, steps=400, per_recording=40, every=4)

    def work(self, recordings: int) -> int:
        """How often `Lesson` tells that something is done."""
        of = self.amounts
        clips = sum(of.positives) + sum(of.negatives) + sum(of.nears) + recordings * self.per_recording
        return clips + self.heads * (self.steps // PER_CALL) * (2 if recordings else 1)


@dataclass(frozen=True, slots=True)
class _Measured:
    """The clips that nothing was learnt from."""

    positive: list[Clue]
    negative: list[Clue]
    near: list[Clue]


class Lesson:
    """Everything that was said, for one name."""

    def __init__(
        self,
        name: str,
        language: str,
        sayings: Sequence[Saying],
        *,
        seed: int,
        recipe: Recipe,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """`told` is called whenever a piece of the work is done, `recipe.work` times in all. Raises CompanionError
        without the speech embedding."""
        self._name, self._language = name, language
        self._seed, self._recipe, self._told = seed, recipe, told
        self._networks = SpeechEmbedding()
        self._studio = Studio(sayings, seed)
        self._voices = len({one.prompt.voice for one in sayings if not one.prompt.held_out})
        names = [len(trimmed(warped(one.sound, 1.0))) / RATE for one in sayings if one.prompt.kind is Kind.NAME]
        self._typical = float(np.median(names)) if names else 0.0
        if not 0.1 < self._typical <= LONGEST:
            raise DeviceError(
                f"{name!r} takes the voices {self._typical:.1f} s to say; up to {LONGEST} s can be learnt"
            )
        self._look = SHORT_LOOK if self._typical <= SHORT else BEFORE

    def learn(self, recordings: Sequence[tuple[str, Audio]], false_accepts_per_hour: float) -> Head:
        """The head. `recordings` of people who say the name, each with what to call it in a complaint.

        Raises DeviceError for a recording that holds no sound, or something else than the name.
        """
        spoken = [self._spoken(what, sound) for what, sound in recordings]
        made = self._recipe.amounts
        clues = [
            *self._clues(self._studio.positive(number, held_out=False) for number in range(made.positives[0])),
            *self._clues(self._studio.negative(number, held_out=False) for number in range(made.negatives[0])),
            *self._clues(self._studio.near(number, held_out=False) for number in range(made.nears[0])),
        ]
        layers = self._learnt(clues)
        if spoken:
            for (what, _), sound in zip(recordings, spoken, strict=True):
                self._compare(layers, what, sound)
            layers = self._learnt([*clues, *self._recorded(spoken)])
        return self._measured(layers, len(spoken), false_accepts_per_hour)

    def _spoken(self, what: str, sound: Audio) -> Audio:
        """The recording at 16 kHz without the silence around the name. Raises DeviceError."""
        name = trimmed(warped(sound, 1.0))
        seconds = len(name) / RATE
        if not len(name):
            raise DeviceError(f"{what}: holds nothing but silence; record the name alone, said once")
        if not SHORTEST_RECORDING <= seconds / self._typical <= LONGEST_RECORDING:
            raise DeviceError(
                f"{what}: holds {seconds:.1f} s of sound, where {self._name!r} takes about {self._typical:.1f} s; "
                "record the name alone, said once"
            )
        return Audio(name.astype(np.int16))

    def _recorded(self, spoken: Sequence[Audio]) -> list[Clue]:
        sayings = [Saying(Prompt(-1 - at, self._name, Kind.NAME, False), sound) for at, sound in enumerate(spoken)]
        count = self._recipe.per_recording
        return self._clues(self._studio.of(saying, number) for saying in sayings for number in range(count))

    def _compare(self, layers: Layers, what: str, sound: Audio) -> None:
        """Raise DeviceError if this recording says something else."""
        around = Audio.silence(0.5)
        score = float(layers.heard(self._networks.of(Audio.join([around, sound, around]).samples), self._quiet).max())
        if score < UNLIKE:
            raise DeviceError(f"{what}: does not sound like {self._name!r}; record the name alone, said clearly")

    def _learnt(self, clues: Sequence[Clue]) -> Layers:
        recipe = self._recipe
        known = evidence(clues, self._quiet)
        return learn(known, heads=recipe.heads, look=self._look, steps=recipe.steps, seed=self._seed, told=self._told)

    def _clues(self, clips: Iterable[Clip]) -> list[Clue]:
        """What is learnt from clips, in their order, on all cores. Whoever interrupts waits for one clip each."""
        pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="lesson", initializer=give_way)
        try:
            clues = []
            for clue in pool.map(self._clue, clips):
                clues.append(clue)
                self._told()
            return clues
        finally:
            pool.shutdown(cancel_futures=True)

    def _clue(self, clip: Clip) -> Clue:
        return Clue(self._networks.of(clip.samples), clip.end, clip.near)

    @property
    def _quiet(self) -> Floats:
        return self._networks.quiet[-self._look :]

    def _measured(self, layers: Layers, recordings: int, rate: float) -> Head:
        """With thresholds, and what they lead to on voices and sentences that nothing was learnt from."""
        made = self._recipe.amounts
        said, other, near = (
            [layers.heard(clue.embeddings, self._quiet) for clue in self._clues(clips)]
            for clips in (
                (self._studio.positive(number, held_out=True) for number in range(made.positives[1])),
                (self._studio.negative(number, held_out=True) for number in range(made.negatives[1])),
                (self._studio.near(number, held_out=True) for number in range(made.nears[1])),
            )
        )
        false = sorted((height for scores in other for _, height in peaks(scores)), reverse=True)
        hours = made.negatives[1] * STREAM / 3600
        sure = max(LEAST_SURE, _above(false, int(rate * hours)))
        likely = min(sure, max(LEAST_LIKELY, _above(false, int(NOTICED * hours))))
        heights, nears = (np.array([float(scores.max()) for scores in some]) for some in (said, near))
        figures = Figures(
            sayings=len(heights),
            heard=int((heights >= sure).sum()),
            noticed=int((heights >= likely).sum()),
            hours=round(hours, 3),
            false_accepts=sum(height >= sure for height in false),
            false_notices=sum(height >= likely for height in false),
            near=len(nears),
            near_heard=int((nears >= sure).sum()),
            voices=self._voices,
            recordings=recordings,
        )
        return Head(self._name, self._language, round(sure, 4), round(likely, 4), figures, layers)


def _above(heights: Sequence[float], count: int) -> float:
    """A score that `count` of the heights, which fall, reach, and no more."""
    return heights[count] + 1e-3 if count < len(heights) else -np.inf
