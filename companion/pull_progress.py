"""This file shows how far a pull is: a bar for each file in a terminal, some lines where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from companion.screen import errors

if TYPE_CHECKING:
    from models.manifest import Model, Remote
    from models.pull import Told

ROOMY: Final = 70
"""Columns of a terminal in which there is room for speed and time beside the bar."""

STEPS: Final = 4
"""Lines about one file where there is no terminal for a bar."""


@contextmanager
def shown() -> Iterator[Told]:
    """What a pull tells is shown meanwhile."""
    if not errors.is_terminal:
        yield _lines()
        return
    with Progress(*_columns(errors.width), console=errors, transient=True, expand=True) as progress:
        bars: dict[str, TaskID] = {}

        def bar(model: Model, remote: Remote, done: int, size: int) -> None:
            if remote.name not in bars:
                bars[remote.name] = progress.add_task(_title(model, remote), total=size)
            progress.update(bars[remote.name], completed=done)

        yield bar


def _lines() -> Told:
    told: dict[str, int] = {}

    def line(model: Model, remote: Remote, done: int, size: int) -> None:
        step = STEPS * done // size if size else STEPS
        if step > told.get(remote.name, 0):
            told[remote.name] = step
            text = f"{model.name}: {remote.name} {done / 1e6:.1f} of {size / 1e6:.1f} MB"
            errors.print(text, soft_wrap=True, markup=False)

    return line


def _columns(width: int) -> list[ProgressColumn]:
    """Those that fit on one line: name and bar share what the numbers leave, and a long name ends in an ellipsis."""
    line = Column(ratio=3, no_wrap=True, overflow="ellipsis")
    name = TextColumn("{task.description}", markup=False, table_column=line)
    columns: list[ProgressColumn] = [name, BarColumn(bar_width=None, table_column=Column(ratio=2)), DownloadColumn()]
    return [*columns, TransferSpeedColumn(), TimeRemainingColumn()] if width >= ROOMY else columns


def _title(model: Model, remote: Remote) -> str:
    """Of a bar: a voice's files bear its name already."""
    return remote.name if model.name in remote.name else f"{model.name} {remote.name}"
