"""This file is the command `companion setup`: from the box to a toy that talks, by questions or by flags.

All is asked before anything is written, and each file is written whole or not at all: Ctrl-C leaves what was there.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from companion import (
    character,
    doctor,
    examining,
    machine,
    pulling,
    settings,
    settings_paths,
    settings_text,
    tables,
    trial,
)
from companion.errors import CompanionError, DeviceError, NotPulled, SettingsError
from companion.keeping import keep
from companion.screen import complain, out
from companion.settings import Called, Settings

if TYPE_CHECKING:
    from device.sound_cards import Kind

SYSTEMS: Final = "the system's own"
"""How a sound card is called that is not named."""

CALLED: Final[tuple[str, ...]] = get_args(Called)

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
    key_file: Path | None


def setup(
    board: Annotated[str | None, typer.Option(metavar="NAME", help="how light and button are wired")] = None,
    microphone: Annotated[str | None, typer.Option(metavar="NAME", help="as `companion devices` lists it")] = None,
    speaker: Annotated[str | None, typer.Option(metavar="NAME", help="the same")] = None,
    who: Annotated[str | None, typer.Option("--character", metavar="NAME|FILE", help="whom to talk to")] = None,
    language: Annotated[str | None, typer.Option(metavar="TAG", help="that it shall speak: en, zh ...")] = None,
    called: Annotated[str | None, typer.Option(metavar="open|wake|hold", help="how it is called")] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="a file with the key, or - for stdin; a copy is kept")
    ] = None,
    models: Annotated[bool, typer.Option("--models/--no-models", help="pull what the language begins with")] = True,
    test: Annotated[bool, typer.Option("--test/--no-test", help="try everything out in the end")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="ask nothing: what is not given stays, or is usual")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="write over settings that are there")] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="settings to write; else the machine's for root, or your own")
    ] = None,
) -> None:
    """Ask for what a toy needs to know, write its settings and its key, pull its models, and try it. Every answer is a
    flag, too; a second time nothing changes. Without a terminal nothing is asked."""
    asking = not yes and sys.stdin.isatty() and out.is_terminal
    file = (config or default_place(os.environ)).expanduser().absolute()
    given = Given(board, microphone, speaker, who, language, called, key_file)
    try:
        before = _before(file)
        secret = _key_given(given.key_file)
        table = _answers(given, before, asking, test)
        if asking and secret is None:
            secret = _key_asked(file, table)
        place = settings.key_place(file)
        if secret is not None and file != settings.MACHINES_FILE:
            table.setdefault("chat", {})["key_file"] = str(place)
        text = settings_text.text(table)
        chosen = settings.checked(table, file)
        wanted = _wanted(chosen, asking) if models else []
        if asking and file.exists() and file.read_text(encoding="utf-8") != text and not replace:
            replace = _yes(f"{file} is there. Write over it? (The old one is kept beside it.)", usual=False)
    except (KeyboardInterrupt, EOFError):
        out.print()
        raise DeviceError("Interrupted: nothing was written") from None
    if not _written(file, text, replace):
        raise DeviceError(f"{file} is there already and was kept: give --replace to write over it")
    if secret is not None:
        _keep_key(place, secret)
    pulled = _pull(chosen, wanted)
    if test:
        _try_out(file)
    out.print(f"Let it talk: companion run{_named(file)}", soft_wrap=True, markup=False)
    out.print("Let it start by itself from now on: sudo companion service install", soft_wrap=True)
    if not pulled:
        raise typer.Exit(1)


def default_place(environment: Mapping[str, str]) -> Path:
    """Where settings are written when nobody says where: the machine's for root, else the user's own."""
    if os.geteuid() == 0:
        return settings.MACHINES_FILE
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/"), ".config")
    return Path(home, "companion", "companion.toml")


def _before(file: Path) -> dict[str, Any]:
    """What is set by now. Raises SettingsError if that holds mistakes: they would be lost unseen."""
    if not file.exists():
        return {}
    settings.load(file, {})
    table = tables.read(file)
    settings_paths.count_from(file.parent, table, keys=())  # the character alone: it is looked at from where one is
    return table


def _answers(given: Given, before: Mapping[str, Any], asking: bool, test: bool) -> dict[str, dict[str, Any]]:
    """The settings as they shall be. Raises SettingsError, DeviceError for a flag that cannot be."""
    table = {section: dict(keys) for section, keys in before.items()}
    body, toy, ears = (table.setdefault(section, {}) for section in ("body", "toy", "ears"))
    usual = body.get("board") or _likely_board()
    body["board"] = _answer("How are light and button wired?", given.board, usual, _board, asking, _boards())
    for part, kind in PARTS.items():
        listed = _devices(kind) if asking else ()
        parse = _device(kind) if test or asking else str
        named = _answer(f"Which {part}?", getattr(given, part), body.get(part, SYSTEMS), parse, asking, listed)
        if named in (SYSTEMS, ""):
            body.pop(part, None)
        else:
            body[part] = named
    now = toy.get("character", settings.Toy().characters[0])
    if isinstance(now, str) or given.character or given.language:  # several are too much for a question
        toy["character"] = _somebody(given, now if isinstance(now, str) else now[0], asking)
    ears["called"] = _answer(
        "How is it called: by whoever speaks (open), by its name (wake), by its button (hold)?",
        given.called,
        ears.get("called", "wake"),
        _called,
        asking,
    )
    return {section: keys for section, keys in table.items() if keys}


def _answer(
    question: str,
    flag: str | None,
    usual: str,
    parse: Callable[[str], str],
    asking: bool,
    choices: Sequence[str] = (),
) -> str:
    """A flag's answer, else somebody's: asked again until it can be. Raises SettingsError, DeviceError for a flag's."""
    if flag is not None:
        return parse(flag)
    if not asking:
        return usual
    out.print(question, soft_wrap=True, markup=False)
    for number, choice in enumerate(choices, 1):
        out.print(f"  {number}  {choice}", soft_wrap=True, markup=False)
    while True:
        said = input(f"[{usual}]: ").strip()
        if said.isdecimal() and 0 < int(said) <= len(choices):
            said = choices[int(said) - 1].partition("  ")[0]
        if not said:
            return usual
        try:
            return parse(said)
        except CompanionError as error:
            out.print(f"{error}", style="yellow", soft_wrap=True, markup=False)


