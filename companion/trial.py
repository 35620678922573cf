"""This file tries a toy's body and engines out, and brings the facts that the doctor judges.

With `build.py`, `engines.py` and `bodies.py` it names concrete classes; each is imported where it is needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import numpy as np

from companion import bodies, engines, hearing, settings
from companion.audio import Audio, Frame
from companion.character import Character
from companion.checks_engines import REGIONS, Key, Model, Pulled, Trial
from companion.checks_sound import HEARD, Microphone, Speaker, tone_over
from companion.echo import Echo, Verdict
from companion.errors import Cause, CompanionError, DeviceError, NoReply, SettingsError, TurnError
from companion.folders import store
from companion.ports import Message, Prompt
from companion.served import REHEARSAL
from companion.settings import Ears, Settings, Voice
from companion.state import State

if TYPE_CHECKING:
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import Kind
    from device.speaker import SoundCardSpeaker
    from models.store import Found

LISTENING, STARTING, AFTERWARDS = 1.2, 0.3, 0.5
"""Seconds: in which the microphone is judged, before that, and in which what was played may still arrive."""

HERTZ, TONE, RATE, AMPLITUDE = 440.0, 0.6, 22_050, 0.25
"""Of the tone that the microphone shall hear: its pitch, seconds, rate in Hertz, and share of full scale."""

TALKING: Final = 6.0
"""Seconds of the toy's own voice, after which is known how well it takes that out of its microphone."""

SHOWN: Final = (State.ATTENTION, State.THINKING, State.SPEAKING, State.LISTENING)
SHOWN_SECONDS: Final = 0.7

COMPARED: Final = 500_000_000
"""Bytes of models that are compared without `--deep`: some seconds on a Raspberry Pi."""

PLACEHOLDERS: Final = ("sk-...", "sk-xxx", "your", "<", "changeme")

ANSWERED: Final = 10.0
"""Seconds in which the service, and the other regions where it refuses the key, may answer: the doctor waits for 12."""

QUESTION: Final = (Message("system", "Answer with one word."), Message("user", "Hello!"))


@dataclass(frozen=True, slots=True)
class Sounded:
    """What was found out about the sound."""

    microphone: Microphone
    speaker: Speaker
    echo: Verdict | None
    """None: it was not tried."""


async def sound(chosen: Settings, characters: Sequence[Character], *, deep: bool) -> Sounded:
    """Open microphone and speaker and listen; `deep`: also let it listen to itself."""
    from device.microphone import SoundCardMicrophone
    from device.sound_cards import PortAudio, listed
    from device.speaker import SoundCardSpeaker
    from device.wall_clock import WallClock

    clock, cards = WallClock(), PortAudio()
    rate = 48_000
    with suppress(DeviceError):  # told when it is opened
        _, device = await listed(cards, "input", chosen.body.microphone)
        rate = device.rates[0] if device.rates else rate
    speaker = SoundCardSpeaker(clock, cards, chosen.body.speaker, loudest=chosen.body.volume)
    microphone = SoundCardMicrophone(clock, cards, chosen.body.microphone, speaker.played_between)
    try:
        heard, played = await asyncio.gather(_listened(microphone), _opened(speaker, chosen.body.volume))
        heard = replace(heard, rate=rate)
        verdict: Verdict | None = None
        if deep and heard.sound and heard.sound.samples.any() and not played.error and played.volume > 0:
            with suppress(DeviceError):  # what was known before is worth telling
                captured = await _while_playing(microphone, speaker, tone(), lambda _: None)
                over = tone_over(heard.sound, captured, HERTZ)
                played = replace(played, tone=over)
                verdict = await _echo(chosen, characters, microphone, speaker) if over >= HEARD else None
        return Sounded(heard, played, verdict)
    finally:
        await microphone.close()
        await speaker.close()


async def devices(kind: Kind, name: str | None) -> list[str]:
    """The names of all devices of a kind, if one of them can be taken for `name`. Raises DeviceError."""
    from device.sound_cards import PortAudio, listed

    found, _ = await listed(PortAudio(), kind, name)
    return [device.name for device in found]


def tone() -> Audio:
    """What the microphone shall hear."""
    times = np.arange(round(TONE * RATE)) / RATE
    edges = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.02)
    return Audio(np.round(AMPLITUDE * 32767 * edges * np.sin(2 * np.pi * HERTZ * times)).astype(np.int16), RATE)


async def light(chosen: Settings, *, deep: bool) -> list[str]:
    """Open the light, and with `deep` show what it can; why not, a sentence for each reason. Raises SettingsError."""
    broken: list[str] = []
    async with AsyncExitStack() as stack:
        lamps, missing = await bodies.lamps(chosen, stack, broken.append)
        for state in SHOWN if deep and not missing else ():
            lamps.show(state, level=1.0)
            await asyncio.sleep(SHOWN_SECONDS)
    return [*missing, *broken]


