from __future__ import annotations

from companion.bench_lasting import measure


def test_a_long_conversation_needs_one_connection_and_its_memory_is_told() -> None:
    figures = {figure.name: figure.median for figure in measure(turns=8)}
    assert set(figures) == {"10_new_connections_per_later_turn", "15_rss_slope_mb_per_100_turns"}
    assert figures["10_new_connections_per_later_turn"] == 0
