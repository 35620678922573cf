"""This file is the command `companion run`: the toy on duty."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from companion import bodies, character, settings
from companion.journal import lines_while_possible
from companion.options import Called, Cast, check_place, journal_to, the_cast
from companion.ports import Observer
from companion.screen import TERMINAL, complain, complain_all
from companion.service_log import log

if TYPE_CHECKING:
    from companion.terminal import Narrator


def run(
    who: Cast = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="settings; else /etc/companion/companion.toml or your own")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what happens when, words included")
    ] = None,
    called: Called = None,
) -> None:
    """The toy on real hardware, until SIGTERM or Ctrl-C; SIGHUP reads the settings again."""
    from companion import service
    from device.control_socket import check_alone, default_path
    from device.systemd import Systemd
    from device.wall_clock import WallClock

    if journal:
        check_place(journal)

    def chosen() -> tuple[settings.Settings, list[character.Character]]:
        current = settings.usual(config).with_called(called)
        return current, the_cast(who, current)

    def ended(error: OSError) -> None:
        complain(f"{journal} cannot be written, and ends ({error.strerror})")

    first = chosen()
    check_alone(default_path(os.environ))
    with ExitStack() as stack:
        observers: list[Observer] = [
            stack.enter_context(_narrator()) if TERMINAL else log(sys.stderr),
            *journal_to(journal, stack, lambda file: lines_while_possible(file, ended)),
        ]
        bodies.prepare()
        faulthandler.enable()  # the watchdog aborts what hangs: then the log tells where it hung
        asyncio.run(service.serve(first, chosen, observers, complain_all, Systemd(os.environ), WallClock()))


def _narrator() -> Narrator:
    """What tells a conversation to whoever looks on."""
    from companion.screen import errors, out
    from companion.terminal import Narrator

    return Narrator(out, errors, live=True)
