"""What a sentence is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.topic import (
    LITTLE_WORDS,
    LONGEST_QUOTE,
    LONGEST_TOPIC,
    content_words,
    is_cjk,
    is_little,
    mentions,
    topic,
)

EXAMPLES = {
    "Why is the sky blue?": "sky blue",
    "tell me a story about dragons": "dragons",
    "What's the biggest dinosaur ever found?": "biggest dinosaur",
    "My dog is called Bella. Isn't she cute?": "dog",
    "what is two plus two": "two plus two",
    "I saw a big red fire engine outside of my school": "school",
    "my train crashed": "train",
    "do you like pizza": "pizza",
    "I'm sad": "sad",
    "Don't you think I'd go?": "Don't you think I'd go",
    "how are you?": "how are you",
    "(leans) *waves* <b>at</b> the cat": "cat",
    "今天天气怎么样": "今天天气",
    "我喜欢恐龙": "恐龙",
    "昨日は公園へ行ったよ": "公園",
    "こんにちは": "こんにちは",
    "⑴ ｄｒａｇｏｎ": "dragon",
}


@pytest.mark.parametrize("said", EXAMPLES)
def test_the_topic_is_the_most_telling_part(said: str) -> None:
    assert topic(said) == EXAMPLES[said]


@pytest.mark.parametrize("nothing", ["", " \n", "?!", "()", "🦊", "\x00\x1b[2J", "\ud800"])
def test_there_is_no_topic_where_nothing_can_be_spoken(nothing: str) -> None:
    assert topic(nothing).strip("2J ") == ""


@given(st.text(max_size=3000))
def test_any_text_gives_a_short_topic_that_is_safe_to_speak(said: str) -> None:
    found = topic(said)
    assert len(found) <= max(LONGEST_TOPIC, LONGEST_QUOTE)
    assert all(character.isalnum() or character in " '-" for character in found)
    found.encode()


telling = st.sampled_from(["dragon", "pizza", "moon", "train", "castle", "elephant", "rainbow", "birthday"])
little = st.sampled_from(sorted(word for word in LITTLE_WORDS if len(word) > 2))


@given(st.lists(little, max_size=6), st.lists(telling, min_size=1, max_size=5), st.lists(little, max_size=6))
def test_the_topic_of_an_english_sentence_consists_of_its_telling_words(
    before: list[str], words: list[str], after: list[str]
) -> None:
    found = topic(" ".join([*before, *words, *after]) + "?")
    assert found
    assert set(found.split()) <= set(words)


def test_only_the_end_of_a_very_long_message_is_looked_at() -> None:
    assert topic("a castle. " * 100_000 + "And a dragon") == "dragon"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Tell me two STORIES.", "story"),
        ("a box", "boxes"),
        ("Cookies!", "cookie"),
        ("What's a T-Rex?", "t-rex"),
        ("please sing me a song now", "sing me a song"),
        ("讲个故事吧", "故事"),
    ],
)
def test_a_phrase_is_found_whatever_its_case_or_number(text: str, phrase: str) -> None:
    assert mentions(text, phrase)


@pytest.mark.parametrize(
    ("text", "phrase"), [("concatenate", "cat"), ("a princess", "princes"), ("song sing", "sing song"), ("cat", "")]
)
def test_a_phrase_is_not_found_inside_words_or_out_of_order(text: str, phrase: str) -> None:
    assert not mentions(text, phrase)


def test_telling_words_are_all_words_where_there_are_little_words_only() -> None:
    assert content_words("Do you like the moon?") == ["moon"]
    assert content_words("How are you?") == ["How", "are", "you"]


def test_little_words_and_scripts_are_recognised() -> None:
    assert is_little("Don't")
    assert is_little("what's")
    assert not is_little("dog's")
    assert is_cjk("讲个 story 故事吧好吗")
    assert not is_cjk("tell me about 北京 please")
