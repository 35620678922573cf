"""Whether what was heard is meant for the toy; in doubt it is."""

from __future__ import annotations

import numpy as np
import pytest

from companion.addressed import Addressed
from companion.audio import Audio, Utterance
from companion.calling import BUTTON
from companion.drafts import Heard
from companion.ports import Wake

SURE, UNSURE = Wake("hey bo", sure=True), Wake("hey bo", sure=False)


def sound(level: float = -26.0, seconds: float = 1.0) -> Audio:
    return Audio(np.full(round(seconds * 16_000), round(32768 * 10 ** (level / 20)), np.int16))


def heard(text: str, level: float = -26.0) -> Heard:
    return Heard(text, "test", Utterance(sound(level), 0.0, 1.0), 1.4)


def against(text: str, called: Wake | None = None, *, said: str = "", asked: bool = False) -> str | None:
    """Why this, the first thing that is heard, is not for Bo."""
    addressed = Addressed(["Bo"], "en")
    addressed.said(said)
    return addressed.against(heard(text), called, asked=asked)


@pytest.mark.parametrize("called", [None, BUTTON, SURE, UNSURE])
@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_is_for_nobody(text: str, called: Wake | None) -> None:
    assert against(text, called) == "nothing was said"


@pytest.mark.parametrize("text", ["Um.", "um, uh"])
def test_an_um_is_nothing_but_where_an_answer_is_waited_for(text: str) -> None:
    assert against(text) == "nothing was said"
    assert against(text, asked=True) is None


@pytest.mark.parametrize("called", [None, BUTTON, SURE])
def test_whatever_is_said_is_for_the_toy_as_long_as_nothing_speaks_against_it(called: Wake | None) -> None:
    assert against("I like dinosaurs.", called) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hey Bo, what is that?", None),
        ("Bo.", None),
        ("Hello, Bo!", None),
        ("I said, Bo, what is that?", None),
        ("They go home.", "it was not the name"),
        ("What is that?", "it was not the name"),
    ],
)
def test_a_name_that_is_not_sure_must_be_in_the_words_too(text: str, reason: str | None) -> None:
    assert against(text, UNSURE) == reason


def test_a_name_that_is_sure_need_not_be_in_the_words() -> None:
    assert against("What is that?", SURE) is None


SENTENCE = "I like the deep blue sea, and you?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("I like the deep blue sea, and you?", SENTENCE),
        ("i like the deep blue sea and you", SENTENCE),
        ("I like a deep blue sea and you", SENTENCE),
        ("one two three", "One, two, three!"),
        ("我很喜欢大海你呢我们去吧走", "我很喜欢大海，你呢？我们去吧，走！"),
    ],
)
@pytest.mark.parametrize("called", [None, BUTTON, SURE])
def test_what_is_like_the_last_thing_it_said_is_its_own_echo(text: str, said: str, called: Wake | None) -> None:
    assert against(text, called, said=said) == "it was the toy's own echo"
    assert against(text, called, said=said, asked=True) == "it was the toy's own echo"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello!", "Hello!"),
        ("Hello there.", "Hello there!"),
        ("Good morning.", "Good morning!"),
        ("Congratulations.", "Congratulations!"),
        ("早上好", "早上好！"),
        ("I like the mountains more", SENTENCE),
        ("the deep blue sea", SENTENCE),
        ("I like the deep blue sea, and you?", ""),
    ],
)
def test_who_says_something_else_or_greets_like_the_toy_is_no_echo(text: str, said: str) -> None:
    assert against(text, said=said) is None


def test_only_what_was_said_last_can_come_back() -> None:
    addressed = Addressed(["Bo"], "en")
    addressed.said(SENTENCE)
    addressed.said("And the hills.")
    assert addressed.against(heard(SENTENCE), None, asked=False) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Mummy, where are my shoes?", "it was for somebody else"),
        ("Can you come here, Dad?", "it was for somebody else"),
        ("Mummy, Bo is so funny.", None),
        ("My mummy has a dog.", None),
    ],
)
def test_who_speaks_to_somebody_else_does_not_speak_to_the_toy(text: str, reason: str | None) -> None:
    assert against(text) == reason
    assert against(text, asked=True) == reason


@pytest.mark.parametrize("called", [BUTTON, SURE])
def test_who_has_called_the_toy_speaks_to_it_whomever_they_name(called: Wake) -> None:
    assert against("Mummy, where are my shoes?", called) is None


@pytest.mark.parametrize(("level", "reason"), [(-40.0, None), (-42.0, "it was too far away"), (-10.0, None)])
def test_who_is_much_farther_away_than_whoever_spoke_before_is_not_heard(level: float, reason: str | None) -> None:
    addressed = Addressed(["Bo"], "en")
    assert addressed.against(heard("Hello."), None, asked=False) is None
    assert addressed.against(heard("I like it.", level), None, asked=False) == reason


def test_the_first_to_speak_may_be_as_far_away_as_they_like() -> None:
    addressed = Addressed(["Bo"], "en")
    assert addressed.against(heard("Hello.", -60.0), None, asked=False) is None


@pytest.mark.parametrize(("called", "asked"), [(BUTTON, False), (SURE, False), (None, True)])
def test_who_called_or_was_asked_may_answer_from_afar(called: Wake | None, asked: bool) -> None:
    addressed = Addressed(["Bo"], "en")
    assert addressed.against(heard("Hello."), None, asked=False) is None
    assert addressed.against(heard("I like it.", -60.0), called, asked=asked) is None
    assert addressed.against(heard("I like it.", -60.0), None, asked=False) is None, "that is the distance now"


def test_what_is_not_for_the_toy_does_not_tell_how_far_away_people_are() -> None:
    addressed = Addressed(["Bo"], "en")
    assert addressed.against(heard("Hello.", -40.0), None, asked=False) is None
    for text in ("Mummy, where are my shoes?", ""):
        assert addressed.against(heard(text, -10.0), None, asked=False) is not None
    assert addressed.against(heard("Not there.", -10.0), UNSURE, asked=False) is not None
    assert addressed.against(heard("I like it.", -40.0), None, asked=False) is None


@pytest.mark.parametrize(
    ("text", "called", "words"),
    [
        ("Hey Bo, what is that?", SURE, "what is that?"),
        ("Hey Bo.", SURE, ""),
        ("What is that?", SURE, "What is that?"),
        ("Hey Bo, what is that?", BUTTON, "Hey Bo, what is that?"),
        ("Hey Bo, what is that?", None, "Hey Bo, what is that?"),
        ("I said, Bo, what is that?", UNSURE, "I said, Bo, what is that?"),
    ],
)
def test_the_name_by_which_it_was_called_is_not_what_was_said_to_it(text: str, called: Wake | None, words: str) -> None:
    assert Addressed(["Bo"], "en").words(heard(text), called) == words


def test_each_of_its_names_calls_it() -> None:
    addressed = Addressed(["Bo", "Otto"], "en")
    assert addressed.words(heard("Hey Otto, what is that?"), SURE) == "what is that?"
    assert addressed.against(heard("Hey Otto, what is that?"), UNSURE, asked=False) is None
