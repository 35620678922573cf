"""This file measures, on this machine, what needs a sound card: how soon the toy falls silent, what it costs to listen
while nobody speaks, whether sound is lost on a busy computer, and how soon after the start it hears.

Where there is no sound card, a private PulseAudio stands in for it. Each measurement is made in a fresh process, since
PortAudio looks at the environment only once.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from companion import children
from companion.audio import FRAME_SECONDS, RATE, Audio, Samples, frames
from companion.bench import Measured
from companion.ears import Ears
from companion.echo import Echo
from companion.errors import CompanionError, DeviceError
from companion.patience import PATIENCE
from companion.ports import Clock
from device.microphone import SoundCardMicrophone
from device.sound_server import SoundServer, missing, sound_server
from device.speaker import SoundCardSpeaker

TONE_HERTZ, TONE_SECONDS, TONE_HEIGHT = 200, 2.0, 8_000
"""What is stopped: a tone of that amplitude, of 32768."""

STOPPED_SECONDS: Final = 0.4
"""After which it is stopped."""

AUDIBLE: Final = 40
"""Of a sample; what is left below that is 46 dB softer than the tone."""

ROOM_RATE: Final = 48_000
"""Hertz at which a sound server's room is recorded."""

YOUNG_SECONDS: Final = 1.5
"""Until a stream tells its times well."""

SETTLED_SECONDS: Final = 6.0
"""After which a stream costs what it costs from then on."""

PIECES: Final = 4
"""Into which the time of listening is cut, for a median."""

QUIET_SECONDS: Final = 1.5
"""Before and after both cores are busy: the times of frames are then known to a few milliseconds."""

BUSY: Final = """
import sys, time
import numpy as np
ends, numbers = time.monotonic() + float(sys.argv[1]), np.ones((256, 256), np.float32)
print("busy", flush=True)
while time.monotonic() < ends:
    numbers = numbers @ numbers * np.float32(1 / 256)
"""
"""A program that computes without a pause, as engines do; for a core each. It ends by itself when nobody ends it."""

LOOK_SECONDS: Final = 0.01
"""Between two looks into the journal of a toy that starts."""

START_SECONDS: Final = 60.0
"""A toy that is not ready after so long never will be."""

SETTINGS: Final = """
[chat]
base_url = "http://127.0.0.1:9/v1"
key_file = {key}
[ears]
engine = "whisper"
[voice]
engine = "piper"
[models]
store = {store}
[body]
board = "usb"
"""
"""Of a toy that is started: it has ears and a voice, and nobody it could ask. Board "usb" has no pins."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often it is measured."""

    stops: int = 9
    idle_seconds: float = 24.0
    busy_seconds: float = 22.0
    starts: int = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is measured."""

    environment: Mapping[str, str]
    server: Path | None = None
    """The folder of our own sound server; None: there are sound cards."""

    @property
    def words(self) -> str:
        """For a sentence."""
        return "on a sound server of its own" if self.server else "on this computer's sound card"


FULL: Final = Effort()
"""What the figures need: two and a half minutes."""


def measure(effort: Effort = FULL) -> tuple[list[Measured], list[str]]:
    """The figures, and a sentence for each that could not be measured. A tone is heard, and the toy says its first
    words, where there is a sound card."""
    measured: list[Measured] = []
    skipped: list[str] = []
    try:
        with _place() as place:
            for what, figures in FIGURES.items():
                try:
                    measured += figures(place, effort)
                except DeviceError as error:
                    skipped.append(f"It is not measured {what}: {error}")
    except DeviceError as error:
        skipped.append(f"Nothing that needs a sound card is measured: {error}")
    return measured, skipped


@contextmanager
def _place() -> Iterator[Place]:
    """This computer's sound cards; else a private sound server, as long as the block lasts. Raises DeviceError."""
    with ExitStack() as stack:
        try:
            _child(Place(children.environment()), _opened, seconds=30)
            place = Place(children.environment())
        except DeviceError as error:
            if reason := missing():
                raise DeviceError(f"{error}; and there can be no sound server, because {reason}") from error
            try:
                server = stack.enter_context(sound_server())
            except (OSError, subprocess.SubprocessError) as failure:
                raise DeviceError(f"{error}; and the sound server does not start: {failure}") from failure
            place = Place({**children.environment(), **server.environment}, server.folder)
        yield place


