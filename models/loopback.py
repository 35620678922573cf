"""This file runs an ASGI app on 127.0.0.1, in a thread and an event loop of its own.

So whoever talks to it may live in simulated time, and no signal handler is installed.
"""

from __future__ import annotations

import asyncio
import socket
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from companion.errors import DeviceError
from companion.serving import Server, listen, unheard

SECONDS_KEPT_ALIVE = 300
"""How long an idle connection stays open."""


class Loopback:
    """A server that listens from its making until `close`, and counts who connects."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        """Port 0 takes a free one. Raises DeviceError when the port cannot be had or the server does not start."""
        self.connections = 0
        """Connections that clients have opened so far."""
        try:
            listener = listen(port)
        except OSError as error:
            where = f"port {port} of 127.0.0.1"
            raise DeviceError(f"The mock server cannot listen on {where}: {error.strerror}.") from error
        self.port: int = listener.getsockname()[1]
        self._server = _Server(self._config(app))
        self._thread = Thread(target=self._server.work, args=(listener,), name="loopback", daemon=True)
        self._thread.start()
        self._server.ready.wait()  # milliseconds, as is the wait for its end
        if not self._server.started:
            raise DeviceError(f"The server on port {self.port} of 127.0.0.1 did not start.")

    def close(self) -> None:
        """Cut all connections and end the thread: milliseconds."""
        self._server.stop()
        self._thread.join()

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        loopback = self

        class Connection(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                loopback.connections += 1
                super().connection_made(transport)

        return unheard(app, http=Connection, ws="none", timeout_keep_alive=SECONDS_KEPT_ALIVE)


class _Server(Server):
    """A server in a thread."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    def work(self, listener: socket.socket) -> None:
        """Serve until `stop`: the whole life of the thread."""
        try:
            self.run([listener])
        finally:
            self.ready.set()
            listener.close()

    def stop(self) -> None:
        """Tell it to stop, from another thread."""
        self._loop.call_soon_threadsafe(self.told.set)

    async def main_loop(self) -> None:
        """As any server's."""
        self._loop = asyncio.get_running_loop()
        self.ready.set()
        await super().main_loop()
