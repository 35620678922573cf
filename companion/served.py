"""This file says which engine serves a part, in words for the owner; and where engines find their models."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from companion.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """Which engine serves a part."""

    part: str
    name: str
    remark: str
    """What to know of it, and how to get a better one; empty if there is nothing to say."""
    skipped: tuple[str, ...] = ()
    """Why better ones, which are there, cannot be used: a sentence for each."""


def store(settings: Settings) -> Path:
    """The folder of the models."""
    from models.store import default_store

    return settings.models.store or default_store(os.environ)
