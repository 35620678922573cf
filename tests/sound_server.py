"""The sound server in the process of a test, instead of a sound card; and why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from device import sound_server
from device.sound_server import CARD, SoundServer

missing = sound_server.missing()
"""Why there is no sound server here; empty when there is one."""


@contextmanager
def sound_here(*more: str) -> Iterator[SoundServer]:
    """A server of this process's own: what opens the sound card "pulse" inside hears and speaks there. Skips the
    test that needs it where there is none."""
    if missing:
        pytest.skip(missing)
    with sound_server.sound_server(*more) as server, devices_of(server.environment) as sounddevice:
        if not any(device["name"] == CARD for device in sounddevice.query_devices()):
            pytest.skip("libasound2-plugins is not installed")
        yield server


@contextmanager
def devices_of(environment: Mapping[str, str]) -> Iterator[Any]:
    """The module sounddevice, which sees here what programs with this environment see."""
    import sounddevice  # here, because it fails without the library, and looks at the environment when it starts

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        sounddevice._terminate()
        sounddevice._initialize()
        yield sounddevice
