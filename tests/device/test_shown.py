"""What any light shows at a moment is a function of the state; a gesture only passes over it."""

from __future__ import annotations

from random import Random

import pytest
from hands import Hands

from companion.looks import LOOKS, SAFETY, brightness
from companion.motions import MOTIONS, Motion, moved
from companion.state import State
from device.shown import Shown

SEQUENCES = 1_000


def shown(state: State, clock: Hands, lamps: int = 1) -> Shown:
    light = Shown(clock, lamps=lamps)
    light.show(state, 0.0)
    return light


@pytest.mark.parametrize("state", sorted(set(State) - SAFETY))
@pytest.mark.parametrize("motion", MOTIONS)
def test_a_gesture_moves_a_state_in_its_own_colour_and_is_over_soon(state: State, motion: Motion) -> None:
    clock = Hands()
    light = shown(state, clock)
    light.move(motion)
    for _ in range(round(MOTIONS[motion].seconds() / 0.01)):
        assert light.brightness() == moved(MOTIONS[motion], clock.time - 100.0)
        assert light.colour() == [part / 255 for part in LOOKS[state].colour]
        clock.time += 0.01
    clock.time += 0.011
    assert light.brightness() == brightness(LOOKS[state], clock.time - 100.0)


@pytest.mark.parametrize("state", sorted(SAFETY))
def test_a_gesture_never_covers_what_one_must_be_able_to_rely_on(state: State) -> None:
    clock = Hands()
    light = shown(state, clock)
    light.move("flicker")
    clock.time += 0.3
    assert light.brightness() == brightness(LOOKS[state], 0.3)
    light.show(State.SPEAKING, 0.0)
    assert light.brightness() == brightness(LOOKS[State.SPEAKING], 0.0), "nor is it made up for"


@pytest.mark.parametrize("state", sorted(SAFETY))
def test_a_gesture_ends_when_such_a_state_comes(state: State) -> None:
    clock = Hands()
    light = shown(State.SPEAKING, clock)
    light.move("fade")
    clock.time += 1.3
    light.show(state, 0.0)
    assert light.brightness() == brightness(LOOKS[state], 0.0)
    light.show(State.SPEAKING, 0.0)
    assert light.brightness() == brightness(LOOKS[State.SPEAKING], 0.0)


def test_a_gesture_goes_on_from_thinking_to_speaking() -> None:
    clock = Hands()
    light = shown(State.THINKING, clock)
    light.move("fade")
    clock.time += 1.3
    light.show(State.SPEAKING, 0.0)
    assert light.brightness() == pytest.approx(0.25)


def test_a_gesture_waits_for_no_other_and_does_not_cut_it_short() -> None:
    clock = Hands()
    light = shown(State.SPEAKING, clock)
    light.move("fade")
    clock.time += 1.3
    light.move("flicker")
    assert light.brightness() == pytest.approx(0.25)


def test_before_there_is_a_state_it_is_dark_whatever_is_asked() -> None:
    light = Shown(Hands())
    light.move("glint")
    assert (light.colour(), light.brightness(), light.brightness(2)) == ([0.0, 0.0, 0.0], 0.0, 0.0)


def test_on_a_chain_a_sweep_ends_with_the_last_lamp() -> None:
    clock = Hands()
    light = shown(State.SPEAKING, clock, lamps=3)
    light.move("sweep")
    clock.time += 0.65
    assert [light.brightness(lamp) for lamp in range(3)] == pytest.approx([1.0, 0.65, 0.3])
    clock.time = 100.0 + MOTIONS["sweep"].seconds() + 0.29
    assert light.brightness() == 1.0
    clock.time += 0.02
    assert light.brightness() == brightness(LOOKS[State.SPEAKING], clock.time - 100.0)


def test_a_cap_holds_for_looks_and_gestures_and_may_change() -> None:
    clock = Hands()
    cap = 0.5
    light = Shown(clock, lambda: cap)
    light.show(State.MUTED, 0.0)
    assert light.brightness() == 0.5
    cap = 0.1
    assert light.brightness() == 0.1
    light.show(State.THINKING, 0.0)
    light.move("glint")
    assert light.brightness() == 0.1


def test_whatever_happened_the_light_is_the_function_of_the_state() -> None:
    """1,000 sequences of states, sounds, gestures and pauses."""
    for seed in range(SEQUENCES):
        chance = Random(seed)
        clock = Hands()
        light = Shown(clock, lamps=3)
        state, since = State.BOOTING, clock.time
        light.show(state, 0.0)
        for _ in range(chance.randint(1, 40)):
            match chance.choice(("state", "sound", "gesture", "time", "time")):
                case "state":
                    new = chance.choice(list(State))
                    state, since = new, since if new is state else clock.time
                    light.show(new, 0.0)
                case "sound":
                    light.show(state, chance.random())
                case "gesture":
                    light.move(chance.choice(list(MOTIONS)))
                case _:
                    clock.time += chance.choice((0.0, 0.01, 0.3, 2.0))
                    light.let_fall()
            if state in SAFETY:
                assert light.brightness() == brightness(LOOKS[state], clock.time - since), seed
        light.show(state, 0.0)
        clock.time += 3.0  # a gesture and a sound are over
        light.let_fall()
        assert light.state is state
        assert light.colour() == [part / 255 for part in LOOKS[state].colour]
        for lamp in range(3):
            assert light.brightness(lamp) == brightness(LOOKS[state], clock.time - since), seed
