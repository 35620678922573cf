"""The button on a GPIO pin: real gpiozero, a pin that a test drives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from companion.errors import DeviceError
from companion.ports import Press
from device.absent import NoButton
from device.boards import BOARDS, Board
from device.button import GpioButton
from device.presses import HOLD, TAP, TWICE

Result = TypeVar("Result")

GENERIC, WHISPLAY = BOARDS["generic-rgb"], BOARDS["whisplay"]

ENOUGH = 10.0
"""Seconds after which a test gives up; nothing waits so long but a mistake."""


def pressing(
    act: Callable[[GpioButton, MockPin], Awaitable[Result]],
    board: Board = GENERIC,
    pins: MockFactory | None = None,
    **more: Any,
) -> Result:
    """What `act` gives, done with a button and its pin."""
    pins = pins or MockFactory()

    async def acting() -> Result:
        with closing(GpioButton(board, pin_factory=pins, **more)) as button:
            return await asyncio.wait_for(act(button, pins.pin(board.button)), ENOUGH)

    return asyncio.run(acting())


async def told(button: GpioButton, count: int) -> list[Press]:
    """The next things that a button tells."""
    return [await button.pressed() for _ in range(count)]


async def tells_nothing_more(button: GpioButton) -> bool:
    waiting = asyncio.create_task(button.pressed())
    for _ in range(5):
        await asyncio.sleep(0)
    nothing = not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    return nothing


def test_a_button_to_ground_is_pulled_up() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        assert pin.pull == "up"
        pin.drive_low()
        pin.drive_high()
        return await told(button, 2)

    assert pressing(act) == [*TAP]


def test_a_button_that_is_high_while_pressed_is_pulled_down() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        assert pin.pull == "down"
        pin.drive_high()
        pin.drive_low()
        return await told(button, 2)

    assert pressing(act, WHISPLAY) == [*TAP]


def test_a_contact_may_chatter_for_30_ms_and_a_press_is_long_from_one_second_on() -> None:
    async def act(button: GpioButton, pin: MockPin) -> tuple[float, float]:
        return pin.bounce, button._button.hold_time

    assert pressing(act) == (0.03, 1.0)
    assert pressing(act, debounce_seconds=0.01, hold_seconds=3) == (0.01, 3.0)


def test_a_long_press_is_told_while_it_is_held_and_letting_go_is_no_short_one() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        pin.drive_low()
        held = await told(button, 2)
        pin.drive_high()
        button._button.hold_time = ENOUGH
        pin.drive_low()
        pin.drive_high()
        return [*held, *await told(button, 3)]

    assert pressing(act, hold_seconds=0.02) == [*HOLD, *TAP]


def test_a_press_is_told_at_once_and_its_kind_not_before_that_is_known() -> None:
    async def act(button: GpioButton, pin: MockPin) -> Press:
        pin.drive_low()
        assert await button.pressed() is Press.DOWN
        assert await tells_nothing_more(button)
        pin.drive_high()
        return await button.pressed()

    assert pressing(act, hold_seconds=ENOUGH) is Press.SHORT


def test_a_button_that_is_held_tells_nothing_until_it_is_let_go() -> None:
    async def act(button: GpioButton, pin: MockPin) -> Press:
        pin.drive_low()
        assert await told(button, 2) == [Press.DOWN, Press.LONG]
        assert await tells_nothing_more(button)
        pin.drive_high()
        return await button.pressed()

    assert pressing(act, hold_seconds=0.02) is Press.UP


def test_let_go_at_the_very_moment_it_becomes_long_it_is_one_press() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        pin.drive_low()
        pin.drive_high()
        button._button.when_held()  # the thread that counts was about to say so
        first = await told(button, 2)
        pin.drive_low()
        pin.drive_high()
        return [*first, *await told(button, 2)]

    assert pressing(act, hold_seconds=ENOUGH, double_seconds=0) == [*TAP, *TAP]


def press_shortly(pin: MockPin) -> None:
    pin.drive_low()
    pin.drive_high()


def test_the_second_of_two_quick_presses_is_a_double_one_and_the_first_is_told_at_once() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        press_shortly(pin)
        first = await told(button, 2)
        press_shortly(pin)
        return [*first, *await told(button, 2)]

    assert pressing(act, hold_seconds=ENOUGH, double_seconds=ENOUGH) == [*TWICE]


def test_a_third_quick_press_is_a_first_one_again() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        for _ in range(4):
            press_shortly(pin)
        return await told(button, 8)

    assert pressing(act, hold_seconds=ENOUGH, double_seconds=ENOUGH) == [*TWICE, *TWICE]


def test_a_press_that_comes_later_is_another_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("device.button.time.monotonic", lambda: now)

    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        nonlocal now
        for pause in (0.26, 0.24):
            press_shortly(pin)
            now += pause
        press_shortly(pin)
        return await told(button, 6)

    assert pressing(act, hold_seconds=ENOUGH) == [*TAP, *TWICE]


def test_a_second_press_that_is_held_is_a_long_one_and_what_follows_it_a_short_one() -> None:
    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        press_shortly(pin)
        first = await told(button, 2)
        button._button.hold_time = 0.02
        pin.drive_low()
        held = await told(button, 2)
        pin.drive_high()
        button._button.hold_time = ENOUGH
        press_shortly(pin)
        return [*first, *held, *await told(button, 3)]

    assert pressing(act, hold_seconds=ENOUGH, double_seconds=ENOUGH) == [*TAP, *HOLD, *TAP]


def test_presses_come_from_other_threads_and_are_handed_over_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    async def act(button: GpioButton, pin: MockPin) -> list[Press]:
        put = button._presses.put

        def noting(*presses: Press) -> None:
            threads.add(threading.current_thread())
            put(*presses)

        monkeypatch.setattr(button._presses, "put", noting)
        waiting = asyncio.create_task(told(button, 2))
        await asyncio.to_thread(pin.drive_low)
        await asyncio.to_thread(pin.drive_high)
        return await waiting

    assert pressing(act, hold_seconds=ENOUGH) == [*TAP]
    assert threads == {threading.current_thread()}


class StuckPin(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin that is held down from the beginning."""

    def _set_pull(self, value: str) -> None:
        self._pull, self._state = value, False


