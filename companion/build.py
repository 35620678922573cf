"""This file puts a toy together from settings. With `engines.py` and `bodies.py` it alone names concrete classes.

Each is imported in the branch that needs it, because start-up time counts, and undone in reverse.
"""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion import bodies, engines
from companion.addressed import Addressed
from companion.audio import Audio
from companion.bodies import Body
from companion.calling import ByButton, ByName, Open
from companion.cast import Cast, Member
from companion.character import Character, Espeak
from companion.conversation import Conversation
from companion.ears import Ears
from companion.endpointing import PATIENCE
from companion.engines import Engines
from companion.errors import DeviceError, SettingsError
from companion.face import Face
from companion.hearing import SPHINX, Hearing
from companion.history import History, tokens
from companion.journal import Journal
from companion.keeping import kept, state_folder
from companion.life import Life
from companion.listening import Listening
from companion.mind import Mind, Remembering
from companion.mouth import Mouth
from companion.names import without_call
from companion.ports import (
    ChatModel,
    Clock,
    Engine,
    Event,
    Message,
    Observer,
)
from companion.served import Served
from companion.settings import Settings
from companion.tasks import first_of
from companion.worktime import HeldChat, HeldEndOfTurn, HeldTranscriber, HeldVoice, HeldWakeWord

if TYPE_CHECKING:
    from device.scripted_user import Line, ScriptedUser
    from device.simulated import SimulatedLight, SimulatedSpeaker, World

LARGEST_SEED = 2**31 - 1
"""Of a chat request."""

TRUSTED_SHARE = 0.9
"""Of the tokens a model takes, how many we use by our own count, which is only nearly right."""

LARGEST_PERSONA = 0.7
"""Of those, how many a persona may fill: a conversation needs the rest."""


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
    characters: Sequence[Character],
    lines: Sequence[Line],
    *,
    world: World,
    seed: int,
    observers: Sequence[Observer],
) -> AsyncIterator[Simulation]:
    """A toy in a simulated `world`, whose user says `lines`; every random choice comes from `seed`."""
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from device.simulated_button import SimulatedButton
    from models.typed import TypedTranscriber

    async with AsyncExitStack() as stack:
        chance = random.Random(seed)
        light = SimulatedLight(world)
        speaker = SimulatedSpeaker(world)
        button = SimulatedButton()
        chosen = await engines.at_the_desk(settings, characters, stack, _warning(world, observers))
        presses = button.press if chosen.hearing.called == "hold" else None
        user = ScriptedUser(lines, light, np.random.default_rng(seed), presses)
        heard = chosen.hearing
        transcriber = heard.transcriber
        if heard.transcriber_served.name == SPHINX:
            transcriber = TypedTranscriber(transcriber, user.typed)
        life = _life(
            settings,
            characters,
            Body(world, SimulatedMicrophone(world, user.sounds), speaker, light, button),
            replace(
                chosen,
                hearing=replace(
                    heard,
                    transcriber=HeldTranscriber(transcriber, world),
                    end_of_turn=HeldEndOfTurn(heard.end_of_turn, world) if heard.end_of_turn else None,
                    wake_word=HeldWakeWord(heard.wake_word, world) if heard.wake_word else None,
                ),
                chat=HeldChat(chosen.chat, world),
                voices=tuple(HeldVoice(voice, world) for voice in chosen.voices),
            ),
            observers,
            chance,
            Surroundings(time=str, state=settings.memory.state),
        )
        yield Simulation(world, life, user, speaker, light, chosen.served)


@asynccontextmanager
async def toy(
    settings: Settings, characters: Sequence[Character], observers: Sequence[Observer]
) -> AsyncIterator[Life]:
    """A toy with a real body. What it lacks it does without, and says so."""
    from device.control_socket import ControlSocket, default_path

    async with AsyncExitStack() as stack:
        body = await bodies.on_duty(settings, stack, lambda sentence: warn(sentence))
        warn = _warning(body.clock, observers)
        chosen = await engines.on_duty(settings, characters, stack, warn)
        life = _life(settings, characters, body, chosen, observers, random.Random(), _surroundings(settings))
        for sentence in body.missing:
            _tell(body.clock, observers, "device", sentence, recovered=False)
            life.trouble()
        for sentence in (reason for part in chosen.served for reason in part.skipped):
            warn(sentence)
        socket = ControlSocket(default_path(os.environ), life)
        stack.push_async_callback(socket.close)
        try:
            await socket.open()
        except DeviceError as error:
            warn(str(error))
        yield life


@asynccontextmanager
async def desk(
    settings: Settings, characters: Sequence[Character], observers: Sequence[Observer]
) -> AsyncIterator[tuple[Life, tuple[Served, ...]]]:
    """A toy of this computer's own microphone and speaker: its light is the terminal, its button the Enter key."""
    async with AsyncExitStack() as stack:
        body = await bodies.at_the_desk(settings, stack)
        chosen = await engines.at_the_desk(settings, characters, stack, _warning(body.clock, observers))
        yield (
            _life(settings, characters, body, chosen, observers, random.Random(), _surroundings(settings)),
            chosen.served,
        )


def _warning(clock: Clock, observers: Sequence[Observer]) -> Callable[[str], None]:
    """Tells observers of what goes on all the same."""
    return lambda sentence: _tell(clock, observers, "warning", sentence, recovered=True)


