"""This file is what the light and the button have in common: asking gpiozero for a pin, and saying what went wrong."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from companion.errors import DeviceError


@contextmanager
def opening(pin: int) -> Iterator[None]:
    """Around whatever asks gpiozero for a pin (BCM number): what goes wrong becomes DeviceError."""
    with warnings.catch_warnings(record=True) as told, using(pin):
        import gpiozero

        # It warns of each library under it that is not usable; the first is the one that should be (lgpio).
        warnings.simplefilter("always", gpiozero.GPIOZeroWarning)
        try:
            yield
        except ImportError as error:  # BadPinFactory is one, too
            reasons = [str(each.message).removeprefix("Falling back from ") for each in told] or [str(error)]
            raise DeviceError(f"There is no GPIO here ({reasons[0]}).") from error


@contextmanager
def using(pin: int) -> Iterator[None]:
    """Around whatever uses a pin: what gpiozero, or the library under it, raises becomes DeviceError."""
    import gpiozero

    try:
        yield
    except gpiozero.GPIOPinInUse as error:
        raise DeviceError(f"GPIO pin {pin} is in use.") from error
    except (gpiozero.PinInvalidPin, gpiozero.PinNoPins) as error:
        raise DeviceError(f"There is no GPIO pin {pin} on this computer.") from error
    except gpiozero.PinFixedPull as error:
        raise DeviceError(f"GPIO pin {pin} has a resistor of its own that does not fit this button.") from error
    except gpiozero.PinPWMError as error:
        raise DeviceError(f"GPIO pin {pin} cannot be dimmed: the library lgpio is missing.") from error
    except (gpiozero.GPIOZeroError, *errors_below()) as error:
        if "busy" in str(error):  # as lgpio says when another program or the kernel has the pin
            raise DeviceError(f"GPIO pin {pin} is in use.") from error
        raise DeviceError(f"GPIO pin {pin} cannot be used ({error}).") from error


def errors_below() -> tuple[type[Exception], ...]:
    """What the libraries under gpiozero raise, which it hands on: OSError, in RPi.GPIO RuntimeError and ValueError,
    and lgpio has an error of its own, that only who has the library can name."""
    lgpio = sys.modules.get("lgpio")
    return (OSError, RuntimeError, ValueError, *([lgpio.error] if lgpio else []))
