"""This file puts a toy together from settings. `engines.py`, `bodies.py`, `on_duty.py`, `simulation.py` and it alone
name concrete classes.

Each is imported in the branch that needs it, because start-up time counts, and undone in reverse.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from companion import bodies, engines, folders
from companion.addressed import Addressed
from companion.barge_in import BargeIn
from companion.bodies import Body
from companion.calling import ByButton, ByName, Open
from companion.cast import Cast, Member
from companion.character import Character
from companion.commands import done
from companion.conversation import Conversation
from companion.earcons import Earcon, Earcons, sound
from companion.ears import Ears
from companion.echo import Echo, Interruptible, Verdict
from companion.engines import Engines
from companion.errors import DeviceError, SettingsError
from companion.face import Face
from companion.hearing import Hearing
from companion.history import History, tokens
from companion.journal import Journal
from companion.keeping import kept
from companion.kept_mute import KeptMute
from companion.life import Life
from companion.listening import Listening
from companion.mind import Mind, Remembering
from companion.mouth import Mouth
from companion.names import without_call
from companion.ports import (
    ChatModel,
    Engine,
    Message,
    Observer,
    Speaker,
)
from companion.prepared import Prepared
from companion.served import Served
from companion.settings import Settings
from companion.timed import Timed

LARGEST_SEED = 2**31 - 1
"""Of a chat request."""

TRUSTED_SHARE = 0.9
"""Of the tokens a model takes, how many we use by our own count, which is only nearly right."""

LARGEST_PERSONA = 0.7
"""Of those, how many a persona may fill: a conversation needs the rest."""


@asynccontextmanager
async def desk(
    settings: Settings, characters: Sequence[Character], observers: Sequence[Observer]
) -> AsyncIterator[tuple[Life, tuple[Served, ...]]]:
    """A toy of this computer's own microphone and speaker: its light is the terminal, its button the Enter key."""
    async with AsyncExitStack() as stack:
        body = await bodies.at_the_desk(settings, stack)
        chosen = await engines.at_the_desk(settings, characters, stack, Journal(body.clock, *observers).warn)
        yield (
            put_together(settings, characters, body, chosen, observers, random.Random(), surroundings(settings)),
            chosen.served,
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a toy may know of the world that it lives in."""

    time: Callable[[], str]
    """What time it is, in words; nothing if it may not know."""
    state: Path | None
    """The folder that keeps what outlives a restart; None: nothing does."""


def put_together(
    settings: Settings,
    characters: Sequence[Character],
    body: Body,
    chosen: Engines,
    observers: Sequence[Observer],
    chance: random.Random,
    around: Surroundings,
    kept_mute: KeptMute | None = None,
) -> Life:
    """Toys of this body and these engines. `kept_mute`: what remembers that they are muted; None: nothing does."""
    journal = Journal(body.clock, *observers)
    hearing = chosen.hearing
    note = _noting(journal)
    echo = Echo(hearing.canceller, hearing.interruptible, note)
    if hearing.interruptible.how is Interruptible.BUTTON:
        note(hearing.interruptible)
    face = Face(body.light, journal)
    ears = Ears(body.microphone, hearing.detector, hearing.patience, echo, face.follow)
    button = ByButton() if hearing.called == "hold" else None
    calling = button or (ByName(hearing.wake_word) if hearing.wake_word else Open())
    language = characters[0].language
    timed = [Timed(voice, body.clock) for voice in chosen.voices]
    voices = [
        Prepared(voice, (*character.lines, done(language))) for character, voice in zip(characters, timed, strict=True)
    ]
    wanted = hearing.called != "open" if settings.body.earcons is None else settings.body.earcons
    earcons = Earcons(body.speaker, {earcon: sound(earcon) for earcon in Earcon if wanted})
    members = [
        Member(character, Mouth(character.name, voice, body.speaker, journal, stock=made.stock, hush=earcons.hush))
        for character, voice, made in zip(characters, voices, timed, strict=True)
    ]
    mind = _mind(settings, characters, chosen.chat, chosen.longest_prompt, chance, around)
    addressed = Addressed(_names(settings, characters, hearing), language)
    listening = Listening(
        calling=calling,
        addressed=addressed,
        barge_in=BargeIn(
            ears=ears,
            echo=echo,
            words=hearing.interrupting,
            mouths=[member.mouth for member in members],
            addressed=addressed,
            language=language,
            face=face,
            journal=journal,
        ),
        ears=ears,
        transcriber=hearing.transcriber,
        end_of_turn=hearing.end_of_turn,
        language=language,
        face=face,
        clock=body.clock,
        journal=journal,
        earcons=earcons,
        warm=lambda: warmed(mind, body.speaker),
    )
    conversation = Conversation(
        cast=Cast(members),
        listening=listening,
        mind=mind,
        face=face,
        clock=body.clock,
        journal=journal,
        earcons=earcons,
        nudges=settings.toy.nudge,
    )
    parts: dict[str, Engine] = {"ears": hearing.transcriber}
    parts |= {"name": hearing.wake_word} if hearing.wake_word else {}
    parts |= {"stop word": hearing.stop_word} if hearing.stop_word else {}
    parts |= {"end of turn": hearing.end_of_turn} if hearing.end_of_turn else {}
    for number, voice in enumerate(voices):
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
        earcons=earcons,
        kept_mute=kept_mute,
        held=button,
        voices=voices,
        hears_since=body.hears_since,
    )


async def warmed(mind: Mind, speaker: Speaker) -> None:
    """Get ready to answer, because somebody is speaking."""

    async def opened() -> None:
        with suppress(DeviceError):  # it is missed when there is something to say
            await speaker.open()

    await asyncio.gather(mind.warm(), opened())


def _noting(journal: Journal) -> Callable[[Verdict], None]:
    """Notes in the journal how the toy may be interrupted."""

    def note(verdict: Verdict) -> None:
        rounded = {"delay": verdict.delay, "suppression": verdict.suppression}
        fields = {name: None if value is None else round(value, 3) for name, value in rounded.items()}
        journal.write("echo", barge_in=verdict.how.value, text=verdict.why, **fields)

    return note


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


def surroundings(settings: Settings) -> Surroundings:
    """Of this computer."""

    def time() -> str:
        return f"It is {datetime.now():%A, %d %B %Y, %H:%M}."

    return Surroundings(time=time if settings.chat.tell_time else str, state=folders.state(settings))


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
        mind = _mind(settings, [character], chat, longest, random.Random(), surroundings(settings))
        yield Correspondence(mind, engine)


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
