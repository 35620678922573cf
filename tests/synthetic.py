"""This file speaks for the tests: flite's voices where flite is installed, else espeak-ng out of its wheel."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import wave
from contextlib import aclosing
from pathlib import Path

import numpy as np
import soxr

from companion.audio import RATE, Audio, Samples
from companion.character import Espeak
from models.espeak import EspeakVoice

VOICES = {
    "rms": Espeak(voice="en-us+m3", pitch=40),
    "awb": Espeak(voice="en-gb-scotland", pitch=45),
    "slt": Espeak(voice="en-us+f3", pitch=65),
    "kal16": Espeak(voice="en-us+m7", pitch=50),
}
"""flite's names, and who speaks instead where flite is missing."""

FOREIGN = {language: Espeak(voice=language) for language in ("de", "es", "fr", "ja", "zh")}
"""Who speaks other languages: flite has none."""

QUIET = 100
"""A sample beyond this, of 32768 (-50 dBFS), is speech when a voice is trimmed: flite's own silences stay below."""

LOUDEST = 16_384
"""The loudest sample of what is spoken: half of full scale (-6 dBFS)."""

LIMIT = 60.0
"""Seconds flite may take for a sentence; it takes 0.1."""


def has_flite() -> bool:
    return shutil.which("flite") is not None


def speak(text: str, voice: str, folder: Path, *, flite: bool | None = None) -> Samples:
    """`text` at `RATE`, trimmed: its first and its last sample are speech. `folder` keeps it for the next time.

    `flite` chooses the engine; None takes flite where it is installed. The same words always give the same samples.
    """
    flite = (has_flite() if flite is None else flite) and voice in VOICES
    name = hashlib.sha256(f"{'flite' if flite else 'espeak'}/{voice}/{text}".encode()).hexdigest()[:24]
    kept = folder / f"{name}.npy"
    if not kept.exists():
        samples = _trimmed(_with_flite(text, voice, folder / f"{name}.wav") if flite else _with_espeak(text, voice))
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
    async def spoken() -> Audio:
        async with aclosing(EspeakVoice((VOICES | FOREIGN)[voice]).speak(text)) as pieces:
            return Audio.join([piece async for piece in pieces])

    return asyncio.run(spoken())


def _trimmed(audio: Audio) -> Samples:
    sound = audio.samples.astype(np.float64)
    if audio.rate != RATE:
        sound = soxr.resample(sound, audio.rate, RATE)
    sound *= LOUDEST / max(1.0, float(np.abs(sound).max(initial=0.0)))
    loud = np.flatnonzero(np.abs(sound) > QUIET)
    if not len(loud):
        raise ValueError("nothing was spoken")
    trimmed: Samples = np.round(sound[loud[0] : loud[-1] + 1]).astype(np.int16)
    return trimmed
