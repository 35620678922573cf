"""A board of one's own, in the settings: what it becomes, and every mistake in it, all at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory

from companion.bodies import _gpio, wired
from companion.errors import SettingsError
from companion.ports import Button, Light
from companion.settings import load
from companion.state import State
from device.absent import DarkLight
from device.apa102 import Apa102Light
from device.boards import BOARDS, Board
from device.button import GpioButton
from device.wall_clock import WallClock


def board(folder: Path, toml: str) -> Board:
    file = folder / "companion.toml"
    file.write_text(toml)
    return wired(load(file, {}))


def test_without_a_word_it_is_the_profile(tmp_path: Path) -> None:
    assert board(tmp_path, '[body]\nboard = "whisplay"') == BOARDS["whisplay"]


def test_pins_of_ones_own_are_put_over_the_profile(tmp_path: Path) -> None:
    mine = board(tmp_path, '[body]\nboard = "aiy-v1"\n[board]\nbutton = 5\nlight = "rgb"\nlight_pins = [13, 16, 26]\n')
    assert (mine.button, mine.light, mine.light_pins) == (5, "rgb", (13, 16, 26))


def test_in_the_environment_pins_have_commas_between_them() -> None:
    mine = wired(load(None, {"COMPANION_BOARD__LIGHT_PINS": "13,16,26", "COMPANION_BOARD__BUTTON_ACTIVE_HIGH": "true"}))
    assert (mine.light_pins, mine.button_active_high) == ((13, 16, 26), True)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        board(tmp_path, '[body]\nboard = "generic-rbg"\n[board]\nbutton = 18\nlight_pins = [5, 5, 40]\n')
    told = "\n".join(error.value.mistakes)
    assert len(error.value.mistakes) == 4
    assert "did you mean generic-rgb?" in told
    assert "pin 18 belongs to I2S" in told
    assert "pin 5 cannot be red and green at once" in told
    assert "there is no GPIO pin 40" in told


@pytest.mark.parametrize(
    ("toml", "mistake"),
    [
        ("buton = 5", "unknown key board.buton; did you mean board.button?"),
        ('light = "neon"', "board.light should be 'none', 'led', 'rgb' or 'apa102'"),
        ("lamps = 0", "board.lamps should be greater than or equal to 1"),
        ("light_pins = [1.5]", "board.light_pins.0 should be a valid integer"),
    ],
)
def test_what_no_board_has_is_told(tmp_path: Path, toml: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as error:
        board(tmp_path, f"[board]\n{toml}\n")
    assert mistake in str(error.value)


@pytest.mark.parametrize(
    ("toml", "mistake"),
    [
        ('quiet_hours = "at night"', "body.quiet_hours should be two times of the day, such as 20:00-07:00"),
        ("brightness = 0", "body.brightness should be greater than 0"),
        ("night_brightness = 2", "body.night_brightness should be less than or equal to 1"),
        ('earcons = "loud"', "body.earcons should be a valid boolean"),
    ],
)
def test_a_light_that_would_be_dark_or_hours_that_are_none_are_told(tmp_path: Path, toml: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as error:
        board(tmp_path, f"[body]\n{toml}\n")
    assert mistake in str(error.value)


def built(pins: MockFactory, monkeypatch: pytest.MonkeyPatch) -> tuple[Light, Button, tuple[str, ...]]:
    """Light and button of a ReSpeaker on these pins, and what is missing; shown once, and undone."""
    monkeypatch.setattr(Device, "pin_factory", pins)
    broken: list[str] = []

    async def act() -> tuple[Light, Button, tuple[str, ...]]:
        async with AsyncExitStack() as stack:
            made = await _gpio(BOARDS["respeaker-2mic"], lambda: 1.0, WallClock(), stack, broken.append)
            made[0].show(State.MUTED)
            return made

    made = asyncio.run(act())
    assert broken == []
    return made


def test_a_respeaker_has_its_lamps_and_its_button(monkeypatch: pytest.MonkeyPatch) -> None:
    light, button, missing = built(MockFactory(), monkeypatch)
    assert isinstance(light, Apa102Light)
    assert isinstance(button, GpioButton)
    assert missing == ()


def test_without_spi_it_goes_on_in_the_dark_with_its_button_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoSpi(MockFactory):  # type: ignore[misc]  # gpiozero has no types
        def _get_spi_class(self, shared: bool, hardware: bool) -> Any:
            if hardware:
                raise OSError("No such file or directory: '/dev/spidev0.0'")
            return super()._get_spi_class(shared, hardware)

    light, button, missing = built(NoSpi(), monkeypatch)
    assert isinstance(light, DarkLight)
    assert isinstance(button, GpioButton)
    [sentence] = missing
    assert sentence.startswith("There is no SPI here for the lamps")
