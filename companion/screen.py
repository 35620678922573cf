"""This file is where commands print: what was asked for on stdout, all else on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from companion.errors import SettingsError

TERMINAL = bool(sys.stdout and sys.stdout.isatty())
"""Whether somebody reads at once what is printed."""

out = Console(highlight=False, emoji=False)
errors = Console(stderr=True, highlight=False, emoji=False)

USAGE = 2
"""The exit code where the words of a command do not fit together."""

Usual = Annotated[Path | None, typer.Option(metavar="FILE", help="settings; else those that `companion run` reads")]
"""The option `--config` of a command that works with the toy on duty; `settings.usual` reads them."""


def complain(sentence: str) -> None:
    """Say what is wrong, or in the way."""
    errors.print(f"companion: {sentence}", style="red", soft_wrap=True, markup=False)


def complain_all(error: SettingsError) -> None:
    """Say every mistake in the settings."""
    for mistake in error.mistakes:
        complain(mistake)
