"""This file reads TOML files that people write: a helpful sentence for all that can be wrong with one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from companion.errors import SettingsError

LARGEST_FILE = 256 * 1024
"""Bytes. Far above any settings or character, far below what hurts a Pi."""


def read(file: Path) -> dict[str, Any]:
    """The table in `file`. Raises SettingsError with one sentence, which begins with the file's name."""
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise SettingsError([f"{file}: larger than {LARGEST_FILE // 1024} KiB; a page or two of text will do"])
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError([f"{file}: cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: is not UTF-8 text"]) from error
    except (ValueError, RecursionError) as error:  # also for numbers too long and lists too deep
        raise SettingsError([f"{file}: is not valid TOML: {error}"]) from error
