"""A server on this machine that plays the model hub: its redirects, headers, ranges, and what can go wrong."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

ELSEWHERE = (".bin", ".onnx", ".safetensors")
"""How files end that are not in git, but elsewhere."""

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What goes wrong with one answer to a GET."""

    status: int | None = None
    """Answered with no body."""
    location: str | None = None
    """Where it leads, with a 302."""
    cut: int | None = None
    """Bytes of the body after which the connection is closed."""
    stall: int | None = None
    """Bytes of the body after which nothing comes any more, until the test says so."""
    more: bool = False
    """Then the rest comes."""
    ignore_range: bool = False
    """The whole file is sent, with a 200."""
    shifted: int = 0
    """Bytes by which what comes begins too late."""
    body: bytes | None = None
    """Sent in place of the file."""


@dataclass
class HubHere:
    """What it has, and what happened."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By "owner/name@revision/path"."""
    faults: deque[Fault | None] = field(default_factory=deque)
    """Of the next GETs, one each; what is left over, of none."""
    heads: dict[str, str | None] = field(default_factory=dict)
    """Headers of every answer to HEAD that are other than they should be; None leaves one out."""
    status: int = 200
    """Of every answer at the front door."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of each, but for redirects."""
    sent: int = 0
    """Bytes of files that went out."""
    seen: Callable[[], None] = lambda: None
    """Called when half of a file is out."""
    address: str = ""
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def add(self, repository: str, revision: str, path: str, content: bytes) -> None:
        self.files[f"{repository}@{revision}/{path}"] = content

    @property
    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.address, "HF_HUB_OFFLINE": ""}

    @property
    def ranges(self) -> list[str]:
        return [span for method, _, span in self.requests if method == "GET"]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def hub_here() -> Iterator[HubHere]:
    hub = HubHere()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            span = self.headers.get("range", "")
            if found := re.fullmatch(r"/(elsewhere|resolve-cache)/(.+)", unquote(parts.path)):
                assert found[1] != "elsewhere" or parts.query == "signature=1"
                hub.requests.append((self.command, found[2], span))
                self._send(hub.files[found[2]], span, body=body)
                return
            found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", unquote(parts.path))
            name = f"{found[1]}@{found[2]}/{found[3]}" if found else ""
            if name not in hub.files or hub.status != 200:
                self._empty(hub.status if hub.status != 200 else 404, {})
                return
            content = hub.files[name]
            if name.endswith(ELSEWHERE):
                there = f"{hub.address.replace('127.0.0.1', 'localhost')}/elsewhere/{name}?signature=1"
                told = {"x-linked-etag": f'"{sha256(content)}"', "x-linked-size": str(len(content)), "location": there}
                self._empty(302, {"x-repo-commit": COMMIT, "etag": '"of the redirect"', **told})
            else:
                told = {"location": f"/resolve-cache/{name}"}
                self._empty(307, {"x-repo-commit": COMMIT, **told})

        def _send(self, content: bytes, span: str, *, body: bool) -> None:
            fault = (hub.faults.popleft() if hub.faults else None) if body else None
            fault = fault or Fault()
            if fault.status or fault.location:
                self._empty(fault.status or 302, {"location": fault.location} if fault.location else {})
                return
            begin = int(span.removeprefix("bytes=").removesuffix("-")) if span and not fault.ignore_range else 0
            begin += fault.shifted
            whole = content if fault.body is None else fault.body
            rest = whole[begin:]
            told = {"content-length": str(len(rest)), "etag": f'W/"{git_sha1(content)}"'}
            if span and not fault.ignore_range:
                told["content-range"] = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
            self.send_response(206 if "content-range" in told else 200)
            self._headers(told)
            if not body:
                return
            stop = min((each for each in (fault.cut, fault.stall) if each is not None), default=None)
            for piece in (rest[: len(rest) // 2], rest[len(rest) // 2 :]) if stop is None else (rest[:stop],):
                hub.sent += len(piece)  # before whoever gets it can look
                self.wfile.write(piece)
                self.wfile.flush()
                hub.seen()
            if fault.stall is not None:
                hub.stalled.set()
                hub.go_on.wait(60)
            if fault.more and stop is not None:
                hub.sent += len(rest) - stop
                self.wfile.write(rest[stop:])
                stop = None
            self.close_connection = self.close_connection or stop is not None

        def _empty(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            self._headers({**headers, "content-length": "0"})

        def _headers(self, headers: dict[str, str]) -> None:
            told = headers | (hub.heads if self.command == "HEAD" else {})
            for name, value in told.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away in the middle is what some tests are about."""

    http = Server(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.address = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield hub
    finally:
        hub.go_on.set()
        http.shutdown()
        http.server_close()
        thread.join()
