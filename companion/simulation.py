"""This file puts a toy into a simulated world, with a user in front of it and a room around it, if there is to be one.

What it takes is imported in the branch that needs it, because start-up time counts.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion import build, engines
from companion.audio import Audio
from companion.bodies import Body
from companion.character import Character, Espeak
from companion.echo import Interruptible, Verdict
from companion.errors import DeviceError
from companion.hearing import SPHINX
from companion.journal import Journal
from companion.life import Life
from companion.loudness import WANTED
from companion.ports import Observer, Voice
from companion.served import Served
from companion.settings import Settings
from companion.tasks import first_of
from companion.worktime import HeldChat, HeldEndOfTurn, HeldTranscriber, HeldVoice, HeldWakeWord

if TYPE_CHECKING:
    from device.echo_path import Acoustics
    from device.room import Room
    from device.scripted_user import Interruption, Line, ScriptedUser
    from device.simulated import SimulatedLight, SimulatedSpeaker, World

WRITTEN = ".txt"
"""How a file's name ends that holds something written instead of a recording."""

LONGEST_TEXT = 500
"""Characters of it."""

ALONE = Verdict(Interruptible.FULL, "there is no room around it that its own sound could come back from")

FAINTEST = -60.0
"""dBFS; what is below that is a recording of nobody, and does not tell how loud the user speaks."""


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
    room: Room | None = None,
    interruptions: Sequence[Interruption] = (),
) -> AsyncIterator[Simulation]:
    """A toy in a simulated `world`, whose user says `lines` and `interruptions`; every random choice comes from `seed`.
    Without a `room` the microphone hears nothing of the speaker; with one, the voice is tried first. Raises NoVoice.
    """
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from device.simulated_button import SimulatedButton
    from models.typed import TypedTranscriber

    async with AsyncExitStack() as stack:
        chance = random.Random(seed)
        light = SimulatedLight(world)
        speaker = SimulatedSpeaker(world, loudest=settings.body.volume)
        button = SimulatedButton()
        chosen = await engines.at_the_desk(settings, characters, stack, Journal(world, *observers).warn)
        presses = button.press if chosen.hearing.called == "hold" else None
        user = ScriptedUser(lines, light, np.random.default_rng(seed), presses, interruptions)
        said = [*lines, *(interruption.line for interruption in interruptions)]
        around = await acoustics(room, seed, speaker, chosen.voices[0], characters[0].opening, said) if room else None
        heard = chosen.hearing if room else replace(chosen.hearing, canceller=None, interruptible=ALONE)
        transcriber = heard.transcriber
        if heard.transcriber_served.name == SPHINX:
            transcriber = TypedTranscriber(transcriber, user.typed)
        life = build.put_together(
            settings,
            characters,
            Body(world, SimulatedMicrophone(world, user.sounds, around), speaker, light, button),
            replace(
                chosen,
                hearing=replace(
                    heard,
                    transcriber=HeldTranscriber(transcriber, world),
                    end_of_turn=HeldEndOfTurn(heard.end_of_turn, world) if heard.end_of_turn else None,
                    wake_word=HeldWakeWord(heard.wake_word, world) if heard.wake_word else None,
                    stop_word=HeldWakeWord(heard.stop_word, world) if heard.stop_word else None,
                ),
                chat=HeldChat(chosen.chat, world),
                voices=tuple(HeldVoice(voice, world) for voice in chosen.voices),
            ),
            observers,
            chance,
            build.Surroundings(time=str, state=settings.memory.state),
        )
        yield Simulation(world, life, user, speaker, light, chosen.served)


async def acoustics(
    room: Room, seed: int, speaker: SimulatedSpeaker, voice: Voice, opening: str, said: Sequence[Line]
) -> Acoustics:
    """What the microphone hears in this room of the `speaker`, as loud as the room says: where the `voice` says the
    `opening`, and the user all that is `said`. Raises NoVoice."""
    from device.echo_path import Acoustics
    from device.room import echo_level

    await voice.load()
    spoken = await sound_of(voice, opening)
    gain = 10 ** ((room.echo + _user_level(said) - echo_level(spoken, seed)) / 20)
    return Acoustics(room, seed, gain, speaker.heard)


def _user_level(lines: Sequence[Line]) -> float:
    """dBFS of whoever says all these."""
    levels = [Audio(np.concatenate(list(line.samples()))).speech_level for line in lines]
    heard = [level for level in levels if level > FAINTEST]
    return sum(heard) / len(heard) if heard else WANTED


def recording(path: Path) -> tuple[Line, str | None]:
    """Something recorded that the simulated user says, and what is wrong with it. Raises DeviceError."""
    from device.recording import Recording

    line = Recording(path)
    return line, line.warning


def recorded_or_written(path: Path) -> tuple[Line | str, str | None]:
    """A recording as above, or what is written in a .txt file. Raises DeviceError."""
    if path.suffix.lower() != WRITTEN:
        return recording(path)
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_TEXT + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise DeviceError(f"{path}: cannot be read ({reason})") from error
    if not text or len(text) > LONGEST_TEXT:
        raise DeviceError(f"{path}: holds {f'more than {LONGEST_TEXT}' if text else 'no'} characters")
    return text, None


async def spoken(text: str, language: str) -> Line:
    """Something typed that the simulated user says in the embedded voice. Raises NoVoice."""
    from device.recording import SpokenText
    from models.espeak import EspeakVoice

    return SpokenText(text, await sound_of(EspeakVoice(Espeak(voice=language)), text))


async def all_spoken(lines: Iterable[Line | str], language: str) -> list[Line]:
    """These, what is typed as by `spoken`. Raises NoVoice."""
    return [await spoken(line, language) if isinstance(line, str) else line for line in lines]


async def sound_of(voice: Voice, text: str) -> Audio:
    """All that `voice` makes of a text. Raises NoVoice."""
    async with aclosing(voice.speak(text)) as pieces:
        return Audio.join([piece async for piece in pieces])


def interruption(text: str) -> tuple[float, Path]:
    """Seconds and file of an interruption, from "1.5=stop.wav". Raises ValueError: one sentence."""
    seconds, equals, file = text.partition("=")
    try:
        after = float(seconds)
    except ValueError:
        after = math.nan
    if not (equals and file.strip() and 0 <= after < math.inf):
        raise ValueError(f"an interruption is SECONDS=FILE, such as 1.5=stop.wav, with 0 seconds or more, not {text!r}")
    return after, Path(file)
