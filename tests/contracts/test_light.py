"""What every light must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

import pytest

from companion.ports import Light
from companion.state import State
from device.simulated import SimulatedLight, World


@dataclass
class Stage:
    """A light, and what somebody sees who looks at it."""

    light: Light
    seen: Callable[[], State | None]


def simulated() -> Stage:
    light = SimulatedLight(World())
    return Stage(light, lambda: light.state)


LIGHTS: dict[str, Callable[[], Stage]] = {"simulated": simulated}


@pytest.fixture(params=LIGHTS)
def stage(request: pytest.FixtureRequest) -> Stage:
    return LIGHTS[request.param]()


@pytest.mark.parametrize("state", State)
def test_a_light_shows_every_state_from_the_moment_it_is_told(stage: Stage, state: State) -> None:
    stage.light.show(state)
    assert stage.seen() is state


def test_a_light_shows_the_newest_state_only(stage: Stage) -> None:
    for before, after in permutations(State, 2):
        stage.light.show(before)
        stage.light.show(after)
        assert stage.seen() is after


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_level_does_not_change_the_state(stage: Stage, level: float) -> None:
    stage.light.show(State.LISTENING)
    stage.light.show(State.LISTENING, level)
    assert stage.seen() is State.LISTENING
