"""A healthy simulated machine, for tests: a room with some noise, mock pins, small models, a mock service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from command import COMPANION
from on_duty import small_store

from companion.audio import Samples
from device.sound_server import CARD, SoundServer

CARDS = {"COMPANION_BODY__MICROPHONE": CARD, "COMPANION_BODY__SPEAKER": CARD}
MOCK_PINS = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin"}
VOICE = "en_US-toy-low"


def room(amplitude: float, seconds: float = 60.0) -> Samples:
    """The noise of a room, at 16 kHz: `amplitude` is its standard deviation."""
    noise = np.random.default_rng(0).normal(0.0, amplitude, round(seconds * 16_000))
    return np.clip(np.rint(noise), -32768, 32767).astype(np.int16)


def models(folder: Path) -> Path:
    """A store with ears and the voice `VOICE`."""
    return small_store(folder, "hello little fox")


@contextmanager
def mock_qwen() -> Iterator[str]:
    """The base URL of the mock service, in a process of its own."""
    command = [str(COMPANION), "mock-qwen"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout
        try:
            yield served.stdout.readline().strip()
        finally:
            served.terminate()


def healthy(server: SoundServer, store: Path, base_url: str, home: Path) -> dict[str, str]:
    """The environment of a toy that lacks nothing; nothing of the user's own is read."""
    return {
        **server.environment,
        **CARDS,
        **MOCK_PINS,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "COMPANION_MODELS__STORE": str(store),
        "COMPANION_CHAT__BASE_URL": base_url,
        "DASHSCOPE_API_KEY": "sk-0123456789abcdef",
    }


def faked_clock(when: str) -> Mapping[str, str]:
    """What makes a program believe that it is `when`; nothing where that cannot be done."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found or sys.platform != "linux":
        return {}
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": when,
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def away_from_this_user(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` over what this process has, without what the toy would read of it."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("COMPANION_", "DASHSCOPE_"))
    } | dict(environment)
