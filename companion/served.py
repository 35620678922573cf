"""This file says which engine serves a part, in words for the owner."""

from __future__ import annotations

from dataclasses import dataclass

REHEARSAL = "rehearsal"
"""The name of the engine that is no model at all: the mock server."""


@dataclass(frozen=True, slots=True)
class Served:
    """Which engine serves a part."""

    part: str
    name: str
    remark: str
    """What to know of it, and how to get a better one; empty if there is nothing to say."""
    skipped: tuple[str, ...] = ()
    """Why better ones, which are there, cannot be used: a sentence for each."""
