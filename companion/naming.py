"""This file gives a toy a name: the voices at hand say it, the owner may record it, and a head learns it.

With `build.py`, `engines.py` and `bodies.py` it names concrete classes; each is imported where it is needed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from companion.audio import FRAME_SAMPLES, Audio
from companion.character import Espeak
from companion.errors import CompanionError, DeviceError, SettingsError
from companion.folders import store
from companion.ports import SpeechDetector, Voice, Wake
from companion.settings import Settings

if TYPE_CHECKING:
    from models.wake_file import Head
    from models.wake_lesson import Recipe
    from models.wake_sounds import Saying

EMBEDDED_VOICES: Final = 64
"""Ways in which espeak-ng speaks: accents, speakers, pitches and speeds."""

PITCHES, RANGES, SPEEDS = (20, 85), (30, 90), (115, 205)
"""Of those, in espeak-ng's own units: 0 to 100, 0 to 100, words a minute."""

ODD: Final = frozenset(
    ["AnxiousAndy", "Demonic", "Storm", "Tweaky", "UniRobot", "anikaRobot", "fast", "kaukovalta", "whisper", "whisperf"]
)
"""Variants in which nobody speaks; those called robosoft are left out as well."""

SPELT_OTHERWISE: Final = frozenset(["en-shaw"])
"""What espeak-ng reads in an alphabet of its own."""

PIPER_SPEAKERS: Final = 12
"""Of a Piper voice that has hundreds."""

PIPER_SPEEDS: Final = (0.9, 1.15)
"""Its length scales: quicker and slower than it was made."""

WAITING, AFTERWARDS, LONGEST = 10.0, 0.6, 4.0
"""Seconds: for the name to begin, of silence after it, and of it at most, when it is recorded."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a running toy made of a new name."""

    live: bool
    sentence: str


def file(settings: Settings, name: str) -> Path:
    """Where a name lies, or would."""
    from models.store import wake_file

    return wake_file(store(settings), name)


async def voices(settings: Settings, language: str, seed: int) -> list[Voice]:
    """Every voice at hand for a language. Raises SettingsError where none speaks it."""
    from models import flite

    found = [*embedded(language, seed), *await asyncio.to_thread(_piper, settings, language)]
    if flite.installed() and language.partition("-")[0] == "en":
        found += [flite.FliteVoice(name) for name in flite.VOICES]
    return found


def embedded(language: str, seed: int) -> list[Voice]:
    """The voices that are always at hand. Raises SettingsError where none speaks the language."""
    from models.espeak import EspeakVoice, variants
    from models.espeak import voices as known

    family = language.lower().partition("-")[0]
    every = known()
    accents = sorted(
        {
            spoken: accent
            for accent, spoken in sorted(every.items())
            if accent.partition("-")[0] == family and accent not in SPELT_OTHERWISE
        }.values()
    )
    if not accents:
        raise SettingsError([f"--language {language}: no voice speaks it; it is a tag such as en, de or zh"])
    usual = language.lower() if language.lower() in every else family if family in every else accents[0]
    speakers = [variant for variant in variants() if variant not in ODD and not variant.startswith("robosoft")]
    chance = np.random.default_rng([seed, 0])
    chance.shuffle(speakers)
    cast: list[Voice] = []
    for number in range(EMBEDDED_VOICES):
        accent = usual if number % 2 == 0 else accents[chance.integers(len(accents))]
        pitch, liveliness, speed = (int(chance.integers(*span)) for span in (PITCHES, RANGES, SPEEDS))
        voice = f"{accent}+{speakers[number % len(speakers)]}"
        cast.append(EspeakVoice(Espeak(voice=voice, pitch=pitch, range=liveliness, speed=speed)))
    return cast


