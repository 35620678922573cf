"""This file says when the words of a text sound: as an engine tells it, else by how long each word takes to say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from companion.audio import Audio, Word

Stretch = tuple[float, float]
"""Where something sounds: from and to, in seconds."""

STEP_SECONDS = 0.010
"""Each is loud, or it is not."""

FLOOR = -55.0
"""dBFS. What is below it is silence, whatever is around it."""

BELOW_THE_LOUDEST = 40.0
"""Decibels. What is so much softer than the loudest step is silence."""

PAUSE_SECONDS = 0.12
"""A shorter silence between two sounds belongs to a word: the closed lips of a "p", the held breath before "Igel"."""

VOWEL, OTHER, DIGIT = 2.0, 1.2, 6.0
"""How long it takes to say a run of vowels, any other letter and a digit, compared with each other. Fitted to what
espeak-ng takes for English and German, of which letters alone and syllables alone are worse measures."""

ROUNDING = 1e-9
"""Seconds. Times are sums of floats."""

_WITHOUT_SPACES = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"[{_WITHOUT_SPACES}]|[^\s\x00-\x1f{_WITHOUT_SPACES}]+")
_LETTER = re.compile(r"[^\W_]")
_VOWELS = re.compile(r"[aeiouyäöüàâáéèêëíìîïóòôúùûœæ]+", re.IGNORECASE)
_MARK = re.compile(r"[,;:.!?…—–、，。！？；：]\W*$")
"""After which one takes breath."""


@dataclass(frozen=True, slots=True)
class Written:
    """A word of a text: what is between two spaces, or one character where the script has no spaces."""

    begins: int
    """Of its characters the first."""
    upto: int
    """After its last character, and the marks behind it."""
    length: float
    """How long it takes to say, compared with others."""
    pause: bool
    """Whether one takes breath after it."""


def written(text: str) -> list[Written]:
    """The words of a text. What has no letter belongs to the word before it, at the beginning to the one behind it;
    a text without any letter is one word."""
    words: list[Written] = []
    for run in _RUN.finditer(text):
        pause = bool(_MARK.search(run[0]))
        if _LETTER.search(run[0]):
            words.append(Written(run.start() if words else 0, run.end(), _length(run[0]), pause))
        elif words:
            words[-1] = replace(words[-1], upto=run.end(), pause=words[-1].pause or pause)
    return words or [Written(0, len(text), 1.0, True)]


def _length(word: str) -> float:
    if len(word) == 1 and re.match(rf"[{_WITHOUT_SPACES}]", word):
        return VOWEL + OTHER
    vowels = len(_VOWELS.findall(word))
    digits = sum(letter.isdigit() for letter in word)
    others = len(_LETTER.findall(_VOWELS.sub("", word))) - digits
    return max(VOWEL, VOWEL * vowels + OTHER * others + DIGIT * digits)


def audible(audio: Audio) -> list[Stretch]:
    """Where the sound is more than silence; short silences within a word are no gaps."""
    size = max(1, round(STEP_SECONDS * audio.rate))
    if not len(audio.samples):
        return []
    steps = np.arange(0, len(audio.samples), size)
    power = np.add.reduceat(np.square(audio.samples / 32768.0), steps) / size
    least = max(10 ** (FLOOR / 10), float(power.max()) * 10 ** (-BELOW_THE_LOUDEST / 10))
    stretches: list[Stretch] = []
    for step in np.flatnonzero(power > least).tolist():
        begins, ends = step * size / audio.rate, min((step + 1) * size / audio.rate, audio.seconds)
        if stretches and begins - stretches[-1][1] < PAUSE_SECONDS:
            begins = stretches.pop()[0]
        stretches.append((begins, ends))
    return stretches


def paced(words: Sequence[Written], stretches: Sequence[Stretch]) -> tuple[Word, ...]:
    """These words spread over the stretches in which they sound, each as long as it takes.

    Where there are as many stretches as there are breaths to be taken, each holds what is said in one breath. No
    stretch at all: they last no time, at 0.
    """
    breaths: list[list[Written]] = [[]]
    for word in words:
        breaths[-1].append(word)
        if word.pause and word is not words[-1]:
            breaths.append([])
    if len(breaths) == len(stretches) > 1:
        return tuple(
            word for breath, stretch in zip(breaths, stretches, strict=True) for word in paced(breath, [stretch])
        )
    ends = np.cumsum([word.length for word in words])
    stretches = stretches or [(0.0, 0.0)]
    lengths = [end - begin for begin, end in stretches]
    times = np.concatenate([[0.0], ends / ends[-1] * sum(lengths)])
    return tuple(
        Word(_at(begin, stretches, lengths), _at(end, stretches, lengths, ending=True), word.upto)
        for word, (begin, end) in zip(words, pairwise(times.tolist()), strict=True)
    )


def marked(
    words: Sequence[Written], marks: Sequence[tuple[int, float]], stretches: Sequence[Stretch]
) -> tuple[Word, ...]:
    """These words where an engine tells at which second it begins with which character of the text.

    A word lasts as long as it sounds before the next mark. Words without a mark share the time of the one before.
    """
    timed: list[tuple[float, list[Written]]] = []
    for word in words:
        begins = next((at for character, at in marks if word.begins <= character < word.upto), None)
        if begins is not None or not timed:
            timed.append((0.0 if begins is None else begins, []))
        timed[-1][1].append(word)
    ends = [*(begins for begins, _ in timed[1:]), stretches[-1][1] if stretches else 0.0]
    return tuple(
        word
        for (begins, together), end in zip(timed, ends, strict=True)
        for word in _share(together, begins, max(begins, end), stretches)
    )


def _share(words: Sequence[Written], begins: float, ends: float, stretches: Sequence[Stretch]) -> tuple[Word, ...]:
    """These words over what sounds between two times."""
    within = [(max(begins, begin), min(ends, end)) for begin, end in stretches if begin < ends and end > begins]
    return paced(words, within or [(begins, begins)])


def _at(time: float, stretches: Sequence[Stretch], lengths: Sequence[float], *, ending: bool = False) -> float:
    """The second at which so many seconds of sound are over, and the next begins; or at which they end."""
    for (begins, ends), length in zip(stretches, lengths, strict=True):
        if time < length - ROUNDING or (ending and time <= length + ROUNDING):
            return min(ends, begins + time)
        time -= length
    return stretches[-1][1]