def _silence(place: Place, effort: Effort) -> list[Measured]:
    """From the decision to silence. Raises DeviceError."""
    folder = str(place.server) if place.server else None
    took = _child(place, _stops, effort.stops, folder, seconds=30 + 5 * effort.stops)
    what = f"from the decision to be silent to the last audible sample, {place.words}"
    return [Measured.of("12_decision_to_silence_ms", what, [1000 * seconds for seconds in took], "ms", digits=1)]


def _idle(place: Place, effort: Effort) -> list[Measured]:
    """The processor while nobody speaks. Raises DeviceError."""
    seconds = 30 + 2 * effort.idle_seconds
    ours, floor = (_child(place, listen, effort.idle_seconds, seconds=seconds) for listen in (_listening, _streaming))
    what = f"a toy at rest, nobody speaks, its microphone is open, {place.words}"
    alone = "... the microphone's stream alone, with nobody behind it"
    return [
        Measured.of("13_idle_cpu_percent", what, ours, "% of a core"),
        Measured.of("idle_floor_cpu_percent", alone, floor, "% of a core"),
    ]


def _lost(place: Place, effort: Effort) -> list[Measured]:
    """The microphone while all cores are busy. Raises DeviceError."""
    lost = _child(place, _frames_lost, effort.busy_seconds, seconds=60 + 2 * effort.busy_seconds)
    what = f"frames of 10 ms lost in {effort.busy_seconds:g} s while all cores are busy, {place.words}"
    return [Measured.of("14_frames_lost", what, lost, "frames")]


def _start(place: Place, effort: Effort) -> list[Measured]:
    """From the start until it hears, and until all is ready. Raises DeviceError."""
    from models.random_piper import random_piper
    from models.random_whisper import random_whisper

    with TemporaryDirectory() as name:
        folder = Path(name)
        random_whisper(folder / "store" / "whisper" / "tiny", "tiny")
        random_piper(folder / "store" / "piper")
        starts = [_started(place, folder) for _ in range(effort.starts)]
    heard, ready = ([1000 * moments[which] for moments in starts] for which in (0, 1))
    ratios = [soon / late for soon, late in starts]
    what = "from the start of the process until"
    return [
        Measured.of("15_mic_open_over_all_ready", f"{what} it hears, over until all is ready", ratios, "", digits=3),
        Measured.of("microphone_open_ms", f"{what} it hears", heard, "ms"),
        Measured.of("all_ready_ms", f"{what} all is ready", ready, "ms"),
    ]


FIGURES: Final[Mapping[str, Callable[[Place, Effort], list[Measured]]]] = {
    "how soon it is silent": _silence,
    "what it costs to listen while nobody speaks": _idle,
    "whether sound is lost on a busy computer": _lost,
    "how soon after the start it hears": _start,
}


def _child(
    place: Place, doing: Callable[..., Coroutine[Any, Any, list[float]]], *arguments: float | str | None, seconds: float
) -> list[float]:
    """What this gives in a fresh process, which may take so many `seconds`. Raises DeviceError."""
    told = ", ".join(repr(argument) for argument in arguments)
    script = f"import companion.bench_sound as it; it._tell(it.{doing.__name__}({told}))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env=dict(place.environment),
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"it took more than {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        raise DeviceError(_last_line(error.stderr) or f"exit code {error.returncode}") from error
    told_back = json.loads(done.stdout)
    if isinstance(told_back, str):
        raise DeviceError(told_back)
    return [float(value) for value in told_back]


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _tell(doing: Coroutine[Any, Any, list[float]]) -> None:
    """In a fresh process: print as JSON what this gives, or why it cannot."""
    told: list[float] | str
    try:
        told = asyncio.run(doing)
    except CompanionError as error:
        told = str(error)
    print(json.dumps(told))  # noqa: T201 - to whoever started this process


