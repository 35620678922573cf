"""This file learns to tell a name: small networks on the speech embedding, by Adam, with numpy alone.

The same evidence and seed give the same weights, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from models.speech_embedding import HOP, WIDTH, Floats
from models.wake_layers import Layers, product

LATE: Final = 4 * HOP
"""Samples after a name's end (0.32 s) up to which a window that ends there holds the name."""

EARLY: Final = 4 * HOP
"""Samples before a name's end (0.32 s) up to which a window holds too little of it to be the name."""

PER_CALL: Final = 100
"""Steps after which somebody who waits is told."""

_HIDDEN: Final = 64
"""With them 89 and 85 % of what voices never met said were heard (two seeds), with 16 of them 84 and 69 % [tried]."""
_BATCH, _POSITIVE = 256, 80  # windows of a step, and how many of them hold the name
_HARD: Final = 0.04  # the share of negatives, those most like the name, that is asked about as often as all others
_RATE, _DECAY = 1e-3, 1e-2  # of Adam; the rate falls to 0 along a cosine
_NOISE, _DROP = 1.5, 0.5
"""Deviation of what is added to a standardised embedding while learning, and the share of it that is left out: much of
both, because the voices to come are not those learnt from. At 0.6 and 0.3, 76 % of the sayings of voices never met were
heard, at one false accept in two hours; so 95 % [tried]."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Clue:
    """A clip, as far as learning from it goes."""

    embeddings: Floats
    """Shape (n, 96)."""
    end: int | None
    """The sample with which the name ends; None where it is not said."""
    near: bool = False
    """Whether something is said that nearly sounds like it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The embeddings of many clips in one row, and which windows of them hold the name."""

    embeddings: Floats
    """Shape (n, 96): before those of each clip, those of a quiet room."""
    positive: Indices
    """The numbers of the embeddings with which a window that holds the name ends."""
    negative: Indices
    minable: Indices
    """Those of the negatives, in clips of other talk, of which the hardest are asked about often. Near misses and
    beginnings of the name are not among them: who insists on those becomes deaf to voices it does not know [tried: of
    a voice never met, 53 % were heard; with every 40th clip a near miss 6 %]."""


def evidence(clues: Sequence[Clue], quiet: Floats) -> Evidence:
    """What is known from all clips; `quiet` are embeddings of a quiet room, as many as a head looks at."""
    rows: list[Floats] = []
    positive: list[int] = []
    negative: list[int] = []
    minable: list[int] = []
    at = 0
    for clue in clues:
        rows += [quiet, clue.embeddings]
        at += len(quiet)
        for hop in range(len(clue.embeddings)):
            late = (hop + 1) * HOP - clue.end if clue.end is not None else -EARLY - 1
            if 0 <= late <= LATE:
                positive.append(at + hop)
            elif late < -EARLY:
                negative.append(at + hop)
                if clue.end is None and not clue.near:
                    minable.append(at + hop)
        at += len(clue.embeddings)
    numbers = (np.array(places, dtype=np.intp) for places in (positive, negative, minable))
    return Evidence(np.concatenate(rows), *numbers)


def learn(known: Evidence, *, heads: int, look: int, steps: int, seed: int, told: Callable[[], None]) -> Layers:
    """Heads that tell positive windows from negative ones; `told` is called after every `PER_CALL` steps of each."""
    mean = known.embeddings.mean(axis=0)
    scale = known.embeddings.std(axis=0) + np.float32(1e-3)
    standard = ((known.embeddings - mean) / scale).astype(np.float32)
    learnt = [_Pupil(standard, known, look, default_rng([seed, number])).learn(steps, told) for number in range(heads)]
    first, first_bias, second, second_bias = (np.stack(part) for part in zip(*learnt, strict=True))
    return Layers(mean, scale, first, first_bias, second, second_bias[:, 0])


class _Pupil:
    """One head while it learns."""

    def __init__(self, standard: Floats, known: Evidence, look: int, chance: Generator) -> None:
        size = look * WIDTH
        self._standard, self._known, self._chance = standard, known, chance
        self._back = np.arange(1 - look, 1)
        self._hard = known.minable
        self._noises = chance.standard_normal((4 * _BATCH, size), dtype=np.float32) * np.float32(_NOISE)
        self._target = np.zeros(_BATCH, dtype=np.float32)
        self._target[:_POSITIVE] = 1.0
        self._weights: list[Floats] = [
            chance.standard_normal((size, _HIDDEN), dtype=np.float32) * np.float32((2 / size) ** 0.5),
            np.zeros(_HIDDEN, dtype=np.float32),
            chance.standard_normal(_HIDDEN, dtype=np.float32) * np.float32((1 / _HIDDEN) ** 0.5),
            np.full(1, -2.0, dtype=np.float32),
        ]

    def learn(self, steps: int, told: Callable[[], None]) -> list[Floats]:
        """The weights, by Adam with decay."""
        slow = [np.zeros_like(part) for part in self._weights]
        square = [np.zeros_like(part) for part in self._weights]
        for step in range(1, steps + 1):
            if step % PER_CALL == 0:
                told()
            if step % (2 * PER_CALL) == 0:
                self._hard = self._hardest()
            rate = np.float32(_RATE * 0.5 * (1 + np.cos(np.pi * step / steps)))
            for part, slope, one, two in zip(self._weights, self._slopes(), slow, square, strict=True):
                one *= np.float32(0.9)
                one += np.float32(0.1) * slope
                two *= np.float32(0.999)
                two += np.float32(0.001) * np.square(slope)
                size = np.sqrt(two / np.float32(1 - 0.999**step)) + np.float32(1e-8)
                part -= rate * (one / np.float32(1 - 0.9**step) / size + np.float32(_DECAY) * part)
        return self._weights

    def _slopes(self) -> list[Floats]:
        """How the loss, a cross-entropy, changes with each weight, over some windows."""
        first, first_bias, second, second_bias = self._weights
        flat = self._windows(self._some_ends())
        begin = int(self._chance.integers(3 * _BATCH))
        flat += self._noises[begin : begin + _BATCH]
        flat *= (self._chance.random(flat.shape[1], dtype=np.float32) > _DROP) / np.float32(1 - _DROP)
        before = product(flat, first) + first_bias
        hidden = np.maximum(before, np.float32(0.0))
        logit = np.clip(np.einsum("nk,k->n", hidden, second) + second_bias, np.float32(-30.0), np.float32(30.0))
        error = (np.float32(1.0) / (np.float32(1.0) + np.exp(-logit)) - self._target) / np.float32(_BATCH)
        inward = np.outer(error, second) * (before > 0)
        return [
            product(flat.T, inward),
            inward.sum(axis=0),
            np.einsum("nk,n->k", hidden, error),
            error.sum(keepdims=True),
        ]

    def _some_ends(self) -> Indices:
        half = (_BATCH - _POSITIVE) // 2
        pools = (self._known.positive, _POSITIVE), (self._known.negative, _BATCH - _POSITIVE - half), (self._hard, half)
        return np.concatenate([pool[self._chance.integers(len(pool), size=count)] for pool, count in pools])

    def _hardest(self) -> Indices:
        """The negatives that look most like the name."""
        first, first_bias, second, _ = self._weights
        ends = self._known.minable
        hidden = (np.maximum(product(self._windows(some), first) + first_bias, np.float32(0.0)) for some in _some(ends))
        scores = np.concatenate([np.einsum("nk,k->n", part, second) for part in hidden])
        count = max(1, round(len(ends) * _HARD))
        return ends[np.sort(np.argsort(-scores, kind="stable")[:count])]

    def _windows(self, ends: Indices) -> Floats:
        windows: Floats = self._standard[ends[:, np.newaxis] + self._back]
        return windows.reshape(len(ends), -1)


def _some(ends: Indices) -> Iterator[Indices]:
    for at in range(0, len(ends), 4096):
        yield ends[at : at + 4096]
