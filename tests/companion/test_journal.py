"""What happened is told in order, and every second of a turn is accounted for."""

from __future__ import annotations

import io
import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from companion.journal import Journal, Turn, lines_to
from companion.ports import Event, Usage


class Hands:
    """A Clock whose hands the test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.engines = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a journal does not wait")

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()

    def engine_seconds(self) -> float:
        return self.engines


def lines(*events: Event) -> list[dict[str, Any]]:
    file = io.StringIO()
    write = lines_to(file)
    for event in events:
        write(event)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_an_event_happens_now_unless_it_is_told_when() -> None:
    clock = Hands()
    events: list[Event] = []
    journal = Journal(clock, events.append)
    clock.time = 2.5
    journal.write("state", state="idle")
    journal.write("heard", at=1.25, text="hello")
    journal.write("heard", at=0.0, text="before")
    assert [(event.at, event.name, event.fields) for event in events] == [
        (2.5, "state", {"state": "idle"}),
        (1.25, "heard", {"text": "hello"}),
        (0.0, "heard", {"text": "before"}),
    ]


def test_every_observer_is_told_each_event_before_the_next() -> None:
    told: list[str] = []
    journal = Journal(
        Hands(), lambda event: told.append("a " + event.name), lambda event: told.append("b " + event.name)
    )
    journal.write("one")
    journal.write("two")
    assert told == ["a one", "b one", "a two", "b two"]


def test_a_line_is_one_json_object_with_when_and_what_first() -> None:
    file = io.StringIO()
    lines_to(file)(Event(3.12345, "heard", {"text": 'Füchslein,\n"你好"', "engine": "sphinx"}))
    assert file.getvalue() == '{"at": 3.123, "event": "heard", "text": "Füchslein,\\n\\"你好\\"", "engine": "sphinx"}\n'


def test_lines_are_read_back_as_they_were_told() -> None:
    events = [Event(0.5, "state", {"state": "idle"}), Event(1.0, "turn", {"usage": None, "stages": {"pause": 0.7}})]
    assert lines(*events) == [
        {"at": 0.5, "event": "state", "state": "idle"},
        {"at": 1.0, "event": "turn", "usage": None, "stages": {"pause": 0.7}},
    ]


def test_a_crash_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as file:
        write = lines_to(file)
        for number in range(1, 4):
            write(Event(float(number), "state", {}))
            assert len(path.read_text(encoding="utf-8").splitlines()) == number


def test_half_a_surrogate_pair_does_not_end_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as file:
        lines_to(file)(Event(0.0, "said", {"text": "a\ud800b 🦊"}))
    assert json.loads(path.read_text(encoding="utf-8"))["text"] == "a?b 🦊"


def test_a_turn_is_its_stages_one_after_the_other() -> None:
    clock = Hands()
    turn = Turn(clock, since=10.0)
    for name, now in [("pause", 10.7), ("transcribe", 11.0), ("reply", 11.5)]:
        clock.time = now
        turn.stage(name)
    assert turn.account()["stages"] == {"pause": 0.7, "transcribe": 0.3, "reply": 0.5}
    assert turn.account()["voice_to_voice"] == 1.5


def test_the_wall_time_of_engines_counts_in_the_stage_they_worked_for() -> None:
    clock = Hands()
    clock.engines = 5.0  # before this turn
    turn = Turn(clock, since=0.0)
    clock.time = 0.7
    turn.stage("pause")
    clock.engines = 5.4
    turn.stage("transcribe")
    clock.engines = 5.9
    clock.time = 0.8
    turn.stage("reply")
    assert turn.account()["stages"] == {"pause": 0.7, "transcribe": 0.4, "reply": 0.6}
    assert turn.account()["voice_to_voice"] == 1.7


def test_a_stage_that_ended_earlier_is_told_when_and_engines_at_work_since_do_not_count() -> None:
    clock = Hands()
    turn = Turn(clock, since=0.0)
    clock.time, clock.engines = 1.0, 0.5
    turn.stage("voice")
    clock.time, clock.engines = 3.0, 2.5
    turn.stage("play", until=1.25)
    assert turn.account()["stages"] == {"voice": 1.5, "play": 0.25}
    assert turn.seconds == pytest.approx(1.75)


def test_a_stage_ends_once() -> None:
    clock = Hands()
    turn = Turn(clock, since=0.0)
    turn.stage("reply")
    clock.time = 5.0
    turn.stage("reply")
    assert turn.account()["stages"] == {"reply": 0.0}
    turn.stage("voice")
    assert turn.account()["stages"] == {"reply": 0.0, "voice": 5.0}


def test_engines_that_ran_ahead_count_for_as_long_as_they_would_have_been_waited_for() -> None:
    clock = Hands()
    clock.time, clock.engines = 0.15, 5.0
    turn = Turn(clock, since=0.0)
    clock.engines = 5.5  # in the pause, while time stood still
    turn.stage("transcribe")
    clock.time = 0.4
    turn.committed()
    assert turn.account()["stages"] == {"transcribe": 0.65, "pause": 0.0}
    clock.engines = 6.0
    turn.stage("reply")
    assert turn.account()["stages"] == {"transcribe": 0.65, "pause": 0.0, "reply": 0.5}
    assert turn.account()["voice_to_voice"] == pytest.approx(1.15)


def test_an_engine_that_was_done_before_it_was_needed_costs_nothing() -> None:
    clock = Hands()
    clock.time = 0.15
    turn = Turn(clock, since=0.0)
    clock.engines = 0.2
    turn.stage("transcribe")
    clock.time = 0.8
    turn.committed()
    clock.engines = 0.3
    turn.stage("reply")
    assert turn.account()["stages"] == {"transcribe": 0.35, "pause": 0.45, "reply": 0.1}


def test_what_was_made_beyond_the_first_sound_costs_nothing() -> None:
    clock = Hands()
    clock.time = 0.15
    turn = Turn(clock, since=0.0)
    for stage in ("transcribe", "reply", "voice"):
        clock.engines += 0.1
        turn.stage(stage)
    clock.engines += 5.0  # the phrases after the first
    clock.time = 0.6
    turn.committed()
    turn.stage("play", until=0.61)
    assert turn.account()["voice_to_voice"] == pytest.approx(0.61)


def test_the_account_holds_what_the_reply_cost() -> None:
    turn = Turn(Hands(), since=0.0)
    assert turn.account() == {"voice_to_voice": 0.0, "stages": {}, "usage": None}
    turn.spent(Usage(134, 31, 16, 0.000019))
    assert turn.account()["usage"] == {
        "prompt_tokens": 134,
        "completion_tokens": 31,
        "cached_tokens": 16,
        "cost_usd": 0.000019,
    }
