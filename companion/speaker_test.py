"""This file is the command `companion speaker-test`: a tone and a word, on one side after the other."""

from __future__ import annotations

import asyncio

import numpy as np
import typer

from companion import settings
from companion.audio import Audio
from companion.character import Espeak
from companion.screen import Usual, out
from companion.simulation import sound_of

TONE_RATE, TONE_HERTZ, TONE_SECONDS = 22_050, 440.0, 0.5

TONE_AMPLITUDE = 0.25
"""Of full scale: loud enough to be heard, soft enough for a child's room."""

EDGE_SECONDS = 0.02
"""In which the tone swells and fades, so that it does not click."""

SIDES = {1: ("one",), 2: ("left", "right")}
"""What the sides are called, by how many there are."""


def speaker_test(
    config: Usual = None,
) -> None:
    """Play a tone and a word on the left, then on the right, as loud as the settings allow."""
    chosen = settings.usual(config)
    try:
        asyncio.run(_play(chosen))
    except KeyboardInterrupt:
        raise typer.Exit(1) from None
    out.print(
        "If you heard nothing: is it plugged in, on, and turned up (alsamixer)? See also `companion devices`.",
        soft_wrap=True,
    )


async def _play(chosen: settings.Settings) -> None:
    from device.sides import Sides
    from device.sound_cards import PortAudio
    from models.espeak import EspeakVoice

    voice = EspeakVoice(Espeak(voice="en"))
    sides = Sides(PortAudio(), chosen.body.speaker, volume=chosen.body.volume)
    try:
        await sides.open()
        names = SIDES.get(sides.count) or tuple(f"number {number}" for number in range(1, sides.count + 1))
        out.print(
            f'Speaker "{sides.name}", {len(names)} channel{"s" if len(names) > 1 else ""}:',
            soft_wrap=True,
            markup=False,
        )
        for side, name in enumerate(names):
            out.print(f"  {name}", soft_wrap=True)
            for sound in tone(), await sound_of(voice, name):
                await sides.play(sound, side)
    finally:
        await sides.close()


def tone() -> Audio:
    """Half a second of A."""
    times = np.arange(round(TONE_SECONDS * TONE_RATE)) / TONE_RATE
    edges = np.minimum(1.0, np.minimum(times, times[::-1]) / EDGE_SECONDS)
    wave = TONE_AMPLITUDE * 32767 * edges * np.sin(2 * np.pi * TONE_HERTZ * times)
    return Audio(np.round(wave).astype(np.int16), TONE_RATE)
