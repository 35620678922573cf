"""This file keeps what must outlive a restart: a small file for each thing, old or new but never half."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from glob import escape
from pathlib import Path

from companion import home
from companion.replacing import replace_file


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where state is kept: systemd's StateDirectory, else the user's folder for it."""
    if folder := environment.get("STATE_DIRECTORY"):
        return Path(folder.partition(":")[0])
    return home.state(environment) / "companion"


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
    replace_file(file, content, mode=mode)
    _sweep(file)


def make_folder(folder: Path) -> None:
    """Make a folder into which everybody may look, whatever the umask, and all above it that are missing. Raises
    OSError."""
    for one in reversed((folder, *folder.parents)):
        if not one.is_dir():
            one.mkdir()
            one.chmod(0o755)


def _sweep(file: Path) -> None:
    """Remove what others left unfinished beside it, who were killed meanwhile."""
    for left in file.parent.glob(f".{escape(file.name)}.*"):
        with suppress(ValueError):  # not one of ours
            if not _lives(int(left.name.rpartition(".")[2])):
                left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it lives, and is somebody else's
    return True
