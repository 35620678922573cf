"""This file judges network addresses: whether it is one, on this machine or not, and who could read along."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether `url` leads to this machine: no proxy is asked then, and plain http is good enough for a key."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(url: str) -> bool:
    """Whether `url` is an address that begins with http or https."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:  # whose message may quote a password
        return False
    return bool(good) and url.isprintable() and " " not in url


def is_open_to_all(url: str) -> bool:
    """Whether everybody on the way to this address could read, and change, what goes there and comes from there."""
    return urlsplit(url).scheme == "http" and not is_loopback(url)
