"""This file is the commands for a toy that runs already: tell it something, stop it, mute it, set how loud it is."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from companion.screen import out


def tell(text: Annotated[str, typer.Argument(help="for example: it is raining, the battery is low")]) -> None:
    """Tell the running toy something to know for its next answer, and only then."""
    _ask("tell", text=text)


def stop() -> None:
    """Have the running toy stop talking, or thinking, and listen."""
    _ask("stop")


def volume(
    percent: Annotated[int, typer.Argument(min=0, max=100, help="of the loudest that the settings allow")],
) -> None:
    """Make the running toy louder or quieter, until it is started again."""
    _ask("volume", to=percent / 100)


def mute() -> None:
    """Close the microphone of the running toy, whatever restarts there are. Its light is red."""
    _ask("mute")
    out.print("Muted: its microphone is closed, until `companion unmute` or a long press of its button.")


def unmute() -> None:
    """Open the microphone of the running toy again."""
    _ask("unmute")
    out.print("It listens again.")


def forget() -> None:
    """Have the running toy forget everything that was said."""
    _ask("forget")
    out.print("It has forgotten everything that was said.")


def _ask(what: str, **more: str | float) -> None:
    """Raises DeviceError."""
    from device.control_socket import ask, running

    asyncio.run(ask(running(os.environ), {"do": what, **more}))
