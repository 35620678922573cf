"""This file is a button for whoever sits at a terminal: Enter is a short press, "m" and Enter a long one, "a" and Enter
two short ones."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TextIO

from companion.ports import Press
from device.presses import HOLD, TAP, TWICE, Presses

LONG = "m"
"""The line that counts as a long press: it mutes."""

DOUBLE = "a"
"""The line that counts as two short presses in a row: it has the toy say it again."""

CHUNK = 4096
"""Bytes read at once, and kept of a line that does not end."""


class KeyboardButton:
    """A Button that reads the lines of a terminal or a pipe. It is made, used and closed within one event loop."""

    def __init__(self, lines: TextIO | None) -> None:
        """Nobody presses where `lines` cannot be waited for: None, a file, /dev/null."""
        self._loop = asyncio.get_running_loop()
        self._presses = Presses()
        self._unfinished = b""
        self._file: int | None = None
        with suppress(OSError, ValueError):  # epoll refuses files; what is closed has no number
            file = lines.fileno() if lines else None
            if file is not None:
                self._loop.add_reader(file, self._read, file)
                self._file = file

    async def pressed(self) -> Press:
        """What it tells next. May be cancelled and called again: nothing is lost."""
        return await self._presses.next()

    def close(self) -> None:
        """Read no more; a second time it does nothing."""
        if self._file is not None:
            self._loop.remove_reader(self._file)
            self._file = None

    def _read(self, file: int) -> None:
        """Take what is there, past Python's buffer: lines left in that would wait for the next one to come."""
        try:
            data = os.read(file, CHUNK)
        except OSError:  # the terminal was closed
            data = b""
        if not data:  # the end of a pipe: nobody will press any more
            self.close()
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        self._unfinished = self._unfinished[-CHUNK:]
        for line in lines:
            self._presses.put(*{LONG: HOLD, DOUBLE: TWICE}.get(line.decode(errors="replace").strip().lower(), TAP))
