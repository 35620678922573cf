"""This file serves the vendor's wire on loopback: real HTTP for rehearsals and tests, without a key or a network.

What is answered is in `mock_answer`, how it looks on the wire in `mock_request` and `mock_reply`, what goes wrong with
it in `mock_faults` and `mock_stream`, what is remembered in `mock_memory`; here it is served and counted.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from companion.character import Character
from companion.ports import Message
from models.loopback import Loopback
from models.mock_answer import answers
from models.mock_door import body, check_key, no_such_thing, refusal
from models.mock_errors import Refused
from models.mock_faults import HEADER, Faults, asked_for, read, refuse, without_words
from models.mock_memory import SMALLEST_MEMORY, Cache, LongTermMemory, Remembering, Seen, remembering
from models.mock_nonsense import spoiled
from models.mock_reply import Choice, Completion, Usage, choice, text_tokens
from models.mock_request import Question, check_length, parse, prompt_tokens, question
from models.mock_stream import Answer, Pace, streamed, whole
from models.qwen_models import MODELS
from models.speakers import named

REQUESTS_KEPT = 50

SESSION = "x-dashscope-aca-session"
"""The header that names a session."""


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
        smallest_memory: int = SMALLEST_MEMORY,
    ) -> None:
        """`port` 0 takes a free one. By default every answer comes at once, else with the two given delays.

        `faults`: what goes wrong with the first requests, in their order, as `models.mock_faults` reads it; None is
        nothing. Raises ValueError for a fault that does not exist. `smallest_memory`: the least `memory_entries` that
        are accepted; the page's table has 3.
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
        self._seen: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self._cache = Cache()
        self._memory = LongTermMemory()
        self._smallest_memory = smallest_memory
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

    @property
    def seen(self) -> tuple[Seen, ...]:
        """What the model was given in the last REQUESTS_KEPT turns with long-term memory, oldest first."""
        return tuple(self._seen)

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
            exception_handlers={Refused: refusal, HTTPException: no_such_thing},
        )
        self._loopback = Loopback(app, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loopback.close()

    async def _chat_completions(self, request: Request) -> Response:
        self.requests += 1
        scripted = next(self._script, None)
        check_key(request.headers.get("authorization", ""))
        payload = parse(await body(request))
        self._received.append(Received(dict(request.headers), payload))
        faults = asked_for(scripted, request.headers.get(HEADER), payload)
        refuse(faults, payload)
        asked = question(payload)
        session = request.headers.get(SESSION, "")
        completion = self._completion(asked, session, remembering(payload, session, self._smallest_memory), faults)
        headers = {"x-request-id": completion.request_id}
        pace = self._pace.with_faults(faults)
        if asked.stream:
            frames = streamed(completion, include_usage=asked.include_usage, pace=pace, faults=faults)
            return Answer(frames, self._streams_opened, headers, "text/event-stream")
        return Answer(whole(completion, pace=pace, faults=faults), self._streams_opened, headers, "application/json")

    def _completion(self, asked: Question, session: str, how: Remembering | None, faults: Faults) -> Completion:
        prompt = self._remembered(asked, how) if how else without_words(asked.messages)
        texts = answers(self._characters, asked, prompt)
        choices = [self._choice(text, asked, faults) for text in texts]
        if how:
            begun = named(prompt[-1].content)[1] if asked.partial else ""
            self._memory.said(how, begun + choices[0].text)
        usage = Usage(
            prompt_tokens=prompt_tokens(prompt),
            completion_tokens=sum(text_tokens(one.text) for one in choices),
            cached_tokens=self._cache.cached_tokens(session, asked.model, prompt) if session else 0,
        )
        return Completion(f"chatcmpl-{uuid.uuid4()}", int(time.time()), asked.model, choices, usage)

    def _remembered(self, asked: Question, how: Remembering) -> tuple[Message, ...]:
        """What the model is given where the service remembers the conversation. Raises Refused."""
        check_length([Message("system", how.profile), *asked.messages], asked.model)
        sent = without_words(asked.messages)
        new, begun = (sent[:-1], sent[-1:]) if asked.partial else (sent, ())
        seen = self._memory.turn(how, new, MODELS[asked.model].longest_input)
        self._seen.append(seen)
        return (*seen.messages(), *begun)

    def _choice(self, text: str, asked: Question, faults: Faults) -> Choice:
        instead = spoiled(text, faults)
        one = choice(text, asked) if instead is None else Choice(instead, "stop")
        return replace(one, finish_reason=None) if "no_finish" in faults else one

    def _streams_opened(self, by: int) -> None:
        with self._streams_changed:
            self.open_streams += by
            self._streams_changed.notify_all()
