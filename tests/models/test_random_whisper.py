from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import pytest

from models.random_whisper import SHAPES, random_whisper
from models.whisper import check, english_only

SOUND = np.random.default_rng(0).normal(0, 0.03, 16_000).astype(np.float32)


def read(folder: Path) -> Any:
    model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    [segment] = model.transcribe(SOUND, language="en", beam_size=1, temperature=0.0, without_timestamps=True)[0]
    return segment


@pytest.mark.parametrize("tokens", [1, 20])
def test_it_says_exactly_as_many_tokens_as_it_was_made_for_and_is_sure_of_them(tmp_path: Path, tokens: int) -> None:
    said = read(random_whisper(tmp_path / "tiny", tokens=tokens))
    assert len(said.tokens) == len(said.text.split()) == tokens
    assert said.avg_logprob > -0.1
    assert said.no_speech_prob < 0.1
    assert said.compression_ratio < 2


def test_it_has_the_size_of_the_real_one(tmp_path: Path) -> None:
    folder = random_whisper(tmp_path / "store" / "tiny")
    assert 35e6 < (folder / "model.bin").stat().st_size < 45e6  # OpenAI: 39 million parameters, of one byte here
    check(folder, "en")
    assert not english_only(folder)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    made = (random_whisper(tmp_path / "tiny") / "model.bin").stat().st_mtime_ns
    began = time.perf_counter()
    assert (random_whisper(tmp_path / "tiny") / "model.bin").stat().st_mtime_ns == made
    assert time.perf_counter() - began < 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_the_shapes_are_those_of_the_real_ones() -> None:
    assert all(shape.width == 64 * shape.heads and shape.hidden == 4 * shape.width for shape in SHAPES.values())
