"""This file keeps what must outlive a restart: a small file for each thing, old or new but never half."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where state is kept: systemd's StateDirectory, else the user's folder for it."""
    if folder := environment.get("STATE_DIRECTORY"):
        return Path(folder.partition(":")[0])
    home = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME", "/"), ".local", "state")
    return Path(home, "companion")


def kept(file: Path, make: Callable[[], str]) -> str:
    """The text in `file`; if there is none yet, `make` makes it, for good. Raises OSError."""
    try:
        if text := file.read_text(encoding="utf-8").strip():
            return text
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    text = make()
    keep(file, text)
    return text


def keep(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Write `text` to `file`; without a `mode`, readable by its owner only. After a power cut there is the old file, or
    the new one. Raises OSError."""
    keep_bytes(file, text.encode(), mode=mode)


def keep_bytes(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    """The same for what is no text. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            os.fchmod(out.fileno(), mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
