"""A page in Python: the other end of the line to a browser, for tests of what a browser would not do."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from companion.audio import Samples
from device.browser import Browser
from device.browser_link import HEADER

BLOCK_SECONDS = 0.02


def line_of(browser: Browser) -> str:
    """The address of the line to this browser's page."""
    return browser.url.replace("http://", "ws://") + "line"


def origin_of(browser: Browser) -> str:
    return "/".join(browser.url.split("/")[:3])


def block(
    samples: Sequence[int] | Samples = (),
    *,
    capture: int = 1,
    generation: int = 0,
    played: int = 0,
    heard_at: float = 0.0,
    ends: float = 0.0,
) -> bytes:
    """What a page sends 50 times a second."""
    header = HEADER.pack(capture, generation, played, 0, heard_at, ends)
    return header + np.asarray(samples, np.int16).astype("<i2").tobytes()


class Page:
    """The other end, as it is told things; it captures and plays as long as `live` goes on."""

    def __init__(self, line: ClientConnection, rate: int) -> None:
        self.line = line
        self.rate = rate
        self.told: list[dict[str, Any]] = []
        self.frame = 0
        self.capture = 0
        self.generation = self.played = self.written = 0
        self.heard_at = 0
        self.changed = asyncio.Event()

    async def say(self, **what: Any) -> None:
        await self.line.send(json.dumps(what))

    async def hello(self, name: str = "a", *, take: bool = False) -> None:
        await self.say(do="hello", name=name, take=take)

    async def until_told(self, what: str, **fields: Any) -> dict[str, Any]:
        """Wait for the first message with these fields."""
        while True:
            for message in self.told:
                if message["tell"] == what and fields.items() <= message.items():
                    return message
            self.changed.clear()
            await self.changed.wait()

    async def listen(self) -> None:
        """Take what comes, until the line ends."""
        with suppress(Exception):
            async for message in self.line:
                self._take(message)
                self.changed.set()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            generation, first = struct.unpack_from("<II", message)
            if generation == self.generation:
                self.written = first + (len(message) - 8) // 2
            return
        told = json.loads(message)
        self.told.append(told)
        match told["tell"]:
            case "microphone":
                self.capture = told["capture"]
            case "cut" | "again":
                self.generation, self.written, self.played = told["generation"], 0, 0

    async def live(self) -> None:
        """Capture what is different in every 10 ms, and play what there is, in real time."""
        loop = asyncio.get_running_loop()
        began, number = loop.time(), 0
        size = round(self.rate * BLOCK_SECONDS)
        while True:
            number += 1
            await asyncio.sleep(began + number * BLOCK_SECONDS - loop.time())
            counted = (self.frame + np.arange(size)) * 100 // self.rate % 30_000
            self.frame += size
            if self.played < self.written:
                self.heard_at = self.frame - size + min(size, self.written - self.played)
                self.played = min(self.written, self.played + size)
            await self.line.send(
                block(
                    counted.astype(np.int16) if self.capture else (),
                    capture=self.capture,
                    generation=self.generation,
                    played=self.played,
                    heard_at=self.heard_at,
                    ends=self.frame,
                )
            )


@asynccontextmanager
async def page(browser: Browser, *, rate: int = 16_000, name: str = "a", lives: bool = True) -> AsyncIterator[Page]:
    """A page that has said hello; its sound is on, if it `lives`."""
    async with connect(line_of(browser), origin=origin_of(browser), compression=None) as line:  # type: ignore[arg-type]
        made = Page(line, rate)
        await made.hello(name)
        tasks = [asyncio.create_task(made.listen())]
        if lives:
            await made.say(do="sound", rate=rate, latency=0.0)
            tasks.append(asyncio.create_task(made.live()))
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.exception()


@asynccontextmanager
async def opened(**wishes: Any) -> AsyncIterator[Browser]:
    """A body without a toy, whose page is served."""
    from device.wall_clock import WallClock

    browser = Browser(WallClock(), **wishes)
    await browser.open()
    try:
        yield browser
    finally:
        await browser.close()
