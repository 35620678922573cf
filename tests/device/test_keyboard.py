"""The button of whoever sits at a terminal, and of nobody who does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO

import pytest

from companion.ports import Press
from device.keyboard import KeyboardButton
from device.presses import HOLD, MOST_UNREAD, TAP, TWICE

S, D, L = TAP, TWICE, HOLD


def typed(*pieces: bytes) -> list[Press]:
    """The presses that were made of these pieces of typing, after which the typist goes."""

    async def act() -> list[Press]:
        reads, writes = os.pipe()
        with os.fdopen(reads) as lines, os.fdopen(writes, "wb", buffering=0) as typist:
            button = KeyboardButton(lines)
            for piece in pieces:
                typist.write(piece)
                await asyncio.sleep(0.001)
            typist.close()
            await asyncio.sleep(0.001)
            button.close()
            presses = []
            while True:
                try:
                    presses.append(await asyncio.wait_for(button.pressed(), 0.01))
                except TimeoutError:
                    return presses

    return asyncio.run(act())


@pytest.mark.parametrize(
    ("pieces", "presses"),
    [
        ([b"\n"], [S]),
        ([b"\nm\n\n"], [S, L, S]),
        ([b"m", b"\n"], [L]),
        ([b"a\n A \r\naa\n"], [D, D, S]),
        ([b"\r\nM\r\n m \n"], [S, L, L]),
        ([b"mm\nmute\n\xff\xfe\n"], [S, S, S]),
        ([b"m" * 9_000, b"\n", b"m\n"], [S, L]),
        ([b"\n" * 5_000], [S] * (MOST_UNREAD // 2)),
        ([b"never finished"], []),
        ([], []),
    ],
)
def test_every_line_is_a_press_however_it_arrives(pieces: list[bytes], presses: list[tuple[Press, ...]]) -> None:
    assert typed(*pieces) == [press for each in presses for press in each], "a tap, or a hold, from beginning to end"


def nobody(lines: TextIO | None) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        button = KeyboardButton(lines)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(button.pressed(), 0.02)
        button.close()
        button.close()

    return act


def test_what_cannot_be_waited_for_is_never_pressed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("\n\n")
    with Path(os.devnull).open() as null, (tmp_path / "file").open() as file:
        for lines in (None, null, file):
            asyncio.run(nobody(lines)())
    asyncio.run(nobody(file)())  # closed meanwhile


def test_a_typist_who_has_gone_costs_no_time() -> None:
    """A pipe whose other end is closed can be read for ever, and gives nothing."""

    async def act() -> int:
        reads, writes = os.pipe()
        os.close(writes)
        with os.fdopen(reads) as lines:
            button = KeyboardButton(lines)
            turns = 0
            reader = button._read

            def counted(file: int) -> None:
                nonlocal turns
                turns += 1
                reader(file)

            button._loop.add_reader(reads, counted, reads)
            await asyncio.sleep(0.02)
            button.close()
            return turns

    assert asyncio.run(act()) == 1


def test_a_terminal_that_is_closed_is_no_error() -> None:
    async def act() -> None:
        typist, program = os.openpty()
        with os.fdopen(program) as lines:
            button = KeyboardButton(lines)
            os.close(typist)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(button.pressed(), 0.02)
            button.close()

    asyncio.run(act())
