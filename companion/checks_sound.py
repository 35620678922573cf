"""This file judges a toy's body, from facts alone: microphone, speaker, echo, light and button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from companion.audio import Audio
from companion.captured import Hears, judged
from companion.echo import Interruptible, Verdict
from companion.finding import Finding, fine, unknown

DEAD_QUIET: Final = -78.0
"""dBFS that the quietest rooms have more of, through a microphone that is turned up far enough for speech."""

TELEPHONE: Final = 16_000
"""Hertz below which speech-to-text loses consonants."""

HEARD: Final = 10.0
"""Decibels by which a tone rises above what was at its pitch before, when it is heard."""

BUSY: Final = "another program has it: stop that one (a running toy: sudo systemctl stop companion), and look again"

MENDS: Final = (
    ("libportaudio2", "sudo apt install libportaudio2"),
    ("is named", f"[body] {{part}} takes a name, or a part of one, that `companion devices` lists. If {BUSY}"),
    ("means more than one", "give more of its name in [body] {part}"),
    ("takes none of", "use another sound card, or a sound server (PipeWire, PulseAudio), which fits any rate"),
    ("another program uses it", BUSY),
    ("busy", BUSY),
    ("does not answer", "restart the sound server, or unplug the sound card and plug it in again"),
    ("has stopped", "unplug it and plug it in again; if that goes on, use another cable or power supply"),
)
"""What helps, by a part of what is complained of."""

NONE_THERE: Final = (
    f"plug one in and see `companion devices`; a card on the pins needs its dtoverlay in config.txt. If {BUSY}"
)


@dataclass(frozen=True, slots=True)
class Microphone:
    """What is known of the microphone."""

    sound: Audio | None = None
    """What it gave; None if it could not be opened."""
    error: str = ""
    rate: int = 48_000
    """Hertz, the device's own."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """What is known of the speaker."""

    error: str = ""
    volume: float = 1.0
    tone: float | None = None
    """Decibels by which the microphone heard a tone of it; None: none was played."""


def check_microphone(found: Microphone) -> Finding:
    """Whether the microphone can be opened, and what it hears."""
    name = "microphone"
    if found.sound is None:
        return Finding(name, False, _capital(found.error), _mend(name, found.error))
    heard = judged(found.sound)
    if heard.hears in (Hears.NOTHING, Hears.ZEROS):
        what, _, mend = heard.sentence.partition(": ")
        return Finding(name, False, what, mend)
    if heard.hears is Hears.CLIPPED:
        what, _, mend = heard.sentence.partition(": ")
        return Finding(name, None, what, mend)
    if heard.level < DEAD_QUIET:
        what = f"It gives sound, but next to none ({heard.level:.0f} dBFS)"
        return Finding(name, None, what, "turn it up (alsamixer, F4), then speak to it: companion mic-test")
    if found.rate < TELEPHONE:
        what = f"It gives {found.rate} Hz, as a telephone does: many words are misheard"
        return Finding(name, None, what, "use a microphone of 16000 Hz or more; of Bluetooth, one with mSBC")
    return fine(name, f"It hears, {heard.level:.0f} dBFS at its loudest just now")


def check_speaker(found: Speaker, own_sound_removed: bool) -> Finding:
    """Whether the speaker can be opened and is heard. `own_sound_removed`: the card keeps it from the microphone."""
    name = "speaker"
    if found.error:
        return Finding(name, False, _capital(found.error), _mend(name, found.error))
    if found.volume <= 0:
        return Finding(name, False, "The settings allow no sound at all", "[body] volume = 1.0, or a little less")
    if found.tone is None:
        return fine(name, "It takes sound")
    if found.tone >= HEARD:
        return fine(name, f"Its own microphone hears it, {found.tone:.0f} dB above the room")
    if own_sound_removed:
        return unknown(name, "It takes sound; the sound card keeps it from the microphone")
    what = "It takes sound, but its own microphone does not hear it"
    return Finding(name, False, what, "is it plugged in, on, and turned up (alsamixer)? Then: companion speaker-test")


def check_echo(verdict: Verdict | None, tone: float | None) -> Finding:
    """How it may be interrupted; None: nobody tried. `tone` as in `Speaker`."""
    if verdict is None and tone is not None and tone < HEARD:
        return unknown("echo", "Its own microphone does not hear it: there is nothing to be taken out")
    if verdict is None:
        return unknown("echo", "Not tried: companion doctor --deep lets it listen to itself")
    what = f"It can be interrupted: {verdict.how.value}; {verdict.why}"
    if verdict.how.by_speech:
        return fine("echo", what)
    if verdict.how is Interruptible.BUTTON:
        return unknown("echo", what)
    return Finding("echo", None, what, "move microphone and speaker apart, turn it down, or see docs/interrupting.md")


def check_light(kind: str, errors: Sequence[str], shown: bool) -> Finding:
    """Whether the light can be lit. `kind` is "none" for a board without."""
    if kind == "none":
        return unknown("light", "The board has none")
    if errors:
        return Finding("light", None, "; ".join(errors).rstrip("."), _pins("light", errors))
    return fine("light", "It was lit: magenta, amber, green, cyan" if shown else "Its pins can be used")


def check_button(there: bool, errors: Sequence[str], needed: bool) -> Finding:
    """Whether the button can be used; `needed`: the toy is called by it."""
    if not there:
        what = "The board has none"
        mend = 'choose another board, or [ears] called = "wake"'
        return Finding("button", False, f"{what}, and it is called by it", mend) if needed else unknown("button", what)
    if errors:
        mend = _pins("button", errors)
        return Finding("button", False if needed else None, "; ".join(errors).rstrip("."), mend)
    return fine("button", "Its pin can be used")


def tone_over(before: Audio, during: Audio, hertz: float) -> float:
    """Decibels by which a tone of `hertz` is louder in `during`, at its loudest tenth of a second, than in `before`."""
    return 10.0 * float(np.log10(_strongest(during, hertz) / _strongest(before, hertz)))


def _strongest(sound: Audio, hertz: float) -> float:
    size = sound.rate // 10
    parts = sound.floats[: len(sound.samples) // size * size].reshape(-1, size).astype(np.float64)
    turning = np.exp(-2j * np.pi * hertz / sound.rate * np.arange(size)) * np.hanning(size)
    return float(np.max(np.abs(parts @ turning) ** 2, initial=0.0)) / size + 1e-9


def _mend(part: str, error: str) -> str:
    return next((mend.format(part=part) for piece, mend in MENDS if piece in error), NONE_THERE)


def _pins(part: str, errors: Sequence[str]) -> str:
    told = " ".join(errors)
    if "in use" in told:
        return "another program or overlay has that pin: stop the running toy, or look into config.txt"
    if "no GPIO here" in told:
        return 'on a Raspberry Pi: sudo apt install python3-lgpio; without wires: [body] board = "usb"'
    if "cannot be lit yet" in told:
        return "nothing to be done yet; everything else works"
    another = f"choose another pin for the {part} in [board], or another profile in [body] board"
    return f"{another}, and see that this user is in the group gpio"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
