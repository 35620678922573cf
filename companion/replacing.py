"""This file writes small files that are there as they shall be, or as they were: never half, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(file: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `file`, in a folder that is there. After a power cut, a full disk or Ctrl-C there is the old file, or the
    new one, which has `mode` as far as the umask allows. Raises OSError."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
