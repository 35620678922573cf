"""This file is the command `companion light-test`: each look of the light in turn, with its name."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from rich.text import Text

from companion import bodies, settings
from companion.errors import DeviceError
from companion.looks import LOOKS, Look
from companion.screen import Usual, out


def light_test(
    seconds: Annotated[float, typer.Option(min=0.1, max=60.0, help="of each look")] = 4.0,
    config: Usual = None,
) -> None:
    """Show every look of the light in turn, and say what it means. Ends with 1 if there is no light to show it on."""
    chosen = settings.usual(config)
    try:
        asyncio.run(_show(chosen, seconds))
    except KeyboardInterrupt:
        raise typer.Exit(1) from None


async def _show(chosen: settings.Settings, seconds: float) -> None:
    broken: list[str] = []
    async with AsyncExitStack() as stack:
        light, missing = await bodies.lamps(chosen, stack, broken.append)
        for state, look in LOOKS.items():
            out.print(told(state.value, look), soft_wrap=True)
            light.show(state, level=0.5)
            await asyncio.sleep(0.0 if missing else seconds)
    if missing or broken:
        raise DeviceError("; ".join([*missing, *broken]))


def told(name: str, look: Look) -> Text:
    """A look in words, with its colour where the terminal has colours."""
    red, green, blue = look.colour
    rhythm = look.rhythm + (f", every {look.period:g} s" if look.period else "")
    follows = ", follows the sound" if look.follows_level else ""
    return Text.assemble(("\N{BLACK CIRCLE}", f"rgb({red},{green},{blue})"), f" {name:<10} {rhythm}{follows}")
