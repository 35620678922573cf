"""This file puts a toy together from settings: the one place that names concrete engines and devices.

Each is imported in the branch that needs it, because start-up time counts, and undone in reverse.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion import engines
from companion.audio import Audio
from companion.character import Character, Espeak
from companion.conversation import Conversation
from companion.ears import Ears, Patience
from companion.engines import Engines, Served
from companion.errors import DeviceError, SettingsError
from companion.history import History
from companion.journal import Journal
from companion.life import Life
from companion.mouth import Mouth
from companion.ports import (
    Button,
    ChatModel,
    Clock,
    Event,
    Light,
    Microphone,
    Observer,
    Speaker,
)
from companion.settings import Settings
from companion.tasks import cancelled, first_of
from companion.worktime import HeldChat, HeldTranscriber, HeldVoice

if TYPE_CHECKING:
    from device.scripted_user import Line, ScriptedUser
    from device.simulated import SimulatedLight, SimulatedSpeaker, World

LARGEST_SEED = 2**31 - 1
"""Of a chat request."""

HISTORY_TOKENS = 6_000
"""Of a request: below the smallest input window (7,680), with room for what our own count gets wrong."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A toy with a simulated body, and the user in front of it."""

    world: World
    life: Life
    user: ScriptedUser
    speaker: SimulatedSpeaker
    light: SimulatedLight
    engines: tuple[Served, ...]

    async def run(self) -> None:
        """Let them talk until the user's script is done."""
        async with self.world.turning():
            await first_of(self.life.live(), self.user.done())


@asynccontextmanager
async def simulation(
    settings: Settings,
    character: Character,
    lines: Sequence[Line],
    *,
    world: World,
    seed: int,
    observers: Sequence[Observer],
) -> AsyncIterator[Simulation]:
    """A toy in a simulated `world`, whose user says `lines`; every random choice comes from `seed`."""
    from device.absent import NoButton
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from models.typed import TypedTranscriber

    async with AsyncExitStack() as stack:
        chance = random.Random(seed)
        light = SimulatedLight(world)
        user = ScriptedUser(lines, light, np.random.default_rng(seed))
        speaker = SimulatedSpeaker(world)
        chosen = await engines.at_the_desk(settings, character, stack)
        transcriber = chosen.transcriber
        if chosen.ears_served.name == engines.SPHINX:
            transcriber = TypedTranscriber(transcriber, user.typed)
        life = _life(
            settings,
            character,
            Body(world, SimulatedMicrophone(world, user.sounds), speaker, light, NoButton()),
            replace(
                chosen,
                transcriber=HeldTranscriber(transcriber, world),
                chat=HeldChat(chosen.chat, world),
                voice=HeldVoice(chosen.voice, world),
            ),
            observers,
            chance,
        )
        yield Simulation(world, life, user, speaker, light, chosen.served)


@asynccontextmanager
async def toy(settings: Settings, character: Character, observers: Sequence[Observer]) -> AsyncIterator[Life]:
    """A toy with a real body. What it lacks it does without, and says so."""
    async with AsyncExitStack() as stack:
        clock, microphone, speaker = await _sound_cards(settings, stack)
        light, button = await _gpio(settings, clock, stack, observers)
        chosen = await engines.on_duty(settings, character, stack)
        body = Body(clock, microphone, speaker, light, button)
        yield _life(settings, character, body, chosen, observers, random.Random())


@asynccontextmanager
async def desk(
    settings: Settings, character: Character, observers: Sequence[Observer]
) -> AsyncIterator[tuple[Life, tuple[Served, ...]]]:
    """A toy of this computer's own microphone and speaker: its light is the terminal, its button the Enter key."""
    from device.absent import DarkLight
    from device.keyboard import KeyboardButton

    async with AsyncExitStack() as stack:
        clock, microphone, speaker = await _sound_cards(settings, stack)
        button = KeyboardButton(sys.stdin)
        stack.callback(button.close)
        chosen = await engines.at_the_desk(settings, character, stack)
        body = Body(clock, microphone, speaker, DarkLight(), button)
        yield _life(settings, character, body, chosen, observers, random.Random()), chosen.served


