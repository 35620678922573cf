"""Where the time of a turn went, as bars: to scale, one after the other, and all of them seen."""

from __future__ import annotations

import ast
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import waterfall
from companion.waterfall import COLOURS, EIGHTHS, MOST_CELLS, OTHER_COLOURS, WORDS, bars, colours, full, rows, short

TURN = {"transcribe": 0.25, "pause": 0.5, "reply": 0.75, "voice": 0.5}

SECONDS = st.one_of(st.just(0.0), st.floats(-0.001, 0.001), st.floats(0.0, 100.0))
STAGES = st.lists(SECONDS, max_size=40).map(lambda all_of_them: {f"stage_{at}": s for at, s in enumerate(all_of_them)})


def drawn(stages: dict[str, float], width: int) -> list[str]:
    return [bar.text for bar in bars(stages, width)]


def test_each_stage_begins_where_the_one_before_ended() -> None:
    assert drawn(TURN, 8) == ["█", " ██", "   ███", "      ██"]
    assert [(bar.begins, bar.seconds) for bar in bars(TURN, 8)] == [(0.0, 0.25), (0.25, 0.5), (0.75, 0.75), (1.5, 0.5)]


def test_a_length_is_exact_to_an_eighth_of_a_cell() -> None:
    assert [drawn({"a": eighths, "b": 16 - eighths}, 2)[0] for eighths in range(1, 9)] == list(EIGHTHS)
    assert drawn({"a": 11, "b": 5}, 2) == ["█▍", " ▋"]


def test_what_is_shorter_than_can_be_drawn_is_seen_nevertheless() -> None:
    assert drawn({"a": 1e-9, "b": 1.0, "c": 1e-9}, 3) == ["▏", "███", "  ▏"]


def test_what_took_no_time_is_seen_and_longer_than_nothing() -> None:
    assert drawn({"a": 0.0, "b": 1.0, "c": 0.0}, 3) == ["▏", "███", "  ▏"]


def test_a_turn_that_took_no_time_is_a_mark_for_each_stage() -> None:
    assert drawn({"a": 0.0, "b": 0.0}, 3) == ["▏", "▏"]


def test_less_than_nothing_is_nothing() -> None:
    assert bars({"a": -0.001, "b": 1.0}, 3) == bars({"a": 0.0, "b": 1.0}, 3)
    assert [row.seconds for row in rows({"a": -0.001}, 40)] == ["0.00 s"]


def test_no_stages_have_no_bars() -> None:
    assert bars({}, 10) == []
    assert rows({}, 80) == []


@given(STAGES, st.integers(1, 200))
def test_no_bar_is_wider_than_all_may_be(stages: dict[str, float], width: int) -> None:
    for bar in bars(stages, width):
        assert bar.offset >= 0
        assert bar.eighths >= 1
        assert len(bar.text) == bar.offset + bar.cells <= width


@given(STAGES, st.integers(1, 200))
def test_two_stages_share_a_cell_at_most_and_leave_none_between_them(stages: dict[str, float], width: int) -> None:
    for bar, after in pairwise(bars(stages, width)):
        assert bar.offset <= after.offset <= bar.offset + bar.cells
        assert 8 * after.offset >= 8 * bar.offset + bar.eighths - 8


@given(STAGES.filter(lambda stages: sum(max(0.0, s) for s in stages.values()) > 0), st.integers(1, 200))
def test_together_the_stages_cover_the_width(stages: dict[str, float], width: int) -> None:
    made = bars(stages, width)
    assert {cell for bar in made for cell in range(bar.offset, bar.offset + bar.cells)} == set(range(width))
    marks = sum(bar.eighths == 1 for bar in made)
    assert 8 * width <= sum(bar.eighths for bar in made) <= 8 * width + marks


@given(STAGES, st.integers(1, 200))
def test_a_bar_is_as_long_as_its_stage(stages: dict[str, float], width: int) -> None:
    made = bars(stages, width)
    total = sum(bar.seconds for bar in made) or 1.0
    for bar in made:
        assert bar.eighths == pytest.approx(bar.seconds / total * 8 * width, abs=1.001)


@given(STAGES, st.integers(0, 200))
def test_rows_fit_and_stand_below_each_other(stages: dict[str, float], columns: int) -> None:
    made = rows(stages, columns)
    widths = {(len(row.label), len(row.bar), len(row.seconds)) for row in made}
    assert len(widths) <= 1
    for label, bar, seconds in widths:
        assert label + 1 + bar + 1 + seconds <= columns
        assert bar <= MOST_CELLS
    assert [row.stage for row in made] in ([], list(stages))


def test_the_labels_are_as_long_as_there_is_room_for() -> None:
    assert [row.label.strip() for row in rows(TURN, 70)] == [full(stage) for stage in TURN]
    assert [row.label.strip() for row in rows(TURN, 30)] == [short(stage) for stage in TURN]
    assert rows(TURN, 16) == []


def test_every_stage_of_a_turn_has_words_and_a_colour() -> None:
    source = [file.read_text() for file in Path(waterfall.__file__).parent.glob("*.py")]
    calls = [node for text in source for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    named = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "stage" and isinstance(call.args[0], ast.Constant)
    }
    assert named - {"load"} == set(WORDS) == set(COLOURS), "an engine that loads is no part of a turn"


def test_no_two_stages_look_or_read_alike() -> None:
    assert len({words.full for words in WORDS.values()}) == len({words.short for words in WORDS.values()}) == len(WORDS)
    assert len({*COLOURS.values(), *OTHER_COLOURS}) == len(COLOURS) + len(OTHER_COLOURS)


def test_a_stage_that_nobody_knows_has_its_own_name_and_a_colour_that_is_left() -> None:
    assert (full("look_up"), short("look_up")) == ("look up", "look up")
    assert colours(["look_up", "reply", "look_up", "mend"]) == {
        "look_up": OTHER_COLOURS[0],
        "reply": COLOURS["reply"],
        "mend": OTHER_COLOURS[1],
    }


def test_it_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(waterfall.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {str(module).partition(".")[0] for module in imported} <= sys.stdlib_module_names
