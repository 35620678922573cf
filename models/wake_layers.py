"""This file is the small networks that tell one name, and how what they say of a stream becomes a decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.speech_embedding import WIDTH, Floats

SMOOTH: Final = 2
"""Hops over which the score is averaged: what looks like the name for one hop alone is none."""

REFRACTORY: Final = 12
"""Hops (1 s) after a name in which no other begins."""


_ONE_THREAD: Final = 1 << 18
"""Multiplications of a matrix product up to which OpenBLAS, numpy's, does it in one thread (SMP_THRESHOLD_MIN times
GEMM_MULTITHREAD_THRESHOLD in its sources). Beyond, the result depends on the number of cores, in its last bits, and
cores that others use are waited for."""


def product(one: Floats, other: Floats) -> Floats:
    """The matrix product, the same bit for bit on any number of cores."""
    rows = max(2, _ONE_THREAD // (other.shape[0] * other.shape[1]))
    whole = np.zeros((-(-len(one) // rows) * rows, one.shape[1]), dtype=np.float32)
    whole[: len(one)] = one
    pieces = whole.reshape(-1, rows, one.shape[1]) @ other
    return np.asarray(pieces.reshape(-1, other.shape[1])[: len(one)], dtype=np.float32)


@dataclass(frozen=True)
class Layers:
    """The weights of some heads, whose opinions are averaged: they began differently, and err differently."""

    mean: Floats
    """Shape (96,); with `scale`, of the embeddings that were learnt from."""
    scale: Floats
    first: Floats
    """Shape (heads, look * 96, hidden): a head looks at so many embeddings at once."""
    first_bias: Floats
    """Shape (heads, hidden)."""
    second: Floats
    """Shape (heads, hidden)."""
    second_bias: Floats
    """Shape (heads,)."""

    @property
    def look(self) -> int:
        """How many embeddings a head looks at."""
        return int(self.first.shape[1]) // WIDTH

    def scores(self, windows: Floats) -> Floats:
        """How much windows of shape (n, look, 96) look like the name: averaged logits, above 0 where rather so."""
        flat = ((windows - self.mean) / self.scale).reshape(len(windows), -1)
        before = np.stack([product(flat, first) for first in self.first]) + self.first_bias[:, np.newaxis]
        logits = np.einsum("hnk,hk->hn", np.maximum(before, np.float32(0.0)), self.second)
        logits += self.second_bias[:, np.newaxis]
        return np.asarray(logits.mean(axis=0), dtype=np.float32)

    def heard(self, embeddings: Floats, quiet: Floats) -> Floats:
        """The smoothed score at each hop of a stream with these embeddings, which begins after `quiet` ones."""
        rows = np.concatenate([quiet, embeddings])
        ends = np.arange(len(quiet) - 1, len(rows))  # one more than there are, to smooth with
        raw = self.scores(rows[ends[:, np.newaxis] + np.arange(1 - self.look, 1)])
        return (raw[1:] + raw[:-1]) / np.float32(SMOOTH)


def peaks(scores: Floats) -> list[tuple[int, float]]:
    """The hops and heights of all that could be names: the highest, and none too soon before or after a higher one."""
    found: list[tuple[int, float]] = []
    left = scores.astype(np.float64)
    while len(left) and (height := float(left.max())) > -np.inf:
        hop = int(left.argmax())
        found.append((hop, height))
        left[max(0, hop - REFRACTORY) : hop + REFRACTORY + 1] = -np.inf
    return found