async def _sound_cards(settings: Settings, stack: AsyncExitStack) -> tuple[Clock, Microphone, Speaker]:
    """This computer's microphone and speaker. The microphone is open, if there is one: what follows is slow."""
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import PortAudio
    from device.speaker import SoundCardSpeaker
    from device.wall_clock import WallClock

    clock = WallClock()
    cards = PortAudio()
    speaker = SoundCardSpeaker(clock, cards, settings.body.speaker, loudest=settings.body.volume)
    stack.push_async_callback(speaker.close)
    microphone = SoundCardMicrophone(clock, cards, settings.body.microphone, speaker.played_between)
    stack.push_async_callback(microphone.close)
    with suppress(DeviceError):  # told when it is needed
        await microphone.read()
    return clock, microphone, speaker


async def _gpio(
    settings: Settings, clock: Clock, stack: AsyncExitStack, observers: Sequence[Observer]
) -> tuple[Light, Button]:
    """Light and button on the board's pins, or none where there are no pins; why is told to `observers`."""
    from device.absent import DarkLight, NoButton
    from device.boards import BOARDS
    from device.button import GpioButton
    from device.light import GpioLight

    name = settings.body.board
    if name not in BOARDS:
        near = get_close_matches(name, BOARDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(BOARDS)}"
        raise SettingsError([f"body.board: there is no board {name!r}; {hint}"])
    wiring = BOARDS[name]
    await asyncio.to_thread(import_module, "gpiozero")
    light: Light = DarkLight()
    button: Button = NoButton()

    def tell(error: DeviceError) -> None:
        for observe in observers:
            observe(Event(clock.now(), "fault", {"kind": "device", "text": str(error), "recovered": False}))

    async def shine(lamps: GpioLight) -> None:
        try:
            await lamps.shine()
        except DeviceError as error:
            tell(error)

    if wiring.light_pins:
        try:
            light = lamps = GpioLight(wiring, clock)
            stack.callback(lamps.close)
            stack.push_async_callback(cancelled, asyncio.create_task(shine(lamps)))
        except DeviceError as error:
            tell(error)
    if wiring.button is not None:
        try:
            button = switch = GpioButton(wiring)
            stack.callback(switch.close)
        except DeviceError as error:
            tell(error)
    return light, button


@dataclass(frozen=True, slots=True)
class Body:
    """The devices of a toy."""

    clock: Clock
    microphone: Microphone
    speaker: Speaker
    light: Light
    button: Button


def _life(
    settings: Settings,
    character: Character,
    body: Body,
    chosen: Engines,
    observers: Sequence[Observer],
    chance: random.Random,
) -> Life:
    """A toy of this body and these engines."""
    journal = Journal(body.clock, *observers)
    patience = Patience(pause=settings.ears.pause, longest=settings.ears.longest)
    ears = Ears(body.microphone, chosen.detector, patience)
    conversation = Conversation(
        character=character,
        ears=ears,
        transcriber=chosen.transcriber,
        chat=chosen.chat,
        mouth=Mouth(character.name, chosen.voice, body.speaker, journal),
        light=body.light,
        clock=body.clock,
        journal=journal,
        history=History(HISTORY_TOKENS),
        session=_session(chance),
        seeds=_seeds(chance),
    )
    parts = {"ears": chosen.transcriber, "character": chosen.chat, "voice": chosen.voice}
    return Life(conversation, ears=ears, engines=parts, button=body.button, clock=body.clock, journal=journal)


@dataclass(frozen=True, slots=True)
class Correspondence:
    """A character without a body: what a conversation in writing needs."""

    chat: ChatModel
    history: History
    session: str
    seeds: Iterator[int]
    engine: Served


@asynccontextmanager
async def correspondence(settings: Settings, character: Character) -> AsyncIterator[Correspondence]:
    """A character to write with."""
    async with AsyncExitStack() as stack:
        chance = random.Random()
        chat, engine = await engines.mind(settings, character, stack)
        yield Correspondence(chat, History(HISTORY_TOKENS), _session(chance), _seeds(chance), engine)


def recording(path: Path) -> tuple[Line, str | None]:
    """Something recorded that the simulated user says, and what is wrong with it. Raises DeviceError."""
    from device.recording import Recording

    line = Recording(path)
    return line, line.warning


async def spoken(text: str, language: str) -> Line:
    """Something typed that the simulated user says in the embedded voice. Raises NoVoice."""
    from device.recording import SpokenText
    from models.espeak import EspeakVoice

    pieces = [piece async for piece in EspeakVoice(Espeak(voice=language)).speak(text)]
    return SpokenText(text, Audio.join(pieces))


def _session(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _seeds(chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randint(0, LARGEST_SEED)
