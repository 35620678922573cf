"""This file measures, on this machine, what it saves that Whisper looks at the audio there is and not at 30 s.

Its Whisper has the real tiny shape and random weights: that tells of speed and memory, and nothing of what is heard.
Both arms say the same number of tokens, because the model ends by itself after so many.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from companion import children
from companion.audio import RATE, Audio, Utterance
from companion.bench import Measured

SHAPE: Final = "tiny"
TOKENS: Final = 20
"""In a text of 4 s, about."""

CLIP_SECONDS: Final = 4.0

REPETITIONS: Final = 11
"""Of both arms in turn."""

FRESH: Final = 3
"""Processes for each arm whose memory is measured: it hardly differs."""


def measure() -> list[Measured]:
    """How many times as long faster-whisper takes as we do, and how much of its memory we need. Takes about half a
    minute. The model is made for it."""
    from models.random_whisper import random_whisper

    with TemporaryDirectory() as folder:
        model = random_whisper(Path(folder) / SHAPE, SHAPE, TOKENS)
        return [*_times(model), *_memory(model)]


def _times(model: Path) -> list[Measured]:
    stock, ours = _stock(model), _ours(model)
    if stock() != ours():  # and each is warm
        raise AssertionError("the two arms do not say the same")
    pairs = [(_seconds(stock), _seconds(ours)) for _ in range(REPETITIONS)]
    ratios = [long / short for long, short in pairs]
    what = f"Whisper, {CLIP_SECONDS:g} s of sound, {TOKENS} tokens"
    return [
        Measured.of("5_whisper_stock_over_ours", f"{what}: faster-whisper's time over ours", ratios, "times", digits=3),
        Measured.of("whisper_stock_ms", f"{what}: faster-whisper", [1000 * long for long, _ in pairs], "ms", digits=3),
        Measured.of("whisper_ms", f"{what}: ours", [1000 * short for _, short in pairs], "ms", digits=3),
    ]


def _memory(model: Path) -> list[Measured]:
    pairs = [(_peak("ours", model), _peak("stock", model)) for _ in range(FRESH)]
    what = "Whisper's peak of memory, the process included"
    return [
        Measured.of(
            "6_whisper_memory_ratio", f"{what}: ours over faster-whisper's", [a / b for a, b in pairs], "", digits=3
        ),
        Measured.of("whisper_memory_mb", f"{what}: ours", [ours / 1024 for ours, _ in pairs], "MB", digits=3),
    ]


def _seconds(read: Callable[[], str]) -> float:
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


def _clip() -> Utterance:
    noise = np.random.default_rng(0).normal(0, 500, round(CLIP_SECONDS * RATE))
    return Utterance(Audio(noise.astype(np.int16)), began=0.0, ended=CLIP_SECONDS)


def _ours(model: Path) -> Callable[[], str]:
    from models.whisper import WhisperTranscriber

    transcriber, clip = WhisperTranscriber(model, language="en"), _clip()
    asyncio.run(transcriber.load())
    return lambda: asyncio.run(transcriber.transcribe(clip)).text


def _stock(model: Path) -> Callable[[], str]:
    read, clip = stock_reader(model), _clip().audio
    return lambda: read(clip)


def stock_reader(model: Path) -> Callable[[Audio], str]:
    """faster-whisper as it is, asked for the quickest it can do, in a thread like ours."""
    from models.threads import engine_thread

    thread = engine_thread("stock")

    def load() -> Callable[[Audio], str]:
        from faster_whisper import WhisperModel

        threads = max(1, (os.cpu_count() or 1) - 1)
        whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=threads)

        def read(audio: Audio) -> str:
            segments, _ = whisper.transcribe(
                audio.floats,
                language="en",
                beam_size=1,
                temperature=0.0,
                without_timestamps=True,
                condition_on_previous_text=False,
            )
            return "".join(segment.text for segment in segments).strip()

        return read

    read = thread.submit(load).result()
    return lambda audio: thread.submit(read, audio).result()


def _peak(arm: str, model: Path) -> int:
    """KiB at most that a fresh process had in memory, which did nothing but load the model and read one clip."""
    script = f"import companion.bench_whisper as it; it._{arm}(it.Path({str(model)!r}))(); print(it._highest())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=children.environment(), check=True
    )
    return int(done.stdout)


def _highest() -> int:
    """Linux's "high water mark" of this process, in KiB. What `resource` gives begins with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kib)
