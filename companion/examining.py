"""This file examines a toy from head to foot: every check once, in one order, all of them within some seconds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from companion import (
    bodies,
    character,
    checks_engines,
    checks_machine,
    checks_sound,
    machine,
    settings,
    standing,
    trial,
    unit,
)
from companion.character import Character
from companion.errors import SettingsError
from companion.finding import Finding, unknown
from companion.folders import store
from companion.keeping import state_folder
from companion.settings import Settings

if TYPE_CHECKING:
    from device.boards import Board

LONGEST: Final = 12.0
"""Seconds, and with `--deep` ..."""
LONGEST_DEEP: Final = 120.0

DEFAULT: Final = settings.Toy().characters[0]
"""Whose voice and language are taken where no character can be read."""

ORDER: Final = (
    "settings",
    "character",
    "board",
    "groups",
    "microphone",
    "speaker",
    "echo",
    "light",
    "button",
    "ears",
    "voice",
    "name",
    "models",
    "key",
    "secrets",
    "network",
    "clock",
    "temperature",
    "power",
    "disk",
    "service",
)
"""The names of all findings: each is there every time."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined."""

    file: Path | None
    """Of the settings."""
    settings: Settings
    mistakes: tuple[str, ...]
    """In the settings; what is mistaken is not in `settings`."""
    characters: tuple[Character, ...]
    character_mistakes: tuple[str, ...]

    @property
    def language(self) -> str:
        """That the toy hears and speaks."""
        return self.characters[0].language


def patient(file: Path | None, environment: Mapping[str, str] = os.environ) -> Patient:
    """A toy as far as its settings go: where they are mistaken it is as if nothing was set."""
    chosen, mistakes = settings.as_far_as_it_goes(file, environment)
    try:
        cast = tuple(character.load(name) for name in chosen.toy.characters)
    except SettingsError as error:
        return Patient(file, chosen, mistakes, (character.load(DEFAULT),), error.mistakes)
    return Patient(file, chosen, mistakes, cast, ())


async def examine(
    patient: Patient, *, deep: bool, environment: Mapping[str, str] = os.environ, root: Path = machine.ROOT
) -> list[Finding]:
    """All findings, in `ORDER`."""
    longest = LONGEST_DEEP if deep else LONGEST
    parts: dict[tuple[str, ...], Awaitable[Sequence[Finding]]] = {
        ("settings", "character", "board", "groups", "secrets"): _written(patient, environment, root),
        ("microphone", "speaker", "echo"): _sound(patient, deep),
        ("light", "button"): _pins(patient, deep),
        ("ears", "voice", "name"): _engines(patient, deep),
        ("models",): _models(patient, deep),
        ("key", "network"): _service(patient, environment),
        ("clock", "temperature", "power", "disk", "service"): _computer(patient, environment, root),
    }
    found = await asyncio.gather(*(_within(longest, names, part) for names, part in parts.items()))
    by_name = {finding.name: finding for findings in found for finding in findings}
    return [by_name[name] for name in ORDER]


async def _within(seconds: float, names: Sequence[str], part: Awaitable[Sequence[Finding]]) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(seconds):
            return await part
    except TimeoutError:
        what = f"It was not found out within {seconds:.0f} s"
        return [Finding(name, None, what, "try again when the computer is less busy") for name in names]


async def _written(patient: Patient, environment: Mapping[str, str], root: Path) -> list[Finding]:
    from device.boards import BOARDS

    board, mistakes = _board(patient)
    return [
        checks_machine.check_settings(patient.file, patient.mistakes),
        checks_machine.check_character(
            [f"{one.name}, who speaks {one.language}" for one in patient.characters], patient.character_mistakes
        ),
        checks_machine.check_board(
            patient.settings.body.board,
            mistakes,
            pins=bool(board and (board.light_pins or board.button is not None)),
            lamps=bool(board and board.light == "apa102"),
            here=machine.computer(root, environment),
            cards={known.card[:15]: known.name for known in BOARDS.values() if known.card},
        ),
        checks_machine.check_groups(machine.user(), machine.closed(root)),
        checks_machine.check_secrets(
            {file: machine.open_to_others(file) for file in trial.secret_files(patient.settings, environment)}
        ),
    ]


def _board(patient: Patient) -> tuple[Board | None, tuple[str, ...]]:
    try:
        return bodies.wired(patient.settings), ()
    except SettingsError as error:
        return None, error.mistakes


async def _sound(patient: Patient, deep: bool) -> list[Finding]:
    found = await trial.sound(patient.settings, patient.characters, deep=deep)
    return [
        checks_sound.check_microphone(found.microphone),
        checks_sound.check_speaker(found.speaker, patient.settings.body.echo == "hardware"),
        checks_sound.check_echo(found.echo, found.speaker.tone),
    ]


async def _pins(patient: Patient, deep: bool) -> list[Finding]:
    board, _ = _board(patient)
    if board is None:
        return [unknown(name, "The board is not known") for name in ("light", "button")]
    lit = await trial.light(patient.settings, deep=deep) if board.light_pins else []
    pressed = await trial.button(patient.settings) if board.button is not None else []
    return [
        checks_sound.check_light(board.light if board.light_pins else "none", lit, deep),
        checks_sound.check_button(board.button is not None, pressed, patient.settings.ears.called == "hold"),
    ]


async def _engines(patient: Patient, deep: bool) -> list[Finding]:
    chosen, language = patient.settings, patient.language
    phrases, mistakes, damaged = await asyncio.to_thread(trial.names, chosen, patient.characters)
    called = chosen.ears.called or "wake"
    return [
        checks_engines.check_ears(await trial.ears(chosen, language, deep=deep), language),
        checks_engines.check_voice(await trial.voice(chosen, language, deep=deep), language),
        checks_engines.check_name(called, phrases, mistakes if called == "wake" else [], damaged),
    ]


async def _models(patient: Patient, deep: bool) -> list[Finding]:
    return [checks_engines.check_models(await asyncio.to_thread(trial.models, patient.settings, deep=deep))]


async def _service(patient: Patient, environment: Mapping[str, str]) -> list[Finding]:
    known = trial.key(patient.settings, environment)
    asked = None
    if known.there and known.needed and not known.placeholder:
        try:
            asked = await trial.request(patient.settings, environment)
        except SettingsError as error:
            known = checks_engines.Key(mistakes=error.mistakes)
    return [
        checks_engines.check_key(known),
        checks_engines.check_network(asked, checks_machine.check_clock(_now()).ok is True),
    ]


async def _computer(patient: Patient, environment: Mapping[str, str], root: Path) -> list[Finding]:
    folders = [store(patient.settings), patient.settings.memory.state or state_folder(environment)]
    places = [place for place in map(machine.place, folders) if place]
    layouts = unit.MACHINES, unit.users(environment)
    power, service = await asyncio.gather(
        asyncio.to_thread(machine.throttled, root), asyncio.to_thread(standing.summed_up, layouts, root)
    )
    return [
        checks_machine.check_clock(_now()),
        checks_machine.check_temperature(machine.celsius(root)),
        checks_machine.check_power(power),
        checks_machine.check_disk(places),
        service,
    ]


def _now() -> datetime:
    return datetime.now(UTC)
