"""This file is a button for whoever sits at a terminal: Enter is a short press, "m" and Enter a long one."""

from __future__ import annotations

import asyncio
from typing import TextIO

from companion.ports import Press

LONG = "m"
"""The line that counts as a long press: it mutes."""

MOST_PRESSES_UNREAD = 8


class KeyboardButton:
    """A Button that reads the lines of a terminal. It is made, used and closed within one event loop."""

    def __init__(self, lines: TextIO) -> None:
        """`lines` must be a terminal or a pipe: something that can be waited for."""
        self._loop = asyncio.get_running_loop()
        self._lines = lines
        self._presses: asyncio.Queue[Press] = asyncio.Queue(MOST_PRESSES_UNREAD)
        self._loop.add_reader(lines, self._read)

    async def pressed(self) -> Press:
        """The next press. May be cancelled and called again: none is lost."""
        return await self._presses.get()

    def close(self) -> None:
        """Read no more."""
        self._loop.remove_reader(self._lines)

    def _read(self) -> None:
        line = self._lines.readline()
        if not line:  # the end of a pipe: nobody will press any more
            self.close()
            return
        if self._presses.full():
            self._presses.get_nowait()
        self._presses.put_nowait(Press.LONG if line.strip().lower() == LONG else Press.SHORT)
