"""Whether somebody speaks to the toy, or to somebody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.names import CALLED, before_name, likeness, names_toy, speaks_to_somebody_else, without_name

NAMES = ("Bunny", "Pip", "Otto", "Captain Biscuit", "小兔子", "ピップ")


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("hey bunny, what time is it", "what time is it"),
        ("Hey Bonnie, what time is it?", "what time is it?"),
        ("a bunny what time is it", "what time is it"),
        ("hey money", ""),
        ("Hey, Bunny. Sing!", "Sing!"),
        ("hey buddy what time is it", "what time is it"),
        ("hey donny what time is it", "what time is it"),
        ("hey pep what time is it", "what time is it"),
        ("pep can you sing", "can you sing"),
        ("hey auto what time is it", "what time is it"),
        ("Hey there, Pip, tell me a story.", "tell me a story."),
        ("Oh, hey, Pip!", ""),
        ("Pip", ""),
        ("PIP!!!", ""),
        ("Otto, warum ist der Himmel blau?", "warum ist der Himmel blau?"),
        ("hey captain basket tell me a story", "tell me a story"),
        ("Captain Biscuit, who are you?", "who are you?"),
        ("captainbiscuit? who are you", "who are you"),
        ("hey captainbiscuit who are you", "who are you"),
        ("小兔子，现在几点了？", "现在几点了？"),
        ("嘿小兔现在几点了", "现在几点了"),
        ("小兔子", ""),
        ("ねえピップ、今何時？", "今何時？"),
        ("ぴっぷちゃん、今何時？", "今何時？"),
        ("what time is it", None),
        ("hey, what time is it?", None),
        ("Hey, mommy, look", None),
        ("hey mummy", None),
        ("Hey, that's nice.", None),
        ("oh that is nice", None),
        ("hello, can you sing?", None),
        ("People are nice", None),
        ("Funny, isn't it?", None),
        ("a big dog", None),
        ("my bunny is soft", None),
        ("Bunny's ears are long.", None),
        ("I like bunny", None),
        ("今何時ですか", None),
        ("今天天气怎么样", None),
        ("hey", None),
        ("", None),
    ],
)
def test_a_name_at_the_beginning_is_taken_off_however_it_is_spelled(heard: str, rest: str | None) -> None:
    assert without_name(heard, NAMES) == rest


def test_a_word_for_the_family_is_no_name_misheard() -> None:
    assert likeness("daddy", "Teddy") > CALLED, "alike they are"
    assert without_name("hey Daddy, look", ["Teddy"]) is None
    assert without_name("hey Papa, look", ["Papa"]) == "look", "unless it is the toy's own"


def test_without_names_nothing_is_found() -> None:
    assert without_name("hey bunny", ()) is None
    assert without_name("hey bunny", ("", "!")) is None


@pytest.mark.parametrize(
    ("heard", "rest"),
    [
        ("Stop, Pip!", "Stop"),
        ("be quiet Captain Biscuit", "be quiet"),
        ("晚安，小兔子。", "晚安"),
        ("おやすみ、ピップちゃん。", "おやすみ"),
        ("Pip", ""),
        ("I saw a pig", None),
        ("stop", None),
        ("", None),
    ],
)
def test_a_name_at_the_end_is_taken_off(heard: str, rest: str | None) -> None:
    assert before_name(heard, NAMES) == rest


@given(st.text(), st.lists(st.text(max_size=12), max_size=3))
def test_what_is_left_is_part_of_what_was_heard(heard: str, names: list[str]) -> None:
    rest = without_name(heard, names)
    assert rest is None or (rest in heard and len(rest) < len(heard))
    first = before_name(heard, names)
    assert first is None or heard.startswith(first)
    assert names_toy(heard, names) in (True, False)


@given(st.sampled_from(NAMES), st.sampled_from(["what time is it", "tell me a story", "唱首歌", "お話して"]))
def test_a_name_spelled_right_is_always_found(name: str, rest: str) -> None:
    assert without_name(f"Hey {name}, {rest}", NAMES) == rest
    assert without_name(f"{name}, {rest}", NAMES) == rest


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("Mum, can I have some juice?", "en"),
        ("mama look", "en"),
        ("Mommy!", "en-US"),
        ("Mom, mom, mom.", "en"),
        ("Come here, Daddy!", "en"),
        ("Hey Mom, what's for dinner?", "en"),
        ("Grandma, he is talking to me.", "en"),
        ("Okay Google, play some music.", "en"),
        ("Alexa, stop.", "de"),
        ("Mama, schau mal!", "de"),
        ("Papa kannst du mir helfen", "de"),
        ("Ich will nicht, Oma.", "de"),
        ("Mamá, ¿puedes venir?", "es"),
        ("Ven, papá.", "es"),
        ("Abuela mira", "es"),
        ("Maman, regarde !", "fr"),
        ("papa tu peux m'aider", "fr"),
        ("Viens, mamie.", "fr"),
        ("妈妈你看", "zh"),
        ("妈妈，我饿了。", "zh"),
        ("快来，爸爸", "zh"),
        ("ママ、見て。", "ja"),
        ("パパ来て", "ja"),
        ("見て、おばあちゃん。", "ja"),
    ],
)
def test_this_is_for_somebody_else(heard: str, language: str) -> None:
    assert speaks_to_somebody_else(heard, language, NAMES)


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("Mama is asleep.", "en"),
        ("My mum can sing.", "en"),
        ("I love my mum", "en"),
        ("I have a mama, a papa, a dog.", "en"),
        ("Cats, dogs, mum.", "en"),
        ("Pip, say hello to mum, please.", "en"),
        ("Mum, ask Pip!", "en"),
        ("Hey Bonnie, say good night, mum", "en"),
        ("What does dad do all day?", "en"),
        ("Father Christmas comes tomorrow.", "en"),
        ("You look like a mommy.", "en"),
        ("", "en"),
        ("Mama, schau mal!", "xx"),
        ("Mama schläft.", "de"),
        ("Meine Oma kommt morgen.", "de"),
        ("Mi mamá es buena.", "es"),
        ("Papá está en casa.", "es"),
        ("Maman est partie.", "fr"),
        ("C'est ma mamie.", "fr"),
        ("妈妈在睡觉", "zh"),
        ("我爱妈妈", "zh"),
        ("ママは寝てる", "ja"),
        ("ママが好き。", "ja"),
    ],
)
def test_this_may_be_for_the_toy(heard: str, language: str) -> None:
    assert not speaks_to_somebody_else(heard, language, NAMES)


@given(st.text(), st.sampled_from(["en", "de", "es", "fr", "zh", "ja", ""]))
def test_no_text_is_too_odd(heard: str, language: str) -> None:
    assert speaks_to_somebody_else(heard, language, NAMES) in (True, False)
