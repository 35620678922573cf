"""This file measures, on this machine, how much sooner a Piper voice sounds when it makes a sentence piece by piece,
and what that costs.

The voice has the real shape and random weights: it babbles, and takes as long as a real one. Ours and the whole
sentence are measured in turns, because a machine is not as fast at all times.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from companion.bench import Measured
from companion.errors import NoVoice
from companion.waterfall_picture import NOTE

if TYPE_CHECKING:
    from models.piper import Piper

SENTENCE = "We walked along the river in the morning."
"""Lasts 3.1 s in the random voice, and has as many phonemes as what takes 3 s in a real one."""

REPETITIONS = 9


def measure() -> list[Measured]:
    """How much sooner the first sound of a sentence of 3 s is there, how exact it is, and what it costs. Takes about
    half a minute, and 200 MB on the disk meanwhile. Raises NoVoice."""
    from models.piper import Piper
    from models.random_piper import random_piper

    with TemporaryDirectory() as folder:
        onnx = random_piper(Path(folder))
        whole, ours = Piper(onnx), Piper(onnx, cuts=Path(folder, "cuts"))
        asyncio.run(ours.load())
        if ours.error is None:
            raise NoVoice(ours.remark)
        for voice in whole, ours:
            asyncio.run(_spoken(voice))  # the first time takes longer
        rounds = [(asyncio.run(_spoken(whole)), asyncio.run(_spoken(ours))) for _ in range(REPETITIONS)]
    return [
        Measured.of(
            "7_piper_first_chunk_gain",
            f"first sound of a sentence of 3 s, whole / ours ({NOTE})",
            [before.first / after.first for before, after in rounds],
            "x",
        ),
        Measured("7_piper_max_error", "how much a sample differs at most", ours.error, ours.error, "of full scale"),
        Measured.of(
            "8_piper_cpu_ratio",
            f"processor time of the sentence, ours / whole ({NOTE})",
            [after.processor / before.processor for before, after in rounds],
            "x",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """How long a sentence took."""

    first: float
    """Seconds until its first piece was there."""
    processor: float
    """Seconds of all cores together, until all of it was."""


async def _spoken(voice: Piper) -> _Spoken:
    began, used, first = time.perf_counter(), time.process_time(), 0.0
    async with aclosing(voice.speak(SENTENCE)) as pieces:
        async for _ in pieces:
            first = first or time.perf_counter() - began
    return _Spoken(first, time.process_time() - used)
