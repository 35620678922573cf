"""A learnt name without minutes of learning: the committed one for "hey bunny", and sounds to try it with."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from companion.audio import FRAME_SAMPLES, Audio, Samples
from companion.ports import Wake, WakeWord

PHRASE = "hey bunny"

HEAD = Path(__file__).parent / "wake" / "hey-bunny.wake"
"""`companion wake add "hey bunny"` with espeak-ng's voices alone; see wake/README.md."""


def sound(file: Path) -> Samples:
    """The samples of a WAV file, 16 kHz mono."""
    with wave.open(str(file)) as opened:
        assert (opened.getframerate(), opened.getnchannels()) == (16_000, 1)
        return np.frombuffer(opened.readframes(opened.getnframes()), dtype=np.int16)


def dither(seconds: float, seed: int = 0) -> Samples:
    """A quiet room."""
    return np.random.default_rng(seed).integers(0, 2, round(seconds * 16_000)).astype(np.int16)


def fed(wake: WakeWord, *sounds: Samples) -> list[tuple[float, Wake]]:
    """When, in seconds, what was heard in one stream."""
    stream = np.concatenate(sounds)
    frames = stream[: len(stream) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return [((number + 1) * 0.01, told) for number, frame in enumerate(frames) if (told := wake.hears(Audio(frame)))]
