"""What goes wrong with pins, in words."""

from __future__ import annotations

import sys
import types
import warnings

import pytest
from gpiozero import Device, GPIOZeroWarning, PinFactoryFallback, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from companion.errors import DeviceError
from device.gpio import opening, using


class BusyPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin that another program has, in the words of the library that is asked for it."""

    error: Exception

    def _set_function(self, value: str) -> None:
        if value == "output":
            raise self.error


def lgpio_error(monkeypatch: pytest.MonkeyPatch) -> type[Exception]:
    class Error(Exception):
        pass

    lgpio = types.ModuleType("lgpio")
    lgpio.error = Error  # type: ignore[attr-defined]  # as in the library of that name
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    return Error


def refusal(error: Exception) -> str:
    pin_class = type("RefusingPin", (BusyPin,), {"error": error})
    with pytest.raises(DeviceError) as raised, opening(25):
        PWMOutputDevice(25, pin_factory=MockFactory(pin_class=pin_class))
    assert raised.value.__cause__ is error
    return str(raised.value)


@pytest.mark.parametrize("error", [OSError("no device"), RuntimeError("no edge"), ValueError("no such channel")])
def test_what_the_library_below_says_is_told(error: Exception) -> None:
    assert refusal(error) == f"GPIO pin 25 cannot be used ({error})."


def test_lgpio_has_an_error_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    error = lgpio_error(monkeypatch)
    assert refusal(error("'GPIO busy'")) == "GPIO pin 25 is in use."
    assert refusal(error("'bad handle'")) == "GPIO pin 25 cannot be used ('bad handle')."


def test_a_pin_taken_twice_is_in_use() -> None:
    factory = MockFactory(pin_class=MockPWMPin)
    with PWMOutputDevice(25, pin_factory=factory), pytest.raises(DeviceError) as error, opening(25):
        PWMOutputDevice(25, pin_factory=factory)
    assert str(error.value) == "GPIO pin 25 is in use."
    with opening(25):
        PWMOutputDevice(25, pin_factory=factory).close()


def test_a_pin_that_this_computer_lacks() -> None:
    with pytest.raises(DeviceError, match=r"^There is no GPIO pin 26 on this computer.$"), opening(26):
        PWMOutputDevice(26, pin_factory=MockFactory(revision="000e"))


def test_a_pin_that_cannot_be_dimmed() -> None:
    with pytest.raises(DeviceError, match=r"^GPIO pin 25 cannot be dimmed"), opening(25):
        PWMOutputDevice(25, pin_factory=MockFactory())


def no_factory() -> MockFactory:
    """As gpiozero looks for a library where there is none."""
    warnings.warn(PinFactoryFallback("Falling back from lgpio: No module named 'lgpio'"), stacklevel=1)
    warnings.warn(PinFactoryFallback("Falling back from rpigpio: No module named 'RPi'"), stacklevel=1)
    from gpiozero import BadPinFactory

    raise BadPinFactory("Unable to load any default pin factory!")


def test_a_computer_without_gpio_says_why_and_warns_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setattr(Device, "_default_pin_factory", staticmethod(no_factory))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeviceError) as error, opening(25):
            PWMOutputDevice(25)
    assert str(error.value) == "There is no GPIO here (lgpio: No module named 'lgpio')."


def test_a_library_that_is_asked_for_by_name_and_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "abacus")
    with pytest.raises(DeviceError, match=r"^There is no GPIO here \(.*abacus.*\).$"), opening(25):
        PWMOutputDevice(25)


def test_other_peoples_mistakes_pass() -> None:
    with pytest.raises(KeyError), opening(25):
        raise KeyError("not a pin's")
    with pytest.raises(KeyError), using(25):
        raise KeyError("not a pin's")


def test_using_a_pin_leaves_warnings_alone() -> None:
    with pytest.warns(GPIOZeroWarning), using(25):
        warnings.warn(GPIOZeroWarning("a warning"), stacklevel=1)
