"""What all tests share: their order, in which what takes minutes comes last, so that everything else has failed before;
and a Ctrl-C that is heeded."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)  # other programs use the cores, too
settings.load_profile("shared")

LAST = "test_endurance.py"
"""The file whose tests take minutes, and both cores."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == LAST)  # sorting keeps the order of the others


@pytest.fixture
def heeded() -> Iterator[None]:
    """Whoever is started now heeds Ctrl-C, which is ignored by what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, before)
