"""This file knows who a toy in the browser can be, what that takes, and how it is replayed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from companion import character, tables
from companion.carried import carried
from companion.character import Character
from companion.engines import Engines
from companion.hearing import SPHINX
from companion.scenario import Part
from companion.settings import Settings


@dataclass(frozen=True, slots=True)
class Choice:
    """Who the toy is, and what it is made of."""

    settings: Settings
    names: tuple[str, ...]
    """Of characters or their files, as they are given to `--character`."""
    cast: Sequence[Character]
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What is in those of the `names` that are files, as far as it can be read twice."""

    @property
    def who(self) -> str:
        """The same in one word, as the page knows it."""
        return " and ".join(self.names)

    @property
    def card(self) -> Mapping[str, str]:
        """How the page presents it."""
        names = " and ".join(one.name for one in self.cast)
        return {"who": self.who, "name": names, "summary": self.cast[0].summary}


def files(names: Sequence[str]) -> Mapping[str, bytes]:
    """What is in the files among these names of characters."""
    found = {}
    for name in names:
        with suppress(OSError, RuntimeError):  # gone since it was loaded, or a pipe, which is read once
            path = Path(name).expanduser()
            if name not in character.bundled() and path.is_file() and path.stat().st_size <= tables.LARGEST_FILE:
                found[name] = path.read_bytes()
    return found


def part(choice: Choice, chosen: Engines) -> Part:
    """How this toy is replayed, and what of it no command can say."""
    options: list[str] = []
    remarks = [f"It ran on {', '.join(f'{one.part}: {one.name}' for one in chosen.served)}."]
    files = {}
    for number, name in enumerate(choice.names, 1):
        there = name if name in character.bundled() else f"character-{number}.toml"
        if name in choice.files:
            files[there] = choice.files[name]
        elif there != name:
            remarks.append(f"Its file could not be read a second time: put it beside this one, as {there}.")
        options += ["--character", there]
    text, left = carried(choice.settings)
    if text:
        files["settings.toml"] = text.encode(errors="replace")
        options += ["--config", "settings.toml"]
    if left:
        remarks.append(f"Settings that are not in here, for they belong to one computer: {', '.join(left)}.")
    if chosen.hearing.transcriber_served.name != SPHINX:
        remarks.append("What was written (.txt) is read aloud to its ears, which may hear other words.")
    return Part([*options, "--called", chosen.hearing.called], files, remarks)
