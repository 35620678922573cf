"""This file knows where a user's own settings, state and caches belong: by the XDG specification, which has paths that
are not whole ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def settings(environment: Mapping[str, str]) -> Path:
    """The folder for settings, of all programs."""
    return _folder(environment, "XDG_CONFIG_HOME", ".config")


def state(environment: Mapping[str, str]) -> Path:
    """The folder for what outlives a restart."""
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def cache(environment: Mapping[str, str]) -> Path:
    """The folder for what can be had anew."""
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def _folder(environment: Mapping[str, str], variable: str, usual: str) -> Path:
    given = Path(environment.get(variable, ""))
    return given if given.is_absolute() else Path(environment.get("HOME") or Path.home(), usual)
