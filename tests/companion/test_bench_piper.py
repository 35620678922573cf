from __future__ import annotations

from functools import partial

import pytest

from companion.bench_piper import measure
from companion.errors import NoVoice
from models import random_piper


def test_it_tells_how_much_sooner_how_exact_and_how_dear(monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(random_piper.random_piper, shape=random_piper.SMALL)
    monkeypatch.setattr(random_piper, "random_piper", small)
    figures = {figure.name: figure for figure in measure()}
    assert list(figures) == ["7_piper_first_chunk_gain", "7_piper_max_error", "8_piper_cpu_ratio"]
    assert figures["7_piper_max_error"].median < 1e-5
    assert figures["7_piper_first_chunk_gain"].least > 0
    assert figures["8_piper_cpu_ratio"].least > 0


def test_a_voice_that_is_not_cut_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = partial(random_piper.random_piper, shape=random_piper.SMALL, everywhere=True)
    monkeypatch.setattr(random_piper, "random_piper", whole)
    with pytest.raises(NoVoice, match="makes whole sentences"):
        measure()
