"""This file lets other programs on this computer control the toy: a Unix socket, a line of JSON each way.

A request is {"do": "tell", "text": "..."}, {"do": "volume", "to": 0 to 1}, or {"do": one of "stop", "mute", "unmute",
"forget", "reload"}; the answer is {"done": true}, or {"mistake": a sentence}. Only who may use the socket's file can
connect; no port is opened.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion.errors import AnotherRuns, DeviceError
from companion.ports import Control

LONGEST_REQUEST = 8 * 1024
"""Bytes of a line."""

PATIENCE_SECONDS = 5.0
"""How long a connection may take for its request, and a client waits for the answer."""

SERVICE = Path("/run/companion/control.sock")


def default_path(environment: Mapping[str, str]) -> Path:
    """Where a toy's socket is: in the folder systemd made for it, else in the user's own."""
    if folder := environment.get("RUNTIME_DIRECTORY"):
        return Path(folder.partition(":")[0], SERVICE.name)
    return Path(environment.get("XDG_RUNTIME_DIR") or f"/tmp/companion-{os.getuid()}", SERVICE.name)


def running(environment: Mapping[str, str]) -> Path:
    """The socket of the toy that runs here: one of the user's own, else the service's."""
    own = default_path(environment)
    return own if _answered(own) else SERVICE


def check_alone(path: Path) -> None:
    """Raise AnotherRuns where a toy has its socket at `path` already."""
    if _answered(path):
        raise AnotherRuns(f"A toy runs here already, and answers at {path}: end that one first")


def _answered(path: Path) -> bool:
    """Whether somebody listens on a socket. One that was left behind is there, but refuses."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except BlockingIOError:  # so many wait for an answer already
            return True
        except OSError:
            return False
    return True


class ControlSocket:
    """The socket, from `open` to `close`."""

    def __init__(self, path: Path, control: Control) -> None:
        self._path = path
        self._control = control
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen. Raises DeviceError; AnotherRuns where somebody else does."""
        check_alone(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.unlink(missing_ok=True)  # left by one that could not clean up
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST_REQUEST)
            self._path.chmod(0o660)
        except OSError as error:
            raise DeviceError(f"The control socket {self._path} cannot be opened ({error.strerror})") from error

    async def close(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await reader.readline()
                answer = await self._done(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, OSError):
            pass  # a client that says too much, too little or nothing is not our trouble
        finally:
            writer.close()

    async def _done(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return {"mistake": "a line of JSON was expected"}
        match request:
            case {"do": "tell", "text": str(text)} if text.strip():
                self._control.tell(text.strip())
            case {"do": "volume", "to": int() | float() as to} if 0 <= to <= 1:
                self._control.set_volume(to)
            case {"do": "stop"}:
                await self._control.interrupt()
            case {"do": "mute"}:
                await self._control.mute()
            case {"do": "unmute"}:
                self._control.unmute()
            case {"do": "forget"}:
                await self._control.forget()
            case {"do": "reload"}:
                self._control.leave()
            case _:
                return {
                    "mistake": "tell (with a text), volume (0 to 1), stop, mute, unmute, forget or reload was expected"
                }
        return {"done": True}


async def ask(path: Path, request: Mapping[str, Any]) -> None:
    """Send a request to the toy at `path`. Raises DeviceError when there is none, or it does not do it."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except (OSError, ValueError, TimeoutError) as error:
        raise DeviceError(f"There is no toy running at {path}: start one with `companion run`") from error
    if "mistake" in answer:
        raise DeviceError(f"The toy did not understand: {answer['mistake']}")
