"""Gaps are counted where there are some, and only there."""

from __future__ import annotations

import numpy as np

from companion.audio import Audio
from companion.bench_gaps import _Gaps, measure
from companion.ports import Event


def sounding(*pieces: tuple[float, float]) -> list[tuple[float, Audio]]:
    """Pieces that begin then, and last so long."""
    return [(begins, Audio(np.ones(round(16_000 * seconds), np.int16))) for begins, seconds in pieces]


def test_a_gap_is_where_a_piece_of_a_reply_comes_late() -> None:
    gaps = _Gaps()
    gaps.notice(Event(2.0, "gesture", {}), sounding((0.0, 1.0), (1.0, 1.0)))
    gaps.notice(Event(4.0, "said", {}), sounding((2.0, 0.5), (2.6, 0.4), (3.04, 1.0)))
    gaps.notice(Event(8.0, "said", {}), sounding((6.0, 1.0), (7.0, 1.0)))
    assert gaps.count == 1


def test_what_is_measured_is_told_for_both_slow_machines() -> None:
    figures = {figure.name: figure.median for figure in measure(replies=1)}
    assert set(figures) == {"9_gaps_in_50_replies", "gaps_of_a_slower_voice"}
    assert all(gaps >= 0 for gaps in figures.values())
