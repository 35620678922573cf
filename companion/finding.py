"""This file is what the doctor finds: one sentence about one part of the toy, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one part."""

    name: str
    """Of the part; each has one finding."""
    ok: bool | None
    """False: it keeps the toy from working. None: it works all the same, or nobody looked."""
    what: str
    """A sentence without its dot: never the key, never words of a conversation."""
    mend: str = ""
    """What to do, without its dot; empty if there is nothing to be done."""

    @property
    def is_warning(self) -> bool:
        """Whether it works, and something should be done all the same."""
        return self.ok is None and bool(self.mend)

    def as_json(self) -> dict[str, Any]:
        """As in `companion doctor --json`."""
        return asdict(self)


def fine(name: str, what: str) -> Finding:
    """Nothing is the matter."""
    return Finding(name, True, what)


def unknown(name: str, what: str) -> Finding:
    """Nobody looked, or it cannot be told here."""
    return Finding(name, None, what)


def works(findings: Sequence[Finding]) -> bool:
    """Whether nothing keeps the toy from working."""
    return all(finding.ok is not False for finding in findings)
