"""This file speaks for the tests: flite's voices where flite is installed, else espeak-ng out of its wheel."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np

from companion.audio import Audio, Samples
from companion.simulation import sound_of
from companion.spoken_turns import VOICES, trimmed
from models.espeak import EspeakVoice

FLITE = ("rms", "awb", "slt", "kal16")
"""Its voices, of those there are."""

LIMIT = 60.0
"""Seconds flite may take for a sentence; it takes 0.1."""


def has_flite() -> bool:
    return shutil.which("flite") is not None


def speak(text: str, voice: str, folder: Path, *, flite: bool | None = None) -> Samples:
    """`text` at `RATE`, trimmed: its first and its last sample are speech. `folder` keeps it for the next time.

    `flite` chooses the engine; None takes flite where it is installed. The same words always give the same samples.
    """
    flite = (has_flite() if flite is None else flite) and voice in FLITE
    name = hashlib.sha256(f"{'flite' if flite else 'espeak'}/{voice}/{text}".encode()).hexdigest()[:24]
    kept = folder / f"{name}.npy"
    if not kept.exists():
        samples = trimmed(_with_flite(text, voice, folder / f"{name}.wav") if flite else _with_espeak(text, voice))
        np.save(kept, samples)
    found: Samples = np.load(kept)
    return found


def _with_flite(text: str, voice: str, file: Path) -> Audio:
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(file)], check=True, timeout=LIMIT)
    with wave.open(str(file)) as sound:
        audio = Audio(np.frombuffer(sound.readframes(sound.getnframes()), np.int16), sound.getframerate())
    file.unlink()
    return audio


def _with_espeak(text: str, voice: str) -> Audio:
    return asyncio.run(sound_of(EspeakVoice(VOICES[voice]), text))
