"""The boards of the table, and the mistakes one can make with pins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from companion.errors import SettingsError
from device.boards import BOARDS, BUSES, LIGHT_PINS, Board

GENERIC = BOARDS["generic-rgb"]


def mistakes(make: Callable[[], Board]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        make()
    return error.value.mistakes


def test_every_board_of_the_table_is_known() -> None:
    assert list(BOARDS) == [
        "generic-rgb",
        "generic-led",
        "respeaker-2mic",
        "aiy-v1",
        "whisplay",
        "usb",
        "simulated",
    ]
    assert all(board.name == name for name, board in BOARDS.items())


@pytest.mark.parametrize(
    ("name", "button", "light", "pins"),
    [
        ("generic-rgb", 17, "rgb", (25, 24, 23)),
        ("generic-led", 17, "led", (25,)),
        ("respeaker-2mic", 17, "apa102", (10, 11)),
        ("aiy-v1", 23, "led", (25,)),
        ("whisplay", 17, "rgb", (25, 24, 23)),
        ("usb", None, "none", ()),
        ("simulated", None, "screen", ()),
    ],
)
def test_a_board_has_the_pins_of_its_schematic(
    name: str, button: int | None, light: str, pins: tuple[int, ...]
) -> None:
    board = BOARDS[name]
    assert (board.button, board.light, board.light_pins) == (button, light, pins)


def test_only_whisplay_is_the_other_way_round() -> None:
    assert {name for name, board in BOARDS.items() if board.button_active_high} == {"whisplay"}
    assert {name for name, board in BOARDS.items() if not board.light_active_high} == {"whisplay"}


def test_no_board_takes_a_bus_that_is_not_its_own() -> None:
    for board in BOARDS.values():
        pins = {board.button, *board.light_pins} - {None}
        assert pins & set(BUSES) == set(board.bus)
    assert BOARDS["respeaker-2mic"].lamps == 3


@pytest.mark.parametrize("pin", [2, 3, 7, 8, 9, 10, 11, 12, 18, 19, 20, 21])
def test_a_pin_of_a_bus_is_refused(pin: int) -> None:
    (button,) = mistakes(lambda: replace(GENERIC, button=pin))
    (green,) = mistakes(lambda: replace(GENERIC, light_pins=(25, pin, 23)))
    assert f"pin {pin} belongs to {BUSES[pin]}" in button
    assert button.endswith("cannot be the button")
    assert green.endswith("cannot be green")


def test_the_bus_of_another_board_is_no_excuse() -> None:
    (mistake,) = mistakes(lambda: replace(BOARDS["respeaker-2mic"], button=9))
    assert "pin 9 belongs to SPI" in mistake


@pytest.mark.parametrize("pin", [-1, 28, 40, 1000])
def test_a_pin_that_is_not_there_is_refused(pin: int) -> None:
    (mistake,) = mistakes(lambda: replace(GENERIC, button=pin))
    assert mistake == f"Board generic-rgb: there is no GPIO pin {pin} for the button, only 0 to 27"


def test_a_pin_cannot_be_two_things() -> None:
    assert mistakes(lambda: replace(GENERIC, button=25)) == (
        "Board generic-rgb: GPIO pin 25 cannot be the button and red at once",
    )
    assert mistakes(lambda: replace(GENERIC, light_pins=(25, 25, 25))) == (
        "Board generic-rgb: GPIO pin 25 cannot be red and green and blue at once",
    )


def test_a_board_of_ones_own_is_a_profile_with_other_pins() -> None:
    mine = GENERIC.changed(button=27, button_active_high=True, light_pins=(5, 6, 13), light_active_high=False)
    assert (mine.button, mine.button_active_high, mine.light_pins) == (27, True, (5, 6, 13))
    assert (mine.light, mine.light_active_high, mine.name) == ("rgb", False, "generic-rgb")
    assert GENERIC.changed() == GENERIC


def test_a_light_of_another_kind_has_the_pins_it_is_given() -> None:
    assert GENERIC.changed(light="led", light_pins=(24,)).light_pins == (24,)
    assert BOARDS["usb"].changed(light="rgb", light_pins=(25, 24, 23), button=17) == replace(GENERIC, name="usb")
    assert GENERIC.changed(light="none").light_pins == ()
    (mistake,) = mistakes(lambda: GENERIC.changed(light="led"))
    assert mistake == "Board generic-rgb: a light of kind led has 1 pins, not 0"


def test_a_chain_of_lamps_has_spi_to_itself_and_no_other_pins() -> None:
    mine = GENERIC.changed(light="apa102", lamps=12)
    assert (mine.light_pins, mine.lamps, mine.button) == ((10, 11), 12, 17)
    (mistake,) = mistakes(lambda: GENERIC.changed(light="apa102", light_pins=(5, 6)))
    assert "has its data on GPIO pin 10 and its clock on 11" in mistake
    (mistake,) = mistakes(lambda: GENERIC.changed(light="apa102", button=10))
    assert mistake == "Board generic-rgb: GPIO pin 10 cannot be the button and the light's data at once"
    (mistake,) = mistakes(lambda: mine.changed(light="led", light_pins=(10,)))
    assert "pin 10 belongs to SPI" in mistake


@pytest.mark.parametrize("kind", LIGHT_PINS)
def test_a_light_has_as_many_pins_as_its_kind(kind: str) -> None:
    (mistake,) = mistakes(lambda: replace(GENERIC, light=kind, light_pins=(4, 5, 6, 13)))  # type: ignore[arg-type]  # of LIGHT_PINS
    assert f"kind {kind} has" in mistake


def test_all_mistakes_are_told_at_once_in_a_sentence_each() -> None:
    told = mistakes(lambda: Board("mine", button=99, light="rgb", light_pins=(25, 25, 10)))
    assert len(told) == 3
    assert all(mistake.startswith("Board mine: ") and "." not in mistake for mistake in told)


@pytest.mark.parametrize("pin", sorted(set(range(28)) - set(BUSES) - {25, 24, 23}))
def test_every_other_pin_is_free(pin: int) -> None:
    assert replace(GENERIC, button=pin).button == pin
