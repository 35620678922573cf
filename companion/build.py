"""This file puts a toy together from settings: the one place that names concrete engines and devices.

Each is imported in the branch that needs it, because start-up time counts, and undone in reverse.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion.audio import Audio
from companion.character import Character, Espeak
from companion.conversation import Conversation
from companion.ears import Ears, Patience
from companion.errors import SettingsError
from companion.history import History
from companion.journal import Journal
from companion.ports import ChatModel, Observer, Transcriber, Voice
from companion.settings import KEY_VARIABLE, Settings, key
from companion.tasks import first_of
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
class Engine:
    """Which engine serves a part, in words for the owner."""

    part: str
    name: str
    remark: str
    """What to know of it, and how to get a better one; empty if there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A toy with a simulated body, and the user in front of it."""

    world: World
    conversation: Conversation
    user: ScriptedUser
    speaker: SimulatedSpeaker
    light: SimulatedLight
    engines: tuple[Engine, ...]

    async def run(self) -> None:
        """Let them talk until the user's script is done."""
        async with self.world.turning():
            await first_of(self.conversation.live(), self.user.done())


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
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from models.speech_detector import SileroDetector
    from models.typed import TypedTranscriber

    async with AsyncExitStack() as stack:
        chance = random.Random(seed)
        light = SimulatedLight(world)
        user = ScriptedUser(lines, light, np.random.default_rng(seed))
        speaker = SimulatedSpeaker(world)
        transcriber, ears_engine = _transcriber()
        chat, chat_engine = await _chat(settings, character, stack)
        voice, voice_engine = _voice(character)
        conversation = Conversation(
            character=character,
            ears=Ears(
                SimulatedMicrophone(world, user.sounds),
                SileroDetector(),
                Patience(pause=settings.ears.pause, longest=settings.ears.longest),
            ),
            transcriber=HeldTranscriber(TypedTranscriber(transcriber, user.typed), world),
            chat=HeldChat(chat, world),
            voice=HeldVoice(voice, world),
            speaker=speaker,
            light=light,
            clock=world,
            journal=Journal(world, *observers),
            history=History(HISTORY_TOKENS),
            session=_session(chance),
            seeds=_seeds(chance),
        )
        yield Simulation(world, conversation, user, speaker, light, (ears_engine, chat_engine, voice_engine))


@dataclass(frozen=True, slots=True)
class Correspondence:
    """A character without a body: what a conversation in writing needs."""

    chat: ChatModel
    history: History
    session: str
    seeds: Iterator[int]
    engine: Engine


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


def _transcriber() -> tuple[Transcriber, Engine]:
    from models.sphinx import SphinxTranscriber

    remark = "embedded, limited: English only, no children, no noise; faster-whisper is the better one"
    return SphinxTranscriber(), Engine("ears", "pocketsphinx", remark)


async def _chat(settings: Settings, character: Character, stack: AsyncExitStack) -> tuple[ChatModel, Engine]:
    from models.qwen import BASE_URL, QwenChat
    from models.qwen_models import DEFAULT

    secret = None if settings.chat.engine == REHEARSAL else key(settings)
    model = settings.chat.model or DEFAULT
    if secret:
        base_url = settings.chat.base_url or BASE_URL
        engine = Engine("character", model, f"at {base_url}")
    elif settings.chat.engine == "qwen":
        raise SettingsError([f"chat.engine is qwen, but there is no key: set {KEY_VARIABLE}, or chat.key_file"])
    else:
        from models.mock_qwen import MockQwen

        server = await stack.enter_async_context(MockQwen([character]))
        base_url, secret = server.base_url, "sk-rehearsal"
        engine = Engine("character", REHEARSAL, f"answers from its own file; set {KEY_VARIABLE} for {model}")
    chat = QwenChat(base_url=base_url, key=secret, model=model)
    stack.push_async_callback(chat.aclose)
    return chat, engine


def _voice(character: Character) -> tuple[Voice, Engine]:
    from models.espeak import EspeakVoice

    return EspeakVoice(character.espeak), Engine("voice", "espeak-ng", "embedded; Piper is the better one")


def _session(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _seeds(chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randint(0, LARGEST_SEED)
