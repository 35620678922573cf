"""This file is a web server as a part of a program: on this computer only, without signals of its own, and told to stop
it waits for nobody."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """uvicorn, which is told to stop by an event instead of a flag read every 0.1 s."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.told = asyncio.Event()
        """To stop."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """They are the program's."""
        yield

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        self.listening.set()
        await self.told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut all connections."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()


def unheard(app: ASGIApp, **more: Any) -> uvicorn.Config:
    """How such a server runs: it logs nothing, and tells nobody what it is. `more` as `uvicorn.Config` takes it."""
    return uvicorn.Config(
        app,
        lifespan="off",
        loop="asyncio",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        **more,
    )


def listen(port: int) -> socket.socket:
    """A socket that listens on a port of 127.0.0.1; 0 takes a free one. Raises OSError, whose `strerror` says why."""
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every reply takes 40 ms more.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        number = error.errno if isinstance(error, OSError) else None
        raise OSError(number, os.strerror(number) if number else "there is no such port") from error
    return listener
