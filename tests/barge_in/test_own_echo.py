"""The toy does not interrupt itself, and does not answer itself, however its own sound comes back."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from barge_in.stage import SOAK, TOYS, USERS, Show

from device.room import Room

DELAYS = (20, 50, 80, 120, 160, 200, 250, 300, 350)
"""Milliseconds."""
VOLUMES = (1.0, 0.4, 0.15)
DRIFTS = (-50, 0, 50)
"""Parts per million."""
ECHOES = (0, 6)
"""Decibels, against the user."""

MINUTES = 3.0
PARTS = 20 if SOAK else 1
"""Each is so long, and they have no cell in common."""

SENTENCES = 4 if SOAK else 8
"""In each reply: 20 or 40 s."""

SELF_ANSWER = "and what happened then"
"""What speech-to-text makes of the toy's own sound, so that nothing but the ears keeps it from answering itself."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_toy_neither_interrupts_nor_answers_itself(part: int) -> None:
    cells = list(itertools.product(DELAYS, VOLUMES, DRIFTS, ECHOES))
    random.Random(1).shuffle(cells)
    counts: Counter[str] = Counter()
    seconds = 0.0
    failed: list[str] = []
    for number, (delay, volume, drift, echo) in enumerate(itertools.cycle(cells[part::PARTS])):
        seed = number * PARTS + part
        if seconds >= 60 * MINUTES:
            break
        show = Show(
            room=Room(echo=echo, delay=delay, noise=-60, drift=drift),
            seed=seed,
            voice=list(TOYS)[seed % len(TOYS)],
            user=USERS[seed % len(USERS)],
            volume=volume,
            sentences=SENTENCES,
            otherwise=SELF_ANSWER,
        ).play()
        seconds += show.spoken_seconds
        found = {name: show.count(name) for name in ("duck", "pause", "interrupted")}
        found["self-answer"] = show.count("heard") - 1
        counts.update(found)
        if any(found.values()):
            print(f"\n  {show.name}: {found}", end="")
        if found["interrupted"] or found["self-answer"]:
            failed.append(show.name)
    print(f"\nown echo, {seconds / 60:.1f} minutes: " + ", ".join(f"{counts[name]} {name}" for name in counts))
    assert not failed
