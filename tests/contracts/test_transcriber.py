"""What everything that hears must do, whichever library it is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_models import toy_whisper

from companion.audio import RATE, Audio, Utterance
from companion.ports import Transcriber, Transcript
from companion.worktime import HeldTranscriber
from device.wall_clock import WallClock
from models.scripted import ScriptedTranscriber
from models.sphinx import SphinxTranscriber
from models.typed import TypedTranscriber
from models.whisper import WhisperTranscriber

NOISE = (500 * np.random.default_rng(0).standard_normal(RATE)).astype(np.int16)

TRANSCRIBERS: list[Callable[[Path], Transcriber]] = [
    lambda _: ScriptedTranscriber([""] * 8),
    lambda _: SphinxTranscriber(),
    lambda folder: WhisperTranscriber(toy_whisper(folder / "toy", ""), language="en"),
    lambda _: TypedTranscriber(ScriptedTranscriber([]), lambda _: ""),
    lambda _: TypedTranscriber(ScriptedTranscriber([""] * 8), lambda _: None),
    lambda _: HeldTranscriber(ScriptedTranscriber([""] * 8), WallClock()),
]


@pytest.fixture(params=TRANSCRIBERS, ids=["scripted", "sphinx", "whisper", "typed", "typed, spoken", "held"])
def transcriber(request: pytest.FixtureRequest, tmp_path: Path) -> Transcriber:
    made: Transcriber = request.param(tmp_path)
    return made


def utterance(seconds: float) -> Utterance:
    audio = Audio(NOISE[: round(seconds * RATE)])
    return Utterance(audio, began=0.0, ended=audio.seconds)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 1.0])
def test_no_words_are_an_empty_text_and_no_error(transcriber: Transcriber, seconds: float) -> None:
    transcript = asyncio.run(transcriber.transcribe(utterance(seconds)))
    assert transcript.text == ""
    assert transcript.engine == transcript.engine.lower() != ""


def test_one_utterance_after_another_is_answered(transcriber: Transcriber) -> None:
    async def three_times() -> list[Transcript]:
        return [await transcriber.transcribe(utterance(0.3)) for _ in range(3)]

    assert len({transcript.engine for transcript in asyncio.run(three_times())}) == 1


def test_utterances_at_the_same_time_are_all_answered(transcriber: Transcriber) -> None:
    async def at_once() -> list[Transcript]:
        return await asyncio.gather(*(transcriber.transcribe(utterance(0.3)) for _ in range(3)))

    assert len(asyncio.run(at_once())) == 3


def test_a_cancelled_call_ends_at_once_and_leaves_the_next_one_whole(transcriber: Transcriber) -> None:
    async def cancel_and_ask_again() -> Transcript:
        dropped = asyncio.create_task(transcriber.transcribe(utterance(1.0)))
        await asyncio.sleep(0)
        if not dropped.done():  # what was typed is known at once
            dropped.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dropped
        return await transcriber.transcribe(utterance(0.3))

    assert asyncio.run(cancel_and_ask_again()).text == ""


def test_a_later_loop_may_use_it_again(transcriber: Transcriber) -> None:
    for _ in range(2):
        assert asyncio.run(transcriber.transcribe(utterance(0.3))).text == ""
