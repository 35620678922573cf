"""This file speaks with flite, where its command is installed: a few English voices, to learn a name from."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import wave
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import numpy as np

from companion import children
from companion.audio import Audio
from companion.errors import NoVoice

VOICES: Final = ("awb", "kal16", "rms", "slt")
"""Those that are compiled in and say whatever they are given, at 16 kHz."""


class FliteVoice:
    """A voice of flite's."""

    def __init__(self, name: str, *, stretch: float = 1.0) -> None:
        """`stretch`: above 1 is slower."""
        self._name = name
        self._stretch = stretch

    async def load(self) -> None:
        """Look whether the command is there. Raises NoVoice."""
        if not installed():
            raise NoVoice("flite is missing: install the package flite")

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """The phrase in one piece. Raises NoVoice."""
        await self.load()
        with tempfile.TemporaryDirectory(prefix="companion-") as folder:
            file = Path(folder, "said.wav")
            stretch = f"duration_stretch={self._stretch:.3f}"
            words = ("-voice", self._name, "--setf", stretch, "-t", text.replace("\0", " "), "-o", str(file))
            process = await asyncio.create_subprocess_exec(
                "flite",
                *words,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env=children.environment(),
            )
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if status:
                raise NoVoice(f"flite could not speak with its voice {self._name!r}")
            yield _read(file)


def installed() -> bool:
    """Whether there is the command."""
    return shutil.which("flite") is not None


def _read(file: Path) -> Audio:
    try:
        with wave.open(str(file)) as sound:
            return Audio(np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16), sound.getframerate())
    except (OSError, wave.Error, EOFError) as error:
        raise NoVoice(f"flite wrote what is no sound: {error}") from error
