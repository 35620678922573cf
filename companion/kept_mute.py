"""This file keeps whether the toy is muted: whoever muted it can rely on that, whatever restarts there are."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from companion.keeping import keep

MUTED, UNMUTED = "muted", "unmuted"
"""What the file holds."""


class KeptMute:
    """Whether the toy is muted, over restarts and power cuts. Where that cannot be kept, it is known until the end."""

    def __init__(self, file: Path | None) -> None:
        """`file` keeps it; without one it is known until the end, too."""
        self.file = file
        self._told = False
        self.muted = False
        """Whether it is muted now; at first, whether it was when that was kept last."""
        with suppress(OSError):  # none is there, or nobody could ever write one
            self.muted = file is not None and file.read_bytes().strip() != UNMUTED.encode()  # in doubt it is

    def keep(self, muted: bool) -> None:
        """Keep it: when this returns it is on the disk. Raises OSError the first time that cannot be."""
        if muted is self.muted:
            return
        self.muted = muted
        if self.file is None:
            return
        try:
            keep(self.file, (MUTED if muted else UNMUTED) + "\n")
        except OSError:
            if not self._told:
                self._told = True
                raise
