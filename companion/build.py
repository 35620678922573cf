"""This file puts a toy together from settings: the one place that names concrete engines and devices.

Each is imported in the branch that needs it, because start-up time counts, and undone in reverse.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion.audio import Audio
from companion.character import Character, Espeak
from companion.conversation import Conversation
from companion.ears import Ears, Patience
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
    SpeechDetector,
    Transcriber,
    Voice,
)
from companion.settings import KEY_VARIABLE, Settings, key
from companion.tasks import cancelled, first_of
from companion.worktime import HeldChat, HeldTranscriber, HeldVoice

if TYPE_CHECKING:
    from device.scripted_user import Line, ScriptedUser
    from device.simulated import SimulatedLight, SimulatedSpeaker, World

LARGEST_SEED = 2**31 - 1
"""Of a chat request."""

HISTORY_TOKENS = 6_000
"""Of a request: below the smallest input window (7,680), with room for what our own count gets wrong."""


REHEARSAL = "rehearsal"
"""The name of the engine that is no model at all: the mock server."""


@dataclass(frozen=True, slots=True)
class Served:
    """Which engine serves a part, in words for the owner."""

    part: str
    name: str
    remark: str
    """What to know of it, and how to get a better one; empty if there is nothing to say."""


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
        transcriber, ears_engine = _transcriber(settings, character.language)
        chat, chat_engine = await _chat(settings, character, stack)
        voice, voice_engine = _voice(settings, character)
        life = _life(
            settings,
            character,
            Body(world, SimulatedMicrophone(world, user.sounds), speaker, light, NoButton()),
            Engines(
                _detector(),
                HeldTranscriber(TypedTranscriber(transcriber, user.typed), world),
                HeldChat(chat, world),
                HeldVoice(voice, world),
            ),
            observers,
            chance,
        )
        yield Simulation(world, life, user, speaker, light, (ears_engine, chat_engine, voice_engine))


@asynccontextmanager
async def toy(settings: Settings, character: Character, observers: Sequence[Observer]) -> AsyncIterator[Life]:
    """A toy with a real body. What it lacks it does without, and says so."""
    async with AsyncExitStack() as stack:
        clock, microphone, speaker = await _sound_cards(settings, stack)
        light, button = await _gpio(settings, clock, stack, observers)
        detector = await asyncio.to_thread(_detector)
        transcriber, _ = _transcriber(settings, character.language)
        chat = await _service(settings, stack)
        voice, _ = _voice(settings, character)
        body = Body(clock, microphone, speaker, light, button)
        engines = Engines(detector, transcriber, chat, voice)
        yield _life(settings, character, body, engines, observers, random.Random())


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
        detector = await asyncio.to_thread(_detector)
        transcriber, ears_served = _transcriber(settings, character.language)
        chat, chat_served = await _chat(settings, character, stack)
        voice, voice_served = _voice(settings, character)
        body = Body(clock, microphone, speaker, DarkLight(), button)
        engines = Engines(detector, transcriber, chat, voice)
        life = _life(settings, character, body, engines, observers, random.Random())
        yield life, (ears_served, chat_served, voice_served)


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


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of a toy."""

    detector: SpeechDetector
    transcriber: Transcriber
    chat: ChatModel
    voice: Voice


def _life(
    settings: Settings,
    character: Character,
    body: Body,
    engines: Engines,
    observers: Sequence[Observer],
    chance: random.Random,
) -> Life:
    """A toy of this body and these engines."""
    journal = Journal(body.clock, *observers)
    patience = Patience(pause=settings.ears.pause, longest=settings.ears.longest)
    ears = Ears(body.microphone, engines.detector, patience)
    conversation = Conversation(
        character=character,
        ears=ears,
        transcriber=engines.transcriber,
        chat=engines.chat,
        mouth=Mouth(character.name, engines.voice, body.speaker, journal),
        light=body.light,
        clock=body.clock,
        journal=journal,
        history=History(HISTORY_TOKENS),
        session=_session(chance),
        seeds=_seeds(chance),
    )
    parts = {"ears": engines.transcriber, "character": engines.chat, "voice": engines.voice}
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
        chat, engine = await _chat(settings, character, stack)
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


