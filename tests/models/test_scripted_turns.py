from __future__ import annotations

import asyncio

import numpy as np
import pytest

from companion.audio import Audio
from companion.errors import NotHeard
from models.scripted_turns import ScriptedEndOfTurn, ScriptedWakeWord

LOUD = Audio(np.full(160, 8000, dtype=np.int16))
QUIET = Audio.silence(0.01)


def test_a_name_is_told_once_for_each_sound_however_long_and_with_short_pauses() -> None:
    wake_word = ScriptedWakeWord(after=2, pause=3)
    asyncio.run(wake_word.load())
    frames = [LOUD] * 9 + [QUIET] * 3 + [LOUD] * 9 + [QUIET] * 4 + [LOUD] * 9
    assert [n for n, frame in enumerate(frames) if wake_word.hears(frame)] == [1, 26]


def test_probabilities_come_in_order_and_the_last_one_stays() -> None:
    async def asked() -> list[float]:
        end = ScriptedEndOfTurn([0.1, NotHeard("no"), 0.9])
        answers = [await end.probability(QUIET)]
        with pytest.raises(NotHeard, match="no"):
            await end.probability(QUIET)
        answers += [await end.probability(QUIET), await end.probability(QUIET)]
        assert len(end.asked) == 4
        return answers

    assert asyncio.run(asked()) == [0.1, 0.9, 0.9]


def test_a_script_without_probabilities_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ScriptedEndOfTurn([])
