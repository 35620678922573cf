"""This file serves the vendor's wire on loopback: real HTTP for rehearsals and tests, without a key or a network.

What is answered is in `rehearsal`, how it looks on the wire in `mock_request` and `mock_reply`; here it is served
and counted.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from companion.character import Character
from companion.history import tokens
from companion.ports import Message
from models.loopback import Loopback
from models.mock_errors import Refused
from models.mock_faults import HEADER, Faults, asked_for, read, refuse, without_words
from models.mock_nonsense import spoiled
from models.mock_reply import Choice, Completion, Usage, choice, encode, shared_tokens, text_tokens
from models.mock_request import Question, parse, question
from models.mock_stream import Answer, Pace, streamed, whole
from models.rehearsal import answer

LARGEST_BODY = 1024 * 1024
"""Bytes."""

SESSIONS_REMEMBERED = 64

REQUESTS_KEPT = 50

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
        faults: Sequence[str | None] = (),
    ) -> None:
        """`port` 0 takes a free one. By default every answer comes at once, else with the two given delays.

        `faults`: what goes wrong with the first requests, in their order, as `models.mock_faults` reads it; None is
        nothing. Raises ValueError for a fault that does not exist.
        """
        for written in filter(None, faults):
            read(written)
        self._script = iter(faults)
        self.requests = 0
        """Chat requests so far, refused ones included."""
        self.open_streams = 0
        """Answers that are being written now."""
        self._characters = tuple(characters)
        self._port = port
        self._pace = Pace(first_token_seconds, tokens_per_second)
        self._received: deque[Received] = deque(maxlen=REQUESTS_KEPT)
        self._sessions = _Sessions()
        self._streams_changed = Condition()

    @property
    def base_url(self) -> str:
        """What a client is given, /v1 included. Known once the server is entered, as is `connections`."""
        return f"http://127.0.0.1:{self._loopback.port}/v1"

    @property
    def connections(self) -> int:
        """Connections that clients have opened so far."""
        return self._loopback.connections

    @property
    def received(self) -> tuple[Received, ...]:
        """The last REQUESTS_KEPT chat requests, oldest first, as far as their bodies were JSON objects."""
        return tuple(self._received)

    def wait_until_quiet(self, seconds: float) -> bool:
        """Wait up to `seconds` until no answer is being written; whether that came about. Blocks."""
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
        app = Starlette(
            routes=[Route("/v1/chat/completions", self._chat_completions, methods=["POST"])],
            exception_handlers={Refused: _refusal, HTTPException: _no_such_thing},
        )
        self._loopback = Loopback(app, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loopback.close()

    async def _chat_completions(self, request: Request) -> Response:
        self.requests += 1
        scripted = next(self._script, None)
        _check_key(request.headers.get("authorization", ""))
        payload = parse(await _body(request))
        self._received.append(Received(dict(request.headers), payload))
        faults = asked_for(scripted, request.headers.get(HEADER), payload)
        refuse(faults, payload)
        asked = question(payload)
        completion = self._completion(asked, request.headers.get("x-dashscope-aca-session"), faults)
        headers = {"x-request-id": completion.request_id}
        pace = self._pace.with_faults(faults)
        if asked.stream:
            frames = streamed(completion, include_usage=asked.include_usage, pace=pace, faults=faults)
            return Answer(frames, self._streams_opened, headers, "text/event-stream")
        return Answer(whole(completion, pace=pace, faults=faults), self._streams_opened, headers, "application/json")

    def _completion(self, asked: Question, session: str | None, faults: Faults) -> Completion:
        messages = without_words(asked.messages[:-1] if asked.partial else asked.messages)
        choices = [
            self._choice(
                answer(self._characters, messages, seed=asked.seed, choice=index, parentheses=asked.parentheses),
                asked,
                faults,
            )
            for index in range(asked.n)
        ]
        usage = Usage(
            prompt_tokens=tokens(list(asked.messages)),
            completion_tokens=sum(text_tokens(one.text) for one in choices),
            cached_tokens=self._sessions.cached_tokens(session, asked) if session else 0,
        )
        return Completion(f"chatcmpl-{uuid.uuid4()}", int(time.time()), asked.model, choices, usage)

    def _choice(self, text: str, asked: Question, faults: Faults) -> Choice:
        instead = spoiled(text, faults)
        one = choice(text, asked) if instead is None else Choice(instead, "stop")
        return replace(one, finish_reason=None) if "no_finish" in faults else one

    def _streams_opened(self, by: int) -> None:
        with self._streams_changed:
            self.open_streams += by
            self._streams_changed.notify_all()


class _Sessions:
    """The last prompt of each session, the least recently used forgotten first: what the vendor's cache would hit."""

    def __init__(self) -> None:
        self._prompts: OrderedDict[tuple[str, str], Sequence[Message]] = OrderedDict()

    def cached_tokens(self, session: str, asked: Question) -> int:
        """The tokens of this prompt that the last one of its session began with; this one is now the last."""
        key = (session, asked.model)
        before = self._prompts.pop(key, ())
        self._prompts[key] = asked.messages
        if len(self._prompts) > SESSIONS_REMEMBERED:
            self._prompts.popitem(last=False)
        return shared_tokens(asked.messages, before)


async def _body(request: Request) -> bytes:
    """The body of a request. Raises Refused as soon as it is too large."""
    body = bytearray()
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > LARGEST_BODY:
                raise Refused("Request body is too large.", status=413, code="request_too_large")
    return bytes(body)


def _check_key(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refused("You didn't provide an API key.", status=401, code="invalid_api_key")
    if key.strip() == INVALID_KEY:
        raise Refused("Incorrect API key provided.", status=401, code="invalid_api_key")


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    request_id = str(uuid.uuid4())
    headers = {"x-request-id": request_id}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    return Response(encode(error.body(request_id)), error.status, headers=headers, media_type="application/json")


def _no_such_thing(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (path, method) in the vendor's envelope."""
    assert isinstance(error, HTTPException)
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    response = _refusal(request, Refused(f"{error.detail}.", status=error.status_code, code=code))
    response.headers.update(error.headers or {})
    return response