async def button(chosen: Settings) -> list[str]:
    """Open the button; why not, a sentence. Raises SettingsError."""
    try:
        async with AsyncExitStack() as stack:
            await bodies.switch(chosen, stack)
    except DeviceError as error:
        return [str(error)]
    return []


async def ears(chosen: Settings, language: str, *, deep: bool) -> Model:
    """What it would hear with; `deep`: loads it."""
    from models.store import find_whisper
    from models.whisper import WhisperTranscriber, check

    if chosen.ears.engine == "sphinx":
        return Model(chosen.ears.engine)
    try:
        found = await _found(
            chosen.ears, lambda path: check(path, language), lambda: find_whisper(store(chosen), language)
        )
        if deep and found.path:
            await WhisperTranscriber(found.path, language=language).load()
    except (SettingsError, TurnError) as error:
        return Model(chosen.ears.engine, mistakes=_sentences(error))
    return found


async def voice(chosen: Settings, language: str, *, deep: bool) -> Model:
    """What it would speak with; `deep`: loads it."""
    from models.piper import Piper, check
    from models.piper import language as spoken
    from models.store import find_piper

    if chosen.voice.engine == "espeak":
        return Model(chosen.voice.engine)
    try:
        found = await _found(chosen.voice, check, lambda: find_piper(store(chosen), language))
        if found.path and deep:
            await Piper(found.path).load()
        return replace(found, speaks=spoken(found.path)) if found.path else found
    except (SettingsError, TurnError) as error:
        return Model(chosen.voice.engine, mistakes=_sentences(error))


async def _found(wanted: Ears | Voice, check: Callable[[Path], object], find: Callable[[], Found]) -> Model:
    """The model that the settings name, once it was checked; else what there is in the store. Raises SettingsError."""
    if wanted.model:
        check(wanted.model)
        return Model(wanted.engine, wanted.model)
    there = await asyncio.to_thread(find)
    return Model(wanted.engine, there.path, there.skipped)


def names(chosen: Settings, characters: Sequence[Character]) -> tuple[list[str], list[str], list[str]]:
    """What it is called by; why it cannot be called so; and which names that were learnt are damaged."""
    from models import micro_wake
    from models.sphinx_wake import check
    from models.store import find_wake

    learnt = find_wake(store(chosen))
    heads = [head.phrase for _, head in learnt.heads]
    phrases = [name.lower() for name in chosen.ears.names] or heads
    phrases = phrases or [f"hey {character.name.lower()}" for character in characters]
    mistakes: list[str] = []
    for phrase in phrases:
        if phrase not in heads and phrase not in micro_wake.PHRASES:
            try:
                check(phrase)
            except SettingsError as error:
                mistakes.extend(error.mistakes)
    return phrases, mistakes, list(learnt.skipped)


def models(chosen: Settings, *, deep: bool) -> Pulled:
    """What is the matter with the models that were pulled, and with the owner's manifest."""
    from models import ledger, manifest
    from models.pull import size

    folder = store(chosen)
    faults: list[str] = []
    mistakes: tuple[str, ...] = ()
    unread = read = 0
    try:
        manifest.load(chosen.models.manifest)
    except SettingsError as error:
        mistakes = error.mistakes
    try:
        pulled = ledger.read(folder)
    except ledger.LedgerUnread as error:
        return Pulled([error.what], error.mend, mistakes=mistakes)
    for one in sorted(pulled.values(), key=lambda each: sum(size(folder / path) for path in each.files)):
        read += sum(size(folder / path) for path in one.files)
        if read > COMPARED and not deep:
            unread += 1
            faults += [f"{folder / path} is missing" for path in one.files if not (folder / path).exists()]
        else:
            faults += ledger.faults(folder, one)
    return Pulled(faults, count=len(pulled), unread=unread, mistakes=mistakes)


def key(chosen: Settings, environment: Mapping[str, str], folder: Path = settings.MACHINES_CREDENTIALS) -> Key:
    """What can be said of the key."""
    needed = chosen.chat.engine != REHEARSAL
    try:
        secret = settings.key(chosen, environment)
    except SettingsError as error:
        return Key(mistakes=error.mistakes, needed=needed)
    if secret is None:
        place = folder / settings.CREDENTIAL
        with suppress(OSError):
            return Key(locked=place if place.exists() else None, needed=needed)
        return Key(locked=place, needed=needed)  # even its folder is closed
    return Key(
        there=True,
        usual=secret.startswith("sk-"),
        placeholder=any(secret.lower().startswith(each) for each in PLACEHOLDERS),
        needed=needed,
    )


