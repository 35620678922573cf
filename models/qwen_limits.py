"""This file knows how long we wait for a reply.

The client's own timeouts begin anew with every byte, so that comments which only keep a stream alive would hold a
turn for ever.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

ENDING_SECONDS = 1.0
"""After a reply has told that it is finished, for the usage and the end of the stream. Without them it is whole too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, on the monotonic clock, after which we give up."""

    connect: float = 3.0
    """To open a connection."""
    first_token: float = 6.0
    """From the question to the first text, further attempts included."""
    gap: float = 5.0
    """Between two pieces of a reply."""
    reply: float = 30.0
    """The whole of it."""
    pause: float = 0.5
    """Before a second attempt, and twice that before a third, unless the service names a time."""


class Patience:
    """How long to wait for what comes next."""

    def __init__(self, limits: Limits, first: float) -> None:
        """It begins now. `first`: seconds until the first news."""
        self._now = asyncio.get_running_loop().time
        self._gap = limits.gap
        self._over = self._now() + limits.reply
        self.until = min(self._over, self._now() + first)
        """On the loop's clock."""

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - self._now()

    def renew(self) -> None:
        """There was news: wait for the next."""
        self.until = min(self._over, self._now() + self._gap)

    def end(self) -> None:
        """All that matters has come."""
        self.until = min(self._over, self._now() + ENDING_SECONDS)
