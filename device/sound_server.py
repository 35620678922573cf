"""This file is a sound path without hardware: a private PulseAudio with a speaker nobody hears and a microphone one can
feed. Measurements and tests run on it.

It is paced in real time, exact to the sample, and can be killed, which is how a sound card is pulled out here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ctypes.util import find_library
from pathlib import Path

import numpy as np

from companion import children
from companion.audio import Samples

SINK = "rate=48000 channels={channels} norewinds=1"  # with rewinds a null sink's monitor lags by a second
SPEAKER = "spk"
MICROPHONE = "micfeed"

HUM_HERTZ, HUM_VOLUME = 20, "5%"
"""A hum of 2 or 3 of 32768, far below all that is heard: nothing but zeros would be a dead microphone. One round of it
is 2400 samples at 48 kHz, whole ones at any rate: the server mixes in such blocks."""
CARD = "pulse"
"""The sound card's name, as PortAudio sees it."""

URGENCY = 6
"""Real-time priority of the server, 1 to 99: a sound card has no busy moments. The product gives its own threads 5."""

MOUTH_OPENS_SECONDS = 0.3
"""After which what is said is in the air."""

ECHO = f"module-loopback source={SPEAKER}.monitor sink={MICROPHONE} latency_msec=20"
"""A module that lets the microphone hear the speaker."""


def missing() -> str:
    """Why there can be no sound server here; empty where there can. Takes a while."""
    for program in ("pulseaudio", "pactl", "pacat"):
        if not shutil.which(program):
            return f"{program} is not installed"
    return "" if find_library("portaudio") else "libportaudio2 is not installed"


class SoundServer:
    """The server, and what one does in its room."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pid: int | None = None
        self.environment: Mapping[str, str] = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
            "PULSE_STATE_PATH": str(folder / "state"),
            "HOME": str(folder),
        }

    def start(self, *more: str) -> None:
        """Start it, or start it again; `more` modules are loaded as well."""
        modules = [
            "module-native-protocol-unix auth-anonymous=1",
            f"module-null-sink sink_name={SPEAKER} {SINK.format(channels=2)}",
            f"module-null-sink sink_name={MICROPHONE} {SINK.format(channels=1)}",
            f"module-sine sink={MICROPHONE} frequency={HUM_HERTZ}",
            *more,
        ]
        loads = [argument for module in modules for argument in ("-L", module)]
        self._run("pulseaudio", "-n", "--daemonize=yes", "--exit-idle-time=-1", *loads)
        self._pid = int((self.folder / "pulse" / "pid").read_text())
        self._be_prompt()
        self._run("pactl", "set-default-sink", SPEAKER)
        self._run("pactl", "set-default-source", f"{MICROPHONE}.monitor")
        self.hum(on=True)

    def _be_prompt(self) -> None:
        """As a sound card is, whatever else the computer does; as far as that is allowed."""
        with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
            for thread in Path(f"/proc/{self._pid}/task").iterdir():
                os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(URGENCY))

    def hang(self) -> None:
        """Let the sound cards stay, and do nothing any more."""
        assert self._pid is not None
        os.kill(self._pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Pull the sound cards out. Returns when they are gone."""
        if self._pid is None:
            return
        os.kill(self._pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while Path(f"/proc/{self._pid}/stat").exists() and time.monotonic() < deadline:
            if ") Z" in Path(f"/proc/{self._pid}/stat").read_text():
                break
            time.sleep(0.01)
        self._pid = None
        for left in (self.folder / "pulse").iterdir():
            left.unlink()

    def hum(self, *, on: bool) -> None:
        """Whether the room hums, as rooms do; without it the microphone gives nothing but zeros."""
        self._run("pactl", "set-sink-input-volume", "0", HUM_VOLUME if on else "0")

    def say(self, samples: Samples, rate: int) -> None:
        """Say this into the microphone; returns when it was said."""
        feed = ["pacat", "--playback", f"--device={MICROPHONE}", f"--rate={rate}", "--channels=1", "--format=s16le"]
        self._run(*feed, sound=samples.tobytes(), limit=len(samples) / rate + 5)

    @contextmanager
    def saying(self, samples: Samples, rate: int) -> Iterator[None]:
        """Begin to say this into the microphone; what is not said at the end of the block is left unsaid."""
        path = self.folder / f"saying-{time.monotonic_ns()}"
        path.write_bytes(samples.tobytes())
        feed = ["pacat", "--playback", f"--device={MICROPHONE}", f"--rate={rate}", "--channels=1", "--format=s16le"]
        with path.open("rb") as file:
            mouth = subprocess.Popen(feed, stdin=file, env=self._everything(), stderr=subprocess.DEVNULL)
        try:
            time.sleep(MOUTH_OPENS_SECONDS)
            yield
        finally:
            mouth.kill()
            mouth.wait(timeout=5)

    @contextmanager
    def recording(self, source: str = f"{SPEAKER}.monitor", rate: int = 48_000) -> Iterator[Recording]:
        """Record the room, in mono, while inside; at most for a minute."""
        command = ["timeout", "60", "pacat", "--record", f"--device={source}", f"--rate={rate}", "--channels=1"]
        path = self.folder / f"recording-{time.monotonic_ns()}"
        with path.open("wb") as file:
            recorder = subprocess.Popen(
                [*command, "--format=s16le", "--latency-msec=20"], stdout=file, env=self._everything()
            )
        recorded = Recording(path)
        try:
            deadline = time.monotonic() + 5
            while path.stat().st_size == 0 and time.monotonic() < deadline:
                time.sleep(0.01)
            yield recorded
        finally:
            recorder.terminate()
            recorder.wait(timeout=5)

    def _everything(self) -> dict[str, str]:
        """The environment of the programs of its room."""
        return {**children.environment(), **self.environment}

    def _run(self, *command: str, sound: bytes = b"", limit: float = 10) -> None:
        subprocess.run(
            command,
            input=sound,
            env=self._everything(),
            timeout=limit,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


class Recording:
    """What a room sounded like."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def samples(self) -> Samples:
        """All that is recorded so far."""
        data = self._path.read_bytes()
        return np.frombuffer(data[: len(data) // 2 * 2], dtype=np.int16)

    def began(self, rate: int = 48_000) -> float:
        """When its first sample was heard, in seconds of `time.monotonic()`: as late as the newest samples of a third
        of a second allow, since what is heard is written some time later, and the least of these delays is short."""
        ends = time.monotonic() + 0.3
        began = float("inf")
        while (now := time.monotonic()) < ends:
            began = min(began, now - self._path.stat().st_size / 2 / rate)
            time.sleep(0.001)
        return began


@contextmanager
def sound_server(*more: str) -> Iterator[SoundServer]:
    """A server of one's own, with `more` modules; it ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        server = SoundServer(Path(folder))
        server.start(*more)
        try:
            yield server
        finally:
            server.kill()
