from __future__ import annotations

import asyncio

import numpy as np
import pytest

from companion.audio import Audio
from companion.errors import NotHeard
from companion.ports import Wake
from models.any_of import AnyOf
from models.scripted_turns import ScriptedWakeWord

LOUD = Audio(np.full(160, 8000, dtype=np.int16))


class Broken(ScriptedWakeWord):
    async def load(self) -> None:
        raise NotHeard("no such network")


def heard(any_of: AnyOf, frames: int) -> list[Wake | None]:
    return [any_of.hears(LOUD) for _ in range(frames)]


def test_it_hears_each_of_its_names() -> None:
    any_of = AnyOf([ScriptedWakeWord("late", after=3), ScriptedWakeWord("early", after=2)])
    asyncio.run(any_of.load())
    assert heard(any_of, 4) == [None, Wake("early", sure=True), Wake("late", sure=True), None]


def test_of_two_at_once_the_sure_one_counts_and_then_the_first() -> None:
    doubtful = [ScriptedWakeWord(name, sure=False, after=1) for name in ("one", "two")]
    for wake_words, expected in (
        (doubtful, Wake("one", sure=False)),
        ([*doubtful, ScriptedWakeWord("three", after=1)], Wake("three", sure=True)),
    ):
        any_of = AnyOf(wake_words)
        asyncio.run(any_of.load())
        any_of.reset()
        assert heard(any_of, 1) == [expected]


def test_one_that_cannot_be_loaded_is_told_and_the_others_hear() -> None:
    any_of = AnyOf([Broken("broken"), ScriptedWakeWord("whole", after=1)])
    with pytest.raises(NotHeard, match="no such network"):
        asyncio.run(any_of.load())
    assert heard(any_of, 1) == [Wake("whole", sure=True)]


def test_none_hears_nothing() -> None:
    assert heard(AnyOf([]), 2) == [None, None]
