"""How bright a light is at each moment: what people rely on, and what must not make anybody ill."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.looks import DIMMEST, LOOKS, QUIETEST, Look, Rhythm, brightness, follow
from companion.state import State

STEP = 0.01
"""Seconds between two looks at a light."""

A_FLASH = 0.1
"""A rise and a fall of so much are a flash (WCAG 2.3.1: 10 % of the greatest relative luminance)."""

DARK: dict[Rhythm, float] = {"solid": 0, "breathe": 0, "pulse": 0, "double blink": 3.3, "triple flash": 2.8}
"""For how many seconds a light of this rhythm may be dark, at the periods of the table."""

levels = st.floats(allow_nan=True, allow_infinity=True)
looks = st.builds(
    Look,
    colour=st.just((255, 255, 255)),
    rhythm=st.sampled_from(get_args(Rhythm)),
    period=st.floats(0, 10),
    follows_level=st.booleans(),
)


def seen(look: Look, seconds: float, level: float = 0.0) -> list[float]:
    return [brightness(look, count * STEP, level) for count in range(round(seconds / STEP))]


def flashes(values: list[float]) -> int:
    """How often the light fell by A_FLASH and rose by it again."""
    count, top, bottom, falling = 0, values[0], values[0], False
    for value in values:
        top, bottom = max(top, value), min(bottom, value)
        if not falling and value <= top - A_FLASH + 1e-9:
            falling, bottom = True, value
        elif falling and value >= bottom + A_FLASH - 1e-9:
            falling, top, count = False, value, count + 1
    return count


@given(look=looks, seconds=st.floats(0, 1e6), level=levels)
def test_it_is_between_dark_and_bright(look: Look, seconds: float, level: float) -> None:
    assert 0 <= brightness(look, seconds, level) <= 1


@pytest.mark.parametrize("state", State)
@given(count=st.integers(0, 400), rounds=st.integers(1, 1000))
def test_it_repeats_itself_each_period(state: State, count: int, rounds: int) -> None:
    look = LOOKS[state]
    moment = (count + 0.5) * STEP  # half a step off, where no flash begins or ends
    assert brightness(look, moment + rounds * look.period) == pytest.approx(brightness(look, moment), abs=1e-6)


@pytest.mark.parametrize("state", State)
def test_a_state_is_seen_from_its_first_moment(state: State) -> None:
    look = LOOKS[state]
    assert brightness(look, 0.0, level=1.0) == 1.0
    assert brightness(look, 0.0) == (QUIETEST if look.follows_level else 1.0)


@pytest.mark.parametrize("state", State)
def test_no_light_is_dark_for_longer_than_its_rhythm_says(state: State) -> None:
    look, dark, longest = LOOKS[state], 0, 0
    for value in seen(look, 3 * max(look.period, 1.0)):
        dark = dark + 1 if value == 0 else 0
        longest = max(longest, dark)
    assert longest * STEP == pytest.approx(DARK[look.rhythm], abs=2 * STEP)


def test_off_is_dark_and_solid_stands_still() -> None:
    assert set(seen(Look((255, 0, 0), "off", 2.0), 4.0)) == {0.0}
    assert set(seen(Look((255, 0, 0), "solid", 2.0), 4.0)) == {1.0}


def test_a_breath_comes_and_goes_once_in_a_period() -> None:
    values = seen(Look((255, 0, 0), "breathe", 4.0), 4.0)
    assert min(values) == pytest.approx(DIMMEST)
    assert values.index(min(values)) == 200
    assert max(abs(after - before) for before, after in pairwise(values)) < 0.01, "it never jumps"


def test_a_pulse_comes_at_once_and_fades() -> None:
    values = seen(Look((255, 0, 0), "pulse", 1.0), 1.0)
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(DIMMEST, abs=0.01)


@pytest.mark.parametrize(("rhythm", "count"), [("double blink", 2), ("triple flash", 3)])
def test_flashes_come_in_groups(rhythm: Rhythm, count: int) -> None:
    values = seen(Look((255, 0, 0), rhythm, 4.0), 4.0)
    lit = [number for number, (before, after) in enumerate(pairwise([0.0, *values])) if after > before]
    assert lit == [number * 50 for number in range(count)]
    assert set(values) == {0.0, 1.0}
    assert sum(values) * STEP == pytest.approx(0.2 * count, abs=2 * STEP)


@given(look=looks, begins=st.floats(0, 100), level=st.floats(0, 1))
def test_nothing_flashes_more_than_three_times_a_second(look: Look, begins: float, level: float) -> None:
    assert flashes([brightness(look, begins + count * STEP, level) for count in range(101)]) <= 3


@pytest.mark.parametrize("state", [State.LISTENING, State.SPEAKING])
@given(heard=st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=101, max_size=101))
def test_no_sound_makes_a_light_flash_more_than_three_times_a_second(state: State, heard: list[float]) -> None:
    shown, values = 0.0, []
    for count, level in enumerate(heard):
        shown = follow(shown, level, STEP)
        values.append(brightness(LOOKS[state], count * STEP, shown))
    assert flashes(values) <= 3


def test_flickering_sound_is_what_that_test_would_notice() -> None:
    values = [brightness(LOOKS[State.LISTENING], 0.0, level) for level in (1.0, 0.0) * 50]
    assert flashes(values) > 3


@given(level=st.floats(0, 1), more=st.floats(0, 1), seconds=st.floats(0, 100))
def test_more_sound_is_more_light_and_none_is_still_some(level: float, more: float, seconds: float) -> None:
    for state in (State.LISTENING, State.SPEAKING):
        quiet, loud = (brightness(LOOKS[state], seconds, each) for each in sorted((level, more)))
        assert loud >= quiet > 0.05


@given(level=levels, seconds=st.floats(0, 100))
def test_other_states_do_not_hear(level: float, seconds: float) -> None:
    for look in LOOKS.values():
        if not look.follows_level:
            assert brightness(look, seconds, level) == brightness(look, seconds)


def test_a_level_rises_at_once_and_falls_slowly() -> None:
    assert follow(0.0, 0.9, 0.04) == 0.9
    assert follow(0.9, 0.0, 0.04) == pytest.approx(0.88)
    assert follow(0.1, 0.0, 10.0) == 0.0


@pytest.mark.parametrize(("one", "other"), list(combinations(State, 2)))
def test_no_two_states_are_alike(one: State, other: State) -> None:
    first, second = LOOKS[one], LOOKS[other]
    assert (first.colour, first.rhythm, first.period) != (second.colour, second.rhythm, second.period)
