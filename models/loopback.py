"""This file runs an ASGI app on 127.0.0.1, in a thread and an event loop of its own.

So whoever talks to it may live in simulated time, and no signal handler is installed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from companion.errors import DeviceError

SECONDS_KEPT_ALIVE = 300
"""How long an idle connection stays open."""


class Loopback:
    """A server that listens from its making until `close`, and counts who connects."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        """Port 0 takes a free one. Raises DeviceError when the port cannot be had or the server does not start."""
        self.connections = 0
        """Connections that clients have opened so far."""
        listener = _listen(port)
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

        return uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=SECONDS_KEPT_ALIVE,
        )


class _Server(uvicorn.Server):
    """uvicorn, which is told to stop by an event instead of a flag read every 0.1 s, and then waits for nobody."""

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
        self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self.ready.set()
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
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


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every reply takes 40 ms more.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "there is no such port"
        raise DeviceError(f"The mock server cannot listen on port {port} of 127.0.0.1: {reason}.") from error
    return listener