@asynccontextmanager
async def _body(rest: float | None = None) -> AsyncIterator[tuple[Clock, SoundCardMicrophone, SoundCardSpeaker]]:
    """The system's default microphone and speaker, as a toy has them; `rest`: as of the speaker. Raises DeviceError."""
    from device.sound_cards import PortAudio
    from device.wall_clock import WallClock

    clock, cards = WallClock(), PortAudio()
    async with AsyncExitStack() as stack:
        speaker = SoundCardSpeaker(clock, cards, rest=rest)
        stack.push_async_callback(speaker.close)
        microphone = SoundCardMicrophone(clock, cards, played=speaker.played_between)
        stack.push_async_callback(microphone.close)
        await speaker.open()
        await microphone.read()
        yield clock, microphone, speaker


async def _opened() -> list[float]:
    """Whether there are sound cards. Raises DeviceError."""
    async with _body():
        return []


async def _stops(times: int, server: str | None) -> list[float]:
    """Seconds from each decision to the last audible sample."""
    async with _body() as (clock, _, speaker):
        await asyncio.sleep(YOUNG_SECONDS)  # the first times that a stream tells are off
        if server is None:
            return [await _stop(clock, speaker) for _ in range(times)]
        return [await _stop_in_a_room(speaker, SoundServer(Path(server))) for _ in range(times)]


async def _stop(clock: Clock, speaker: SoundCardSpeaker) -> float:
    """By the speaker's own account of what was heard."""
    await _sounding(speaker)
    stopped = clock.now()
    speaker.stop()
    await asyncio.sleep(STOPPED_SECONDS)
    return _last_audible(speaker.played_between(stopped, stopped + STOPPED_SECONDS).samples, RATE)


async def _stop_in_a_room(speaker: SoundCardSpeaker, server: SoundServer) -> float:
    """By what was recorded in the room."""
    with server.recording(rate=ROOM_RATE) as room:
        began = await asyncio.to_thread(room.began, ROOM_RATE)
        await _sounding(speaker)
        stopped = time.monotonic()
        speaker.stop()
        await asyncio.sleep(STOPPED_SECONDS)
        heard = room.samples
    return began + _last_audible(heard, ROOM_RATE) - stopped


async def _sounding(speaker: SoundCardSpeaker) -> None:
    """Have a tone sound, in the middle of it."""
    turns = 2 * np.pi * TONE_HERTZ * np.arange(round(TONE_SECONDS * RATE)) / RATE
    begins = await speaker.play(Audio(np.rint(TONE_HEIGHT * np.sin(turns)).astype(np.int16)))
    await speaker.reach(begins + STOPPED_SECONDS)


def _last_audible(samples: Samples, rate: int) -> float:
    """Seconds after which nothing is heard any more. Raises DeviceError when nothing ever was."""
    audible = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
    if not len(audible):
        raise DeviceError("the tone was not heard")
    return (int(audible[-1]) + 1) / rate


async def _listening(seconds: float) -> list[float]:
    """Percents of a core, of each piece of these `seconds`, that ears take which nobody speaks to."""
    from models.kalman_canceller import KalmanCanceller
    from models.speech_detector import SileroDetector

    async with _body(rest=SETTLED_SECONDS / 2) as (_, microphone, _):
        ears = Ears(microphone, SileroDetector(), PATIENCE["adult"], Echo(KalmanCanceller()))

        async def listen(length: float) -> None:
            ends = time.monotonic() + length
            while (left := ends - time.monotonic()) > FRAME_SECONDS:
                await ears.next(left)

        return await _spent(listen, seconds)


async def _streaming(seconds: float) -> list[float]:
    """The same for the stream alone: what the way from the sound card takes."""
    from device import microphone
    from device.sound_cards import Format, Line, PortAudio

    def stream(sd: Any, form: Format) -> Any:
        return sd.RawInputStream(
            device=form.device,
            channels=form.channels,
            samplerate=form.rate,
            dtype="int16",
            blocksize=round(form.rate * microphone.BLOCK_SECONDS),
            latency=microphone.LATENCY_SECONDS,
            callback=lambda *_: None,
        )

    line = Line(PortAudio(), "input", None, stream, spare=lambda: True)
    try:
        await line.open()
        return await _spent(asyncio.sleep, seconds)
    finally:
        await line.close()


