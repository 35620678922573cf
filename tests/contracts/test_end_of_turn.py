"""What everything that hears the end of a turn must do, whichever library it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_models import toy_smart_turn

from companion.audio import RATE, Audio
from companion.errors import NotHeard
from companion.ports import EndOfTurn
from models.scripted_turns import ScriptedEndOfTurn
from models.smart_turn import SmartTurn

NOISE = (3000 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.int16)

ENDS: list[Callable[[Path], EndOfTurn]] = [
    lambda _: ScriptedEndOfTurn([0.3]),
    lambda folder: SmartTurn(toy_smart_turn(folder / "toy.onnx")),
]


@pytest.fixture(params=ENDS, ids=["scripted", "smart turn"])
def end(request: pytest.FixtureRequest, tmp_path: Path) -> EndOfTurn:
    made: EndOfTurn = request.param(tmp_path)
    return made


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.5, 8.0, 10.0])
def test_any_length_of_sound_has_a_probability(end: EndOfTurn, seconds: float) -> None:
    assert 0 <= asyncio.run(end.probability(Audio(NOISE[: round(seconds * RATE)]))) <= 1


def test_digital_silence_has_one_too(end: EndOfTurn) -> None:
    assert 0 <= asyncio.run(end.probability(Audio.silence(2.0))) <= 1


def test_another_rate_is_refused(end: EndOfTurn) -> None:
    with pytest.raises(NotHeard, match="16000 Hz, not at 8000"):
        asyncio.run(end.probability(Audio.silence(1.0, 8000)))


def test_the_same_sound_is_judged_the_same_in_any_loop(end: EndOfTurn) -> None:
    assert len({asyncio.run(end.probability(Audio(NOISE[:RATE]))) for _ in range(3)}) == 1


def test_it_may_be_loaded_twice(end: EndOfTurn) -> None:
    for _ in range(2):
        asyncio.run(end.load())


def test_a_cancelled_question_leaves_the_next_one_whole(end: EndOfTurn) -> None:
    async def cancel_and_ask_again() -> tuple[float, float]:
        expected = await end.probability(Audio(NOISE[:RATE]))
        dropped = asyncio.create_task(end.probability(Audio(NOISE)))
        await asyncio.sleep(0)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        return expected, await end.probability(Audio(NOISE[:RATE]))

    expected, answer = asyncio.run(cancel_and_ask_again())
    assert answer == expected
