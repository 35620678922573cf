"""This file is the command `companion setup`: from the box to a toy that talks, by questions or by flags.

All is asked before anything is written, and each file is written whole or not at all: Ctrl-C leaves what was there.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from companion import (
    character,
    doctor,
    examining,
    installer,
    machine,
    pulling,
    settings,
    settings_paths,
    settings_text,
    systemctl,
    tables,
    unit,
)
from companion.asking import answer, asked, one_of, yes
from companion.checks_engines import REGIONS
from companion.errors import DeviceError, NotPulled, SettingsError
from companion.interview import Given, answers
from companion.keeping import keep, make_folder
from companion.screen import complain, out
from companion.settings import Settings

USUAL_REGION: Final = "international"


def setup(
    board: Annotated[str | None, typer.Option(metavar="NAME", help="how light and button are wired")] = None,
    microphone: Annotated[str | None, typer.Option(metavar="NAME", help="as `companion devices` lists it")] = None,
    speaker: Annotated[str | None, typer.Option(metavar="NAME", help="the same")] = None,
    who: Annotated[str | None, typer.Option("--character", metavar="WHO", help="a name, or a file of your own")] = None,
    language: Annotated[str | None, typer.Option(metavar="TAG", help="that it shall speak: en, zh ...")] = None,
    called: Annotated[str | None, typer.Option(metavar="HOW", help="open, wake or hold: how it is called")] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="a file with the key, or - for stdin; a copy is kept")
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="of the key: international, beijing, or an address")
    ] = None,
    models: Annotated[bool, typer.Option("--models/--no-models", help="pull what the language begins with")] = True,
    test: Annotated[bool, typer.Option("--test/--no-test", help="try everything out in the end")] = True,
    service: Annotated[bool, typer.Option("--service", help="let it start with the machine from now on")] = False,
    yes_to_all: Annotated[
        bool, typer.Option("--yes", "-y", help="ask nothing: what is not given stays, or is usual")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="write over settings that are there")] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="settings to write; else the machine's for root, or your own")
    ] = None,
) -> None:
    """Ask for what a toy needs to know, write its settings and its key, pull its models, and try it. Every answer is a
    flag, too; a second time nothing changes. Without a terminal nothing is asked."""
    asking = not yes_to_all and sys.stdin.isatty() and out.is_terminal
    file = (config or default_place(os.environ)).expanduser().absolute()
    given = Given(board, microphone, speaker, who, language, called)
    place = settings.key_place(file)
    if service and file != settings.MACHINES_FILE:
        raise SettingsError([f"--service: it reads {settings.MACHINES_FILE}; leave --config out, and be root"])
    try:
        before = _before(file)
        secret = _key_given(key_file)
        table = answers(given, before, file, asking, test)
        if asking and secret is None:
            secret = _key_asked(file, table)
        _name_region(region, table, file, asking and (secret is not None or _has_key(file, table)))
        if secret is not None:
            _name_key(table, file, place)
        text = settings_text.text(table)
        chosen = settings.checked(table, file)
        wanted = _wanted(chosen, asking) if models else []
        service = service or (
            asking and _can_be_service(file) and yes("Let it start with the machine from now on?", usual=False)
        )
        if asking and file.exists() and file.read_text(encoding="utf-8") != text and not replace:
            replace = yes(f"{file} is there. Write over it? (The old one is kept beside it.)", usual=False)
    except (KeyboardInterrupt, EOFError):
        out.print()
        raise DeviceError("Interrupted: nothing was written") from None
    if not _written(file, text, replace):
        kept = " and the key was not taken" if secret is not None else ""
        raise DeviceError(f"{file} is there already and was kept{kept}: give --replace to write over it")
    if secret is not None:
        _keep_key(place, secret)
    pulled = _pull(file, chosen, wanted)
    if test:
        _try_out(file)
    if service:
        installer.install()
    else:
        out.print(to_talk(file), soft_wrap=True, markup=False)
        out.print(_for_good(file), soft_wrap=True, markup=False)
    if not pulled:
        raise typer.Exit(1)


def default_place(environment: Mapping[str, str]) -> Path:
    """Where settings are written when nobody says where: the machine's for root, else the user's own."""
    if os.geteuid() == 0:
        return settings.MACHINES_FILE
    return settings.users_file(environment)


def _before(file: Path) -> dict[str, Any]:
    """What is set by now. Raises SettingsError if that holds mistakes: they would be lost unseen."""
    if not file.exists():
        return {}
    settings.load(file, {})
    table = tables.read(file)
    settings_paths.count_from(file.parent, table, keys=())  # the character alone: it is looked at from where one is
    return table


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
    out.print("The key to Qwen-Character (sk-...); it is not shown.", soft_wrap=True)
    prompt = "[the one that is there]: " if _has_key(file, table) else "[later]: "
    return asked(lambda: getpass.getpass(prompt), _key_checked)


def _has_key(file: Path, table: Mapping[str, Any]) -> bool:
    return "key_file" in table.get("chat", {}) or settings.key_place(file).exists()


def _name_key(table: dict[str, dict[str, Any]], file: Path, place: Path) -> None:
    """Have the settings name the place where the key is kept, and no other; the machine's own needs no name."""
    if file != settings.MACHINES_FILE:
        table.setdefault("chat", {})["key_file"] = str(place)
    else:
        table.get("chat", {}).pop("key_file", None)


