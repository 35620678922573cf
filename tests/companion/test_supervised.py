from __future__ import annotations

from typing import Any

from supervised import Told

from companion.ports import Event
from companion.state import State
from companion.supervised import WORDS, telling


def told(*events: tuple[str, dict[str, Any]]) -> list[str]:
    supervisor = Told()
    tell = telling(supervisor)
    for name, fields in events:
        tell(Event(0.0, name, fields))
    assert not supervisor.fed
    return supervisor.said


def state(state: State) -> tuple[str, dict[str, Any]]:
    return "state", {"state": state.value}


def fault(kind: str, text: str, recovered: bool) -> tuple[str, dict[str, Any]]:
    return "fault", {"kind": kind, "text": text, "recovered": recovered}


def test_every_state_has_words_of_its_own_for_people() -> None:
    assert set(WORDS) == set(State)
    assert len(set(WORDS.values())) == len(State)


def test_it_is_ready_once_it_has_got_past_booting_and_again_after_each_new_beginning() -> None:
    life = [state(State.BOOTING), state(State.SPEAKING), state(State.LISTENING)]
    assert told(*life, *life) == 2 * ["Gets ready", "Speaks", "ready", "Listens"]


def test_without_a_microphone_it_is_ready_all_the_same_and_says_why_it_needs_its_owner() -> None:
    assert told(
        state(State.BOOTING),
        fault("device", "There is no microphone", False),
        state(State.ATTENTION),
        fault("device", "There is no microphone", True),
        state(State.SPEAKING),
        state(State.ATTENTION),
    ) == ["Gets ready", "Needs its owner: There is no microphone", "ready", "Speaks", "Needs its owner"]


def test_what_passed_without_harm_is_no_reason_for_attention() -> None:
    events = (fault("slow", "It was slow", True), fault("warning", "An old model", True), state(State.ATTENTION))
    assert told(*events)[0] == "Needs its owner"


def test_refused_by_the_service_it_says_so() -> None:
    assert told(fault("refused", "Wrong key", True), state(State.ATTENTION))[0] == "Needs its owner: Wrong key"


def test_what_was_said_is_never_told() -> None:
    words = (
        ("heard", {"text": "canary"}),
        ("said", {"text": "canary", "kind": "reply"}),
        ("gesture", {"text": "canary"}),
    )
    assert told(*words, state(State.LISTENING)) == ["Listens", "ready"]