def secret_files(chosen: Settings, environment: Mapping[str, str]) -> list[Path]:
    """The files in which the key is, or would be."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    places = [
        chosen.chat.key_file,
        Path(folder, settings.CREDENTIAL) if folder else None,
        settings.MACHINES_CREDENTIALS / settings.CREDENTIAL,
    ]
    return list(dict.fromkeys(place for place in places if place))


async def request(chosen: Settings, environment: Mapping[str, str], regions: Mapping[str, str] = REGIONS) -> Trial:
    """Ask the service for one word, and where a region refuses the key, all others as well: is it theirs? `regions`:
    the address of each. Raises SettingsError."""
    from models.qwen import BASE_URL

    over = asyncio.get_running_loop().time() + ANSWERED
    address = (chosen.chat.base_url or BASE_URL).rstrip("/")
    asked = await _asked(chosen, address, environment)
    region = next((name for name, each in regions.items() if each == address), "")
    if not (region and asked.refused_key):
        return asked

    async def ask(other: str) -> Trial:
        try:
            async with asyncio.timeout_at(over):
                return await _asked(chosen, other, environment)
        except TimeoutError:
            return Trial(urlsplit(other).netloc, cause=Cause.SLOW, address=other)

    others = {name: each for name, each in regions.items() if name != region}
    answers = await asyncio.gather(*map(ask, others.values()))
    return replace(asked, region=region, others=dict(zip(others, answers, strict=True)))


async def _asked(chosen: Settings, address: str, environment: Mapping[str, str]) -> Trial:
    """How a request for one word to this address ended. Raises SettingsError."""
    host = urlsplit(address).netloc
    modest = chosen.chat.model_copy(update={"base_url": address, "candidates": 1, "max_tokens": 16})
    async with AsyncExitStack() as stack:
        chat, _ = await engines.service(chosen.model_copy(update={"chat": modest}), stack, lambda _: None, environment)
        try:
            await chat.load()
            began = time.monotonic()
            async with aclosing(chat.reply(Prompt(QUESTION, 1, "doctor"))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        return Trial(host, time.monotonic() - began, address=address)
        except NoReply as error:
            return Trial(host, cause=error.cause, sentence=str(error), address=address)
    return Trial(host, sentence=f"{host} gave an empty reply", address=address)


async def _listened(microphone: SoundCardMicrophone) -> Microphone:
    heard: list[Audio] = []
    total = 0.0
    try:
        while total < STARTING + LISTENING:
            frame = (await microphone.read()).captured
            total += frame.seconds
            if total > STARTING:
                heard.append(frame)
    except DeviceError as error:
        return Microphone(error=str(error))
    return Microphone(Audio.join(heard))


async def _opened(speaker: SoundCardSpeaker, volume: float) -> Speaker:
    try:
        begins = await speaker.play(Audio.silence(0.2))
        await speaker.reach(begins + 0.2)
    except DeviceError as error:
        return Speaker(str(error), volume)
    return Speaker("", volume)


async def _while_playing(
    microphone: SoundCardMicrophone, speaker: SoundCardSpeaker, played: Audio, each: Callable[[Frame], object]
) -> Audio:
    """What the microphone captured while this was played, and a little longer. Raises DeviceError."""

    async def play() -> None:
        begins = await speaker.play(played)
        await speaker.reach(begins + played.seconds)

    playing = asyncio.create_task(play())
    captured: list[Audio] = []
    left = AFTERWARDS
    try:
        while left > 0:
            frame = await microphone.read()
            captured.append(frame.captured)
            each(frame)
            left -= frame.captured.seconds if playing.done() else 0.0
        await playing
    finally:
        playing.cancel()
    return Audio.join(captured)


async def _echo(
    chosen: Settings, characters: Sequence[Character], microphone: SoundCardMicrophone, speaker: SoundCardSpeaker
) -> Verdict:
    """How well it takes its own voice out of its microphone. Raises DeviceError."""
    canceller, verdict = await asyncio.to_thread(hearing.canceller, chosen)
    if canceller is None:
        return verdict
    echo = Echo(canceller, verdict)
    await _while_playing(microphone, speaker, await _talk(characters), echo.cleaned)
    return echo.verdict


async def _talk(characters: Sequence[Character]) -> Audio:
    """Some seconds of what the toy says word for word, in the embedded voice."""
    from models.espeak import EspeakVoice

    said: list[Audio] = []
    lines = [line for character in characters for line in character.lines]
    for line in lines:
        async with aclosing(EspeakVoice(characters[0].espeak).speak(line)) as pieces:
            said += [piece async for piece in pieces]
        if sum(piece.seconds for piece in said) >= TALKING:
            break
    whole = Audio.join(Audio(piece.samples, piece.rate) for piece in said)
    return Audio(whole.samples[: round(TALKING * 1.5 * whole.rate)], whole.rate)


def _sentences(error: CompanionError) -> Sequence[str]:
    return error.mistakes if isinstance(error, SettingsError) else [str(error)]
