"""This file writes settings as people read them: every key with what it means, whether it is set or could be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from companion.settings import Settings

HEADING: Final = (
    "# Companion's settings, as `companion setup` has written them. What begins with # is not set: the value after it",
    "# is the one that holds. `companion doctor` finds mistakes; `sudo systemctl reload companion` takes changes up.",
)


def text(table: Mapping[str, Mapping[str, Any]]) -> str:
    """A settings file in which just this is set, by section and key."""
    return "\n".join(_lines(table)) + "\n"


def value(given: Any) -> str:
    """As TOML writes it."""
    if isinstance(given, Mapping):
        return "{ " + ", ".join(f"{_string(str(key))} = {value(each)}" for key, each in given.items()) + " }"
    if isinstance(given, str | PurePath):
        return _string(str(given))
    if isinstance(given, Sequence):
        return "[" + ", ".join(map(value, given)) + "]"
    return json.dumps(given)  # true, false and numbers are the same in both


def _lines(table: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from HEADING
    for section, field in Settings.model_fields.items():
        yield from ("", f"[{section}]")
        for name, known in type(field.default).model_fields.items():
            given = table.get(section, {}).get(name)
            yield f"# {known.description}" if known.description else "#"
            if given is not None:
                yield f"{name} = {value(given)}"
            else:
                usual = known.get_default()
                yield f"# {name} = {value(usual)}" if usual is not None else f"# {name} ="


def _string(given: str) -> str:
    return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")
