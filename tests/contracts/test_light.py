"""What every light must do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from companion.looks import LOOKS, SAFETY, brightness
from companion.motions import MOTIONS, Motion
from companion.ports import Light
from companion.state import State
from device.absent import DarkLight
from device.apa102 import LAMP, STEPS, Apa102Light
from device.boards import BOARDS
from device.browser import BrowserLight
from device.browser_link import Link
from device.light import GpioLight
from device.simulated import SimulatedLight, World
from device.wall_clock import WallClock


@dataclass
class Stage:
    """A light, and what somebody sees who looks at it."""

    light: Light
    seen: Callable[[], State | None]


def simulated() -> Stage:
    light = SimulatedLight(World())
    return Stage(light, lambda: light.state)


class Onlooker(WallClock):
    """Looks at pins for four seconds, which pass as fast as the light is rendered."""

    def __init__(self, pins: MockFactory) -> None:
        self.time = 0.0
        self._pins: list[Any] = [pins.pin(pin) for pin in BOARDS["generic-rgb"].light_pins]
        self._seen: list[tuple[float, list[float]]] = []
        self._began = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        since = self.time - self._began
        self._seen.append((since, [pin.state for pin in self._pins]))
        if since > 4.0:
            raise asyncio.CancelledError
        self.time += seconds

    def look_at(self, light: GpioLight | Apa102Light) -> State | None:
        """The only state that it can be, of those whose colour and rhythm begin now."""
        self._seen, self._began = [], self.time
        with suppress(asyncio.CancelledError):
            asyncio.run(light.shine())
        could_be = [state for state in State if all(shows(state, *seen) for seen in self._seen)]
        return could_be[0] if len(could_be) == 1 else None


def shows(state: State, since: float, parts: list[float]) -> bool:
    """Whether red, green and blue (0 to 1) are what `state` looks like after `since` seconds, at some level."""
    look = LOOKS[state]
    quiet, loud = (brightness(look, since, level) for level in (0.0, 1.0))
    pairs = zip(look.colour, parts, strict=True)
    return all(quiet * full / 255 - 0.004 <= part <= loud * full / 255 + 0.004 for full, part in pairs)


def gpio() -> Stage:
    pins = MockFactory(pin_class=MockPWMPin)
    onlooker = Onlooker(pins)
    light = GpioLight(BOARDS["generic-rgb"], onlooker, pin_factory=pins)
    return Stage(light, lambda: onlooker.look_at(light))


class Lamps(Onlooker):
    """Looks at the first of a chain of lamps."""

    def __init__(self) -> None:
        super().__init__(MockFactory(pin_class=MockPWMPin))
        self._pins = [SimpleNamespace(state=0.0) for _ in range(3)]

    def write(self, data: list[int]) -> None:
        step, blue, green, red = data[4:8]
        for pin, part in zip(self._pins, (red, green, blue), strict=True):
            pin.state = part / 255 * (step & ~LAMP) / STEPS


def apa102() -> Stage:
    onlooker = Lamps()
    spi = SimpleNamespace(write=onlooker.write, close=lambda: None)
    light = Apa102Light(BOARDS["respeaker-2mic"], onlooker, pin_factory=SimpleNamespace(spi=lambda port, device: spi))
    return Stage(light, lambda: onlooker.look_at(light))


def browser() -> Stage:
    """What the page is told; that it draws that truly is a test of the page."""
    link = Link(WallClock())
    told = link.connect()
    seen: list[State] = []

    def look() -> State | None:
        while not told.empty():
            message = json.loads(told.get_nowait())
            if message["tell"] == "light":
                seen.append(State(message["state"]))
        return seen[-1] if seen else None

    return Stage(BrowserLight(link), look)


LIGHTS: dict[str, Callable[[], Stage]] = {"simulated": simulated, "gpio": gpio, "apa102": apa102, "browser": browser}


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


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("motion", MOTIONS)
def test_a_gesture_leaves_the_state_as_it_is(stage: Stage, state: State, motion: Motion) -> None:
    stage.light.show(state)
    stage.light.gesture(motion)
    if state in SAFETY:
        assert stage.seen() is state, "and is not even seen over what one must be able to rely on"
        return
    stage.light.show(State.MUTED)
    assert stage.seen() is State.MUTED
    stage.light.show(state)
    assert stage.seen() is state


@pytest.mark.parametrize("state", State)
def test_a_body_without_a_light_takes_every_state_and_level(state: State) -> None:
    light: Light = DarkLight()
    for level in (0.0, 0.5, 1.0):
        light.show(state, level)
        light.gesture("glint")


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_level_does_not_change_the_state(stage: Stage, level: float) -> None:
    stage.light.show(State.LISTENING)
    stage.light.show(State.LISTENING, level)
    assert stage.seen() is State.LISTENING
