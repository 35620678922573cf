import asyncio
import json
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from companion.errors import AnotherRuns, DeviceError
from device import control_socket
from device.control_socket import LONGEST_REQUEST, ControlSocket, ask, default_path, running


class Noted:
    """A Control that notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tell(self, text: str) -> None:
        self.asked.append(f"tell {text}")

    def set_volume(self, to: float) -> None:
        self.asked.append(f"volume {to}")

    async def interrupt(self) -> None:
        self.asked.append("stop")

    async def mute(self) -> None:
        self.asked.append("mute")

    def unmute(self) -> None:
        self.asked.append("unmute")

    async def forget(self) -> None:
        self.asked.append("forget")

    def leave(self) -> None:
        self.asked.append("leave")


def with_socket(path: Path, act: Callable[[], Awaitable[Any]]) -> list[str]:
    control = Noted()

    async def run() -> None:
        listener = ControlSocket(path, control)
        await listener.open()
        try:
            await act()
        finally:
            await listener.close()

    asyncio.run(run())
    assert not path.exists()
    return control.asked


async def raw(path: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    answer = await reader.readline()
    writer.close()
    return json.loads(answer) if answer else None


def test_what_is_asked_is_done_in_order(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def act() -> None:
        await ask(path, {"do": "tell", "text": " it rains "})
        await ask(path, {"do": "volume", "to": 0.25})
        for what in ("stop", "mute", "unmute", "forget", "reload"):
            await ask(path, {"do": what})

    assert with_socket(path, act) == ["tell it rains", "volume 0.25", "stop", "mute", "unmute", "forget", "leave"]


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"{}\n",
        b'{"do": "tell"}\n',
        b'{"do": "tell", "text": " "}\n',
        b'{"do": "volume", "to": 2}\n',
        b'{"do": "volume", "to": "loud"}\n',
        b"[" * 4000 + b"\n",
        b"3\n",
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(tmp_path: Path, line: bytes) -> None:
    answers = []

    async def act() -> None:
        answers.append(await raw(tmp_path / "s", line))

    assert with_socket(tmp_path / "s", act) == []
    assert "expected" in answers[0]["mistake"]


def test_an_endless_line_is_not_read_to_its_end(tmp_path: Path) -> None:
    async def act() -> None:
        assert await raw(tmp_path / "s", b"x" * LONGEST_REQUEST * 2) is None
        await ask(tmp_path / "s", {"do": "stop"})

    assert with_socket(tmp_path / "s", act) == ["stop"]


def test_only_the_owner_and_the_group_may_use_it(tmp_path: Path) -> None:
    path = tmp_path / "run" / "s"

    async def act() -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    with_socket(path, act)


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.touch()

    async def act() -> None:
        await ask(path, {"do": "stop"})

    assert with_socket(path, act) == ["stop"]


def test_a_socket_of_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = left_behind(tmp_path / "s")

    async def act() -> None:
        await ask(path, {"do": "stop"})

    assert with_socket(path, act) == ["stop"]


def test_a_socket_on_which_somebody_answers_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def act() -> None:
        second = ControlSocket(path, Noted())
        with pytest.raises(AnotherRuns, match=f"answers at {path}"):
            await second.open()
        await second.close()
        await ask(path, {"do": "stop"})

    assert with_socket(path, act) == ["stop"]


def test_what_nobody_answers_is_no_toy_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "SERVICE", service := tmp_path / "service" / "control.sock")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert running(environment) == service
    own = left_behind(default_path(environment))
    assert running(environment) == service

    async def act() -> None:
        assert running(environment) == own

    with_socket(own, act)


def left_behind(path: Path) -> Path:
    """The socket of a toy that was killed."""
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()
    return path


def test_where_no_toy_runs_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no toy running"):
        asyncio.run(ask(tmp_path / "s", {"do": "stop"}))


def test_a_place_where_it_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="cannot be opened"):
        asyncio.run(ControlSocket(tmp_path / "file" / "s", Noted()).open())


def test_it_lies_in_the_services_folder_or_in_the_users(tmp_path: Path) -> None:
    assert default_path({"RUNTIME_DIRECTORY": "/run/companion"}) == Path("/run/companion/control.sock")
    assert default_path({"XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/control.sock")
