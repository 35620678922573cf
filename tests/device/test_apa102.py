"""The light of APA102 lamps: real gpiozero, which clocks its bits out on pins that just keep what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from gpiozero import Device
from gpiozero.pins.mock import MockFactory
from hands import MovedHands
from hypothesis import given
from hypothesis import strategies as st

from companion.errors import DeviceError
from companion.looks import LOOKS, brightness
from companion.state import State
from device.apa102 import LAMP, STEPS, Apa102Light, picture
from device.boards import BOARDS
from device.shown import RENDER_SECONDS

RESPEAKER = BOARDS["respeaker-2mic"]

Colour = tuple[float, float, float]


class Chain:
    """The wires of SPI0 and the lamps at their end, which take what comes while the clock rises."""

    def __init__(self) -> None:
        self.pins = MockFactory()
        self._bits: list[int] = []
        self._data = self.pins.pin(10)
        clock = self.pins.pin(11)
        change = clock._change_state

        def ticks(value: bool) -> bool:
            if value and not clock._state:
                self._bits.append(int(self._data._state))
            return bool(change(value))

        clock._change_state = ticks

    def pictures(self) -> list[list[int]]:
        """What was sent since somebody asked last, picture by picture: each begins with 32 zeros."""
        bits, self._bits = self._bits, []
        size = len(picture([(0.0, 0.0, 0.0)] * RESPEAKER.lamps))
        data = [int("".join(map(str, bits[first : first + 8])), 2) for first in range(0, len(bits), 8)]
        assert len(data) % size == 0
        return [data[first : first + size] for first in range(0, len(data), size)]

    def colours(self) -> list[Colour]:
        """What the lamps show since the last picture."""
        return colours(self.pictures()[-1])


def colours(data: list[int]) -> list[Colour]:
    """Red, green and blue of each lamp, 0 to 1, as the lamps' data sheet has it."""
    assert data[:4] == [0, 0, 0, 0]
    lamps = [data[first : first + 4] for first in range(4, 4 + 4 * RESPEAKER.lamps, 4)]
    assert all(lamp[0] & LAMP == LAMP for lamp in lamps)
    assert not any(data[4 + 4 * RESPEAKER.lamps :])
    return [
        (red * share, green * share, blue * share)
        for step, blue, green, red in lamps
        for share in [(step & ~LAMP) / STEPS / 255]
    ]


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    chain = Chain()
    monkeypatch.setattr(Device, "pin_factory", chain.pins)  # gpiozero's own clocking out asks for it
    yield chain
    chain.pins.reset()


def light_on(chain: Chain, clock: MovedHands | None = None, **more: Any) -> Apa102Light:
    return Apa102Light(RESPEAKER, clock or MovedHands(), pin_factory=chain.pins, **more)


def all_like(state: State, share: float = 1.0) -> Any:
    colour = tuple(part / 255 * share for part in LOOKS[state].colour)
    return [pytest.approx(colour, abs=1 / 255)] * RESPEAKER.lamps


def shine(light: Apa102Light) -> None:
    """Until the clock says that it is late."""
    with suppress(asyncio.CancelledError):
        asyncio.run(light.shine())


def test_it_is_dark_until_a_state_is_shown(chain: Chain) -> None:
    light_on(chain).close()
    assert chain.colours() == [(0, 0, 0)] * 3


@pytest.mark.parametrize("state", State)
def test_a_state_is_on_all_lamps_as_soon_as_it_is_shown(chain: Chain, state: State) -> None:
    light = light_on(chain)
    light.show(state, level=1.0)
    assert chain.colours() == all_like(state)
    light.close()


@pytest.mark.parametrize("cap", [0.0001, 0.05, 0.5])
def test_a_cap_makes_every_state_dimmer_and_none_dark(chain: Chain, cap: float) -> None:
    light = light_on(chain, brightness_cap=lambda: cap)
    for state in State:
        light.show(state, level=1.0)
        assert all(0 < max(colour) <= max(cap, 2 / 255) + 0.001 for colour in chain.colours())
    light.close()


def test_the_rhythm_goes_on_while_it_shines_and_what_does_not_change_is_not_sent(chain: Chain) -> None:
    light = light_on(chain, MovedHands(until=4.1))
    chain.pictures()
    light.show(State.ATTENTION)
    shine(light)
    assert [colours(data)[0][0] for data in chain.pictures()] == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    light.close()