def _name_region(flag: str | None, table: dict[str, dict[str, Any]], file: Path, asking: bool) -> None:
    """Where the service is that takes the key. Raises SettingsError."""

    def parse(name: str) -> str:
        address = REGIONS.get(name.lower(), name)
        if "://" not in address:
            return one_of(name, "--region: there is no region", [*REGIONS, "an address like https://host/v1"])
        settings.checked({"chat": {"base_url": address}}, file, {})
        return name

    now = table.get("chat", {}).get("base_url", "") or REGIONS[USUAL_REGION]
    usual = next((name for name, address in REGIONS.items() if address == now), now)
    named = answer("Of which region is the key?", flag, usual, parse, asking, list(REGIONS))
    address = REGIONS.get(named.lower(), named)
    if address != now:
        table.setdefault("chat", {})["base_url"] = address


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
    return wanted if not (asking and wanted) or yes(f"Pull {told}?", usual=True) else []


def _written(file: Path, text: str, replace: bool) -> bool:
    """Write the settings; False if others are there that must be kept. Raises DeviceError."""
    try:
        old = file.read_text(encoding="utf-8") if file.exists() else None
        if old == text:
            out.print(f"{file} is as it should be.", soft_wrap=True, markup=False)
            return True
        if old is not None and not replace:
            return False
        make_folder(file.parent)
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


def _pull(file: Path, chosen: Settings, wanted: Sequence[Any]) -> bool:
    """Bring the models, those of the machine's toy to where its service looks for them; False if that failed, which is
    told."""
    if not wanted:
        return True
    if file == settings.MACHINES_FILE and chosen.models.store is None:
        try:
            make_folder(unit.MACHINES.cache)
        except OSError as error:
            complain(f"{unit.MACHINES.cache} cannot be made ({error.strerror})")
            return False
    try:
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


def to_talk(file: Path) -> str:
    """How to let the toy talk whose settings are in `file`; only root can read the key of the machine's."""
    if file == settings.MACHINES_FILE:
        return "Let it talk: sudo companion run"
    return f"Let it talk: companion run{'' if settings.usual_file() == file else f' --config {file}'}"


def _can_be_service(file: Path) -> bool:
    """Whether this is the machine's own toy, on a machine that systemd runs."""
    return file == settings.MACHINES_FILE and systemctl.BOOTED.is_dir() and not unit.MACHINES.unit.exists()


def _for_good(file: Path) -> str:
    """How to let it start by itself."""
    if file == settings.MACHINES_FILE:
        return "Let it start by itself from now on: sudo companion service install"
    if file == settings.usual_file():
        return (
            "Let it start by itself while you are logged in: companion service install --user; or with the machine: "
            "sudo companion setup, then sudo companion service install"
        )
    return f"A service reads other settings, {settings.MACHINES_FILE}: sudo companion setup writes them"
