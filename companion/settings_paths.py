"""This file knows what a path in the settings means, so that it is the same wherever one is: `~` is a home, and a
relative path counts from the folder of the settings file that it stands in, or, in the environment, from where one is.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from companion import character


def count_from(folder: Path, table: dict[str, Any], keys: Iterable[tuple[str, str]]) -> None:
    """Put `folder`, that of the settings file, before each relative path in the `table` that was read from it. `keys`:
    the section and name of each."""
    for section, name in keys:
        values = table.get(section)
        if isinstance(values, dict) and isinstance(given := values.get(name), str):
            values[name] = _from(folder, given)
    toy = table.get("toy")
    match toy.get("character") if isinstance(toy, dict) else None:
        case str(who):
            table["toy"]["character"] = _somebody(folder, who)
        case list(several):
            table["toy"]["character"] = [_somebody(folder, who) if isinstance(who, str) else who for who in several]


def from_home(path: Path) -> Path:
    """A path without its `~`. Raises ValueError if that is the home of nobody."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"should begin with a home that there is, not with {path.parts[0]}") from None


def _from(folder: Path, given: str) -> str:
    return given if given.startswith("~") else str(folder / given)


def _somebody(folder: Path, who: str) -> str:
    """A character by name, or by a file."""
    if who in character.bundled():
        return who
    with suppress(OSError, ValueError):  # too long for a file's name, or none
        there = Path(_from(folder, who))
        if there.suffix == ".toml" or there.is_file():
            return str(there)
    return who
