"""This file is the commands `companion wake`: give the toy a name of its own, list names, remove and try one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from companion import character, naming, settings
from companion.errors import DeviceError, SettingsError
from companion.folders import store
from companion.screen import Usual, complain, errors, out

if TYPE_CHECKING:
    from models.wake_file import Head

app = typer.Typer(
    help="The toy's own name: teach it one, list, remove and try what it has learnt.", no_args_is_help=True
)


Name = Annotated[str, typer.Argument(metavar="NAME", help='as it is called: "hey bunny"')]
Wav = Annotated[list[Path] | None, typer.Option("--wav", metavar="FILE", help="a recording; repeatable")]

Told = Callable[[int, int], None]
"""Told how much of how much is done."""


@app.command()
def add(
    name: Name,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="in which it is spoken: en, de, zh ...; else the character's")
    ] = None,
    wav: Wav = None,
    record: Annotated[int, typer.Option(min=0, max=20, help="record it so many times with the microphone first")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="where every random choice comes from")] = 0,
    rate: Annotated[
        float, typer.Option("--false-accepts-per-hour", min=0.0, max=60.0, help="of other speech, at most")
    ] = 0.5,
    replace: Annotated[bool, typer.Option("--replace", help="learn a name anew that is there already")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="in seconds, and much less surely: to try it out")] = False,
    config: Usual = None,
) -> None:
    """Teach the toy a name, in a few minutes and without any network; three recordings make it much surer."""
    from models import wake_names
    from models.wake_lesson import Lesson, Recipe

    chosen = settings.usual(config)
    language = language or character.load(chosen.toy.characters[0]).language
    if advice := wake_names.check(name, language):
        errors.print(f"companion: {advice}", soft_wrap=True, markup=False)
    phrase = wake_names.normal(name)
    place = naming.file(chosen, phrase)
    if place.exists() and not replace:
        raise SettingsError([f"{phrase!r} is learnt already, in {place}: give --replace to learn it anew"])
    _check_place(place.parent)
    try:
        recordings = [(str(path), naming.recording(path)) for path in wav or []]
        cast = asyncio.run(naming.voices(chosen, language, seed))
        if record:
            spoken = asyncio.run(naming.record(chosen, record, lambda line: out.print(line, soft_wrap=True)))
            recordings += [(f"recording {number}", sound) for number, sound in enumerate(spoken, 1)]
        recipe = Recipe.quick() if quick else Recipe()
        with _bar() as step:
            saying, learning = step("speaking"), step("learning")
            sayings = asyncio.run(naming.said(phrase, language, cast[:: recipe.every], recipe, seed, saying))
            work, done = recipe.work(len(recordings)), iter(range(1, 1_000_000))
            lesson = Lesson(
                phrase, language, sayings, seed=seed, recipe=recipe, told=lambda: learning(next(done), work)
            )
            head = lesson.learn(recordings, rate)
        naming.save(chosen, head)
    except KeyboardInterrupt:
        raise DeviceError("Interrupted: nothing was saved") from None
    _tell(head)
    out.print(f"Saved in {place}. {asyncio.run(naming.reload()).sentence}", soft_wrap=True, markup=False)


@app.command("list")
def list_names(config: Usual = None) -> None:
    """The names that are there, and how surely each is heard."""
    from models.store import find_wake

    found = find_wake(store(settings.usual(config)))
    for _, head in found.heads:
        measured = head.figures
        recall = f"heard {measured.heard} of {measured.sayings}"
        out.print(f"{head.phrase:<24} {head.language:<6} {recall}", soft_wrap=True, markup=False)
    for sentence in found.skipped:
        complain(sentence)
    if not found.heads:
        errors.print("There is none yet: companion wake add 'hey bunny'", soft_wrap=True)


@app.command()
def remove(name: Name, config: Usual = None) -> None:
    """Forget a name."""
    place = _learnt(name, settings.usual(config))
    try:
        place.unlink()
    except OSError as error:
        raise DeviceError(f"{place}: cannot be removed ({error.strerror})") from error
    out.print(f"Removed. {asyncio.run(naming.reload()).sentence}", soft_wrap=True, markup=False)


@app.command("test")
def try_out(name: Name, wav: Wav = None, config: Usual = None) -> None:
    """Whether, and when, a name is heard in recordings. Ends with 1 if it is not heard in one of them."""
    chosen = settings.usual(config)
    _learnt(name, chosen)
    if not wav:
        raise typer.BadParameter("in what? Give --wav FILE")
    deaf = False
    for path in wav:
        found = asyncio.run(naming.heard(chosen, name, naming.recording(path)))
        told = "; ".join(f"heard at {at:.2f} s, {'surely' if it.sure else 'perhaps'}" for at, it in found)
        out.print(f"{path}: {told or 'not heard'}", soft_wrap=True, markup=False)
        deaf |= not found
    if deaf:
        raise typer.Exit(1)


def _learnt(name: str, chosen: settings.Settings) -> Path:
    place = naming.file(chosen, name)
    if not place.exists():
        raise SettingsError([f"{name!r} was not learnt: see `companion wake list`, or add it"])
    return place


def _tell(head: Head) -> None:
    """What was measured, on voices and sentences that nothing was learnt from."""
    measured = head.figures
    from_what = f"{measured.voices} synthetic voices" + (
        f" and {measured.recordings} recordings" if measured.recordings else ""
    )
    least = 3.0 / measured.hours if measured.hours else 0.0  # the rule of three, at 95 % confidence
    bound = f", so fewer than {least:.1f} an hour in all likelihood" if not measured.false_accepts else ""
    for line in (
        f"{head.phrase!r} is learnt from {from_what}. On other synthetic voices, in rooms and noise:",
        f"  heard surely      {measured.heard} of {measured.sayings}",
        f"  heard at all      {measured.noticed} of {measured.sayings} (what is not sure needs the transcript, too)",
        f"  false accepts     {measured.false_accepts} in {measured.hours:.1f} h of other speech and sounds{bound}",
        f"  false notices     {measured.false_notices} in the same time (the light may stir; the transcript decides)",
        f"  near misses       {measured.near_heard} of {measured.near} phrases that nearly sound like it",
    ):
        out.print(line, soft_wrap=True, markup=False)
    if not measured.recordings:
        out.print("People are harder than synthetic voices: three recordings (--record 3) help much.", soft_wrap=True)


def _check_place(folder: Path) -> None:
    """Raise DeviceError now if nothing could be saved in `folder` after minutes of work."""
    trial = folder / f".{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"")
        trial.unlink()
    except OSError as error:
        raise DeviceError(f"{folder}: the name could not be saved there ({error.strerror})") from error


@contextmanager
def _bar() -> Iterator[Callable[[str], Told]]:
    """A bar for each step of the work, on stderr, in a terminal alone."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:

        def step(what: str) -> Told:
            bar = progress.add_task(what, total=None)
            return lambda done, of: progress.update(bar, completed=done, total=of)

        yield step
