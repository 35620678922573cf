"""A sound card that no sound server shares, for tests: a plugin of libasound, beneath the real libasound and the real
PortAudio."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
from sound_server import devices_of

from companion.audio import Samples

SOURCE = Path(__file__).with_suffix(".c")
NAME = "plush"
QUIET_SECONDS = 20
"""Of the noise of a quiet room, over and over."""

SOON_NANOSECONDS = 200_000_000
"""After which what is said is in the air: longer than what a program has not read yet may wait."""

HEADERS = Path("/usr/include/alsa/pcm_external.h")


@cache
def built() -> bytes:
    """The plugin."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "card.so")
        command = ["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-DPIC", "-o", library, SOURCE]
        subprocess.run([*command, "-lasound"], check=True, timeout=60)
        return library.read_bytes()


class Card:
    """A card of one rate and one number of channels, for one program at a time."""

    def __init__(self, folder: Path, rate: int, channels: int, echo: float, delay: float) -> None:
        """`echo`: how much of what it plays it hears, `delay` seconds later."""
        self.rate = rate
        self.channels = channels
        self._folder = folder
        self.environment = {
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "COMPANION_BODY__MICROPHONE": NAME,
            "COMPANION_BODY__SPEAKER": NAME,
        }
        """Of a program that sees it, and of a toy that takes it."""
        (folder / "card.so").write_bytes(built())
        abilities = f"rate {rate} channels {channels} echo {round(100 * echo)} delay {round(1000 * delay)}"
        (folder / "asound.conf").write_text(
            "</usr/share/alsa/alsa.conf>\n"
            f'pcm_type.toy_card {{ lib "{folder}/card.so" }}\n'
            f'pcm.{NAME} {{ type toy_card folder "{folder}" {abilities} }}\n'
        )
        self.start()

    def start(self, hears: Samples | None = None) -> None:
        """Plug it in: it is there from now on, and hears this over and over, int16, shape (frames, channels); None: a
        quiet room."""
        if hears is None:
            shape = (QUIET_SECONDS * self.rate, self.channels)
            hears = np.random.default_rng(0).integers(-8, 9, shape).astype(np.int16)
        (self._folder / "coming").write_bytes(hears.tobytes())
        (self._folder / "coming").rename(self._folder / "hears")
        (self._folder / "plays").write_bytes(b"")

    def kill(self) -> None:
        """Pull it out."""
        (self._folder / "hears").unlink()
        (self._folder / "plays").unlink()

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Whoever starts it fails, as when it is pulled out at that moment."""
        (self._folder / "fails").touch()
        yield
        (self._folder / "fails").unlink()

    @property
    def played(self) -> Samples:
        """All that was played since it was plugged in, shape (frames, channels)."""
        return np.fromfile(self._folder / "plays", np.int16).reshape(-1, self.channels)

    def say(self, samples: Samples, rate: int) -> None:
        """Say this into its microphone; returns when it was said."""
        sound = soxr.resample(samples, rate, self.rate)
        begins = time.monotonic_ns() + SOON_NANOSECONDS
        frames = np.repeat(sound[:, np.newaxis], self.channels, axis=1)
        (self._folder / "coming").write_bytes(np.int64(begins).tobytes() + frames.tobytes())
        (self._folder / "coming").rename(self._folder / "voice")
        time.sleep(SOON_NANOSECONDS / 1e9 + len(sound) / self.rate)

    @contextmanager
    def used_by_another(self, side: str) -> Iterator[None]:
        """Another program has it open: its "hears" or its "plays"."""
        with (self._folder / side).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def alsa_card(rate: int = 48_000, channels: int = 2, *, echo: float = 0.0, delay: float = 0.0) -> Iterator[Card]:
    """A card for programs with its environment. Skips the test where none can be made."""
    if not shutil.which("cc") or not HEADERS.exists():
        pytest.skip("a C compiler or libasound2-dev is not installed")
    with tempfile.TemporaryDirectory() as folder:
        yield Card(Path(folder), rate, channels, echo, delay)


@contextmanager
def alsa_card_here(rate: int = 48_000, channels: int = 2, *, echo: float = 0.0, delay: float = 0.0) -> Iterator[Card]:
    """A card that PortAudio in this process sees, and no other."""
    with alsa_card(rate, channels, echo=echo, delay=delay) as card:
        with devices_of(card.environment) as sounddevice:
            yield card
        sounddevice._terminate()
        sounddevice._initialize()
