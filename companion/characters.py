"""This file is the commands `companion characters`, and `companion mock-qwen`, whose answers are theirs."""

from __future__ import annotations

from typing import Annotated

import typer

from companion import character
from companion.screen import out

app = typer.Typer(help="The characters: list them, read one, check your own.", no_args_is_help=True)


@app.command("list")
def list_characters() -> None:
    """Who comes with Companion."""
    for name in character.bundled():
        out.print(f"{name:<12} {character.load(name).summary}", soft_wrap=True)


@app.command("show")
def show_character(who: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """What a character is told about itself, how it opens, and how it sounds."""
    somebody = character.load(who)
    out.print(somebody.system_message(), soft_wrap=True, markup=False)
    out.print(f"\nOpens with: {somebody.opening}\nVoice: {somebody.espeak}", soft_wrap=True, markup=False)


@app.command("check")
def check_character(who: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """Whether a character's file is complete; every mistake at once."""
    somebody = character.load(who)
    out.print(f"{somebody.name} is ready: {len(somebody.system_message())} characters of persona.", soft_wrap=True)


def mock_qwen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0 takes a free one")] = 0,
    faults: Annotated[bool, typer.Option("--faults", help="list what it can be asked to do wrong, and end")] = False,
) -> None:
    """Serve the vendor's interface on this machine, without key or network, until Ctrl-C. Prints its base URL."""
    from models.mock_faults import FAULTS
    from models.mock_qwen import MockQwen

    if faults:
        for name, what in FAULTS.items():
            out.print(f"{name:<24} {what}", soft_wrap=True, markup=False)
        return

    everybody = [character.load(name) for name in character.bundled()]
    MockQwen(everybody, port=port).serve(lambda base_url: print(base_url, flush=True))  # noqa: T201 - nothing but this