def _yes(question: str, *, usual: bool) -> bool:
    while True:
        said = input(f"{question} [{'Y/n' if usual else 'y/N'}]: ").strip().lower()
        if said in ("", "y", "yes", "n", "no"):
            return usual if not said else said.startswith("y")
        out.print("y or n, please", style="yellow")


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

    return _one_of(name, "--board: there is no board", list(BOARDS))


def _called(name: str) -> str:
    return _one_of(name, "--called: it cannot be called", CALLED)


def _one_of(name: str, complaint: str, known: Sequence[str]) -> str:
    if name in known:
        return name
    near = get_close_matches(name.lower(), known, n=1)
    raise SettingsError(
        [f"{complaint} {name!r}; {f'did you mean {near[0]}?' if near else 'one of ' + ', '.join(known)}"]
    )


def _somebody(given: Given, now: str, asking: bool) -> str:
    """Whom one talks to, in the language that is wanted. Raises SettingsError."""
    parse, language = _character(given.language), given.language
    everybody = [(name, character.load(name)) for name in character.bundled()]
    fits = [(name, one) for name, one in everybody if not language or _alike(one.language, language)]
    if language and not given.character and not _alike(character.load(now).language, language):
        if not fits:
            known = ", ".join(sorted({one.language for _, one in everybody}))
            hint = f"they speak {known}: name one of your own (--character FILE)"
            raise SettingsError([f"--language: no character that comes with Companion speaks {language!r}; {hint}"])
        now = fits[0][0]
    choices = [f"{name}  {one.summary}" for name, one in fits]
    return _answer("Whom do you want to talk to?", given.character, now, parse, asking, choices)


def _character(language: str | None) -> Callable[[str], str]:
    def parse(name: str) -> str:
        one = character.load(name)
        if language and not _alike(one.language, language):
            raise SettingsError([f"{one.name} speaks {one.language}, not {language}: name a character that does"])
        return name if name in character.bundled() else str(Path(name).expanduser().absolute())

    return parse


def _alike(one: str, other: str) -> bool:
    return one.partition("-")[0].lower() == other.replace("_", "-").partition("-")[0].lower()