async def _spent(doing: Callable[[float], Coroutine[Any, Any, None]], seconds: float) -> list[float]:
    """Percents of a core that this process takes, all its threads, in each piece of these `seconds`."""
    await doing(SETTLED_SECONDS)
    gc.collect()
    gc.freeze()  # as a toy on duty, which looks for no rubbish in what it is made of
    percents = []
    for _ in range(PIECES):
        began, used = time.monotonic(), time.process_time()
        await doing(seconds / PIECES)
        percents.append(100 * (time.process_time() - used) / (time.monotonic() - began))
    return percents


async def _frames_lost(seconds: float) -> list[float]:
    """How many frames were lost: by the times of those that came, or by the microphone's own account."""
    async with _body() as (_, microphone, _):
        ends: list[float] = []

        async def hear(length: float) -> None:
            for _ in range(frames(length)):
                ends.append((await microphone.read()).ends)

        await hear(SETTLED_SECONDS)
        ends.clear()
        lost_before = microphone.overflows
        await hear(QUIET_SECONDS)
        with _busy(seconds):
            await hear(seconds)
        await hear(QUIET_SECONDS)
        by_times = _missing_frames(ends, frames(QUIET_SECONDS))
        return [float(max(by_times, microphone.overflows - lost_before))]


def _missing_frames(ends: list[float], quiet: int) -> int:
    """How many frames are missing among these, of which so many at the beginning and at the end came in quiet."""
    late = np.array(ends) - FRAME_SECONDS * np.arange(len(ends))
    return max(0, round(float(np.median(late[-quiet:]) - np.median(late[:quiet])) / FRAME_SECONDS))


@contextmanager
def _busy(seconds: float) -> Iterator[None]:
    """All cores are busy."""
    alone = children.environment() | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BUSY, str(2 * seconds + 10)]
    programs: list[subprocess.Popen[str]] = []
    try:
        for _ in range(os.cpu_count() or 1):
            programs.append(subprocess.Popen(command, env=alone, stdout=subprocess.PIPE, text=True))
        yield
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def _started(place: Place, folder: Path) -> tuple[float, float]:
    """Seconds from the start of a toy's process until its microphone is open, and until all is ready."""
    settings, journal = folder / "companion.toml", folder / "journal.jsonl"
    (folder / "key").write_text("sk-nobody")
    settings.write_text(SETTINGS.format(key=json.dumps(str(folder / "key")), store=json.dumps(str(folder / "store"))))
    journal.unlink(missing_ok=True)
    ours = {name: value for name, value in place.environment.items() if not name.startswith(("COMPANION_", "NOTIFY_"))}
    ours["RUNTIME_DIRECTORY"] = str(folder)  # for its control socket: another toy may live here
    command = [sys.executable, "-c", "from companion.cli import main; main()", "run"]
    began = time.monotonic()
    toy = subprocess.Popen(
        [*command, "--config", str(settings), "--journal", str(journal)],
        env=ours,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready, clock = _watched(toy, journal)
    finally:
        toy.terminate()
        try:
            _, said = toy.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            toy.kill()
            _, said = toy.communicate()
    if "microphone" not in ready:
        raise DeviceError(_last_line(said) or "the microphone was not open when all was ready")
    return clock + ready["microphone"] - began, clock + max(ready.values()) - began


def _watched(toy: subprocess.Popen[str], journal: Path) -> tuple[dict[str, float], float]:
    """When each part was ready, on the toy's clock, and when that clock began, in seconds of `time.monotonic()`: as
    early as the line that was written most promptly allows. Empty when the toy has ended."""
    clock, ends = float("inf"), time.monotonic() + START_SECONDS
    while toy.poll() is None and time.monotonic() < ends:
        events = _events(journal)
        if events:
            clock = min(clock, time.monotonic() - max(event["at"] for event in events))
        ready = {event["part"]: event["at"] for event in events if event["event"] == "ready"}
        if "voice" in ready:  # the last of all parts
            return ready, clock
        time.sleep(LOOK_SECONDS)
    return {}, clock


def _events(journal: Path) -> list[dict[str, Any]]:
    with suppress(FileNotFoundError):
        return [json.loads(line) for line in journal.read_text().splitlines() if line.endswith("}")]
    return []