def _detector() -> SpeechDetector:
    from models.speech_detector import SileroDetector

    return SileroDetector()


def _transcriber(settings: Settings, language: str) -> tuple[Transcriber, Served]:
    from models.sphinx import SphinxTranscriber

    limited = "embedded, limited: English only, no children, no noise"
    if settings.ears.engine == "sphinx":
        return SphinxTranscriber(), Served("ears", "pocketsphinx", limited)
    from models.store import Found, find_whisper
    from models.whisper import WhisperTranscriber, check

    store = _store(settings)
    found = Found(settings.ears.model, ()) if settings.ears.model else find_whisper(store, language)
    if found.path:
        check(found.path, language)
        return WhisperTranscriber(found.path, language=language), Served("ears", "faster-whisper", found.path.name)
    advice = "; ".join([f"for better ears put a faster-whisper model into {store / 'whisper'}", *found.skipped])
    if settings.ears.engine == "whisper":
        raise SettingsError([f"ears.engine is whisper, but there is no model: {advice}"])
    return SphinxTranscriber(), Served("ears", "pocketsphinx", f"{limited}; {advice}")


async def _chat(settings: Settings, character: Character, stack: AsyncExitStack) -> tuple[ChatModel, Served]:
    """The service where there is a key, else a rehearsal."""
    from models.qwen import QwenChat
    from models.qwen_models import DEFAULT

    model = settings.chat.model or DEFAULT
    if settings.chat.engine == REHEARSAL or (settings.chat.engine == "auto" and key(settings) is None):
        from models.mock_qwen import MockQwen

        server = await stack.enter_async_context(MockQwen([character]))
        chat = QwenChat(base_url=server.base_url, key="sk-rehearsal", model=model)
        stack.push_async_callback(chat.aclose)
        remark = f"answers from its own file; set {KEY_VARIABLE} for {model}"
        return chat, Served("character", REHEARSAL, remark)
    return await _service(settings, stack), Served("character", model, f"at {_base_url(settings)}")


async def _service(settings: Settings, stack: AsyncExitStack) -> ChatModel:
    """Qwen-Character, with the owner's key; without one it refuses every turn, and says why."""
    from models.qwen import QwenChat
    from models.qwen_models import DEFAULT

    secret = key(settings)
    if secret is None:
        from models.keyless import KeylessChat

        return KeylessChat(f"There is no key: set {KEY_VARIABLE}, or chat.key_file, and reload")
    chat = QwenChat(base_url=_base_url(settings), key=secret, model=settings.chat.model or DEFAULT)
    stack.push_async_callback(chat.aclose)
    return chat


def _base_url(settings: Settings) -> str:
    from models.qwen import BASE_URL

    return settings.chat.base_url or BASE_URL


def _voice(settings: Settings, character: Character) -> tuple[Voice, Served]:
    from models.espeak import EspeakVoice

    if settings.voice.engine == "espeak":
        return EspeakVoice(character.espeak), Served("voice", "espeak-ng", "embedded")
    from models.piper import Piper, check
    from models.store import Found, find_piper

    store = _store(settings)
    found = Found(settings.voice.model, ()) if settings.voice.model else find_piper(store, character.language)
    if found.path:
        check(found.path)
        return Piper(found.path), Served("voice", "Piper", found.path.stem)
    advice = "; ".join([f"for a better one put a Piper voice into {store / 'piper'}", *found.skipped])
    if settings.voice.engine == "piper":
        raise SettingsError([f"voice.engine is piper, but there is no voice: {advice}"])
    return EspeakVoice(character.espeak), Served("voice", "espeak-ng", f"embedded; {advice}")


def _store(settings: Settings) -> Path:
    from models.store import default_store

    return settings.models.store or default_store(os.environ)


def _session(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _seeds(chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randint(0, LARGEST_SEED)
