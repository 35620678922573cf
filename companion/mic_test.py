"""This file is the command `companion mic-test`: a meter of what the microphone hears, a judgement, and the sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer
from rich.live import Live
from rich.text import Text

from companion import settings
from companion.audio import Audio
from companion.captured import Hears, judged
from companion.errors import DeviceError
from companion.screen import Usual, out

SILENT, FULL = -60.0, 0.0
"""dBFS at the two ends of the meter."""

METER_SECONDS, LINE_SECONDS = 0.1, 1.0
"""Of sound between two looks of a terminal's meter, and between two lines where there is no terminal."""

WIDEST = 50
"""Cells of the meter, where the terminal has so many."""

Told = Callable[[float, Audio], None]
"""Told after how many seconds the sound of the last moment is what."""


def mic_test(
    seconds: Annotated[float, typer.Option(min=0.5, max=60.0, help="of listening")] = 5.0,
    play: Annotated[bool, typer.Option("--play/--no-play", help="let it be heard afterwards")] = True,
    config: Usual = None,
) -> None:
    """Show how loud the microphone hears you, say what is the matter with it, and play what it heard; nothing is kept.
    Ends with 1 if it hears nothing. Ctrl-C ends the listening."""
    chosen = settings.usual(config)
    heard: list[Audio] = []
    out.print(f"Speak as you would to the toy, for {seconds:g} s.", soft_wrap=True)
    with _meter() as (every, told), suppress(KeyboardInterrupt):
        asyncio.run(_listen(chosen, seconds, heard, every, told))
    sound = Audio.join([Audio.silence(0.0), *heard])
    found = judged(sound)
    out.print(f"{found.sentence}.", style="" if found.hears is Hears.WELL else "yellow", soft_wrap=True, markup=False)
    if found.hears in (Hears.NOTHING, Hears.ZEROS):
        raise typer.Exit(1)
    if play:
        out.print("This is what it heard:", soft_wrap=True)
        asyncio.run(_play(chosen, sound))


async def _listen(chosen: settings.Settings, seconds: float, heard: list[Audio], every: float, told: Told) -> None:
    """Add what the microphone hears to `heard`. Raises DeviceError."""
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import PortAudio
    from device.wall_clock import WallClock

    microphone = SoundCardMicrophone(WallClock(), PortAudio(), chosen.body.microphone)
    lately: list[Audio] = []
    total = since = 0.0
    try:
        while total < seconds:
            frame = (await microphone.read()).captured
            heard.append(frame)
            lately.append(frame)
            total += frame.seconds
            since += frame.seconds
            if since >= every - frame.seconds / 2:
                told(total, Audio.join(lately))
                lately, since = [], 0.0
    finally:
        await microphone.close()


async def _play(chosen: settings.Settings, sound: Audio) -> None:
    from device.sound_cards import PortAudio
    from device.speaker import SoundCardSpeaker
    from device.wall_clock import WallClock

    speaker = SoundCardSpeaker(WallClock(), PortAudio(), chosen.body.speaker, loudest=chosen.body.volume)
    try:
        begins = await speaker.play(sound)
        await speaker.reach(begins + sound.seconds)
    except DeviceError as error:
        raise DeviceError(f"It cannot be played: {error}") from error
    finally:
        await speaker.close()


@contextmanager
def _meter() -> Iterator[tuple[float, Told]]:
    """How often to tell, and whom: a meter in a terminal, lines elsewhere."""
    if not out.is_terminal:

        def line(seconds: float, sound: Audio) -> None:
            out.print(f"{seconds:5.1f} s  {_told(sound)}", soft_wrap=True)

        yield LINE_SECONDS, line
        return
    with Live(console=out, transient=True, auto_refresh=False) as live:
        yield METER_SECONDS, lambda _, sound: live.update(meter(sound, out.width), refresh=True)


def meter(sound: Audio, width: int) -> Text:
    """How loud a sound is, in one line of `width` cells."""
    words = f" {_told(sound)}"
    cells = max(0, min(WIDEST, width - len(words) - 1))
    full = round(cells * min(1.0, max(0.0, (sound.level - SILENT) / (FULL - SILENT)))) if sound.samples.any() else 0
    clipped = int(sound.samples.max(initial=0)) == 32767
    text = Text(no_wrap=True, overflow="crop")
    text.append("\N{BLACK SQUARE}" * full, style="red" if clipped else "green")
    text.append("\N{MIDDLE DOT}" * (cells - full), style="dim")
    return text.append(words)


def _told(sound: Audio) -> str:
    return f"{sound.level:6.1f} dBFS" if sound.samples.any() else "nothing but zeros"
