"""This file asks what a toy has to know: who it is, what it is built of, and how it is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from companion import bodies, character, doctor, machine, settings, trial
from companion.asking import answer, one_of
from companion.errors import DeviceError, SettingsError
from companion.screen import out
from companion.settings import Called, Settings
from companion.words import language_of

if TYPE_CHECKING:
    from device.sound_cards import Kind

SYSTEMS: Final = "the system's own"
"""How a sound card is called that is not named."""

CALLED: Final[tuple[str, ...]] = get_args(Called)

WAYS: Final = {"wake": "name", "hold": "button"}
"""What calls it."""

DEFAULT: Final = settings.Toy().characters[0]
"""Whom one talks to, unless somebody says otherwise."""
PARTS: Final[Mapping[str, Kind]] = {"microphone": "input", "speaker": "output"}


@dataclass(frozen=True, slots=True)
class Given:
    """What flags say; None is what they leave open."""

    board: str | None
    microphone: str | None
    speaker: str | None
    character: str | None
    language: str | None
    called: str | None


def answers(given: Given, before: Mapping[str, Any], file: Path, asking: bool, test: bool) -> dict[str, dict[str, Any]]:
    """The settings as they shall be. Raises SettingsError, DeviceError for a flag that cannot be."""
    table = {section: dict(keys) for section, keys in before.items()}
    body, toy, ears = (table.setdefault(section, {}) for section in ("body", "toy", "ears"))
    now = toy.get("character", DEFAULT)
    if isinstance(now, str) or given.character or given.language:  # several are too much for a question
        toy["character"] = _somebody(given, now if isinstance(now, str) else now[0], asking)
    usual = body.get("board") or _likely_board()
    body["board"] = answer("How are light and button wired?", given.board, usual, _board, asking, _boards())
    for part, kind in PARTS.items():
        listed = _devices(kind) if asking else ()
        parse = _device(kind) if test or asking else str
        named = answer(f"Which {part}?", getattr(given, part), body.get(part, SYSTEMS), parse, asking, listed)
        if named in (SYSTEMS, ""):
            body.pop(part, None)
        else:
            body[part] = named
    ears["called"] = _how_called(given, settings.checked(table, file), asking)
    return {section: keys for section, keys in table.items() if keys}


def _how_called(given: Given, chosen: Settings, asking: bool) -> str:
    """How it is called: as before, else by the first way that works. Raises SettingsError."""
    cannot = _cannot_be_called(chosen)
    usual = next(way for way in (chosen.ears.called, "wake", "hold", "open") if way and way not in cannot)
    if given.called is None:
        for way in dict.fromkeys((chosen.ears.called or "wake", "wake")):
            if way in cannot:
                out.print(f"It cannot be called by its {WAYS[way]}: {cannot[way]}", soft_wrap=True, markup=False)

    def parse(name: str) -> str:
        way = one_of(name, "--called: it cannot be called", CALLED)
        if way in cannot:
            raise SettingsError([f"--called {way}: {cannot[way]}"])
        return way

    question = "How is it called: by whoever speaks (open), by its name (wake), by its button (hold)?"
    return answer(question, given.called, usual, parse, asking)


def _cannot_be_called(chosen: Settings) -> dict[str, str]:
    """Why it cannot be called by its name, or its button; nothing of what can be. Raises SettingsError."""
    characters = [character.load(name) for name in chosen.toy.characters]
    reasons: dict[str, str] = {}
    phrases, mistakes, _ = trial.names(chosen, characters)
    if mistakes:
        spoken = next((f" --language {one.language}" for one in characters if not _alike(one.language, "en")), "")
        learn = f'companion wake add "{phrases[0].removeprefix("hey ")}"{spoken}'
        reasons["wake"] = f"{'; '.join(mistakes)}. It can be taught that: {learn}"
    board = bodies.wired(chosen)
    if board.button is None and board.light != "screen":
        reasons["hold"] = f"the board {board.name} has none"
    return reasons


def _likely_board() -> str:
    """What can be told from what is plugged in."""
    from device.boards import BOARDS

    here = machine.computer()
    for known in BOARDS.values():
        if known.card and known.card[:15] in here.cards:
            return known.name
    return settings.Body().board if here.gpio else "usb"


def _boards() -> list[str]:
    from device.boards import BOARDS

    return [f"{board.name}  {board.wiring}" for board in BOARDS.values() if board.light != "screen"]


def _board(name: str) -> str:
    from device.boards import BOARDS

    return one_of(name, "--board: there is no board", list(BOARDS))


def _somebody(given: Given, now: str, asking: bool) -> str:
    """Whom one talks to, in the language that is wanted. Raises SettingsError."""
    everybody = [(name, character.load(name)) for name in character.bundled()]
    everybody.sort(key=lambda each: each[0] != DEFAULT)
    spoken = list(dict.fromkeys(one.language for _, one in everybody))
    tag = given.language or character.load(given.character or now).language
    if given.character is None:
        tag = answer("Which language shall it speak?", given.language, tag, _language(spoken), asking, spoken)
    fits = [(name, one) for name, one in everybody if _alike(one.language, tag)]
    if given.character is None and fits and not _alike(character.load(now).language, tag):
        now = fits[0][0]
    choices = [f"{name}  {one.summary}" for name, one in fits]
    return answer("Whom do you want to talk to?", given.character, now, _character(tag), asking, choices)


def _language(spoken: Sequence[str]) -> Callable[[str], str]:
    def parse(tag: str) -> str:
        if not any(_alike(one, tag) for one in spoken):
            hint = f"they speak {', '.join(sorted(spoken))}: name one of your own (--character FILE)"
            raise SettingsError([f"--language: no character that comes with Companion speaks {tag!r}; {hint}"])
        return tag

    return parse


def _character(language: str) -> Callable[[str], str]:
    def parse(name: str) -> str:
        one = character.load(name)
        if not _alike(one.language, language):
            raise SettingsError([f"{one.name} speaks {one.language}, not {language}: name a character that does"])
        return name if name in character.bundled() else str(Path(name).expanduser().absolute())

    return parse


def _alike(one: str, other: str) -> bool:
    return language_of(one) == language_of(other.replace("_", "-"))


def _devices(kind: Kind) -> list[str]:
    """The names of the devices there are; none where they cannot be listed."""
    with suppress(DeviceError), doctor.quiet_libraries():
        return [SYSTEMS, *dict.fromkeys(asyncio.run(trial.devices(kind, None)))]
    return [SYSTEMS]


def _device(kind: Kind) -> Callable[[str], str]:
    def parse(name: str) -> str:
        """Without its number, which may be another card's after the next start; unless there are two such cards."""
        from device.sound_cards import unnumbered

        if name in (SYSTEMS, ""):
            return name
        with doctor.quiet_libraries():
            asyncio.run(trial.devices(kind, name))
            with suppress(DeviceError):
                asyncio.run(trial.devices(kind, unnumbered(name)))
                return unnumbered(name)
        return name

    return parse
