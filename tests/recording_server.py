"""A real HTTP server for tests that keeps the requests it gets and answers each as the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"delta": delta, "index": 0, "finish_reason": finish, "logprobs": None}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "qwen-flash-character",
        "choices": choices,
    } | more


def streamed(*texts: str) -> list[Any]:
    """The frames of a reply in these pieces, as the vendor's service sends them."""
    usage = {"prompt_tokens": 134, "completion_tokens": 31, "total_tokens": 165}
    return [
        chunk({"content": "", "role": "assistant"}),
        *(chunk({"content": text}) for text in texts),
        chunk({"content": ""}, "stop"),
        chunk(None, usage=usage),
        "[DONE]",
    ]


class RecordingServer:
    """Answers the n-th request with the n-th answer, and all later ones with the last: a list is streamed frame by
    frame (a str as it is, anything else as JSON), a tuple is a status, headers and a body."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        """Path, headers by lower-case name, and decoded body of each."""
        self.base_url = ""

    def answer(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def recording_server(*answers: Any, port: int = 0) -> Iterator[RecordingServer]:
    server = RecordingServer(answers or [streamed("Hello there.")])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.path, headers, json.loads(body)))
            answer = server.answer()
            if isinstance(answer, list):
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for frame in answer:
                    text = frame if isinstance(frame, str) else json.dumps(frame)
                    self.wfile.write(f"data: {text}\n\n".encode())
                    self.wfile.flush()
                self.close_connection = True
            else:
                status, more, content = answer
                data = json.dumps(content).encode()
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.base_url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
