"""What a character answers in rehearsal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.character import Character, Rehearsed, load
from companion.ports import Message
from models.rehearsal import answer, who
from models.topic import content_words, mentions

FOX = dataclasses.replace(
    load("pip"),
    name="Pip",
    rehearsal=(
        Rehearsed(
            ("story", "tell me a story"), ("Once upon a time there was {topic}.", "A story! Once there was a fox.")
        ),
        Rehearsed(("sad", "tired"), ("Come, sit by the fire.",)),
        Rehearsed(("hello", "hi"), ("Good to have you here!",)),
        Rehearsed((), ("{topic}? My favourite. Go on about {topic}.", "I dreamed of {topic} once.")),
    ),
)
OWL = dataclasses.replace(FOX, name="Ada", details="An owl.", rehearsal=(Rehearsed((), ("Hoo hoo, {topic}.",)),))


def said(text: str, *, before: str = "", system: str = FOX.system_message()) -> list[Message]:
    history = [Message("assistant", before)] if before else []
    return [Message("system", system), *history, Message("user", text)]


def reply(
    messages: Sequence[Message],
    *,
    seed: int = 1,
    choice: int = 0,
    parentheses: bool = False,
    characters: Sequence[Character] = (FOX, OWL),
) -> str:
    return answer(characters, messages, seed=seed, choice=choice, parentheses=parentheses)


def test_a_keyword_chooses_the_lines_that_were_rehearsed_for_it() -> None:
    for seed in range(20):
        assert reply(said("Tell me stories about the moon"), seed=seed) in {
            "Once upon a time there was moon.",
            "A story! Once there was a fox.",
        }


def test_a_topic_that_only_repeats_the_keyword_is_not_put_into_a_line() -> None:
    assert {reply(said("Tell me a story!"), seed=seed) for seed in range(20)} == {"A story! Once there was a fox."}


def test_the_longest_keyword_wins() -> None:
    assert "fox" in reply(said("I'm sad, tell me a story"))


def test_a_line_that_takes_nothing_up_gets_the_topic_before_it() -> None:
    assert reply(said("I'm so tired")) == "Tired? Come, sit by the fire."


def test_a_greeting_is_taken_up_by_the_line_rehearsed_for_it() -> None:
    assert reply(said("Hello")) == "Good to have you here!"


def test_the_topic_gets_a_capital_where_a_sentence_begins_and_only_there() -> None:
    assert {reply(said("I like dragons"), seed=seed) for seed in range(20)} == {
        "Dragons? My favourite. Go on about dragons.",
        "I dreamed of dragons once.",
    }


def test_no_line_comes_twice_in_a_row_where_there_is_a_choice() -> None:
    for seed in range(20):
        assert "favourite" in reply(said("And rockets", before="I dreamed of dragons once."), seed=seed)
        assert reply(said("And rockets", before="Hoo hoo, dragons.", system="Ada"), seed=seed) == "Hoo hoo, rockets."


def test_the_choices_of_one_request_differ_as_long_as_there_are_lines() -> None:
    assert reply(said("dragons"), choice=0) != reply(said("dragons"), choice=1)
    assert reply(said("dragons"), choice=0) == reply(said("dragons"), choice=2)


def test_the_same_seed_says_the_same_and_another_may_differ() -> None:
    answers = [reply(said("dragons"), seed=seed) for seed in (7, 7, 8, 9, 10, 11)]
    assert answers[0] == answers[1]
    assert len(set(answers)) > 1


def test_the_words_for_a_seed_stay_the_same_for_ever() -> None:
    first_words = [reply(said("dragons"), seed=seed).split()[0] for seed in range(6)]
    assert first_words == ["I", "Dragons?", "I", "Dragons?", "I", "Dragons?"]


def test_being_called_by_name_is_not_what_was_said_unless_nothing_else_was() -> None:
    assert mentions(reply(said("I saw the moon, Pip")), "moon")
    assert mentions(reply(said("Pip?")), "pip")


def test_who_speaks_is_whose_system_message_it_is_else_who_is_named_first() -> None:
    assert who((FOX, OWL), said("", system=OWL.system_message())) is OWL
    assert who((FOX, OWL), said("", system="You are ada, a friend of Pip.")) is OWL
    assert who((FOX, OWL), said("", system="You are Pipette, of Adana.")) is None
    assert who((FOX, OWL), [Message("user", "Pip?")]) is None


def test_an_unknown_persona_answers_too() -> None:
    assert mentions(reply(said("I'm reading a book", system="You are Jiang Rang")), "book")


@pytest.mark.parametrize(("text", "topic"), [("我喜欢恐龙", "恐龙"), ("昨日は公園へ行ったよ", "公園")])
def test_an_unknown_persona_answers_in_the_language_it_is_spoken_to(text: str, topic: str) -> None:
    answered = reply(said(text, system="你是江让"), parentheses=True)
    assert topic in answered
    assert not any(character.isascii() and character.isalpha() for character in answered)


def test_a_message_without_words_is_answered_without_a_topic() -> None:
    assert "words" in reply(said("?!"))


def test_stage_directions_come_sometimes_and_never_where_they_are_forbidden() -> None:
    dragons = said("dragons", system="You are somebody else.")
    free = [reply(dragons, seed=seed, parentheses=True) for seed in range(100)]
    assert 10 < sum("(" in text for text in free) < 60
    assert all("  " not in text for text in free)
    assert not any("(" in reply(dragons, seed=seed) for seed in range(100))


def test_a_rehearsed_stage_direction_goes_where_it_is_forbidden() -> None:
    fox = dataclasses.replace(FOX, rehearsal=(Rehearsed((), ("(sniffs {topic}) Mm, （sniff） good :)",)),))
    assert reply(said("pizza"), characters=(fox,)) == "Pizza? Mm, good :"
    assert "(sniffs pizza)" in reply(said("pizza"), characters=(fox,), parentheses=True)


def test_the_character_goes_on_by_itself_when_no_user_spoke() -> None:
    messages = [Message("system", "You are Jiang Rang"), Message("assistant", "Did you see the moon?")]
    assert mentions(reply(messages), "moon")


@given(st.text(max_size=200), st.integers(0, 2**31 - 1))
def test_any_text_gets_a_short_answer_without_anything_unspeakable_of_it(text: str, seed: int) -> None:
    answered = reply(said(text), seed=seed)
    assert 0 < len(answered) < 600
    assert not set(answered) & set("()*_<>[]{}`#\\|~（）【】\x00\x1b")
    assert answered.isprintable()


words = st.lists(st.from_regex("[a-z]{2,9}", fullmatch=True), min_size=1, max_size=12)


@given(words, st.integers(0, 3))
def test_every_answer_takes_up_a_telling_word_of_what_was_said(text: list[str], seed: int) -> None:
    sentence = " ".join(text)
    if mentions(sentence, "hi") or mentions(sentence, "hello"):
        return
    answered = reply(said(sentence, system="You are somebody"), seed=seed, parentheses=True)
    assert any(mentions(answered, word) for word in content_words(sentence))
