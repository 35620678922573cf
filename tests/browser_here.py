"""The browser in the process of a test; and why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from device import chromium
from device.chromium import Chromium

missing = chromium.missing()
"""Why there is no browser here; empty when there is one."""


@contextmanager
def browser_here(recording: Path | None = None, *, microphone: bool = True) -> Iterator[Chromium]:
    """A browser that hears `recording`; skips the test that needs it where there is none."""
    if missing:
        pytest.skip(missing)
    with chromium.chromium(recording, microphone=microphone) as browser:
        yield browser
