"""What every button must do."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from gpiozero.pins.mock import MockFactory

from companion.ports import Button, Press
from device.boards import BOARDS
from device.browser import BrowserButton
from device.button import GpioButton
from device.keyboard import KeyboardButton
from device.presses import HOLD, TAP, TWICE
from device.simulated_button import SimulatedButton

ENOUGH = 10.0
"""Seconds after which a test gives up; nothing waits so long but a mistake."""


@dataclass
class Stage:
    """A button, and a finger, that does a SHORT press, a DOUBLE or a LONG one, from the beginning to the end."""

    button: Button
    press: Callable[[Press], Awaitable[None]]


@contextmanager
def simulated() -> Iterator[Stage]:
    button = SimulatedButton()

    async def press(kind: Press) -> None:
        button.press(kind)

    yield Stage(button, press)


@contextmanager
def gpio() -> Iterator[Stage]:
    pins = MockFactory()
    pin = pins.pin(17)
    with closing(GpioButton(BOARDS["generic-rgb"], pin_factory=pins)) as button:
        below = button._button
        held = threading.Event()
        hand_over = below.when_held

        def when_held() -> None:
            hand_over()
            held.set()

        below.when_held = when_held

        async def press(kind: Press) -> None:
            held.clear()
            below.hold_time = 0 if kind is Press.LONG else ENOUGH
            for again in (False, True) if kind is Press.DOUBLE else (False,):
                button._contact.double_seconds = ENOUGH if again else 0.0
                pin.drive_low()
                if kind is Press.LONG:
                    assert await asyncio.to_thread(held.wait, ENOUGH)
                pin.drive_high()
                await asyncio.sleep(0.001)  # the thread's news is taken in

        yield Stage(button, press)


@contextmanager
def keyboard(ends: Callable[[], tuple[int, int]]) -> Iterator[Stage]:
    reads, writes = ends()
    with (
        os.fdopen(reads) as lines,
        os.fdopen(writes, "wb", buffering=0) as typist,
        closing(KeyboardButton(lines)) as button,
    ):

        async def press(kind: Press) -> None:
            typist.write({Press.LONG: b"m\n", Press.DOUBLE: b"a\n"}.get(kind, b"\n"))
            await asyncio.sleep(0.001)  # a terminal gives one line at a time

        yield Stage(button, press)


@contextmanager
def browser() -> Iterator[Stage]:
    paw = BrowserButton(hold_seconds=0.0)

    async def press(kind: Press) -> None:
        for again in (False, True) if kind is Press.DOUBLE else (False,):
            paw._contact.double_seconds = ENOUGH if again else 0.0
            paw.down()
            if kind is Press.LONG:
                await asyncio.sleep(0.001)
            paw.up()

    yield Stage(paw, press)


def terminal() -> tuple[int, int]:
    typist, program = os.openpty()
    return program, typist


BUTTONS: dict[str, Callable[[], AbstractContextManager[Stage]]] = {
    "simulated": simulated,
    "gpio": gpio,
    "browser": browser,
    "keyboard, a pipe": partial(keyboard, os.pipe),
    "keyboard, a terminal": partial(keyboard, terminal),
}


@pytest.fixture(params=BUTTONS)
def button(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Stage]]:
    return BUTTONS[request.param]


Making = Callable[[], AbstractContextManager[Stage]]


def act(button: Making, what: Callable[[Stage], Awaitable[None]]) -> None:
    async def acting() -> None:
        with button() as stage:
            await asyncio.wait_for(what(stage), ENOUGH)

    asyncio.run(acting())


async def presses(button: Button) -> AsyncIterator[Press]:
    while True:
        yield await button.pressed()


def test_presses_are_told_in_their_order(button: Making) -> None:
    async def what(stage: Stage) -> None:
        for press in (Press.SHORT, Press.LONG, Press.DOUBLE, Press.LONG, Press.SHORT):
            await stage.press(press)
        order = [*TAP, *HOLD, *TWICE, *HOLD, *TAP]
        assert [await stage.button.pressed() for _ in order] == order

    act(button, what)


@pytest.mark.parametrize(("kind", "tells"), [(Press.SHORT, TAP), (Press.DOUBLE, TWICE), (Press.LONG, HOLD)])
def test_who_waits_is_told(button: Making, kind: Press, tells: tuple[Press, ...]) -> None:
    async def what(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.button.pressed())
        await asyncio.sleep(0)
        await stage.press(kind)
        assert (await waiting, *[await stage.button.pressed() for _ in tells[1:]]) == tells

    act(button, what)


def test_a_press_is_told_once(button: Making) -> None:
    async def what(stage: Stage) -> None:
        await stage.press(Press.SHORT)
        await stage.press(Press.LONG)
        for _ in (*TAP, *HOLD):
            await stage.button.pressed()
        waiting = asyncio.create_task(stage.button.pressed())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        await stage.press(Press.SHORT)
        assert await waiting is Press.DOWN
        assert await stage.button.pressed() is Press.SHORT

    act(button, what)


def test_who_stops_waiting_loses_no_press(button: Making) -> None:
    async def what(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.button.pressed())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        await stage.press(Press.LONG)
        assert tuple([await stage.button.pressed() for _ in HOLD]) == HOLD

    act(button, what)


@pytest.mark.parametrize("turns", range(5))
def test_who_stops_waiting_at_that_very_moment_loses_none_either(button: Making, turns: int) -> None:
    """`turns` of the event loop lie between the press and the cancelling."""

    async def what(stage: Stage) -> None:
        waiting = asyncio.create_task(stage.button.pressed())
        await asyncio.sleep(0)
        await stage.press(Press.SHORT)
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        press = await stage.button.pressed() if waiting.cancelled() else waiting.result()
        assert (press, await stage.button.pressed()) == TAP

    act(button, what)


def test_of_a_storm_the_newest_presses_are_left(button: Making) -> None:
    async def what(stage: Stage) -> None:
        await stage.press(Press.LONG)
        for _ in range(100):
            await stage.press(Press.SHORT)
        await stage.press(Press.LONG)
        left = []
        async for press in presses(stage.button):
            left.append(press)
            if press is Press.UP:
                break
        assert 3 < len(left) < 20, "and the long one at the beginning is not among them"
        assert left[-3:] == [*HOLD], "how it ended is known"

    act(button, what)