def _devices(kind: Kind) -> list[str]:
    """The names of the devices there are; none where they cannot be listed."""
    with suppress(DeviceError), doctor.quiet_libraries():
        return [SYSTEMS, *dict.fromkeys(asyncio.run(trial.devices(kind, None)))]
    return [SYSTEMS]


def _device(kind: Kind) -> Callable[[str], str]:
    def parse(name: str) -> str:
        if name not in (SYSTEMS, ""):
            with doctor.quiet_libraries():
                asyncio.run(trial.devices(kind, name))
        return name

    return parse


def _key_given(file: Path | None) -> str | None:
    """The key in a file that was named. Raises SettingsError."""
    if file is None:
        return None
    if str(file) == "-":
        return _key_checked(sys.stdin.read())
    try:
        return _key_checked(file.expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError([f"--key-file: {file} cannot be read ({reason})"]) from error


def _key_asked(file: Path, table: Mapping[str, Any]) -> str | None:
    """The key, typed unseen; None to leave it as it is."""
    there = "key_file" in table.get("chat", {}) or settings.key_place(file).exists()
    out.print("The key to Qwen-Character (sk-...); it is not shown.", soft_wrap=True)
    while True:
        said = getpass.getpass("[the one that is there]: " if there else "[later]: ").strip()
        if not said:
            return None
        try:
            return _key_checked(said)
        except SettingsError as error:
            out.print(f"{error}", style="yellow", soft_wrap=True, markup=False)


def _key_checked(text: str) -> str:
    secret = text.strip()
    if not secret or not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise SettingsError(["That is no key: it is empty, or holds spaces, line breaks or letters that no key has"])
    return secret


def _wanted(chosen: Settings, asking: bool) -> list[Any]:
    """The models to pull."""
    languages = list(dict.fromkeys(character.load(name).language for name in chosen.toy.characters))
    wanted = pulling.to_begin_with(chosen, languages)
    told = ", ".join(f"{model.name} ({model.megabytes} MB)" for model in wanted)
    for sentence in pulling.voiceless(chosen, languages):
        out.print(sentence, soft_wrap=True, markup=False)
    return wanted if not (asking and wanted) or _yes(f"Pull {told}?", usual=True) else []


def _written(file: Path, text: str, replace: bool) -> bool:
    """Write the settings; False if others are there that must be kept. Raises DeviceError."""
    try:
        old = file.read_text(encoding="utf-8") if file.exists() else None
        if old == text:
            out.print(f"{file} is as it should be.", soft_wrap=True, markup=False)
            return True
        if old is not None and not replace:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        if old is not None:
            keep(file.with_name(f"{file.name}.old"), old, mode=0o644)
        keep(file, text, mode=0o644)  # the service's user reads it; there is no secret in it
    except OSError as error:
        raise DeviceError(f"{file}: cannot be written ({error.strerror}); as root? --config FILE?") from error
    out.print(f"Written: {file}", soft_wrap=True, markup=False)
    return True


def _keep_key(place: Path, secret: str) -> None:
    """Keep the key where only its owner can read it. Raises DeviceError."""
    try:
        if place.exists() and place.read_text(encoding="utf-8").strip() == secret and not machine.open_to_others(place):
            return
        keep(place, f"{secret}\n")
    except OSError as error:
        raise DeviceError(f"{place}: the key cannot be kept there ({error.strerror})") from error
    out.print(f"The key is in {place}, for its owner's eyes only.", soft_wrap=True, markup=False)


def _pull(chosen: Settings, wanted: Sequence[Any]) -> bool:
    """Bring the models; False if that failed, which is told."""
    try:
        if wanted:
            pulling.bring(chosen, wanted)
    except KeyboardInterrupt:
        sentence = "Interrupted: the settings are written, and `companion models pull` goes on from what has arrived"
        raise NotPulled(sentence) from None
    except NotPulled as error:
        complain(f"{error}")
        return False
    return True


def _try_out(file: Path) -> None:
    """What the doctor says of it."""
    out.print("Now the doctor listens and looks:", soft_wrap=True)
    try:
        with doctor.quiet_libraries():
            findings = asyncio.run(examining.examine(examining.patient(file), deep=False))
    except KeyboardInterrupt:
        raise DeviceError("Interrupted: all is written; `companion doctor` looks again") from None
    doctor.tell(findings, out)


def _named(file: Path) -> str:
    return "" if settings.usual_file() == file else f" --config {file}"
