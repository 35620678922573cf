"""This file finds the words of a text in what Piper tells of its phonemes: it knows sentences and phonemes, no text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from companion.audio import Word
from companion.pacing import Stretch, Written, paced

if TYPE_CHECKING:
    from piper.voice import PhonemeAlignment

_SILENT: Final = frozenset(' ^$_.,;:!?…—-()"¡¿«»“”\n')
"""What sounds not: beginning, end and padding, and the marks that Piper leaves among its phonemes."""


def grouped(phonemes: Sequence[str]) -> list[tuple[int, int]]:
    """The words among these phonemes: of each its first phoneme that sounds, and the one after its last."""
    groups: list[tuple[int, int]] = []
    ended = True
    for place, phoneme in enumerate(phonemes):
        if phoneme == " ":
            ended = True
        elif phoneme not in _SILENT:
            begins = place if ended else groups.pop()[0]
            groups.append((begins, place + 1))
            ended = False
    return groups


def shared(words: Sequence[Written], counts: Sequence[int]) -> list[Sequence[Written]]:
    """The words of each sentence, when Piper counts so many in each."""
    upto = list(accumulate(counts))
    if upto and upto[-1] != len(words):  # it says "1984" in three words, and "of the" in one
        said = list(accumulate(word.length for word in words))
        breaths = [place for place, word in enumerate(words) if word.pause] or [len(words) - 1]
        wanted = [said[-1] * count / max(1, upto[-1]) for count in upto[:-1]]
        upto = [1 + breaths[int(np.argmin([abs(said[place] - length) for place in breaths]))] for length in wanted]
        upto.append(len(words))
    return [words[begin:end] for begin, end in pairwise([0, *upto])]


def timed(
    words: Sequence[Written],
    rate: int,
    aligned: Sequence[PhonemeAlignment] | None,
    sounding: Callable[[], Sequence[Stretch]],
) -> tuple[Word, ...]:
    """When the words of a sentence sound: each when its phonemes do, where there are as many; else spread over the
    time of all phonemes, or over what is `sounding` where Piper does not tell it. `rate` in Hertz."""
    if not words:
        return ()
    stretches = _stretches(aligned, rate) if aligned else []
    if len(stretches) == len(words):
        return tuple(Word(begin, end, word.upto) for word, (begin, end) in zip(words, stretches, strict=True))
    return paced(words, stretches or sounding())


def _stretches(aligned: Sequence[PhonemeAlignment], rate: int) -> list[Stretch]:
    ends = [0.0, *accumulate(each.num_samples / rate for each in aligned)]
    return [(float(ends[begin]), float(ends[end])) for begin, end in grouped([each.phoneme for each in aligned])]
