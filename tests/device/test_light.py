"""The light on GPIO pins: real gpiozero, pins that only remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hands import MovedHands

from companion.errors import DeviceError
from companion.looks import COLOURLESS, LOOKS, brightness
from companion.state import State
from device.boards import BOARDS, Board
from device.light import DIMMEST_DUTY, GpioLight
from device.shown import RENDER_SECONDS

RGB, LED, WHISPLAY = (BOARDS[name] for name in ("generic-rgb", "generic-led", "whisplay"))


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def light_on(board: Board, pins: MockFactory, clock: MovedHands | None = None, **more: Any) -> GpioLight:
    return GpioLight(board, clock or MovedHands(), pin_factory=pins, **more)


def duties(board: Board, pins: MockFactory) -> list[float]:
    return [pins.pin(pin).state for pin in board.light_pins]


def colour(state: State, share: float = 1.0) -> Any:
    return pytest.approx([part / 255 * share for part in LOOKS[state].colour])


def shine(light: GpioLight) -> None:
    """Until the clock says that it is late."""
    with suppress(asyncio.CancelledError):
        asyncio.run(light.shine())


def test_it_is_dark_until_a_state_is_shown(pins: MockFactory) -> None:
    light = light_on(RGB, pins)
    assert duties(RGB, pins) == [0, 0, 0]
    light.close()


@pytest.mark.parametrize("state", State)
def test_a_state_is_on_the_pins_as_soon_as_it_is_shown(pins: MockFactory, state: State) -> None:
    light = light_on(RGB, pins)
    light.show(state, level=1.0)
    assert duties(RGB, pins) == colour(state)
    light.close()


def test_a_light_that_is_on_while_its_pins_are_low(pins: MockFactory) -> None:
    light = light_on(WHISPLAY, pins)
    assert duties(WHISPLAY, pins) == [1, 1, 1]
    light.show(State.MUTED)
    assert duties(WHISPLAY, pins) == [0, 1, 1]
    light.close()


def test_one_led_shows_how_bright_the_colour_is_to_the_eye(pins: MockFactory) -> None:
    light = light_on(LED, pins)
    shown = {}
    for state in State:
        light.show(state, level=1.0)
        (shown[state],) = duties(LED, pins)
    assert shown[State.MUTED] == pytest.approx(0.2126)
    assert shown[State.IDLE] < shown[State.MUTED] < shown[State.LISTENING] < shown[State.BOOTING] < 1
    light.close()


def test_one_led_winks_while_it_is_muted_and_shines_on_while_the_microphone_is_open(pins: MockFactory) -> None:
    clock = MovedHands()
    light = light_on(LED, pins, clock)
    dark = {}
    for state in State.MUTED, State.IDLE, State.LISTENING:
        light.show(state)
        seen = []
        for _ in range(100):
            clock.time += 0.04
            light.show(state)
            seen += duties(LED, pins)
        dark[state] = sum(duty == 0 for duty in seen) * 0.04
    light.close()
    assert dark == {State.MUTED: pytest.approx(0.4, abs=0.1), State.IDLE: 0, State.LISTENING: 0}


@pytest.mark.parametrize("board", [RGB, LED], ids=["rgb", "led"])
@pytest.mark.parametrize("cap", [0.0001, 0.05, 0.5])
def test_a_cap_makes_every_state_dimmer_and_none_dark(pins: MockFactory, board: Board, cap: float) -> None:
    clock = MovedHands()
    light = light_on(board, pins, clock, brightness_cap=lambda: cap)
    looks = COLOURLESS if board is LED else LOOKS
    for state in State:
        light.show(state)
        for _ in range(200):
            if brightness(looks[state], clock.now() - 100.0, 0.0) > 0:
                brightest = max(duties(board, pins))
                assert DIMMEST_DUTY - 1e-9 <= brightest <= max(cap, DIMMEST_DUTY) + 1 / 255
            clock.time += 0.05
            light.show(state)
        clock.time = 100.0
    light.close()


def test_the_rhythm_goes_on_while_it_shines(pins: MockFactory) -> None:
    light = light_on(RGB, pins, MovedHands(until=4.1))
    light.show(State.ATTENTION)
    red = pins.pin(25)
    red.clear_states()
    shine(light)
    assert [each.state for each in red.states] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    light.close()


def test_it_is_rendered_25_times_a_second(pins: MockFactory) -> None:
    light = light_on(RGB, pins, MovedHands(until=1.0))
    light.show(State.THINKING)
    red = pins.pin(25)
    red.clear_states()
    shine(light)
    assert len(red.states) == pytest.approx(1.0 / RENDER_SECONDS, abs=2)
    light.close()


def test_a_light_that_does_not_change_is_not_written(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    light = light_on(RGB, pins, MovedHands(until=10.0))
    light.show(State.MUTED)
    written: list[float] = []
    monkeypatch.setattr(MockPWMPin, "_set_state", lambda self, value: written.append(value))
    shine(light)
    light.show(State.MUTED, level=0.7)
    assert written == []


def test_a_state_shown_again_does_not_begin_anew_and_another_does(pins: MockFactory) -> None:
    clock = MovedHands()
    light = light_on(RGB, pins, clock)
    light.show(State.THINKING)
    clock.time += 0.5
    light.show(State.THINKING)
    assert duties(RGB, pins) == colour(State.THINKING, brightness(LOOKS[State.THINKING], 0.5))
    light.show(State.MUTED)
    light.show(State.THINKING)
    assert duties(RGB, pins) == colour(State.THINKING)
    light.close()


def test_a_level_rises_at_once_and_falls_slowly(pins: MockFactory) -> None:
    clock = MovedHands()
    light = light_on(RGB, pins, clock)
    for heard, level in ((0.0, 0.0), (0.8, 0.8), (0.0, 0.7), (0.1, 0.6)):
        light.show(State.LISTENING, heard)
        share = brightness(LOOKS[State.LISTENING], 0.0, level)
        assert duties(RGB, pins)[2] == pytest.approx(share, abs=1 / 255)
        clock.time += 0.2
    light.close()


def test_a_level_falls_while_nothing_more_is_shown(pins: MockFactory) -> None:
    light = light_on(RGB, pins, MovedHands(until=5.0))
    light.show(State.LISTENING, 1.0)
    light.show(State.LISTENING, 0.0)
    shine(light)
    assert duties(RGB, pins)[2] == pytest.approx(0.4, abs=1 / 255)
    light.close()


def test_a_level_stays_while_nothing_else_is_shown(pins: MockFactory) -> None:
    light = light_on(RGB, pins, MovedHands(until=5.0))
    light.show(State.LISTENING, 0.5)
    shine(light)
    assert duties(RGB, pins) == colour(State.LISTENING, brightness(LOOKS[State.LISTENING], 0.0, 0.5))
    light.close()


def test_the_level_of_one_state_is_not_that_of_the_next(pins: MockFactory) -> None:
    light = light_on(RGB, pins)
    light.show(State.LISTENING, 1.0)
    light.show(State.SPEAKING, 0.0)
    assert duties(RGB, pins) == colour(State.SPEAKING, 0.4)
    light.close()


@pytest.mark.parametrize("board", [RGB, LED, WHISPLAY], ids=["rgb", "led", "whisplay"])
def test_closing_turns_it_off_and_frees_the_pins(
    pins: MockFactory, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = light_on(board, pins)
    light.show(State.BOOTING)
    before_closing: list[float] = []
    close = MockPWMPin.close

    def closing(pin: MockPWMPin) -> None:
        before_closing.append(pin.states[-1].state)
        close(pin)

    monkeypatch.setattr(MockPWMPin, "_set_frequency", lambda self, value: None)  # it would write to the pin
    monkeypatch.setattr(MockPWMPin, "close", closing)
    light.close()
    assert before_closing == [0.0 if board.light_active_high else 1.0] * len(board.light_pins)
    assert all(pins.pin(pin).function == "input" for pin in board.light_pins)
    light_on(board, pins).close()


def test_closed_it_may_be_closed_again_and_shows_nothing(pins: MockFactory) -> None:
    light = light_on(RGB, pins, MovedHands(until=1.0))
    light.show(State.MUTED)
    light.close()
    light.close()
    light.show(State.ATTENTION)
    shine(light)
    assert duties(RGB, pins) == [0, 0, 0]


def test_a_pin_in_use_is_told_and_the_others_are_free_again(pins: MockFactory) -> None:
    other = light_on(replace(LED, light_pins=(23,)), pins)
    with pytest.raises(DeviceError, match=r"^GPIO pin 23 is in use.$"):
        light_on(RGB, pins)
    other.close()
    light_on(RGB, pins).close()


def test_a_pin_that_breaks_loses_no_turn_and_is_told_by_who_shines(
    pins: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = light_on(RGB, pins, MovedHands(until=1.0))
    light.show(State.MUTED)

    def broken(pin: MockPWMPin, value: float) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(MockPWMPin, "_set_state", broken)
        light.show(State.LISTENING)
        with pytest.raises(DeviceError, match=r"^GPIO pin 25 cannot be used"):
            asyncio.run(light.shine())
        with pytest.raises(DeviceError, match="cannot be used"):
            light.close()
    assert all(pins.pin(pin).function == "input" for pin in RGB.light_pins), "all pins are free, whatever happened"
    light_on(RGB, pins).close()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("respeaker-2mic", "The board respeaker-2mic has no light on GPIO pins."),
        ("usb", "The board usb has no light on GPIO pins."),
        ("simulated", "The board simulated has no light on GPIO pins."),
    ],
)
def test_a_board_without_such_a_light_is_told(pins: MockFactory, name: str, sentence: str) -> None:
    with pytest.raises(DeviceError) as error:
        light_on(BOARDS[name], pins)
    assert str(error.value) == sentence
