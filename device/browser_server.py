"""This file serves the page that is the toy's body: on 127.0.0.1 only, and only to who knows the token in its address.

Other pages in the same browser can send requests here as well. They know no token; and who comes from another origin,
or by another host's name, is refused whatever he knows.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from companion.errors import DeviceError
from companion.serving import Server, listen, unheard
from device.browser_link import LONGEST_MESSAGE

PAGE = Path(__file__).parent / "browser_page"

MOST_CONNECTIONS = 64
"""At once. A page opens six and a WebSocket."""


class BrowserServer:
    """The server, from `open` to `close`, in the event loop of whoever opens it."""

    def __init__(
        self, port: int, *, line: Callable[[WebSocket], Awaitable[None]], scenario: Callable[[], Awaitable[bytes]]
    ) -> None:
        """`port` 0 takes a free one. `line` serves a WebSocket until it ends; `scenario` gives the file to be saved."""
        self._asked_port = port
        self._token = secrets.token_urlsafe(16)
        self._line = line
        self._scenario = scenario
        self._port = 0
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the page is, token included; known once it is open."""
        return f"http://127.0.0.1:{self._port}/{self._token}/"

    async def open(self) -> None:
        """Listen. Raises DeviceError."""
        try:
            listener = listen(self._asked_port)
        except OSError as error:
            where = f"port {self._asked_port} of 127.0.0.1"
            raise DeviceError(f"The page cannot be served on {where}: {error.strerror}; name another") from error
        self._port = listener.getsockname()[1]
        self._server = Server(self._config())
        self._serving = asyncio.create_task(self._server.serve([listener]))
        await self._server.listening.wait()

    async def close(self) -> None:
        """Cut all connections, and listen no more."""
        if self._server and self._serving:
            self._server.told.set()
            await self._serving

    def _config(self) -> uvicorn.Config:
        routes = [
            WebSocketRoute("/line", self._line),
            Route("/scenario.zip", self._download),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ]
        app = Starlette(routes=[Mount(f"/{self._token}", routes=routes)])
        return unheard(
            _Door(app, self._port, self._token),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            limit_concurrency=MOST_CONNECTIONS,
        )

    async def _download(self, request: Request) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="companion-scenario.zip"'}
        return Response(await self._scenario(), media_type="application/zip", headers=headers)


class _Door:
    """Lets in who comes by the right address, and sends everything out with the headers that keep it here."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._token = token
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        lines = " ".join(f"ws://{host}" for host in self._hosts)
        self._headers = {
            "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"connect-src 'self' {lines}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
            "Cache-Control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        status, sentence = self._why_not(scope)
        app = PlainTextResponse(sentence, status) if sentence else self._app
        await app(scope, receive, guarded)

    def _why_not(self, scope: Scope) -> tuple[int, str]:
        """Why it is not let in: the status and a sentence; no sentence for who is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return 421, "This address is not mine: open the page by the address that companion simulate printed.\n"
        needed = scope["type"] == "websocket"
        if headers.get("origin", None if needed else f"http://{host}") != f"http://{host}":
            return 403, "Pages from elsewhere may not talk with the toy.\n"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return 403, "Pages from elsewhere may not look in here.\n"
        token = scope["path"].split("/")[1] if scope["path"].count("/") > 1 else ""
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return 404, "There is nothing here: the address that companion simulate printed has a token in it.\n"
        return 200, ""
