"""This file says where the toy of some settings has its models, and what it keeps."""

from __future__ import annotations

import os
from pathlib import Path

from companion.keeping import state_folder
from companion.settings import Settings


def store(settings: Settings) -> Path:
    """The folder of the models."""
    from models.store import default_store

    return settings.models.store or default_store(os.environ)


def state(settings: Settings) -> Path:
    """The folder that keeps what outlives a restart."""
    return settings.memory.state or state_folder(os.environ)
