"""This file is what several commands take: whom to talk to, which settings, how the toy is called, files to write."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import typer

from companion import character, settings
from companion.errors import DeviceError, SettingsError
from companion.journal import lines_to
from companion.ports import Observer

Cast = Annotated[
    list[str] | None,
    typer.Option("--character", metavar="NAME|FILE", help="whom to talk to; repeatable: they talk together"),
]
Called = Annotated[
    settings.Called | None,
    typer.Option("--called", help="open: whoever speaks is heard; wake: who says its name; hold: who holds its button"),
]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="settings to use; none are read unless named")]


def the_cast(who: list[str] | None, chosen: settings.Settings) -> list[character.Character]:
    """The characters named, else those of the settings. Raises SettingsError."""
    cast = [character.load(name) for name in who or chosen.toy.characters]
    names = [somebody.name for somebody in cast]
    if len(set(names)) < len(names):
        raise SettingsError([f"Every character needs a name of its own, not {', '.join(names)}"])
    return cast


def journal_to(path: Path | None, stack: ExitStack, lines: Callable[[TextIO], Observer] = lines_to) -> list[Observer]:
    """What writes the journal to `path`, as long as `stack` is open; nothing without one. Raises OSError."""
    return [lines(stack.enter_context(path.open("w", encoding="utf-8")))] if path else []


def check_place(path: Path) -> None:
    """Raise DeviceError now if `path` cannot be written later, when there is something to lose."""
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        reason = "it is a folder" if path.is_dir() else "is its folder there, and yours?"
        raise DeviceError(f"{path}: cannot be written ({reason})")
