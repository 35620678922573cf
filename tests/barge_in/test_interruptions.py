"""Whoever speaks over the toy is heard, soon, and it falls silent."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from barge_in.stage import FIRST, SOAK, TOYS, USERS, Outcome, Show, milliseconds, percentile, said, share

from companion.audio import FRAME_SECONDS
from companion.ports import Event
from device.room import Room

COUNT = 40 if SOAK else 10
EACH = 10
"""Interruptions in a conversation."""

QUESTIONS = (
    "What happened to the cat?",
    "Could we talk about dinosaurs instead?",
    "I want to hear about the sea.",
    "Where do whales go in winter?",
    "Tell me who rang the bell.",
    "My sister has a boat as well.",
    "That is not how the story goes.",
)

SILENT_SECONDS = 0.060
"""From the decision to the last sample."""

STEP = 328
"""-40 dBFS: what the fade may end in."""

BEFORE = 0.050
"""Seconds before the decision that are looked at too."""

CLOSED_SECONDS = 0.100
"""From the decision to the end of the chat model's stream."""


def conversation(seed: int, echo: float, **options: object) -> Show:
    chance = random.Random(seed)
    after, interruptions = 3.0, []
    for number in range(EACH):
        interruptions.append((after, said(QUESTIONS[(number + seed) % len(QUESTIONS)], USERS[(number + seed) % 3])))
        after += chance.uniform(6.8, 7.8)
    return Show(
        *interruptions,
        room=Room(echo=echo, delay=chance.uniform(30, 300), noise=-60, drift=chance.choice((-50, 0, 50))),
        seed=seed,
        voice=list(TOYS)[seed % len(TOYS)],
        user=USERS[seed % 3],
        sentences=6,
        **options,  # type: ignore[arg-type]
    ).play()


def stopping(seed: int, echo: float, drifts: Sequence[float]) -> Show:
    chance = random.Random(seed)
    after, stops = 3.0, []
    for number in range(EACH):
        stops.append((after, said("Stop!", USERS[(number + seed) % 3])))
        after += chance.uniform(9.5, 10.5)
    return Show(
        *stops,
        lines=[FIRST] * (EACH + 1),
        replies=2 * EACH,
        room=Room(echo=echo, delay=chance.uniform(30, 300), noise=-60, drift=chance.choice(drifts)),
        seed=seed,
        voice=list(TOYS)[seed % len(TOYS)],
        user=USERS[seed % 3],
        sentences=5,
    ).play()


@pytest.mark.parametrize(
    ("echo", "least", "within", "half_within"),
    [(0, 0.95, 0.900, 0.650), (6, 0.90, 0.950, 0.950)],
    ids=["as loud as the toy", "6 dB softer than the toy"],
)
def test_whoever_speaks_over_the_toy_silences_it_in_time(
    echo: float, least: float, within: float, half_within: float
) -> None:
    shows = [conversation(seed, echo) for seed in range(COUNT // EACH)]
    outcomes = over(shows)
    reacted = [seconds for outcome in outcomes if (seconds := outcome.reacted) is not None and seconds < 2.0]
    in_time = [seconds for seconds in reacted if seconds <= within]
    print(f"\nspeech at {-echo:+} dB: noticed {share(len(reacted), len(outcomes))}, {milliseconds(reacted)},", end=" ")
    print(f"within {within * 1000:.0f} ms {share(len(in_time), len(outcomes))}")
    for outcome in outcomes:
        if outcome not in noticed(outcomes, within):
            print(f"  {outcome.what}: {outcome.reacted}")
    assert_silence(shows)
    assert len(outcomes) >= 0.9 * COUNT
    assert percentile(reacted, 50) <= half_within
    if echo:
        assert len(in_time) >= least * len(outcomes)
    else:
        assert len(reacted) >= least * len(outcomes)
        assert percentile(reacted, 95) <= within


@pytest.mark.parametrize(("drifts", "least"), [((0,), 0.9), ((-50, 50), 0.6)], ids=["one clock", "two clocks"])
def test_the_word_stop_ends_a_reply_that_is_12_db_louder(drifts: tuple[float, ...], least: float) -> None:
    outcomes = over([stopping(seed, 12, drifts) for seed in range(COUNT // EACH)])
    stopped = [seconds for outcome in outcomes if (seconds := outcome.after("interrupted")) and seconds < 2.0]
    print(f"\nthe word stop at -12 dB, clocks {drifts} ppm apart:", end=" ")
    print(f"{share(len(stopped), len(outcomes))}, {milliseconds(stopped)}")
    assert len(outcomes) >= 0.9 * COUNT
    assert len(stopped) >= least * len(outcomes)


def over(shows: Sequence[Show]) -> list[Outcome]:
    """What became of all that was said while the toy spoke."""
    outcomes = [outcome for show in shows for outcome in show.outcomes()]
    for outcome in outcomes:
        if not outcome.overlaps:
            print(f"\n  {outcome.what}: the toy did not speak", end="")
    return [outcome for outcome in outcomes if outcome.overlaps]


def noticed(outcomes: Sequence[Outcome], within: float) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.reacted is not None and outcome.reacted <= within]


def assert_silence(shows: Sequence[Show]) -> None:
    """After each decision the toy is silent soon, without a click; and nobody thinks on."""
    silent, steps, closed = [0.0], [0], [0.0]
    for show in shows:
        for at in decisions(show):
            sound, rate = show.heard_between(at - BEFORE, until_it_goes_on(show, at))
            loud = np.flatnonzero(sound)
            if len(loud):
                silent.append(float(loud[-1]) / rate - BEFORE)
                steps.append(abs(int(sound[loud[-1]])))
        for event in show.scene.told("interrupted"):
            stream = [stream for stream in show.chat.streams if stream.began < event.at][-1:]
            closed += [one.closed - event.at for one in stream if one.closed >= event.at]
    print(f"  silent {max(silent) * 1000:.0f} ms after the decision at most, the last sample {max(steps)} at most;")
    print(f"  {len(closed) - 1} open streams closed {max(closed) * 1000:.0f} ms after it at most")
    assert len(silent) > len(shows) * EACH / 2
    assert len(closed) > len(shows) * EACH / 2
    assert max(silent) <= SILENT_SECONDS
    assert max(steps) <= STEP
    assert max(closed) <= CLOSED_SECONDS


def decisions(show: Show) -> list[float]:
    """When it was decided to be silent."""
    times: list[float] = []
    sounding = True
    for event in show.scene.events:
        match event.name:
            case "pause" | "interrupted":
                times += [event.at] if sounding else []
                sounding = False
            case "resume":
                sounding = True
            case "state" if event.fields["state"] == "speaking":
                sounding = True
    return times


def until_it_goes_on(show: Show, at: float) -> float:
    """When the toy sounds again; a second later at most."""
    again = [event.at for event in show.scene.events if event.at > at and goes_on(event)]
    return min([at + 1.0, *(time - FRAME_SECONDS for time in again)])


def goes_on(event: Event) -> bool:
    return event.name == "resume" or (event.name == "state" and event.fields["state"] == "speaking")
