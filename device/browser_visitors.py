"""This file lets one page at a time be the toy's body, and stops a page that sends what it must not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from companion.tasks import first_of
from device.browser_link import Block, Link, Refused

BUSY, MOVED = 4001, 4002
"""Why a WebSocket ended: the toy is in another tab, or has gone to one."""

HELLO_SECONDS = 5.0
"""How long a page may take to say who it is."""

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 200, 800
"""A page sends 50 blocks a second. After a moment in which it stood still come those of that moment."""


@dataclass(frozen=True, slots=True)
class _Hello:
    name: str
    """Of the tab, made by itself: it is the same after it was loaded anew."""
    take: bool
    """Whether it wants to be the body although another one is."""


@dataclass(eq=False, slots=True)
class _Visitor:
    name: str
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Visitors:
    """Who is there, and who must wait."""

    def __init__(
        self,
        link: Link,
        welcome: Callable[[], Iterable[tuple[str, Mapping[str, Any]]]],
        do: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """`welcome`: what a page is told first; `do` does what it says, or raises Refused."""
        self._link = link
        self._welcome = welcome
        self._do = do
        self._here: _Visitor | None = None

    async def visit(self, socket: WebSocket) -> None:
        """Let the page at the other end be the body until it leaves, is sent away, or another one takes over."""
        await socket.accept()
        try:
            await self._stay(socket, await _hello(socket))
        except Refused as refused:
            with suppress(RuntimeError, WebSocketDisconnect):  # it has left already
                await socket.close(refused.code, str(refused))
        except (WebSocketDisconnect, RuntimeError):
            pass

    async def _stay(self, socket: WebSocket, hello: _Hello) -> None:
        if self._here and self._here.name != hello.name and not hello.take:
            raise Refused(BUSY, "The toy is awake in another tab or window.")
        if self._here:
            self._here.moved.set()
        self._here = visitor = _Visitor(hello.name)
        outbox = self._link.connect()
        try:
            for what, fields in self._welcome():
                self._link.tell(what, **fields)
            await first_of(self._receive(socket, visitor), _send(socket, outbox), visitor.moved.wait())
            if visitor.moved.is_set():
                raise Refused(MOVED, "The toy has moved to another tab or window.")
        finally:
            self._link.disconnect(outbox)
            if self._here is visitor:
                self._here = None

    async def _receive(self, socket: WebSocket, visitor: _Visitor) -> None:
        left, since = float(MESSAGES_AT_ONCE), time.monotonic()
        while (message := await socket.receive())["type"] == "websocket.receive":
            if visitor.moved.is_set():
                return
            now = time.monotonic()
            left, since = min(left + (now - since) * MESSAGES_A_SECOND, MESSAGES_AT_ONCE) - 1, now
            if left < 0:
                raise Refused(1008, "The page sent too many messages at once.")
            if message.get("bytes") is not None:
                self._link.block(Block.parse(message["bytes"]))
            else:
                self._do(_parsed(message["text"]))


async def _send(socket: WebSocket, outbox: asyncio.Queue[str | bytes]) -> None:
    while True:
        message = await outbox.get()
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message))


async def _hello(socket: WebSocket) -> _Hello:
    """What a page says first. Raises Refused."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            message = await socket.receive()
    except TimeoutError:
        raise Refused(1008, "The page did not say hello.") from None
    match _parsed(message.get("text") or ""):
        case {"do": "hello", "name": str(name), "take": bool(take)} if 0 < len(name) <= 64:
            return _Hello(name, take)
        case _:
            raise Refused(1008, "The page did not say hello.")


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(1007, "The page sent what is no JSON.") from None
    if not isinstance(message, dict):
        raise Refused(1007, "The page sent JSON that is no object.")
    return message