def test_a_button_that_is_down_when_the_toy_is_switched_on_was_not_pressed() -> None:
    async def act(button: GpioButton, pin: MockPin) -> bool:
        waiting = asyncio.create_task(button.pressed())
        pin.drive_high()
        for _ in range(5):
            await asyncio.sleep(0)
        told = waiting.done()
        waiting.cancel()
        return told

    assert not pressing(act, pins=MockFactory(pin_class=StuckPin))


def test_a_press_after_the_program_ended_is_nobodys_and_no_error() -> None:
    pins = MockFactory()

    async def forget_to_close() -> GpioButton:
        return GpioButton(GENERIC, pin_factory=pins)

    with closing(asyncio.run(forget_to_close())):
        pins.pin(17).drive_low()
        pins.pin(17).drive_high()


def test_closed_it_may_be_closed_again_and_its_pin_is_free() -> None:
    pins = MockFactory()

    async def act(button: GpioButton, pin: MockPin) -> None:
        with pytest.raises(DeviceError) as error:
            GpioButton(GENERIC, pin_factory=pins)
        assert str(error.value) == "GPIO pin 17 is in use."
        button.close()
        button.close()
        GpioButton(GENERIC, pin_factory=pins).close()

    pressing(act, pins=pins)


@pytest.mark.parametrize(
    ("board", "sentence"),
    [
        (BOARDS["usb"], "The board usb has no button on a GPIO pin."),
        (
            replace(GENERIC, button=2, button_active_high=True, bus=(2,)),
            "GPIO pin 2 has a resistor of its own that does not fit this button.",
        ),
    ],
    ids=["no button", "pulled up for ever"],
)
def test_a_button_that_cannot_be_is_told(board: Board, sentence: str) -> None:
    async def make() -> None:
        GpioButton(board, pin_factory=MockFactory())

    with pytest.raises(DeviceError) as error:
        asyncio.run(make())
    assert str(error.value) == sentence


def test_no_button_is_never_pressed() -> None:
    async def act() -> None:
        waiting = asyncio.create_task(NoButton().pressed())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert waiting.cancelled()

    asyncio.run(act())
