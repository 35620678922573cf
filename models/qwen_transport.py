"""This file keeps one connection to the service open over a whole conversation.

The stock transport gives up an idle connection after 5 s, which costs the next turn three round trips; and it loses
the turn when the service, or a router between, has dropped the connection meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio._backends._asyncio  # noqa: F401 - else the event loop would import it, at the first request
import httpx2
import openai

from companion.address import is_loopback
from companion.errors import Cause, NoReply
from models.qwen_errors import Failed, failure, seconds

IDLE_SECONDS = 120.0
"""An idle connection is kept so long. Home routers forget one after some minutes, without a word."""

CLOCK_SET = 1_767_225_600.0
"""The beginning of 2026, in seconds since 1970: whoever thinks it is earlier has lost the time, as a board without a
battery does when it is switched off; then every certificate seems to be one of the future."""

UNANSWERED_SECONDS = 3
"""What was sent and is not confirmed by then has met a dead connection; there is time left to ask on a fresh one."""


def _socket_options() -> list[tuple[int, int, int]]:
    """Those of them that this system knows: probe an idle connection, and notice soon that it is dead."""
    names = {
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 10,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": UNANSWERED_SECONDS * 1000,
    }
    known = [(getattr(socket, name), value) for name, value in names.items() if hasattr(socket, name)]
    return [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [(socket.IPPROTO_TCP, *option) for option in known]


class WarmTransport(httpx2.AsyncHTTPTransport):
    """Connections to one service."""

    def __init__(self, base_url: str) -> None:
        super().__init__(
            trust_env=not is_loopback(base_url),
            limits=httpx2.Limits(max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
            proxy=_proxy(base_url),
            socket_options=_socket_options(),
        )

    @property
    def idle(self) -> bool:
        """Whether a connection stands ready."""
        return any(one.is_idle() and not one.has_expired() for one in self._pool.connections)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send `request`; once more, on a fresh connection, when one that had stood idle turns out to be dead."""
        fresh = False

        async def trace(event: str, _: dict[str, Any]) -> None:
            nonlocal fresh
            fresh = fresh or event.startswith("connection.connect")

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return await super().handle_async_request(request)
        except (httpx2.NetworkError, httpx2.RemoteProtocolError):
            if fresh:
                raise
        return await super().handle_async_request(request)


class Way:
    """The client, and below it the connections."""

    def __init__(self, base_url: str, key: str, connect_seconds: float) -> None:
        """Takes half a second, most of it imports: make it in a thread. Raises NoReply."""
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        timeout = httpx2.Timeout(None, connect=connect_seconds)  # the other watchdogs are our own
        try:
            self._transport = WarmTransport(base_url)
            self._http = httpx2.AsyncClient(transport=self._transport, timeout=timeout)
            client = openai.AsyncOpenAI(
                base_url=base_url, api_key=key, max_retries=0, timeout=timeout, http_client=self._http
            )
        except (ImportError, ValueError, httpx2.InvalidURL) as error:
            raise NoReply(Cause.REFUSED, f"The way to {self._host} cannot be set up: {error}") from None
        self._create: Any = client.chat.completions.with_streaming_response.create  # the last imports are here
        self._opening = asyncio.Lock()

    async def open(self, seconds: float) -> bool:
        """See to it that a connection stands ready, without a chat request and without the key; whether one does.
        Never fails."""
        async with self._opening:
            if self._transport.idle or self._http.is_closed:
                return True
            try:
                async with asyncio.timeout(seconds):
                    await self._http.head(self._base_url)
            except (TimeoutError, httpx2.HTTPError):
                return False
            return True

    @asynccontextmanager
    async def answer(self, asked: Mapping[str, Any], until: float) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The bytes of the answer to a chat request. Leaving closes it. Raises Failed; TimeoutError when nothing came
        by `until`, on the loop's clock."""
        async with AsyncExitStack() as stack:
            with self._sorted(asked["model"]):
                async with asyncio.timeout_at(until):
                    async with self._opening:
                        pass  # a connection on its way is the one to take
                    response = await stack.enter_async_context(self._create(**asked))
            yield await stack.enter_async_context(aclosing(_body(response.iter_bytes())))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    @contextmanager
    def _sorted(self, model: str) -> Iterator[None]:
        """What the client raises, in our words; its own stay behind, because they repeat the service's."""
        try:
            yield
        except openai.APIStatusError as error:
            after = seconds(error.response.headers.get("retry-after"))
            raise failure(error.status_code, error.body, host=self._host, model=model, after=after) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = error.__cause__
            why = str(cause)[:200] if isinstance(cause, httpx2.ConnectError) else "no connection, or it was lost"
            # One that cannot be opened in all that time has been tried several times already, by the system.
            again = not isinstance(cause, httpx2.ConnectTimeout)
            if (now := time.time()) < CLOCK_SET and "CERTIFICATE_VERIFY_FAILED" in why:
                today = time.strftime("%d %B %Y", time.gmtime(now)).lstrip("0")
                lost = f"This computer's clock is not set: it says {today}, when no certificate is valid yet"
                raise Failed(NoReply(Cause.CLOCK, f"{lost}; it is set by the network (timedatectl)")) from None
            raise Failed(NoReply(Cause.UNREACHABLE, f"Cannot reach {self._host} ({why})"), again=again) from None
        except openai.OpenAIError:
            raise Failed(NoReply(Cause.BROKEN, f"{self._host} gave an answer that cannot be used")) from None


async def _body(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The bytes of an answer. Raises Failed when the connection is lost."""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except httpx2.HTTPError:
        raise Failed(NoReply(Cause.BROKEN, "The connection was lost in the middle of the reply"), again=True) from None


def _proxy(base_url: str) -> str | None:
    """The proxy that this machine's environment names for the service."""
    parts = urlsplit(base_url)
    if is_loopback(base_url) or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"
