"""This file speaks with systemd, by the protocol of sd_notify(3): lines of text to a Unix socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

LONGEST_STATUS = 500
"""Characters of what is told about the state: `systemctl status` shows one line."""


class Systemd:
    """A Supervisor: the systemd that started this process, if one did, and listens."""

    def __init__(self, environment: Mapping[str, str], pid: int | None = None) -> None:
        """`environment` holds NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as far as systemd has set them; `pid` is
        whom they must be meant for: None is this process."""
        address = environment.get("NOTIFY_SOCKET", "")
        if address.startswith("@"):
            address = "\0" + address[1:]  # a name in the kernel, not in the file system
        self._address = address
        self.patience = _patience(environment, os.getpid() if pid is None else pid) if address else None

    def ready(self) -> None:
        """Say that the service has started, or has read its settings."""
        self._tell("READY=1")

    def status(self, sentence: str) -> None:
        """Say what `systemctl status` shows."""
        self._tell(f"STATUS={' '.join(sentence.split())[:LONGEST_STATUS]}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that it begins to read its settings, and when that was."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1_000}")

    def stopping(self) -> None:
        """Say that it begins to end."""
        self._tell("STOPPING=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            try:
                connection.setblocking(False)
                connection.sendto("\n".join(lines).encode(errors="replace"), self._address)
            except OSError:
                pass  # whoever watched us has gone; that is no reason to stop talking


def _patience(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds after which the watchdog bites, if it watches this process: sd_watchdog_enabled(3)."""
    try:
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
        meant = int(environment.get("WATCHDOG_PID") or pid)
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 and meant == pid else None
