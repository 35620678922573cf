"""This file builds the bodies: sound cards, light and button of a real one, as far as they are there.

Each device's file is imported in the function that needs it, because start-up time counts; all is undone in reverse.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from companion import losses
from companion.audio import FRAME_SECONDS
from companion.errors import DeviceError, SettingsError
from companion.liveness import Liveness, NotedClock, NotedMicrophone
from companion.ports import Button, Clock, Light, Microphone, Speaker
from companion.quiet_hours import QuietHours
from companion.settings import Body as Parts
from companion.settings import Settings
from companion.tasks import cancelled

if TYPE_CHECKING:
    from device.boards import Board
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import PortAudio
    from device.speaker import SoundCardSpeaker


LOOKING_SECONDS = 2.0
"""In which all sound cards are found, unless a sound server hangs ..."""

FIRST_SECONDS = 2.0
"""... and in which the microphone gives its first sound; nobody waits in the dark for one that gives none."""


@dataclass(frozen=True, slots=True)
class Body:
    """The devices of a toy."""

    clock: Clock
    microphone: Microphone
    speaker: Speaker
    light: Light
    button: Button
    missing: tuple[str, ...] = ()
    """What should be there and is not: a sentence for each."""
    hears_since: float | None = 0.0
    """When its microphone had given the first sound: seconds on the clock; None: it has given none."""


def prepare() -> None:
    """Import what a microphone needs, while there is no event loop yet that would stand still meanwhile."""
    from device.sound_cards import look_around

    looking = Thread(target=look_around, daemon=True)
    looking.start()
    for name in ("microphone", "speaker", "wall_clock"):
        import_module(f"device.{name}")
    looking.join(LOOKING_SECONDS)  # ends by then, or hangs in a sound server: nothing may end in the middle of it


async def on_duty(
    settings: Settings, stack: AsyncExitStack, warn: Callable[[str], None], liveness: Liveness, *, hears: bool
) -> Body:
    """The body of a toy among people; `warn` is told of what breaks later, `liveness` of each frame that is heard,
    each time the light is rendered, and how long the sound system hangs. `hears`: whether its microphone may be open
    from the beginning. Raises SettingsError."""
    from device.sound_cards import PortAudio

    board = wired(settings)
    cards = PortAudio()
    liveness.hangs_for = cards.hangs_for
    clock, microphone, speaker = _sound_cards(settings, cards, stack)
    since = await _first_heard(microphone) if hears else None
    counts = {"what it heard": lambda: microphone.overflows, "what it said": lambda: speaker.underflows}
    stack.push_async_callback(cancelled, asyncio.create_task(losses.watched(counts, clock, warn)))
    noted = NotedClock(clock, liveness.shone)
    light, button, missing = await _gpio(board, brightness_cap(settings.body), noted, stack, warn)
    heard = NotedMicrophone(microphone, liveness.heard)
    return Body(clock, heard, speaker, light, button, missing, hears_since=since)


async def at_the_desk(settings: Settings, stack: AsyncExitStack) -> Body:
    """This computer's own microphone and speaker; the terminal is the light, the Enter key the button."""
    from device.absent import DarkLight
    from device.keyboard import KeyboardButton
    from device.sound_cards import PortAudio

    clock, microphone, speaker = _sound_cards(settings, PortAudio(), stack)
    since = await _first_heard(microphone)
    button = KeyboardButton(sys.stdin)
    stack.callback(button.close)
    return Body(clock, microphone, speaker, DarkLight(), button, hears_since=since)


def brightness_cap(parts: Parts, now: Callable[[], datetime] = datetime.now) -> Callable[[], float]:
    """How bright the light may be, at each moment: less in the quiet hours."""
    if not parts.quiet_hours:
        return lambda: parts.brightness
    hours = QuietHours.parse(parts.quiet_hours)
    night = min(parts.brightness, parts.night_brightness)
    return lambda: night if now().time() in hours else parts.brightness


