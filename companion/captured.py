"""This file judges what a microphone captured: whether it hears at all, and how loud whoever speaks is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from companion.audio import Audio
from companion.loudness import MOST, WANTED

QUIET = WANTED - MOST
"""dBFS of the loudest half second below which speech cannot be made as loud as the engines want it."""

CLIPPED_SHARE = 0.001
"""Of all samples, at the very ends of the scale, from which the sound is distorted."""


class Hears(StrEnum):
    """What is the matter with a microphone."""

    NOTHING = "nothing"
    ZEROS = "zeros"
    QUIET = "quiet"
    CLIPPED = "clipped"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Judged:
    """How a microphone hears."""

    hears: Hears
    level: float
    """dBFS of the loudest half second; -inf for digital silence."""
    peak: float
    """dBFS of the loudest sample."""
    sentence: str
    """For the owner, with the mend."""


def judged(sound: Audio) -> Judged:
    """How the microphone hears that gave this while somebody spoke."""
    heights = np.abs(sound.samples.astype(np.int32))
    loudest = int(heights.max(initial=0))
    level = sound.speech_level if loudest else float("-inf")
    peak = 20.0 * float(np.log10(loudest / 32768.0)) if loudest else float("-inf")
    if not len(sound.samples):
        return Judged(Hears.NOTHING, level, peak, "It gives no sound: is it plugged in, and does nobody else use it?")
    if not loudest:
        return Judged(
            Hears.ZEROS,
            level,
            peak,
            "It gives nothing but zeros, which no room does: switch it on, unmute it (alsamixer, F4), and see that "
            "this user may use it (group audio)",
        )
    if np.mean(heights >= 32767) > CLIPPED_SHARE:
        return Judged(
            Hears.CLIPPED, level, peak, f"It is too loud, and distorted ({peak:.0f} dBFS): turn it down (alsamixer, F4)"
        )
    if level < QUIET:
        return Judged(
            Hears.QUIET,
            level,
            peak,
            f"It works, but what it hears is very quiet ({level:.0f} dBFS): did you speak? Then turn it up (alsamixer, "
            f"F4), or come nearer",
        )
    return Judged(Hears.WELL, level, peak, f"It hears you well ({level:.0f} dBFS)")
