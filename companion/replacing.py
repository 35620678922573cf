"""This file writes small files that are there as they shall be, or as they were: never half, whatever happens."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import EACCES, EINVAL, ENOSYS, EOPNOTSUPP
from pathlib import Path

USUAL = 0o666
"""The mode of a new file, before the umask."""

CANNOT = (EINVAL, ENOSYS, EOPNOTSUPP, EACCES)
"""How a disk says that it cannot write a folder's names when told to, or a folder that one may write, but not read."""


def replace_file(file: Path, content: bytes, mode: int | None = None) -> None:
    """Write `file`, in a folder that is there. After a power cut, a full disk or Ctrl-C there is the old file, or the
    new one, which has `mode` whatever the umask; without one, what is usual. When this returns it is on the disk.
    Raises OSError."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    begun = USUAL if mode is None else mode
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, begun), "wb") as out:
            if mode is not None:
                with suppress(OSError):  # a disk that knows no modes
                    os.fchmod(out.fileno(), mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
        _settle_names(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """See to it that a file's bytes, or a folder's names, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settle_names(folder: Path) -> None:
    try:
        settle(folder)
    except OSError as error:
        if error.errno not in CANNOT:
            raise
