"""The toy on duty, for tests: `companion run` in a process of its own, and what one reads in its journal meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from toy_models import toy_piper, toy_whisper

from companion.audio import Samples

HERE = Path(__file__).parent
BRIEF = {"COMPANION_TOY__CHARACTER": str(HERE / "brief.toml"), "COMPANION_EARS__CALLED": "open"}
"""A character that soon lets one speak, to whoever speaks."""


def speech(name: str) -> tuple[int, Samples]:
    """Rate and samples of a recording in `tests/speech`."""
    with wave.open(str(HERE / "speech" / name)) as file:
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)


def small_store(folder: Path, words: str) -> Path:
    """A store with a Whisper, which hears these words, and a Piper voice, both small, both real."""
    (folder / "whisper").mkdir(parents=True)
    (folder / "piper").mkdir()
    toy_whisper(folder / "whisper" / "toy", words)
    toy_piper(folder / "piper")
    return folder


class Running:
    """`companion run` in a process of its own."""

    def __init__(
        self, folder: Path, environment: dict[str, str], *words: str, within: Sequence[str], stderr: IO[bytes]
    ) -> None:
        self.folder = folder
        self._journal = folder / "journal.jsonl"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPANION_", "DASHSCOPE_"))}
        self._stderr = stderr
        self.process = subprocess.Popen(
            [
                *within,
                sys.executable,
                "-W",
                "error",
                str(HERE / "run_on_mock_pins.py"),
                str(folder / "told.json"),
                *("run", "--journal", str(self._journal), *words),
            ],
            env=clean | {"STATE_DIRECTORY": str(folder / "state")} | BRIEF | environment,
            stderr=stderr,
        )

    def events(self) -> list[dict[str, Any]]:
        if not self._journal.exists():
            return []
        return [json.loads(line) for line in self._journal.read_text().splitlines() if line.endswith("}")]

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 20.0) -> dict[str, Any]:
        """The newest event that is wanted; waited for up to `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            for event in reversed(self.events()):
                if wanted(event):
                    return event
            time.sleep(0.02)
        raise AssertionError(f"not in {self.events()}\n{self.ended(signal.SIGKILL)}")

    def state(self, name: str, seconds: float = 20.0) -> None:
        """Wait until the newest state is this one."""
        deadline = time.monotonic() + seconds
        states: list[str] = []
        while time.monotonic() < deadline and self.process.poll() is None:
            states = [event["state"] for event in self.events() if event["event"] == "state"]
            if states and states[-1] == name:
                return
            time.sleep(0.02)
        raise AssertionError(f"{name} is not the last of {states}\n{self.ended(signal.SIGKILL)}")

    def end(self) -> tuple[float, str]:
        """Tell it to stop: how long that took, and what it said on stderr."""
        began = time.monotonic()
        said = self.ended(signal.SIGTERM)
        assert self.process.returncode == 0, said
        return time.monotonic() - began, said

    def ended(self, how: signal.Signals) -> str:
        """Send this signal, which ends it: what it said on stderr."""
        self.process.send_signal(how)
        self.process.wait(timeout=10)
        self._stderr.seek(0)
        return self._stderr.read().decode()

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / "told.json").read_text())
        return told


@contextmanager
def running(folder: Path, environment: dict[str, str], *words: str, within: Sequence[str] = ()) -> Iterator[Running]:
    """`within`: a command that runs another one, such as one without a network."""
    with tempfile.TemporaryFile() as stderr:  # a pipe would be full some time, with what the libraries complain of
        toy = Running(folder, environment, *words, within=within, stderr=stderr)
        try:
            yield toy
        finally:
            if toy.process.poll() is None:
                toy.ended(signal.SIGKILL)
