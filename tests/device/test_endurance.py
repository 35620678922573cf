"""Minutes of hearing and speaking at once, on the real microphone and speaker, while speech-to-text takes two cores.

Two minutes, or five with COMPANION_SOAK=1. Everything is compared with what was said, sample by sample in blocks of
100 ms at one constant delay: a single frame lost or doubled anywhere moves all that comes after it.

The sound server stands in for a sound card, and a card has no busy moments. So all its threads, and those of its
library in this process, get real-time priority, as they would from rtkit; they had gaps of 0.1 s without it. The test
is skipped where that is not allowed. What the product does, it does with the priority that it gives itself.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import soxr
from ctranslate2.specs import WhisperSpec
from likeness import place
from numpy.typing import NDArray
from sound_server import sound_here
from waiting import until

from companion.audio import FRAME_SECONDS, RATE, Audio, Samples
from device.microphone import SoundCardMicrophone
from device.sound_cards import PortAudio
from device.sound_server import CARD, MICROPHONE, SPEAKER, URGENCY, SoundServer
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock
from models.threads import engine_thread, give_way

SECONDS = 300 if os.environ.get("COMPANION_SOAK") == "1" else 120
ROOM_RATE = 48_000
VOICE_RATE = 22_050
NOISE_RATE = 4_000
"""Noise with nothing above 2 kHz differs little when it is late by half a sample, and wholly when late by a frame."""

MAKING_SECONDS = 0.3
"""A voice takes so long for a phrase."""

CORES = 2
WIDTH, HEADS, LAYERS = 384, 6, 4
"""Of the real Whisper tiny."""


def noise(seconds: float, seed: int) -> Samples:
    """At `NOISE_RATE`, never quiet and never twice the same."""
    return np.random.default_rng(seed).integers(-8_000, 8_000, round(seconds * NOISE_RATE), dtype=np.int16)


def likeness(heard: Samples, said: Samples) -> float:
    """1 for the same sound, whatever its loudness; 0 for another one, and for none."""
    if len(heard) < len(said) or not heard.any():
        return 0.0
    return float(np.corrcoef(heard, said)[0, 1])


def faults(heard: Samples, said: Samples) -> list[str]:
    """All the places, 100 ms each, at which what was heard is not what was said; both at `ROOM_RATE`."""
    block, window = ROOM_RATE // 10, ROOM_RATE // 2
    at = place(heard[: 10 * ROOM_RATE], said[:ROOM_RATE])
    found = []
    for first in range(0, len(said) - block + 1, block):
        if (alike := likeness(heard[at + first : at + first + block], said[first : first + block])) > 0.99:
            continue
        after = first + block
        near = max(0, at + after - window)
        moved = near + place(heard[near : near + 4 * window], said[after : after + window]) - at - after
        if abs(moved) > window or len(heard) < at + after + window:
            moved = 0
        at += moved
        found.append(
            f"at {first / ROOM_RATE:.1f} s: likeness {alike:.3f}, then {moved / ROOM_RATE * 1000:+.1f} ms late"
        )
    return found


def urge(process: int, name: str = "") -> None:
    """Give the threads of a process real-time priority, or only those with this name. Skips the test if it cannot."""
    for thread in Path(f"/proc/{process}/task").iterdir():
        try:
            if not name or (thread / "comm").read_text().strip() == name:
                os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(URGENCY))
        except PermissionError:
            pytest.skip("real-time priority is not allowed here, which the sound server needs on busy cores")
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended meanwhile


@contextmanager
def someone_who_talks(server: SoundServer, path: Path, samples: Samples) -> Iterator[None]:
    """Says this into the microphone, from now on."""
    path.write_bytes(samples.tobytes())
    form = [f"--rate={ROOM_RATE}", "--channels=1", "--format=s16le", "--latency-msec=2000"]
    with path.open("rb") as file:
        command = ["pacat", "--playback", f"--device={MICROPHONE}", *form]
        mouth = subprocess.Popen(command, stdin=file, env=os.environ | server.environment)
        try:
            yield
        finally:
            mouth.terminate()
            mouth.wait(timeout=5)


@contextmanager
def someone_who_listens(server: SoundServer, path: Path) -> Iterator[None]:
    """Records what the speaker plays, into a file."""
    form = [f"--rate={ROOM_RATE}", "--channels=1", "--format=s16le", "--latency-msec=100"]
    with path.open("wb") as file:
        command = ["pacat", "--record", f"--device={SPEAKER}.monitor", *form]
        ear = subprocess.Popen(command, stdout=file, env=os.environ | server.environment)
        try:
            until(lambda: path.stat().st_size, seconds=5)
            yield
        finally:
            ear.terminate()
            ear.wait(timeout=5)


def whisper(folder: Path) -> ctranslate2.models.Whisper:
    """A Whisper whose encoder has the shape of the real tiny one, with random weights: it takes as long."""
    generator = np.random.default_rng(3)

    def weights(*shape: int) -> NDArray[np.float32]:
        return (generator.standard_normal(shape) * 0.02).astype(np.float32)

    words = [f"word{number}" for number in range(64)] + ["", "<|endoftext|>", "<|startoftranscript|>", "<|en|>"]
    spec = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = weights(WIDTH, 80, 3), weights(WIDTH)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    spec.encoder.position_encodings.encodings = weights(1500, WIDTH)
    spec.decoder.position_encodings.encodings = weights(448, WIDTH)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = weights(len(words), WIDTH)
    norms = [spec.encoder.layer_norm, spec.decoder.layer_norm]
    for layer in [*spec.encoder.layer, *spec.decoder.layer]:
        attentions = [getattr(layer, name) for name in ("self_attention", "attention") if hasattr(layer, name)]
        for attention in attentions:
            for linear, wide in zip(attention.linear, {2: (3, 1), 3: (1, 2, 1)}[len(attention.linear)], strict=True):
                linear.weight, linear.bias = weights(wide * WIDTH, WIDTH), weights(wide * WIDTH)
        layer.ffn.linear_0.weight, layer.ffn.linear_0.bias = weights(4 * WIDTH, WIDTH), weights(4 * WIDTH)
        layer.ffn.linear_1.weight, layer.ffn.linear_1.bias = weights(WIDTH, 4 * WIDTH), weights(WIDTH)
        norms += [part.layer_norm for part in (*attentions, layer.ffn)]
    for norm in norms:
        norm.gamma, norm.beta = np.ones(WIDTH, dtype=np.float32), np.zeros(WIDTH, dtype=np.float32)
    spec.config.suppress_ids = spec.config.suppress_ids_begin = spec.config.alignment_heads = []
    spec.config.lang_ids = [words.index("<|en|>")]
    spec.register_vocabulary(words)
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir()
    spec.save(str(folder))
    load = partial(ctranslate2.models.Whisper, str(folder), compute_type="int8", intra_threads=CORES, inter_threads=2)
    with engine_thread("whisper") as thread:  # as the product's own engines: its threads give way to sound
        return thread.submit(load).result()


@contextmanager
def busy(model: ctranslate2.models.Whisper) -> Iterator[list[float]]:
    """Encodes 30 s of sound again and again, two of them at once, each on both cores; gives how long each took."""
    took: list[float] = []
    over = threading.Event()
    features = ctranslate2.StorageView.from_array(np.random.default_rng(4).random((1, 80, 3_000), dtype=np.float32))

    def encode() -> None:
        give_way()
        while not over.is_set():
            began = time.monotonic()
            model.encode(features, to_cpu=True)
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=encode) for _ in range(3)]  # one of them waits: there is always work
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Python does not look through what earlier tests made, for which it would stop all threads for 0.1 s and more."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def two_cores() -> Iterator[list[int]]:
    """All that is started inside keeps to two cores, as many as the smallest computers have; gives their numbers."""
    all_cores = os.sched_getaffinity(0)
    cores = sorted(all_cores)[:CORES]
    os.sched_setaffinity(0, cores)
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, all_cores)


def processor(cores: list[int]) -> tuple[float, float]:
    """How long these cores have worked so far, and how long they have been there."""
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    spent = np.array([line[1:9] for line in lines if line[0] in {f"cpu{core}" for core in cores}], dtype=float).sum(0)
    idle, waiting = spent[3], spent[4]
    return spent.sum() - idle - waiting, spent.sum()


@asynccontextmanager
async def body() -> AsyncIterator[tuple[SoundCardMicrophone, SoundCardSpeaker]]:
    clock, cards = WallClock(), PortAudio()
    speaker = SoundCardSpeaker(clock, cards, CARD)
    microphone = SoundCardMicrophone(clock, cards, CARD, speaker.played_between)
    try:
        await speaker.open()
        yield microphone, speaker
    finally:
        await microphone.close()
        await speaker.close()


async def listen(microphone: SoundCardMicrophone, seconds: float) -> tuple[list[Samples], list[float]]:
    """What is captured, and when each frame ended. Keeps no frame: all Python would stop to look through thousands."""
    captured, ended = [], []
    for _ in range(round(seconds / FRAME_SECONDS)):
        frame = await microphone.read()
        captured.append(frame.captured.samples)
        ended.append(frame.ends)
    return captured, ended


async def speak(speaker: SoundCardSpeaker, voice: Samples) -> None:
    """Phrase by phrase, as a voice makes them: the next is made while the one before is heard."""
    lengths = np.random.default_rng(6).integers(VOICE_RATE // 2, 3 * VOICE_RATE, len(voice))
    ends = [end for end in np.cumsum(lengths) if end < len(voice)]
    begins = 0.0
    for phrase in np.split(voice, ends):
        await asyncio.sleep(MAKING_SECONDS)
        begins = await speaker.play(Audio(phrase, VOICE_RATE))
    await speaker.reach(begins + len(phrase) / VOICE_RATE)


def test_no_frame_is_lost_and_no_gap_is_heard_in_minutes_on_two_busy_cores(tmp_path: Path) -> None:
    faulthandler.cancel_dump_traceback_later()  # the watch over tests that hang has less patience
    user, voice = noise(SECONDS, 1), noise(SECONDS, 2)

    async def live(server: SoundServer) -> tuple[list[Samples], list[float], int, int]:
        async with body() as (microphone, speaker):
            await microphone.read()
            assert server._pid
            urge(server._pid)
            urge(os.getpid(), "threaded-ml")  # of the library through which PortAudio reaches the server
            with (
                someone_who_listens(server, tmp_path / "room"),
                someone_who_talks(server, tmp_path / "said", soxr.resample(user, NOISE_RATE, ROOM_RATE)),
            ):
                (captured, ended), _ = await asyncio.gather(
                    listen(microphone, SECONDS + 5),
                    speak(speaker, soxr.resample(voice, NOISE_RATE, VOICE_RATE)),
                )
            return captured, ended, microphone.overflows, speaker.underflows

    with (
        two_cores() as cores,
        sound_here() as server,
        busy(whisper(tmp_path / "whisper")) as encodings,
        nothing_left_behind(),
    ):
        worked, passed = processor(cores)
        captured, ended, overflows, underflows = asyncio.run(asyncio.wait_for(live(server), SECONDS + 60))
        load, seconds = np.subtract(processor(cores), (worked, passed))

    room = np.fromfile(tmp_path / "room", dtype=np.int16)
    lost = faults(soxr.resample(np.concatenate(captured), RATE, ROOM_RATE), soxr.resample(user, NOISE_RATE, ROOM_RATE))
    gaps = faults(room, soxr.resample(voice, NOISE_RATE, ROOM_RATE))
    ended = ended[100:]
    print(
        f"{SECONDS} s, both cores busy {load / seconds:.1%}, load average {os.getloadavg()[0]:.1f}, "
        f"{len(encodings)} encodings of {np.median(encodings):.2f} s each, {len(captured)} frames: "
        f"{overflows=}, {underflows=}, {lost=}, {gaps=}"
    )
    assert load / seconds > 0.9  # else this proves nothing
    assert (overflows, lost) == (0, [])
    assert (underflows, gaps) == (0, [])
    assert ended[-1] - ended[0] == pytest.approx((len(ended) - 1) * FRAME_SECONDS, abs=0.05)
