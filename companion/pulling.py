"""This file is the commands `companion models`: list what can be pulled, pull it, verify it, find it, make room."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from companion import character, machine, naming, pull_progress, settings
from companion.errors import NotPulled, SettingsError
from companion.folders import store
from companion.screen import Usual, complain, errors, out
from companion.words import language_of

if TYPE_CHECKING:
    from models.ledger import Pulled
    from models.manifest import Model

app = typer.Typer(
    help="The models: what there is to pull; pull it, verify it, find it, make room.", no_args_is_help=True
)


Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="as `companion models list` has them")]

TABLE_COLUMNS = 100
"""Of a terminal in which a table can be read."""


@app.command("list")
def list_models(
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="only those for this language: en, de, zh ...")
    ] = None,
    config: Usual = None,
) -> None:
    """What can be pulled, how large it is, whether it is here, what it is good for and on which board."""
    chosen = settings.usual(config)
    pulled = _pulled(store(chosen))
    every = _manifest(chosen).values()
    begin = {model.name for model in to_begin_with(chosen, {tag for model in every for tag in model.languages})}
    known = [model for model in every if language is None or model.knows(language)]
    rows = [
        (
            model.name,
            model.kind.value,
            " ".join(model.languages) if len(model.languages) == 1 else f"{len(model.languages)} of them",
            f"{model.megabytes} MB",
            _here(store(chosen), model, pulled),
            f"{model.good_for}{' (to begin with)' if model.name in begin else ''}",
            model.board,
            model.licence,
        )
        for model in known
    ]
    if not rows:
        complain(f"there is none for {language} yet")
    elif out.is_terminal and out.width >= TABLE_COLUMNS:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("model", "for", "size", "here", "good for", "board", "licence"):
            table.add_column(heading, overflow="fold", no_wrap=heading in ("model", "size"))
        for name, kind, _, *others in rows:
            table.add_row(name, kind, *others)
        out.print(table)
    elif out.is_terminal:
        for name, kind, _, size, here, *others in rows:
            out.print(Text.assemble((name, "bold"), f"  {kind}  {size}  {here}"))
            out.print(Padding("; ".join(others), (0, 0, 0, 2)), style="dim", markup=False)
    else:
        for name, kind, languages, size, here, good_for, board, licence in rows:
            told = f"{name:<24} {kind:<10} {languages:<8} {size:>7}  {here or '-':<7} {good_for}; {board}; {licence}"
            out.print(told, soft_wrap=True, markup=False)


@app.command()
def pull(
    names: Names = None,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="without names: for this language, else the character's own")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="replace what is there, and believe what the hub says of it today")
    ] = False,
    config: Usual = None,
) -> None:
    """Bring models into the store; without names those that one begins with. What was interrupted is gone on from, and
    what is here and whole is not asked for again."""
    from models import manifest

    chosen = settings.usual(config)
    if names:
        wanted = manifest.find(_manifest(chosen), names)
    else:
        languages = [language] if language else _languages(chosen)
        wanted = to_begin_with(chosen, languages)
        if not wanted:
            raise NotPulled(
                f"There is none for {', '.join(languages)} yet; `companion models list` has those there are"
            )
        told = ", ".join(f"{model.name} ({model.megabytes} MB)" for model in wanted)
        for sentence in f"For {', '.join(languages)}: {told}", *voiceless(chosen, languages):
            errors.print(sentence, soft_wrap=True, markup=False)
    try:
        new = bring(chosen, wanted, anew=anew)
    except KeyboardInterrupt:
        raise NotPulled("Interrupted: what has arrived is kept, and the same command goes on from there") from None
    if new:
        out.print(asyncio.run(naming.reload()).sentence, soft_wrap=True, markup=False)


def to_begin_with(chosen: settings.Settings, languages: Iterable[str]) -> list[Model]:
    """The models to take for some languages, when nobody says which. Raises SettingsError."""
    from models import manifest

    known = _manifest(chosen)
    computer = machine.computer().model
    return list({model.name: model for tag in languages for model in manifest.firsts(known, tag, computer)}.values())


def voiceless(chosen: settings.Settings, languages: Sequence[str]) -> list[str]:
    """A sentence for each of the languages that no voice is known for, nor in the store. Raises SettingsError."""
    from models.espeak import voices
    from models.manifest import Kind
    from models.store import find_piper_voices

    spoken = [model for model in _manifest(chosen).values() if model.kind is Kind.PIPER]
    sentences: list[str] = []
    for tag in languages:
        if not any(model.knows(tag) for model in spoken) and not find_piper_voices(store(chosen), tag):
            speaks = language_of(tag.replace("_", "-")) in voices()
            then = ": espeak-ng will speak it" if speaks else ", and espeak-ng does not speak it either"
            sentences.append(f"No Piper voice is listed for {tag}{then}")
    return sentences


def bring(chosen: settings.Settings, wanted: Sequence[Model], *, anew: bool = False) -> bool:
    """Bring models into the store, and show how far it is. Whether anything was changed. Raises NotPulled."""
    from models.hub import Hub
    from models.pull import alone, store_path
    from models.pull import pull as pulled

    folder = store(chosen)
    changed = False
    with alone(folder):
        for model in wanted:
            with pull_progress.shown() as told:
                new = pulled(model, folder, lambda: Hub(os.environ), told, _converting, anew=anew)
            how = "" if new else ", and was so already"
            out.print(f"{model.name} is whole{how}: {folder / store_path(model)}", soft_wrap=True, markup=False)
            changed |= new
    return changed


def _converting(model: Model) -> None:
    errors.print(f"{model.name}: converting, which takes a while on a Raspberry Pi", soft_wrap=True, markup=False)


@app.command()
def verify(names: Names = None, config: Usual = None) -> None:
    """Whether what was pulled is what the hub had, to the byte. Ends with 1 if something is not."""
    from models import ledger

    chosen = settings.usual(config)
    folder = store(chosen)
    pulled = ledger.read(folder)
    wanted = [_plain(name) for name in names or pulled]
    damaged = False
    own = _owners(folder, pulled)
    _check_known(chosen, [*pulled, *own], wanted)
    for name in wanted:
        if name in own:
            _tell_own(own[name])
            continue
        if name not in pulled:
            raise NotPulled(
                f"{name} was not pulled, so there is nothing to compare it with: companion models pull {name}"
            )
        faults = ledger.faults(folder, pulled[name])
        damaged |= bool(faults)
        for fault in faults:
            complain(f"{fault}: companion models pull {name}")
        if not faults:
            out.print(f"{name} is whole", soft_wrap=True, markup=False)
    if not names:
        for place in own.values():
            _tell_own(place)
        if not pulled:
            errors.print("Nothing was pulled yet: companion models pull", soft_wrap=True)
    if damaged:
        raise typer.Exit(1)


@app.command()
def path(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="a model; without one, the store")] = None,
    config: Usual = None,
) -> None:
    """Where a model lies, or the store: one line and nothing else."""
    from models import manifest
    from models.pull import missing, store_path

    chosen = settings.usual(config)
    folder = store(chosen)
    if name is None:
        print(folder)  # noqa: T201 - nothing but this
        return
    [model] = manifest.find(_manifest(chosen), [name])
    if missing(folder, model):
        raise NotPulled(f"{model.name} is not here: companion models pull {model.name}")
    print(folder / store_path(model))  # noqa: T201 - nothing but this


@app.command()
def prune(
    names: Names = None,
    unused: Annotated[
        bool, typer.Option("--unused", help="also every model that was pulled and that this toy does not use")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would go")] = False,
    config: Usual = None,
) -> None:
    """Make room: what interrupted pulls have left, and the models that you name. What you put there yourself stays."""
    from models import ledger
    from models import pull as work

    chosen = settings.usual(config)
    folder = store(chosen)
    here = work.places(folder) if names or unused else {}
    going = {_plain(name) for name in names or []}
    if strange := sorted(going - here.keys()):
        _check_known(chosen, [*here, *_owners(folder, ledger.read(folder))], strange)
        raise NotPulled(f"{', '.join(strange)}: not pulled with this command, so it is not removed with it")
    if unused:
        used = _used(chosen)
        going |= {name for name, places in here.items() if used.isdisjoint(place.resolve() for place in places)}
    room = 0
    with nullcontext() if dry_run else work.alone(folder):
        for leftover in work.leftovers(folder):
            room += _gone(leftover.name, [leftover])
            if not dry_run:
                work.remove(folder, leftover)
        for name in sorted(going):
            room += _gone(name, here[name])
            if not dry_run:
                work.forget(folder, name)
    told = "would be free" if dry_run else "are free"
    out.print(f"{room / 1e6:.1f} MB more {told}", soft_wrap=True, markup=False)


def _gone(what: str, places: list[Path]) -> int:
    """Tell what goes, and how many bytes it takes up."""
    from models.pull import size

    takes = sum(map(size, places))
    out.print(f"{what}: {takes / 1e6:.1f} MB", soft_wrap=True, markup=False)
    return takes


def _used(chosen: settings.Settings) -> set[Path]:
    """Where the models lie that this toy would take."""
    from models.store import find_piper, find_smart_turn, find_whisper

    folder = store(chosen)
    found = [chosen.ears.model, chosen.voice.model, find_smart_turn(folder).path]
    for tag in _languages(chosen):
        found += [find_whisper(folder, tag).path, find_piper(folder, tag).path]
    return {place.resolve() for place in found if place}


def _languages(chosen: settings.Settings) -> list[str]:
    """That the characters speak."""
    return list(dict.fromkeys(character.load(name).language for name in chosen.toy.characters))


def _manifest(chosen: settings.Settings) -> dict[str, Model]:
    from models import manifest

    return manifest.load(chosen.models.manifest)


def _pulled(folder: Path) -> Mapping[str, Pulled] | None:
    """What was pulled into the store; None where nobody knows, which is told."""
    from models import ledger

    try:
        return ledger.read(folder)
    except ledger.LedgerUnread as error:
        complain(str(error))
        return None


def _here(folder: Path, model: Model, pulled: Mapping[str, Pulled] | None) -> str:
    """Whether it is in the store, and whose it is."""
    from models.pull import UNFINISHED, missing

    if missing(folder, model):
        return "partly" if (folder / UNFINISHED / model.name).exists() else ""
    return "here" if pulled is None or model.name in pulled else "yours"


def _owners(folder: Path, pulled: Mapping[str, Pulled]) -> dict[str, Path]:
    """What the owner has put into the store, by name."""
    ours = {folder / each for one in pulled.values() for each in one.files}
    ours |= {place.parent for place in ours if place.name == "model.bin"}
    there = [*folder.glob("whisper/[!.]*/"), *folder.glob("piper/[!.]*.onnx"), *folder.glob("smart-turn/[!.]*.onnx")]
    return {place.name.removesuffix(".onnx"): place for place in sorted(there) if place not in ours}


def _tell_own(place: Path) -> None:
    out.print(f"{place} is your own: there is nothing to compare it with", soft_wrap=True, markup=False)


def _check_known(chosen: settings.Settings, there: Sequence[str], names: Sequence[str]) -> None:
    """Raise SettingsError for all names that are neither of what is `there` nor of what can be pulled."""
    from models import manifest

    if strange := [name for name in names if name not in there]:
        known = list(dict.fromkeys([*there, *_manifest(chosen)]))
        if mistakes := [manifest.unknown(name, known) for name in strange if name not in known]:
            raise SettingsError(mistakes)


def _plain(name: str) -> str:
    """Without the kind before it."""
    return name.removesuffix("/").rpartition("/")[2]