async def lamps(
    settings: Settings, stack: AsyncExitStack, warn: Callable[[str], None]
) -> tuple[Light, tuple[str, ...]]:
    """The light alone, and why there is none: a sentence for each reason. Raises SettingsError."""
    from device.wall_clock import WallClock

    board = wired(settings)
    if not board.light_pins:
        from device.absent import DarkLight

        return DarkLight(), (f"The board {board.name} has no light: [body] board names the one that you have",)
    alone = replace(board, button=None)
    light, _, missing = await _gpio(alone, brightness_cap(settings.body), WallClock(), stack, warn)
    return light, missing


def _sound_cards(
    settings: Settings, cards: PortAudio, stack: AsyncExitStack
) -> tuple[Clock, SoundCardMicrophone, SoundCardSpeaker]:
    """This computer's microphone and speaker, as yet closed."""
    from device.microphone import SoundCardMicrophone
    from device.speaker import REST_SECONDS, SoundCardSpeaker
    from device.wall_clock import WallClock

    clock = WallClock()
    parts = settings.body
    rest = REST_SECONDS if parts.speaker_rests else None
    speaker = SoundCardSpeaker(clock, cards, parts.speaker, loudest=parts.volume, rest=rest)
    stack.push_async_callback(speaker.close)
    microphone = SoundCardMicrophone(clock, cards, parts.microphone, speaker.played_between)
    stack.push_async_callback(microphone.close)
    return clock, microphone, speaker


async def _first_heard(microphone: Microphone) -> float | None:
    """Open the microphone, if there is one: what follows is slow. Since when it hears."""
    with suppress(DeviceError, TimeoutError):  # told when it is needed
        async with asyncio.timeout(FIRST_SECONDS):
            return (await microphone.read()).ends - FRAME_SECONDS
    return None


def wired(settings: Settings) -> Board:
    """The board of the settings. Raises SettingsError, with all mistakes at once."""
    from device.boards import BOARDS

    name = settings.body.board
    mistakes: list[str] = []
    if name not in BOARDS:
        near = get_close_matches(name, BOARDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(BOARDS)}"
        mistakes.append(f"body.board: there is no board {name!r}; {hint}")
    board = BOARDS.get(name, BOARDS["generic-rgb"])
    try:
        board = board.changed(**settings.board.changes)
    except SettingsError as error:
        mistakes.extend(error.mistakes)
    if mistakes:
        raise SettingsError(mistakes)
    return board


async def _gpio(
    board: Board,
    brightness_cap: Callable[[], float],
    clock: Clock,
    stack: AsyncExitStack,
    warn: Callable[[str], None],
) -> tuple[Light, Button, tuple[str, ...]]:
    """Light and button on the board's pins, as far as there are pins; and why not."""
    for name in ("gpiozero", "device.absent", "device.apa102", "device.button", "device.light"):
        await asyncio.to_thread(import_module, name)
    from device.absent import DarkLight, NoButton
    from device.apa102 import Apa102Light
    from device.button import GpioButton
    from device.light import GpioLight

    light: Light = DarkLight()
    button: Button = NoButton()
    missing: list[str] = []

    async def shine(lamps: GpioLight | Apa102Light) -> None:
        try:
            await lamps.shine()
        except DeviceError as error:
            warn(str(error))

    if board.light_pins:
        try:
            kind = Apa102Light if board.light == "apa102" else GpioLight
            light = lamps = kind(board, clock, brightness_cap=brightness_cap)
            stack.callback(lamps.close)
            stack.push_async_callback(cancelled, asyncio.create_task(shine(lamps)))
        except DeviceError as error:
            missing.append(str(error))
    if board.button is not None:
        try:
            button = switch = GpioButton(board)
            stack.push_async_callback(asyncio.to_thread, switch.close)  # it waits for gpiozero's own threads
        except DeviceError as error:
            missing.append(str(error))
    return light, button, tuple(dict.fromkeys(missing))  # what is true of both is said once


async def switch(settings: Settings, stack: AsyncExitStack) -> None:
    """Open the button alone. Raises SettingsError, and DeviceError if it cannot be used."""
    from device.button import GpioButton

    await asyncio.to_thread(import_module, "gpiozero")
    button = GpioButton(wired(settings))
    stack.push_async_callback(asyncio.to_thread, button.close)
