"""This file is the microphone of a page, and the mouth of whoever writes instead of speaking."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from companion.audio import FRAME_SECONDS, RATE, Audio, Frame, Utterance
from companion.errors import DeviceError
from companion.ports import Clock, Press
from device.browser_link import Block, Link
from device.cut import Cut
from device.scripted_user import Line, Said, typed

MOST_BLOCKS = 250
"""Five seconds of sound that may wait for a reader."""

KEPT_LINES = 20
"""So many of the things written last are known by their text."""


class BrowserMicrophone:
    """A Microphone in a page: open from the first `read` until `close`, and again from the next `read`.

    While something written is said, it is heard instead of whatever the page hears.
    """

    def __init__(self, clock: Clock, link: Link) -> None:
        self.press: Callable[[Press], None] | None = None
        """What holds the toy's button while something written is said; None where nobody needs to."""
        self._clock = clock
        self._link = link
        self._capture = 0
        self._captures = 0
        self._blocks: deque[Block] = deque(maxlen=MOST_BLOCKS)
        self._cut = Cut(RATE)
        self._ended = -math.inf
        self._lost = True
        """Whether it is known that there is no page: then one waits for it, however long."""
        self._waiting: deque[Line] = deque()
        self._said: deque[Said] = deque(maxlen=KEPT_LINES)
        link.blocks.append(self._take)
        link.begins.append(self._begin)

    async def read(self) -> Frame:
        """The next 10 ms. May be cancelled and called again. Raises DeviceError when the page is lost; then, reading
        again waits for another one."""
        if not self._capture:
            self._captures += 1
            self._capture = self._captures
            self._begin()
        while (frame := self._next()) is None:
            try:
                await self._link.news(patient=self._lost)
            except DeviceError:
                self._lost = True
                raise
            self._lost = self._lost and not self._link.sounds
        return frame

    async def close(self) -> None:
        """Let go of the page's microphone: nothing is captured until somebody reads again."""
        self._capture = 0
        self._blocks.clear()
        self._waiting.clear()
        for said in self._said:
            said.ended = min(said.ended, self._clock.now())
        self._link.tell("microphone", capture=0)

    def say(self, line: Line) -> None:
        """Have this said, after what is being said already. A closed microphone hears nothing of it."""
        if self._capture:
            self._waiting.append(line)

    def typed(self, utterance: Utterance) -> str | None:
        """The text from which `utterance` was made; None if it was spoken."""
        return typed(self._said, utterance)

    def _begin(self) -> None:
        """A page has begun to sound, or it is to listen now."""
        self._blocks.clear()
        self._cut = Cut(self._link.rate or RATE)
        self._link.tell("microphone", capture=self._capture)

    def _take(self, block: Block) -> None:
        if self._capture and block.capture == self._capture:  # else it is what was on its way when that changed
            self._blocks.append(block)

    def _next(self) -> Frame | None:
        """A frame, if there is sound enough for one."""
        while not self._cut.ready:
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            self._cut.add(round(block.ends) - len(block.samples), block.samples)
        captured, last = self._cut.take()
        self._ended = max(self._ended, self._link.time(last))
        begins = self._ended - FRAME_SECONDS
        self._begin_to_say(begins)
        if self._speaks():
            heard = self._said[-1].go_on(begins)
            captured = captured.copy()
            captured[: len(heard)] = heard
            if not self._speaks() and self.press:
                self.press(Press.UP)
        return Frame(Audio(captured, RATE), self._ended)

    def _speaks(self) -> bool:
        """Whether something written is being said."""
        return bool(self._said) and self._said[-1].ended == math.inf

    def _begin_to_say(self, now: float) -> None:
        if self._waiting and not self._speaks():
            self._said.append(Said(self._waiting.popleft(), now))
            if self.press:
                self.press(Press.DOWN)
                self.press(Press.LONG)
