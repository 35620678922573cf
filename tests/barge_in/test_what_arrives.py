"""What is said over the toy arrives as if it had been silent."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from barge_in.stage import SOAK, TOYS, USERS, Outcome, Show, said
from numpy.typing import NDArray

from companion.audio import RATE, Audio, Utterance
from device.room import Room

QUESTIONS = (
    "What happened to the little grey cat after all that?",
    "Could we please talk about dinosaurs instead of lighthouses?",
    "I want to hear about the sea and all the fish in it.",
)

SEEDS = range(8 if SOAK else 2)

FIRST_WORD = 0.3
"""Seconds."""

FADED = 0.030
"""Seconds after the pause: then the toy's sound has faded out. What the room sends back later is taken out."""


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arrived:
    """How much of what was said arrived."""

    outcome: Outcome
    likeness: float
    """Of what followed the pause with what was said, -1 to 1."""
    missing: float
    """Seconds of what was said after the pause that did not arrive."""
    first_word: float
    """Likeness of the beginning."""


def test_everything_said_after_the_pause_arrives_as_if_the_toy_had_been_silent() -> None:
    arrived = [one for seed in SEEDS for one in interrupted(seed, echo=0)]
    worst = min(one.likeness for one in arrived)
    most = max(one.missing for one in arrived)
    print(f"\nat 0 dB, after the pause, {len(arrived)} utterances: likeness {worst:.3f} at least, median ", end="")
    print(f"{np.median([one.likeness for one in arrived]):.3f}; {most * 1000:.0f} ms missing at most")
    assert len(arrived) >= 2 * len(SEEDS)
    assert worst > 0.95
    assert most <= 0.05


def test_of_a_voice_that_is_12_db_louder_than_the_toy_the_first_word_arrives_too() -> None:
    arrived = [one for seed in SEEDS for one in interrupted(seed, echo=-12)]
    worst = min(one.first_word for one in arrived)
    print(
        f"\n12 dB above the toy, the first {FIRST_WORD * 1000:.0f} ms of {len(arrived)} utterances: likeness ", end=""
    )
    print(f"{worst:.3f} at least, median {np.median([one.first_word for one in arrived]):.3f}")
    assert len(arrived) >= 2 * len(SEEDS)
    assert worst > 0.9


def interrupted(seed: int, echo: float) -> list[Arrived]:
    """What arrived of three interruptions."""
    chance = random.Random(seed)
    voices = [USERS[(seed + number) % len(USERS)] for number in range(len(QUESTIONS))]
    show = Show(
        *[(3.0 + 9 * number, said(text, voices[number])) for number, text in enumerate(QUESTIONS)],
        room=Room(echo=echo, delay=chance.uniform(30, 150), noise=-60),
        seed=seed,
        voice=list(TOYS)[seed % len(TOYS)],
        user=USERS[seed % len(USERS)],
        sentences=6,
    ).play()
    return [arrival(show, outcome) for outcome in show.outcomes() if "pause" in outcome.events and outcome.overlaps]


def arrival(show: Show, outcome: Outcome) -> Arrived:
    utterance = last_heard(show, outcome)
    paused = outcome.events["pause"] + FADED
    return Arrived(
        outcome,
        likeness=alike(utterance.audio, spoken(outcome, paused, outcome.ends)),
        missing=max(0.0, outcome.ends - utterance.ended),
        first_word=alike(utterance.audio, spoken(outcome, outcome.begins, outcome.begins + FIRST_WORD)),
    )


def last_heard(show: Show, outcome: Outcome) -> Utterance:
    """The whole utterance that this was made into."""
    return [one for one in show.reader.heard if one.began < outcome.ends and outcome.begins < one.ended][-1]


def spoken(outcome: Outcome, begins: float, ends: float) -> Floats:
    """What was said between these seconds of the world."""
    samples = outcome.said.line.audio.samples.astype(np.float64)  # type: ignore[attr-defined]
    return samples[round((begins - outcome.said.began) * RATE) : round((ends - outcome.said.began) * RATE)]


def alike(audio: Audio, truth: Floats) -> float:
    """The correlation of the truth with that part of the sound which is most like it."""
    sound = audio.samples.astype(np.float64)
    size = len(sound) + len(truth)
    products = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(truth, size).conj(), size)
    sums = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    count = len(sound) - len(truth) + 1
    powers = sums[len(truth) :] - sums[:count]
    return float((products[:count] / np.sqrt(powers * np.square(truth).sum() + 1.0)).max())
