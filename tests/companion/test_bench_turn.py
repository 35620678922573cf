"""How long one waits for an answer, as the bench counts it: three ways to build an assistant, on the same engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from companion import bench_turn
from companion.bench_turn import HANGOVER, Waited, _figures, _sentences, _Studio, bench_character
from companion.ports import Usage
from models.mock_qwen import MockQwen


def test_the_figures_are_ratios_of_one_round() -> None:
    rounds = [
        {
            "naive": Waited(0.6, 6.0),
            "streaming": Waited(0.6, 3.0),
            "product": Waited(0.6, 1.2),
            "at once": Waited(0.15, 1.14),
            "patient": Waited(1.5, 1.52),
        }
    ] * 3
    figures = {figure.name: figure.median for figure in _figures(rounds, [1.05] * 3)}
    assert figures["1_naive_over_product"] == 5
    assert figures["2_sentence_streaming_over_product"] == 2.5
    assert figures["3_product_over_critical_path"] == 1  # 0.15 s of pause and 1.05 s of engines
    assert figures["4_hangover_hidden"] == 0.9
    assert figures["commit_to_sound_ms"] == 20


def test_sentence_streaming_gives_each_sentence_as_soon_as_its_full_stop_is_there() -> None:
    asked_for: list[str] = []

    async def reply() -> AsyncGenerator[str | Usage, None]:
        for piece in ("One", ". Two", "! And", " three"):
            asked_for.append(piece)
            yield piece

    async def told() -> list[tuple[str, int]]:
        return [(sentence, len(asked_for)) async for sentence in _sentences(reply())]

    assert asyncio.run(told()) == [("One.", 2), ("Two!", 3), ("And three", 4)]


def test_each_way_answers_the_question_and_none_before_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models import random_piper

    monkeypatch.setattr(bench_turn, "ANSWER", "Because of the trees, as everybody knows. Or not.")
    made = random_piper.random_piper
    monkeypatch.setattr(random_piper, "random_piper", lambda folder: made(folder, shape=random_piper.SMALL))

    async def turns() -> dict[str, Waited]:
        character = bench_character()
        async with MockQwen([character]) as server:
            studio = await _Studio.built(tmp_path, character, server)
            try:
                return {
                    "naive": await studio.plain(studio.naive),
                    "streaming": await studio.plain(studio.streaming),
                    "product": await studio.product(HANGOVER),
                    "patient": await studio.product(0.9, whole=True),
                }
            finally:
                await studio.chat.aclose()

    waited = asyncio.run(turns())
    for name, each in waited.items():
        hangover = 0.9 if name == "patient" else HANGOVER
        assert hangover <= each.committed < hangover + 0.4, name  # the last word fades
        assert each.committed <= each.sounded, name
        if each.stages:
            assert sum(each.stages.values()) == pytest.approx(each.sounded, abs=0.1), name
    assert list(waited["naive"].stages) == ["pause", "transcribe", "reply", "voice", "play"]
    assert set(waited["patient"].stages) == set(waited["naive"].stages)