def _tell(clock: Clock, observers: Sequence[Observer], kind: str, sentence: str, *, recovered: bool) -> None:
    for observe in observers:
        observe(Event(clock.now(), "fault", {"kind": kind, "text": sentence, "recovered": recovered}))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a toy may know of the world that it lives in."""

    time: Callable[[], str]
    """What time it is, in words; nothing if it may not know."""
    state: Path | None
    """The folder that keeps what outlives a restart; None: nothing does."""


def _life(
    settings: Settings,
    characters: Sequence[Character],
    body: Body,
    chosen: Engines,
    observers: Sequence[Observer],
    chance: random.Random,
    around: Surroundings,
) -> Life:
    """Toys of this body and these engines."""
    journal = Journal(body.clock, *observers)
    hearing = chosen.hearing
    patience = replace(PATIENCE[settings.ears.patience], longest=settings.ears.longest)
    ears = Ears(body.microphone, hearing.detector, patience)
    button = ByButton() if hearing.called == "hold" else None
    calling = button or (ByName(hearing.wake_word) if hearing.wake_word else Open())
    members = [
        Member(character, Mouth(character.name, voice, body.speaker, journal))
        for character, voice in zip(characters, chosen.voices, strict=True)
    ]
    mind = _mind(settings, characters, chosen.chat, chosen.longest_prompt, chance, around)
    face = Face(body.light, journal)
    listening = Listening(
        calling=calling,
        addressed=Addressed(_names(settings, characters, hearing), characters[0].language),
        ears=ears,
        transcriber=hearing.transcriber,
        end_of_turn=hearing.end_of_turn,
        language=characters[0].language,
        face=face,
        clock=body.clock,
        journal=journal,
        warm=mind.warm,
    )
    conversation = Conversation(
        cast=Cast(members),
        listening=listening,
        mind=mind,
        face=face,
        clock=body.clock,
        journal=journal,
        nudges=settings.toy.nudge,
    )
    parts: dict[str, Engine] = {"ears": hearing.transcriber}
    parts |= {"name": hearing.wake_word} if hearing.wake_word else {}
    parts |= {"end of turn": hearing.end_of_turn} if hearing.end_of_turn else {}
    for number, voice in enumerate(chosen.voices):
        parts["voice" if number == 0 else f"voice {number + 1}"] = voice
    return Life(
        conversation,
        face=face,
        ears=ears,
        speaker=body.speaker,
        mind=mind,
        engines=parts,
        button=body.button,
        clock=body.clock,
        journal=journal,
        held=button,
    )


def _names(settings: Settings, characters: Sequence[Character], hearing: Hearing) -> list[str]:
    """What the toy may be called in an utterance, without "hey"."""
    phrases = [without_call(phrase) for phrase in (*settings.ears.names, *hearing.phrases)]
    return list(dict.fromkeys([*(character.name for character in characters), *phrases]))


def _mind(
    settings: Settings,
    characters: Sequence[Character],
    chat: ChatModel,
    longest_prompt: int,
    chance: random.Random,
    around: Surroundings,
) -> Mind:
    """What the characters think with. Raises SettingsError for a persona that fills the whole request."""
    budget = round(longest_prompt * TRUSTED_SHARE)
    for character in characters:
        long = tokens([Message("system", character.system_message())])
        if long > budget * LARGEST_PERSONA:
            raise SettingsError(
                [f"{character.name}: the persona has about {long} tokens; the model takes {longest_prompt} in all"]
            )
    return Mind(
        chat,
        History(budget, people=settings.toy.person, cast=len(characters)),
        session=_session(settings, chance, around),
        seeds=_seeds(chance),
        supplements=lambda: " ".join(text for text in (settings.chat.supplement, around.time()) if text),
        remembering=Remembering(settings.memory.entries, settings.memory.skip) if settings.memory.enabled else None,
    )


def _surroundings(settings: Settings) -> Surroundings:
    """Of this computer."""

    def time() -> str:
        return f"It is {datetime.now():%A, %d %B %Y, %H:%M}."

    return Surroundings(
        time=time if settings.chat.tell_time else str, state=settings.memory.state or state_folder(os.environ)
    )


@dataclass(frozen=True, slots=True)
class Correspondence:
    """Characters without a body: what a conversation in writing needs."""

    mind: Mind
    engine: Served


@asynccontextmanager
async def correspondence(
    settings: Settings, character: Character, warn: Callable[[str], None]
) -> AsyncIterator[Correspondence]:
    """A character to write with."""
    async with AsyncExitStack() as stack:
        chat, engine = await engines.mind(settings, [character], stack, warn)
        longest = engines.longest_prompt(settings)
        mind = _mind(settings, [character], chat, longest, random.Random(), _surroundings(settings))
        yield Correspondence(mind, engine)


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


def _session(settings: Settings, chance: random.Random, around: Surroundings) -> str:
    """An opaque id; with long-term memory the one of last time, because the service knows us by it."""

    def new() -> str:
        return f"{chance.getrandbits(128):032x}"

    if around.state is None or not settings.memory.enabled:
        return new()
    file = around.state / "session"
    try:
        return kept(file, new)
    except OSError as error:
        raise SettingsError([f"memory: the session's id cannot be kept in {file} ({error.strerror})"]) from error


def _seeds(chance: random.Random) -> Iterator[int]:
    while True:
        yield chance.randint(0, LARGEST_SEED)
