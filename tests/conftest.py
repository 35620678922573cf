"""The order of the tests: what takes minutes comes last, so that everything else has failed before."""

from __future__ import annotations

import pytest

LAST = "test_endurance.py"
"""The file whose tests take minutes, and both cores."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == LAST)  # sorting keeps the order of the others
