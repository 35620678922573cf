"""This file says which settings a saved conversation carries to another computer: how the toy is, not what it is built
of, and nothing that only one computer knows: no path, no address, no key."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from companion.settings import Settings
from companion.settings_text import value

CARRIED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "toy": frozenset({"person", "nudge"}),
        "ears": frozenset({"engine", "patience", "longest", "names"}),
        "chat": frozenset(
            {
                "engine",
                "model",
                "candidates",
                "spoken_bias",
                "temperature",
                "top_p",
                "presence_penalty",
                "repetition_penalty",
                "top_k",
                "max_tokens",
                "supplement",
            }
        ),
        "voice": frozenset({"engine"}),
        "body": frozenset({"volume", "earcons"}),
        "memory": frozenset({"enabled", "entries", "skip"}),
    }
)
"""By section. A key that is new stays here until somebody has thought about it."""

GIVEN = frozenset({"toy.character", "ears.called"})
"""What the command has options for."""


def carried(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """These settings as a file, empty where all are as usual; and the names of those that it leaves out."""
    lines: list[str] = []
    left: list[str] = []
    for section, changed in settings.model_dump(exclude_defaults=True).items():
        known = CARRIED.get(section, frozenset())
        kept = [f"{name} = {value(given)}" for name, given in changed.items() if name in known]
        lines += [f"[{section}]", *kept] if kept else []
        left += [dotted for name in changed if name not in known and (dotted := f"{section}.{name}") not in GIVEN]
    return "".join(f"{line}\n" for line in lines), tuple(left)
