"""A real body, as far as there is one here: a sound server for the cards, gpiozero's mock pins for the light."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin
from sound_server import sound_here

from companion import bodies
from companion.liveness import Liveness
from companion.settings import Settings
from companion.state import State
from device.wall_clock import WallClock


class Noted(Liveness):
    """Counts the signs of life."""

    def __init__(self) -> None:
        super().__init__(WallClock())
        self.frames = self.renderings = 0

    def heard(self) -> None:
        self.frames += 1

    def shone(self) -> None:
        self.renderings += 1


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(Device, "pin_factory", factory)
    yield factory
    factory.reset()


def test_each_frame_that_is_heard_and_each_turn_of_the_light_is_a_sign_of_life(pins: MockFactory) -> None:
    liveness = Noted()

    async def live() -> None:
        async with AsyncExitStack() as stack:
            body = await bodies.on_duty(Settings(), stack, print, liveness, hears=True)
            body.light.show(State.IDLE)
            before = liveness.frames
            for _ in range(20):
                await body.microphone.read()
            assert liveness.frames - before == 20
            assert not body.missing

    with sound_here():
        asyncio.run(live())
    assert liveness.renderings > 2
