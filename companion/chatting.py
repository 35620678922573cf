"""This file is the command `companion chat`: a conversation in writing."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from companion import build, character, settings
from companion.options import Config
from companion.screen import complain, errors, out
from companion.writing import Writing


def chat(
    who: Annotated[
        str | None,
        typer.Option("--character", metavar="NAME|FILE", help="whom to write with: see `companion characters`"),
    ] = None,
    config: Config = None,
) -> None:
    """Write with a character instead of speaking: line by line, also from a pipe. /help tells what else it does."""
    chosen = settings.load(config)
    asyncio.run(_correspond(chosen, character.load(who or chosen.toy.characters[0])))


async def _correspond(chosen: settings.Settings, somebody: character.Character) -> None:
    async with build.correspondence(chosen, somebody, complain) as post:
        errors.print(f"{post.engine.name}: {post.engine.remark}", style="dim", soft_wrap=True)
        writing = Writing(somebody, post.mind, out, complain)
        await writing.go_on(lambda: asyncio.to_thread(_line))
        errors.print(writing.cost(), style="dim", soft_wrap=True)


def _line() -> str:
    """What somebody writes; empty when there is no more."""
    if sys.stdin.isatty():
        out.print("you: ", style="bold green", end="")
    return sys.stdin.readline().strip()
