"""Answers begun in vain are counted, and so is what is heard of them."""

from __future__ import annotations

from companion.bench_pauses import measure
from companion.spoken_turns import Part, Turn, turns


def figures(*scripted: Turn) -> dict[str, float]:
    return {figure.name: figure.median for figure in measure(scripted)}


def test_who_speaks_without_a_pause_is_answered_by_one_request() -> None:
    turn = Turn(
        0, "en", "adult", (Part("why is the moon so yellow tonight", 3.0, "Why is the moon so yellow tonight?"),)
    )
    assert figures(turn) == {"11_requests_per_turn": 1, "11_released_too_early": 0, "answered_before_the_end": 0}


def test_who_goes_on_after_a_whole_sentence_costs_a_request_more_and_hears_nothing_of_it() -> None:
    first, second = "I went to the zoo today.", "And there was a lion."
    turn = Turn(0, "en", "adult", (Part(first, 0.35, first), Part(second, 3.0, f"{first} {second}")))
    assert figures(turn) == {"11_requests_per_turn": 2, "11_released_too_early": 0, "answered_before_the_end": 0}


def test_who_makes_a_pause_as_long_as_an_end_is_answered_too_early() -> None:
    first, second = "I went to the zoo today.", "And there was a lion."
    turn = Turn(0, "en", "adult", (Part(first, 2.9, first), Part(second, 3.0, f"{first} {second}")))
    assert figures(turn)["answered_before_the_end"] == 1


def test_children_and_other_languages_are_counted_too() -> None:
    some = [next(turn for turn in turns() if (turn.language, turn.speaker) == who) for who in WHO]
    found = figures(*some)
    assert 1 <= found["11_requests_per_turn"] <= 2
    assert found["11_released_too_early"] == 0


WHO = (("en", "child"), ("de", "adult"), ("ja", "adult"))