def test_it_is_rendered_25_times_a_second(chain: Chain) -> None:
    light = light_on(chain, MovedHands(until=1.0))
    light.show(State.THINKING)
    chain.pictures()
    shine(light)
    assert len(chain.pictures()) == pytest.approx(1.0 / RENDER_SECONDS, abs=2)
    light.close()


def test_a_sound_makes_it_brighter(chain: Chain) -> None:
    light = light_on(chain)
    for level in (0.0, 0.5, 1.0):
        light.show(State.LISTENING, level)
        assert chain.colours() == all_like(State.LISTENING, brightness(LOOKS[State.LISTENING], 0.0, level))
    light.close()


def test_a_wave_runs_along_the_lamps(chain: Chain) -> None:
    clock = MovedHands(until=1.7)
    light = light_on(chain, clock)
    light.show(State.IDLE)
    chain.pictures()
    light.gesture("sweep")
    shine(light)
    blue = [[colour[2] for colour in colours(data)] for data in chain.pictures()]
    darkest = [min(range(len(blue)), key=lambda number: blue[number][lamp]) for lamp in range(3)]
    assert darkest == sorted(darkest)
    assert len(set(darkest)) == 3
    light.close()


def test_closing_turns_it_off_and_frees_the_pins(chain: Chain) -> None:
    light = light_on(chain)
    light.show(State.MUTED)
    light.close()
    light.close()
    assert chain.colours() == [(0, 0, 0)] * 3
    light.show(State.MUTED)
    assert chain.pictures() == []
    light_on(chain).close()


def test_spi_in_use_is_told(chain: Chain) -> None:
    light = light_on(chain)
    with pytest.raises(DeviceError, match="in use"):
        light_on(chain)
    light.close()


def test_without_spi_it_says_how_to_switch_it_on_and_does_not_clock_bits_out_by_hand() -> None:
    class NoSpi(MockFactory):  # type: ignore[misc]  # gpiozero has no types
        def _get_spi_class(self, shared: bool, hardware: bool) -> Any:
            if hardware:
                raise OSError("No such file or directory: '/dev/spidev0.0'")
            return super()._get_spi_class(shared, hardware)

    pins = NoSpi()
    with pytest.raises(DeviceError, match=r"There is no SPI here for the lamps: .* \(No such file .*spidev0.0'\)\.$"):
        Apa102Light(RESPEAKER, MovedHands(), pin_factory=pins)
    assert pins.pin(11).function == "input"


def test_lamps_that_break_lose_no_turn_and_are_told_by_who_shines(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = light_on(chain, MovedHands(until=1.0))

    def broken(data: list[int]) -> int:
        raise OSError("gone")

    monkeypatch.setattr(light._spi, "write", broken)
    light.show(State.MUTED)
    with pytest.raises(DeviceError, match=r"^The lamps on SPI cannot be lit \(gone\).$"):
        asyncio.run(light.shine())
    with pytest.raises(DeviceError, match="cannot be lit"):
        light.close()
    light_on(chain).close()


def test_a_board_without_such_lamps_is_told(chain: Chain) -> None:
    with pytest.raises(DeviceError, match=r"^The board usb has no APA102 lamps.$"):
        Apa102Light(BOARDS["usb"], MovedHands(), pin_factory=chain.pins)


share = st.floats(0, 1)


@given(red=share, green=share, blue=share)
def test_a_picture_has_the_colours_it_is_made_of_and_only_black_is_dark(red: float, green: float, blue: float) -> None:
    (first, *_) = colours(picture([(red, green, blue)] * 3))
    assert first == pytest.approx((red, green, blue), abs=1 / 255)
    assert (max(first) > 0) == (max(red, green, blue) > 0)


def test_a_dim_colour_keeps_its_hue() -> None:
    (first, *_) = colours(picture([(0.020, 0.010, 0.005)] * 3))
    assert first == pytest.approx((0.020, 0.010, 0.005), rel=0.05)


@pytest.mark.parametrize("lamps", [1, 3, 16, 17, 144])
def test_a_picture_ends_with_half_a_clock_for_each_lamp_and_the_zeros_of_an_sk9822(lamps: int) -> None:
    data = picture([(1.0, 1.0, 1.0)] * lamps)
    assert len(data) - 4 - 4 * lamps - 4 >= lamps / 16
