"""This file is the commands `companion service`: let systemd keep the toy alive, take that back, tell how it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from companion import placing, standing, systemctl, unit
from companion.finding import works
from companion.placing import Kept, Left, NotPlaced, Purged
from companion.screen import out
from companion.systemctl import NoSystemd
from companion.unit import NAME, Layout

app = typer.Typer(help="Let systemd keep the toy alive: install, uninstall, status.", no_args_is_help=True)


Dry = Annotated[bool, typer.Option("--dry-run", help="tell what it would do, and do nothing")]
Root = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="work on the image of a machine that lies in this folder; nothing is started"),
]
User = Annotated[
    bool, typer.Option("--user", help="for yourself, while you are logged in: no root, no user of its own")
]
Program = Annotated[
    Path | None, typer.Option(metavar="FILE", help="what it starts; else the `companion` that you call now")
]
Purge = Annotated[
    bool, typer.Option("--purge", help="also your settings, the key, what the toy remembers, and its models")
]

Run = Callable[..., None]
"""Runs a command, word by word."""

FAILED = 1
"""Exit code."""

WIDTH = 9
"""Of the first column, in characters."""


@app.command()
def install(dry_run: Dry = False, root: Root = None, user: User = False, program: Program = None) -> None:
    """Make the toy a service that starts by itself, or renew it."""
    layout, image, run = _layout(user), _image(root), _would_run if dry_run else _run
    if root is None:
        with _told_only(dry_run):
            _check_machine(layout, changing=not dry_run)
            _check_units(layout)
    file = program or unit.program(image, sys.argv[0])
    unit.check(layout, file)
    listed = unit.places(layout, file, unit.groups_of(standing.groups(image)))
    try:
        told = placing.changes(listed, image) if dry_run else placing.put(listed, image)
    except NotPlaced as error:
        raise NotPlaced(f"Not installed, and nothing has changed: {error}") from error
    for place, change in told:
        _line(change, f"{place.path}")
    if root is None:
        _take_up(layout, run)
    for note in standing.notes(layout, image, file):
        out.print(note, soft_wrap=True, markup=False)


@app.command()
def uninstall(dry_run: Dry = False, root: Root = None, user: User = False, purge: Purge = False) -> None:
    """Take back what install did. Your settings, the key and what the toy keeps stay, but for --purge."""
    layout, image, run = _layout(user), _image(root), _would_run if dry_run else _run
    if root is None:
        with _told_only(dry_run):
            _check_machine(layout, changing=not dry_run)
        if layout.unit.exists():
            run(*_systemctl(layout), "stop", NAME)
    kept = [(Purged if purge else Kept)(folder) for folder in layout.owned]
    listed = [*kept, *unit.places(layout, Path("/"), ())]
    told = placing.would_take(listed, image) if dry_run else placing.take(listed, image, layout.top)
    for place, left in told:
        if left is not Left.ABSENT:
            _line(left, f"{place.path}")
    if root is None:
        _forget(layout, run, {place.path for place, left in told if left is Left.KEPT})
    if any(left is Left.KEPT for _, left in told):
        out.print("What is kept is yours, or what the toy keeps: --purge takes it away, too.", soft_wrap=True)


@app.command()
def status(root: Root = None, user: User = False) -> None:
    """Whether the service is installed, and how it is. Ends with 1 when something keeps it from working."""
    layout, image = _layout(user), _image(root)
    found = [*standing.installed(layout, image)]
    if root is None:
        found += standing.running(layout, _systemctl(layout))
    found += [*standing.surroundings(layout, image)]
    for finding in found:
        out.print(f"{finding.name:<{WIDTH}} {finding.what}", soft_wrap=True, markup=False)
        if finding.mend:
            out.print(f"{'':<{WIDTH}} {finding.mend}", soft_wrap=True, markup=False)
    if not works(found):
        raise typer.Exit(FAILED)


def _take_up(layout: Layout, run: Run) -> None:
    """Have systemd take notice of what is installed, and start it."""
    if layout.own_user:
        run("systemd-sysusers", unit.SYSUSERS.name)
    run(*_systemctl(layout), "daemon-reload")
    try:
        run(*_systemctl(layout), "restart", NAME)
    except NoSystemd as error:
        raise NoSystemd(f"It is installed, but does not start: {standing.log(layout)} tells why. {error}") from error


def _forget(layout: Layout, run: Run, kept: set[Path]) -> None:
    """Have systemd forget what is no more; its user goes when nothing is left that belonged to it."""
    run(*_systemctl(layout), "daemon-reload")
    with suppress(NoSystemd):  # it had not failed
        run(*_systemctl(layout), "reset-failed", NAME)
    if layout.own_user and not kept & {layout.state, layout.cache}:
        with suppress(NoSystemd):  # there was none
            run("userdel", unit.USER)


def _layout(user: bool) -> Layout:
    return unit.users(os.environ) if user else unit.MACHINES


def _image(root: Path | None) -> Path:
    """Where the machine's files lie. Raises NotPlaced."""
    if root is None:
        return Path("/")
    if not root.is_dir():
        raise NotPlaced(f"{root} is no folder: make it, or name the one that holds the image")
    return root.resolve()


@contextmanager
def _told_only(dry_run: bool) -> Iterator[None]:
    """In a dry run, tell what is in the way, and go on: it only tells."""
    try:
        yield
    except (NoSystemd, NotPlaced) as error:
        if not dry_run:
            raise
        out.print(f"It would be refused here: {error}", soft_wrap=True, markup=False)


def _check_machine(layout: Layout, *, changing: bool) -> None:
    """Raise NoSystemd or NotPlaced where this machine cannot have a service, or we may not give it one."""
    systemctl.check_booted()
    if layout.own_user and changing and os.geteuid():
        raise NotPlaced("That takes root: put sudo before the whole path of `companion`, or give --user")


def _check_units(layout: Layout) -> None:
    """Raise NotPlaced where a machine has no place for units."""
    if layout.own_user and not layout.units.is_dir():
        raise NotPlaced(f"There is no folder {layout.units} for units: make it, or write into an image with --root DIR")


def _systemctl(layout: Layout) -> tuple[str, ...]:
    return ("systemctl",) if layout.own_user else ("systemctl", "--user")


def _run(*words: str) -> None:
    _line("run", " ".join(words))
    systemctl.do(*words)


def _would_run(*words: str) -> None:
    _line("run", " ".join(words))


def _line(what: str, told: str) -> None:
    out.print(f"{what:<{WIDTH}} {told}", soft_wrap=True, markup=False)
