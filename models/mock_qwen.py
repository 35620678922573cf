"""This file serves the vendor's wire on loopback: real HTTP for rehearsals and tests, without a key or a network.

What is answered is in `rehearsal`, how it looks on the wire in `mock_wire`; here it is only served, and counted.
The server has a thread and an event loop of its own: whoever talks to it may live in simulated time.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from companion.character import Character
from companion.errors import DeviceError
from companion.ports import Message
from models import mock_wire as wire
from models.rehearsal import answer

LARGEST_BODY = 1024 * 1024
"""Bytes."""

SESSIONS_REMEMBERED = 64

REQUESTS_KEPT = 50

SECONDS_KEPT_ALIVE = 300
"""How long an idle connection stays open."""

INVALID_KEY = "sk-invalid"
"""The one key that is refused."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came, for tests; `repr` tells nothing of it, because there may be a key in it."""

    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name."""
    body: Mapping[str, Any] = field(repr=False)


class MockQwen:
    """The mock Qwen-Character server. While it is entered it listens on 127.0.0.1."""

    def __init__(
        self,
        characters: Sequence[Character],
        *,
        port: int = 0,
        first_token_seconds: float = 0.0,
        tokens_per_second: float = math.inf,
    ) -> None:
        """`port` 0 takes a free one. By default every answer comes at once, else with the two given delays."""
        self.requests = 0
        """Chat requests so far, refused ones included."""
        self.connections = 0
        """Connections that clients have opened so far."""
        self.open_streams = 0
        """Streamed answers that are being written now."""
        self._characters = tuple(characters)
        self._port = port
        self._first_token_seconds = first_token_seconds
        self._tokens_per_second = tokens_per_second
        self._received: deque[Received] = deque(maxlen=REQUESTS_KEPT)
        self._sessions = _Sessions()
        self._streams_changed = Condition()

    @property
    def base_url(self) -> str:
        """What a client is given, /v1 included; the port is known once the server is entered."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def received(self) -> tuple[Received, ...]:
        """The last REQUESTS_KEPT chat requests, oldest first, as far as their bodies were JSON objects."""
        return tuple(self._received)

    def wait_until_quiet(self, seconds: float) -> bool:
        """Wait up to `seconds` until no stream is open; whether that came about. Blocks."""
        with self._streams_changed:
            return self._streams_changed.wait_for(lambda: self.open_streams == 0, seconds)

    def serve(self, listening: Callable[[str], None]) -> None:
        """Serve in the foreground until SIGINT or SIGTERM; `listening` is called with the base URL once connections
        are accepted. Raises DeviceError."""

        async def until_told() -> None:
            told = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, told.set)
            async with self:
                listening(self.base_url)
                await told.wait()

        asyncio.run(until_told())

    async def __aenter__(self) -> MockQwen:
        """Raises DeviceError when the port cannot be had or the server does not start."""
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        self._server = _Server(self._config())
        self._thread = Thread(target=self._server.work, args=(listener,), name="mock-qwen", daemon=True)
        self._thread.start()
        self._server.ready.wait()  # milliseconds, as is the wait for its end
        if not self._server.started:
            raise DeviceError("The mock server did not start.")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join()

    def _config(self) -> uvicorn.Config:
        app = Starlette(
            routes=[Route("/v1/chat/completions", self._chat_completions, methods=["POST"])],
            exception_handlers={wire.Refused: _refusal, HTTPException: _no_such_thing},
        )
        return uvicorn.Config(
            app,
            http=self._counted_connection(),
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

    def _counted_connection(self) -> type[H11Protocol]:
        mock = self

        class Connection(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                mock.connections += 1
                super().connection_made(transport)

        return Connection

    async def _chat_completions(self, request: Request) -> Response:
        self.requests += 1
        _check_key(request.headers.get("authorization", ""))
        payload = wire.parse(await _body(request))
        self._received.append(Received(dict(request.headers), payload))
        asked = wire.question(payload)
        completion = self._completion(asked, request.headers.get("x-dashscope-aca-session"))
        headers = {"x-request-id": completion.id.removeprefix("chatcmpl-")}
        if asked.stream:
            frames = self._frames(completion, asked.include_usage)
            return _Stream(frames, self._streams_opened, headers)
        await asyncio.sleep(self._first_token_seconds + completion.usage.completion_tokens / self._tokens_per_second)
        return Response(wire.encode(completion.body()), headers=headers, media_type="application/json")

    def _completion(self, asked: wire.Question, session: str | None) -> wire.Completion:
        messages = asked.messages[:-1] if asked.partial else asked.messages
        choices = [
            wire.choice(
                answer(self._characters, messages, seed=asked.seed, choice=index, parentheses=asked.parentheses), asked
            )
            for index in range(asked.n)
        ]
        usage = wire.Usage(
            prompt_tokens=wire.prompt_tokens(asked.messages),
            completion_tokens=sum(wire.tokens(choice.text) for choice in choices),
            cached_tokens=self._sessions.cached_tokens(session, asked) if session else 0,
        )
        return wire.Completion(f"chatcmpl-{uuid.uuid4()}", int(time.time()), asked.model, choices, usage)

    async def _frames(self, completion: wire.Completion, include_usage: bool) -> AsyncGenerator[bytes, None]:
        """The reply as it streams, as fast as it was asked to."""
        await asyncio.sleep(self._first_token_seconds)
        for chunk in completion.chunks(include_usage=include_usage):
            for choice in chunk["choices"]:
                if content := choice["delta"]["content"]:
                    await asyncio.sleep(wire.tokens(content) / self._tokens_per_second)
            yield wire.sse(chunk)
        yield wire.sse(None)

    def _streams_opened(self, by: int) -> None:
        with self._streams_changed:
            self.open_streams += by
            self._streams_changed.notify_all()


class _Sessions:
    """The last prompt of each session, the least recently used forgotten first: what the vendor's cache would hit."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[tuple[str, str], Sequence[Message]] = OrderedDict()

    def cached_tokens(self, session: str, asked: wire.Question) -> int:
        """The tokens of this prompt that the last one of its session began with; this one is now the last."""
        key = (session, asked.model)
        before = self._prompts.pop(key, ())
        self._prompts[key] = asked.messages
        if len(self._prompts) > SESSIONS_REMEMBERED:
            self._prompts.popitem(last=False)
        return wire.shared_tokens(asked.messages, before)


class _Stream(StreamingResponse):
    """A streamed answer that is counted while it is open, and whose generator ends when the client goes away."""

    def __init__(
        self, frames: AsyncGenerator[bytes, None], opened: Callable[[int], None], headers: Mapping[str, str]
    ) -> None:
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._frames = frames
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._opened(1)
        try:
            async with aclosing(self._frames):
                await super().__call__(scope, receive, send)
        finally:
            self._opened(-1)


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
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "there is no such port"
        raise DeviceError(f"The mock server cannot listen on port {port} of 127.0.0.1: {reason}.") from error
    return listener


async def _body(request: Request) -> bytes:
    """The body of a request. Raises Refused as soon as it is too large."""
    body = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST_BODY:
                raise wire.Refused("Request body is too large.", status=413, code="request_too_large")
    return bytes(body)


def _check_key(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise wire.Refused("You didn't provide an API key.", status=401, code="invalid_api_key")
    if key.strip() == INVALID_KEY:
        raise wire.Refused("Incorrect API key provided.", status=401, code="invalid_api_key")


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, wire.Refused)
    request_id = str(uuid.uuid4())
    return Response(
        wire.encode(error.envelope(request_id)),
        error.status,
        headers={"x-request-id": request_id},
        media_type="application/json",
    )


def _no_such_thing(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (path, method) in the vendor's envelope."""
    assert isinstance(error, HTTPException)
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    response = _refusal(request, wire.Refused(f"{error.detail}.", status=error.status_code, code=code))
    response.headers.update(error.headers or {})
    return response
