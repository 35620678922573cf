"""Every state has a look, and none is mistaken for another."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import get_args

import pytest

from companion.looks import COLOURLESS, LOOKS, Look, Rhythm
from companion.state import State

FLASHES = {"off": 0, "solid": 0, "wink": 1, "breathe": 1, "pulse": 1, "double blink": 2, "triple flash": 3}
"""How often a light of this rhythm comes on in one period."""

PAIRS = list(combinations(State, 2))

MOST_FLASHES = 3
"""In any second: WCAG 2.3.1, for people whom a flashing light makes ill."""


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_look(state: State) -> None:
    assert isinstance(LOOKS[state], Look)


def test_nothing_else_has_one() -> None:
    assert set(LOOKS) == set(State)


def test_every_rhythm_is_known_here() -> None:
    assert set(FLASHES) == set(get_args(Rhythm))


def brightness(look: Look) -> float:
    """Relative luminance by Rec. 709, 0 to 255."""
    red, green, blue = look.colour
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_two_states_look_alike(one: State, other: State) -> None:
    """Other in rhythm, or plainly other in colour."""
    first, second = LOOKS[one], LOOKS[other]
    apart = max(abs(a - b) for a, b in zip(first.colour, second.colour, strict=True))
    assert first.rhythm != second.rhythm or apart >= 100


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_two_states_look_alike_to_somebody_who_sees_no_colours(one: State, other: State) -> None:
    first, second = LOOKS[one], LOOKS[other]
    assert (
        first.rhythm != second.rhythm
        or first.period != second.period
        or first.follows_level != second.follows_level
        or abs(brightness(first) - brightness(second)) > 15
    )


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_where_a_lamp_has_one_colour_no_two_states_have_the_same_rhythm(one: State, other: State) -> None:
    first, second = COLOURLESS[one], COLOURLESS[other]
    same = (first.rhythm, first.period, first.follows_level) == (second.rhythm, second.period, second.follows_level)
    assert not same


@pytest.mark.parametrize("table", [LOOKS, COLOURLESS])
def test_nothing_is_red_but_what_is_muted(table: Mapping[State, Look]) -> None:
    def red(look: Look) -> bool:
        return look.colour[0] > 3 * max(look.colour[1:])

    assert {state for state, look in table.items() if red(look)} == {State.MUTED}


@pytest.mark.parametrize("state", State)
def test_no_light_flashes_more_than_three_times_a_second(state: State) -> None:
    for look in LOOKS[state], COLOURLESS[state]:
        flashes = FLASHES[look.rhythm]
        assert (look.period > 0) == (flashes > 0), "what changes has a period, and what does not has none"
        assert flashes <= MOST_FLASHES, "even if all flashes of a period come within one second"
        assert flashes <= MOST_FLASHES * look.period


@pytest.mark.parametrize("state", State)
def test_no_state_is_dark(state: State) -> None:
    look = LOOKS[state]
    assert look.rhythm != "off"
    assert max(look.colour) > 0
    assert all(0 <= part <= 255 for part in look.colour)


def test_only_sound_that_is_heard_or_played_moves_the_light() -> None:
    assert {state for state, look in LOOKS.items() if look.follows_level} == {State.LISTENING, State.SPEAKING}


def test_muted_stands_still() -> None:
    assert LOOKS[State.MUTED].rhythm == "solid"
    assert not LOOKS[State.MUTED].follows_level


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LOOKS[State.MUTED] = LOOKS[State.IDLE]  # type: ignore[index]  # that is the test
