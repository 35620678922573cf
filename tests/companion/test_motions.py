"""What the light does for a gesture: seen, harmless, and never for long."""

from __future__ import annotations

from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.looks import LOOKS, SAFETY, brightness, follow
from companion.motions import GESTURES, MOTIONS, Motion, motion, moved
from companion.state import State
from device.boards import BOARDS

STEP = 0.01
"""Seconds between two looks at a light."""

A_FLASH = 0.1
"""A rise and a fall of so much are a flash (WCAG 2.3.1: 10 % of the greatest relative luminance)."""

LAMPS = range(BOARDS["respeaker-2mic"].lamps)

names = st.sampled_from(get_args(Motion))


def seen(name: Motion, lamp: int = 0) -> list[float]:
    course = MOTIONS[name]
    return [moved(course, count * STEP, lamp) for count in range(round(course.seconds(len(LAMPS)) / STEP))]


def most_flashes(values: list[float]) -> int:
    """How often the light fell by `A_FLASH` and rose by it again, in the second in which it did so most often."""
    risen, top, bottom, falling = [], values[0], values[0], False
    for number, value in enumerate(values):
        top, bottom = max(top, value), min(bottom, value)
        if not falling and value <= top - A_FLASH + 1e-9:
            falling, bottom = True, value
        elif falling and value >= bottom + A_FLASH - 1e-9:
            falling, top = False, value
            risen.append(number)
    return max((sum(0 <= other - first < 1 / STEP for other in risen) for first in risen), default=0)


def test_every_motion_has_a_course() -> None:
    assert set(MOTIONS) == set(get_args(Motion))


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("lamp", LAMPS)
def test_a_motion_is_seen_short_and_never_dark(name: Motion, lamp: int) -> None:
    values = seen(name, lamp)
    assert values[0] == values[-1] == 1.0
    assert 0.2 <= min(values) <= 0.6
    assert 0.5 < len(values) * STEP < 3.0


@pytest.mark.parametrize(("one", "other"), list(combinations(MOTIONS, 2)))
def test_no_two_motions_are_alike(one: Motion, other: Motion) -> None:
    first, second = (seen(name) + [1.0] * 300 for name in (one, other))
    assert max(abs(a - b) for a, b in zip(first, second, strict=False)) > 0.3


def test_a_sweep_runs_along_a_chain_and_nothing_else_does() -> None:
    darkest = [min(range(75), key=lambda count: moved(MOTIONS["sweep"], count * STEP, lamp)) for lamp in LAMPS]
    assert darkest == [35, 50, 65]
    assert [name for name, course in MOTIONS.items() if course.lag] == ["sweep"]


@given(
    name=names,
    lamp=st.sampled_from(LAMPS),
    before=st.sampled_from(State),
    after=st.sampled_from([state for state in State if state not in SAFETY]),
    phase=st.floats(0, 4),
    again=st.floats(0, 1.2),
    heard=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=100, max_size=100),
)
def test_a_gesture_makes_no_light_flash_more_than_three_times_a_second(
    name: Motion, lamp: int, before: State, after: State, phase: float, again: float, heard: list[float]
) -> None:
    """At whatever moment of whatever look it begins, whatever sound that follows, and if another one comes after it."""
    if before in SAFETY:
        before = after

    def look(state: State, seconds: float, number: int) -> float:
        nonlocal shown
        shown = follow(shown, heard[number % len(heard)], STEP)
        return brightness(LOOKS[state], seconds, shown)

    shown = 0.0
    values = [look(before, phase + number * STEP, number) for number in range(100)]
    values += seen(name, lamp)
    values += [look(after, phase + number * STEP, number) for number in range(round(again / STEP))]
    values += seen(name, lamp)
    values += [look(after, phase + number * STEP, number) for number in range(100)]
    assert most_flashes(values) <= 3


@pytest.mark.parametrize("name", MOTIONS)
def test_at_no_moment_of_a_rhythm_does_a_gesture_begin_too_soon_after_its_last_flash(name: Motion) -> None:
    for before in (state for state in State if state not in SAFETY):
        for lamp in LAMPS:
            for phase in range(round(max(LOOKS[before].period, STEP) / STEP)):
                rhythm = [brightness(LOOKS[before], (phase + number) * STEP, 1.0) for number in range(100)]
                assert most_flashes(rhythm + seen(name, lamp)) <= 3, (before, lamp, phase)


def test_a_quick_flicker_is_what_that_test_would_notice() -> None:
    assert most_flashes([1.0, 0.5] * 50) > 3
    assert most_flashes(([1.0] * 12 + [0.5] * 12) * 10) > 3


@pytest.mark.parametrize(
    ("gesture", "does"),
    [
        ("giggles", "flicker"),
        ("Laughing softly", "flicker"),
        ("wags tail", "flicker"),
        ("yawns", "fade"),
        ("whispers in your ear", "fade"),
        ("nods off", "fade"),
        ("waves both paws", "sweep"),
        ("stretches, then yawns", "sweep"),
        ("dances in a circle", "sweep"),
        ("nods", "bounce"),
        ("jumps", "bounce"),
        ("claps and laughs", "bounce"),
        ("looks at the moon", "glint"),
        ("a huge grin", "flicker"),
        ("a dozen crystals", "glint"),
        ("", "glint"),
        ("...", "glint"),
        ("kichert", "flicker"),
        ("gähnt", "fade"),
        ("winkt mit der Pfote", "sweep"),
        ("hüpft", "bounce"),
        ("rit aux éclats", "flicker"),
        ("bâille", "fade"),
        ("danse", "sweep"),
        ("dans ses bras", "glint"),
        ("hoche la tête", "bounce"),
        ("se ríe", "flicker"),
        ("bosteza", "fade"),
        ("saluda con la pata", "sweep"),
        ("aplaude", "bounce"),
        ("咯咯笑", "flicker"),
        ("打哈欠", "fade"),
        ("挥挥爪子", "sweep"),
        ("跳舞", "sweep"),
        ("跳起来", "bounce"),
        ("点点头", "bounce"),
        ("くすくす笑う", "flicker"),
        ("あくびをする", "fade"),
        ("手を振る", "sweep"),
        ("うなずく", "bounce"),
    ],
)
def test_a_gesture_is_understood_in_the_language_of_the_reply(gesture: str, does: Motion) -> None:
    assert motion(gesture) == does


def test_no_beginning_stands_for_two_motions() -> None:
    everything = [beginning for beginnings in GESTURES.values() for beginning in beginnings]
    assert len(everything) == len(set(everything))


@given(st.text(max_size=200))
def test_any_gesture_has_a_motion(text: str) -> None:
    assert motion(text) in MOTIONS
