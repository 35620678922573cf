"""What systemd is told, as it hears it: a real Unix socket."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.systemd import LONGEST_STATUS, Systemd


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        yield systemd


def speaker(ear: socket.socket, **more: str) -> Systemd:
    return Systemd({"NOTIFY_SOCKET": ear.getsockname(), **more})


def test_it_says_what_the_protocol_has_words_for(ear: socket.socket) -> None:
    systemd = speaker(ear)
    systemd.ready()
    systemd.status("Listens")
    systemd.alive()
    systemd.stopping()
    assert [ear.recv(1000) for _ in range(4)] == [b"READY=1", b"STATUS=Listens", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_status_is_one_line_and_not_long(ear: socket.socket) -> None:
    speaker(ear).status(f"one\nREADY=1 {'x' * 1000}")
    heard = ear.recv(10_000).decode()
    assert heard.startswith("STATUS=one READY=1 xxx")
    assert len(heard) == len("STATUS=") + LONGEST_STATUS


def test_it_says_on_which_clock_it_begins_to_reload(ear: socket.socket) -> None:
    before = time.monotonic()
    speaker(ear).reloading()
    word, moment = ear.recv(1000).decode().splitlines()
    assert word == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) / 1e6 + 1e-6 <= time.monotonic() + 1e-6


def test_a_socket_may_have_a_name_that_is_no_file() -> None:
    name = f"companion-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{name}")
        ear.settimeout(5)
        Systemd({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert ear.recv(1000) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_where_nobody_listens_it_says_nothing_and_goes_on(environment: dict[str, str]) -> None:
    systemd = Systemd(environment)
    systemd.ready()
    systemd.alive()


@pytest.mark.parametrize(
    ("environment", "patience"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ""}, 30.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_it_knows_how_long_the_watchdog_waits_and_for_whom(
    ear: socket.socket, environment: dict[str, str], patience: float | None
) -> None:
    assert Systemd({"NOTIFY_SOCKET": ear.getsockname(), **environment}, pid=7).patience == patience


def test_without_a_socket_there_is_no_watchdog() -> None:
    assert Systemd({"WATCHDOG_USEC": "30000000"}).patience is None
