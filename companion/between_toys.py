"""This file is what a page talks to while one toy has gone and the next one gets ready."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from companion.errors import DeviceError
from companion.kept_mute import KeptMute
from companion.state import State
from companion.tasks import first_of

if TYPE_CHECKING:
    from device.browser import Browser


class Between:
    """A Control for while there is no toy: whoever mutes it meanwhile finds it muted, and until then nothing hears."""

    def __init__(self, browser: Browser, mute: KeptMute) -> None:
        self._browser = browser
        self._mute = mute
        self._muted = asyncio.Event()

    def set_volume(self, to: float) -> None:
        """How loud the next toy will be."""
        self._browser.speaker.volume = to

    def tell(self, text: str) -> None:
        """There is nobody to know it."""

    async def interrupt(self) -> None:
        """There is nothing to be interrupted."""

    async def mute(self) -> None:
        """Let go of the microphone."""
        self._mute.keep(True)
        self._muted.set()
        await self.show()

    def unmute(self) -> None:
        """The toy will listen."""
        self._mute.keep(False)
        self._browser.light.show(State.BOOTING)

    async def forget(self) -> None:
        """Each toy begins without a memory."""

    def leave(self) -> None:
        """There is no life to end."""

    async def show(self) -> None:
        """Let the light be true while the next toy gets ready, and the microphone as that says."""
        if self._mute.muted:
            await self._browser.microphone.close()
        self._browser.light.show(State.MUTED if self._mute.muted else State.BOOTING)

    async def page(self) -> None:
        """Wait until there is a page whose sound is on; a muted toy waits for none."""
        if not self._mute.muted:
            self._muted.clear()
            await first_of(_heard(self._browser), self._muted.wait())


async def _heard(browser: Browser) -> None:
    while True:
        with suppress(DeviceError):  # a page was there, and has gone before it was heard: another one will come
            await browser.microphone.read()
            return
