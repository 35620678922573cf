"""This file speaks with systemd, by the protocol of sd_notify(3): a line of text to a Unix socket."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping


def notifier(environment: Mapping[str, str]) -> Callable[[str], None]:
    """What sends a line such as "READY=1" to whom NOTIFY_SOCKET names; nothing happens where nobody is named, or
    nobody listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address.startswith("@"):
        address = "\0" + address[1:]  # a name in the kernel, not in the file system

    def notify(line: str) -> None:
        if not address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            try:
                connection.setblocking(False)
                connection.sendto(line.encode(), address)
            except OSError:
                pass  # whoever watched us has gone; that is no reason to stop talking

    return notify
