"""This file is the command `companion`: it imports the command that is meant, and no other, because start-up time
counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from types import MappingProxyType
from typing import Annotated

import typer

from companion.errors import CompanionError, SettingsError
from companion.screen import TERMINAL, complain, complain_all

FAILED, SETTINGS = 1, 78
"""Exit codes. 78 is EX_CONFIG of sysexits.h: the service is not started again with it."""

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Keeps onnxruntime from giving this machine an id, and from telling its maker what is done here."""

NO_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
"""Keeps pydantic from looking through all that is installed for what may change how it works."""

UNWRAPPED = 10_000
"""Columns of help that goes to a file or a pipe."""

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "characters": "characters:app",
        "wake": "wake:app",
        "service": "installer:app",
        "models": "pulling:app",
        "setup": "setting_up:setup",
        "doctor": "doctor:doctor",
        "devices": "devices:devices",
        "mic-test": "mic_test:mic_test",
        "speaker-test": "speaker_test:speaker_test",
        "light-test": "light_test:light_test",
        "tell": "remote:tell",
        "stop": "remote:stop",
        "volume": "remote:volume",
        "mute": "remote:mute",
        "unmute": "remote:unmute",
        "forget": "remote:forget",
        "simulate": "simulating:simulate",
        "run": "running:run",
        "chat": "chatting:chat",
        "bench": "measuring:measure",
        "mock-qwen": "characters:mock_qwen",
    }
)
"""Where in `companion` each is: a module, and a function or a group of commands in it."""


def main() -> None:
    """Run the command; every error of ours is one sentence on stderr and an exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # what the terminal's encoding lacks must not end the conversation
    os.environ[NO_TELEMETRY] = "1"
    os.environ[NO_PLUGINS] = "__all__"
    try:
        program(sys.argv[1:])()
    except SettingsError as error:
        complain_all(error)
        sys.exit(SETTINGS)
    except CompanionError as error:
        complain(str(error))
        sys.exit(FAILED)
    except OSError as error:  # such as a full disk below the journal, or below what we print
        complain(f"Cannot go on: {error.strerror or error}")
        sys.exit(FAILED)


def program(words: Sequence[str]) -> typer.Typer:
    """The command that is meant by these words; all of them where that is not plain, as for help."""
    made = typer.Typer(
        help="A character one can talk to, in a plush toy, a smart speaker or on the desk.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if TERMINAL else None,
        context_settings={"help_option_names": ["-h", "--help"]}
        | ({} if TERMINAL else {"max_content_width": UNWRAPPED, "terminal_width": UNWRAPPED}),
    )
    made.callback(invoke_without_command=True)(_version)
    for name in [word for word in words[:1] if word in COMMANDS] or COMMANDS:
        module, _, within = COMMANDS[name].partition(":")
        found = getattr(import_module(f"companion.{module}"), within)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=name)
        else:
            made.command(name)(found)
    return made


def _version(show: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if show:
        from importlib.metadata import version

        from companion.screen import out

        out.print(version("companion"))
        raise typer.Exit