def _piper(settings: Settings, language: str) -> list[Voice]:
    from models import piper
    from models.store import find_piper_voices

    speakers = [
        (onnx, speaker)
        for onnx in find_piper_voices(store(settings), language)
        for speaker in range(min(piper.speakers(onnx), PIPER_SPEAKERS))
    ]
    return [
        piper.Piper(onnx, speaker=speaker, length_scale=PIPER_SPEEDS[number % len(PIPER_SPEEDS)])
        for number, (onnx, speaker) in enumerate(speakers)
    ]


async def said(
    name: str, language: str, cast: Sequence[Voice], recipe: Recipe, seed: int, told: Callable[[int, int], None]
) -> list[Saying]:
    """The name and much else, by all voices; `told` how many sayings of how many there are. Raises NoVoice."""
    from models.wake_sounds import Saying, prompts

    wanted = prompts(name, language, len(cast), recipe.amounts, np.random.default_rng([seed, 1]))
    sayings = []
    for number, prompt in enumerate(wanted):
        async with aclosing(cast[prompt.voice].speak(prompt.text)) as coming:
            pieces = [piece async for piece in coming]
        if pieces:
            sayings.append(Saying(prompt, Audio.join(pieces)))
        told(number + 1, len(wanted))
    return sayings


def recording(path: Path) -> Audio:
    """Somebody's recording of the name. Raises DeviceError."""
    from device.recording import Recording

    return Audio(np.concatenate(list(Recording(path).samples())))


async def record(settings: Settings, count: int, told: Callable[[str], None]) -> list[Audio]:
    """The name, said `count` times into this computer's microphone. Raises DeviceError."""
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import PortAudio
    from device.wall_clock import WallClock
    from models.speech_detector import SileroDetector

    microphone = SoundCardMicrophone(WallClock(), PortAudio(), settings.body.microphone)
    detector: SpeechDetector = await asyncio.to_thread(SileroDetector)
    try:
        recordings = []
        for number in range(count):
            told(f"Say the name now ({number + 1} of {count}).")
            frames: list[Audio] = []
            began = quiet = 0.0
            while quiet < AFTERWARDS and began < LONGEST:
                frame = (await microphone.read()).captured
                frames.append(frame)
                speech = detector.probability(frame) > 0.5
                began += frame.seconds if began or speech else 0.0
                quiet = quiet + frame.seconds if began and not speech else 0.0
                if not began and len(frames) * frame.seconds > WAITING:
                    raise DeviceError(f"Nobody spoke for {WAITING:.0f} s; is this the right microphone?")
            recordings.append(Audio.join(frames[-round((began + 0.5) / frames[0].seconds) :]))
            detector.reset()
        return recordings
    finally:
        await microphone.close()


async def heard(settings: Settings, name: str, sound: Audio) -> list[tuple[float, Wake]]:
    """When, in seconds, a name is heard in a recording. Raises SettingsError for one that was not learnt."""
    from models.wake_file import read
    from models.wake_head import HeadWakeWord

    wake = HeadWakeWord(file(settings, name))
    read(file(settings, name))
    await wake.load()
    samples = np.concatenate([sound.samples, np.zeros(FRAME_SAMPLES * 40, dtype=np.int16)])
    found = []
    for at in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        if told := wake.hears(Audio(samples[at : at + FRAME_SAMPLES])):
            found.append(((at + FRAME_SAMPLES) / sound.rate, told))
    return found


def save(settings: Settings, head: Head) -> Path:
    """Keep a learnt name; where. Raises DeviceError."""
    from models import wake_file

    place = file(settings, head.phrase)
    wake_file.save(head, place)
    return place


async def reload() -> Named:
    """Ask the running toy, if there is one, to take up the names that there are now."""
    from device.control_socket import ask, running

    path = running(os.environ)
    if not path.exists():
        return Named(False, "No toy is running here; the next one to start takes it up.")
    try:
        await ask(path, {"do": "reload"})
    except CompanionError as error:
        return Named(False, f"The running toy did not take it up ({error}); start it again.")
    return Named(True, "The running toy has taken it up.")
