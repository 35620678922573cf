"""This file is where commands print: what was asked for on stdout, all else on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from companion.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    out: Console
    errors: Console

TERMINAL = bool(sys.stdout and sys.stdout.isatty())
"""Whether somebody reads at once what is printed."""

USAGE = 2
"""The exit code where the words of a command do not fit together."""

Usual = Annotated[Path | None, typer.Option(metavar="FILE", help="settings; else those that `companion run` reads")]
"""The option `--config` of a command that works with the toy on duty; `settings.usual` reads them."""


def __getattr__(name: str) -> Console:
    """`out` and `errors`, as soon as somebody wants them: a toy on duty does not, and starts sooner without."""
    if name not in ("out", "errors"):
        raise AttributeError(name)
    from rich.console import Console

    made: Console = globals().setdefault(name, Console(stderr=name == "errors", highlight=False, emoji=False))
    return made


def complain(sentence: str) -> None:
    """Say what is wrong, or in the way."""
    from companion.screen import errors

    errors.print(f"companion: {sentence}", style="red", soft_wrap=True, markup=False)


def complain_all(error: SettingsError) -> None:
    """Say every mistake in the settings."""
    for mistake in error.mistakes:
        complain(mistake)
