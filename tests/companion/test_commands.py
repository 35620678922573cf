"""What the toy is told to do, in every language, and what only sounds like it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.commands import PHRASES, Command, command
from companion.phrasebook import AGAIN_DIFFERENTLY
from companion.words import key

NAMES = ("Pip", "Captain Biscuit", "小兔子", "ピップ")

LANGUAGES = ("en", "zh", "ja", "de", "es", "fr")

COMMANDS = [
    ("Stop!", "en", Command.STOP),
    ("Stop. Stop. Stop!", "en-GB", Command.STOP),
    ("stooop", "en", Command.STOP),
    ("ＳＴＯＰ！", "en", Command.STOP),
    ("Shhhhh.", "en", Command.STOP),
    ("Be quiet, please.", "en", Command.STOP),
    ("No, stop it now!", "en", Command.STOP),
    ("Stop, Pip.", "en", Command.STOP),
    ("hey pip stop", "en", Command.STOP),
    ("Hey Pep, be quiet!", "en", Command.STOP),
    ("Captain Biscuit, shush.", "en", Command.STOP),
    ("Pip, stop, Pip!", "en", Command.STOP),
    ("Can you speak up, please?", "en", Command.LOUDER),
    ("I can’t hear you.", "en", Command.LOUDER),
    ("You're too loud!", "en", Command.QUIETER),
    ("A little quieter, please, Pip.", "en", Command.QUIETER),
    ("Can you say that again, please?", "en", Command.AGAIN),
    ("What did you say?", "en", Command.AGAIN),
    ("Goodbye, Pip!", "en", Command.GOODBYE),
    ("Good night.", "en", Command.GOODBYE),
    ("Bye-bye!", "en", Command.GOODBYE),
    ("别说了！", "zh", Command.STOP),
    ("小兔子，停！", "zh", Command.STOP),
    ("停，停，停。", "zh", Command.STOP),
    ("大声一点。", "zh-CN", Command.LOUDER),
    ("请你大声一点好吗？", "zh", Command.LOUDER),
    ("小声点吧", "zh", Command.QUIETER),
    ("再说一遍", "zh", Command.AGAIN),
    ("晚安，小兔子。", "zh", Command.GOODBYE),
    ("やめて！", "ja", Command.STOP),
    ("静かにしてください。", "ja", Command.STOP),
    ("ねえ、ピップ、待って。", "ja", Command.STOP),
    ("もっと大きい声で。", "ja", Command.LOUDER),
    ("もっと 大きい 声で 言って", "ja", Command.LOUDER),
    ("ボリュームを下げて。", "ja", Command.QUIETER),
    ("もう一回言って！", "ja", Command.AGAIN),
    ("おやすみなさい。", "ja", Command.GOODBYE),
    ("Sei still!", "de", Command.STOP),
    ("Halt!", "de", Command.STOP),
    ("Hör jetzt auf.", "de", None),
    ("Hoer auf", "de", None),
    ("Pip, hör auf!", "de", Command.STOP),
    ("Lauter bitte.", "de", Command.LOUDER),
    ("Nicht so laut!", "de", Command.QUIETER),
    ("Noch mal!", "de", Command.AGAIN),
    ("Tschüß!", "de", Command.GOODBYE),
    ("¡Cállate!", "es", Command.STOP),
    ("¡Para ya, Pip!", "es", Command.STOP),
    ("Mas alto, por favor", "es", Command.LOUDER),
    ("Baja el volumen.", "es", Command.QUIETER),
    ("Otra vez.", "es", Command.AGAIN),
    ("¡Buenas noches!", "es", Command.GOODBYE),
    ("Tais-toi !", "fr", Command.STOP),
    ("Arrête-toi, Pip.", "fr", Command.STOP),
    ("Plus fort, s'il te plaît !", "fr", Command.LOUDER),
    ("C’est trop fort.", "fr", Command.QUIETER),
    ("Tu peux répéter, s'il te plaît ?", "fr", Command.AGAIN),
    ("Au revoir !", "fr", Command.GOODBYE),
]


@pytest.mark.parametrize(("heard", "language", "what"), COMMANDS)
def test_this_is_what_the_toy_is_told(heard: str, language: str, what: Command | None) -> None:
    assert command(heard, language, NAMES) is what


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("When does the bus stop?", "en"),
        ("Stop signs are red.", "en"),
        ("Good night, I am going to bed.", "en"),
        ("The music is louder than you.", "en"),
        ("Can you repeat after me?", "en"),
        ("Pip", "en"),
        ("Please.", "en"),
        ("Yes, please.", "en"),
        ("The wheels go round again and again.", "en"),
        ("", "en"),
        ("...", "en"),
        ("stop", "xx"),
        ("公交车停在哪里", "zh"),
        ("我再见到他", "zh"),
        ("不停", "zh"),
        ("静かな海", "ja"),
        ("どうして犬は待っているの？", "ja"),
        ("Wo ist die Haltestelle?", "de"),
        ("Lauter Kinder", "de"),
        ("Para mi mamá", "es"),
        ("La torre más alta", "es"),
        ("Le chat est plus fort que le chien", "fr"),
    ],
)
def test_this_is_for_the_character(heard: str, language: str) -> None:
    assert command(heard, language, NAMES) is None


def test_every_command_has_three_phrases_in_every_language() -> None:
    for what in Command:
        for language in LANGUAGES:
            assert len(PHRASES[what][language]) >= 3, (what, language)


@pytest.mark.parametrize("what", Command)
def test_every_phrase_of_the_tables_is_recognised_as_it_stands(what: Command) -> None:
    for language, phrases in PHRASES[what].items():
        for phrase in phrases:
            assert command(phrase, language) is what, phrase


def test_no_phrase_stands_twice() -> None:
    for language in LANGUAGES:
        keys = [key(phrase) for phrases in PHRASES.values() for phrase in phrases[language]]
        assert sorted(keys) == sorted(set(keys))


@given(st.text(), st.sampled_from([*LANGUAGES, "", "xx-YY"]), st.lists(st.text(max_size=12), max_size=3))
def test_nothing_heard_and_no_name_is_too_odd(heard: str, language: str, names: list[str]) -> None:
    assert command(heard, language, names) in (None, *Command)


@pytest.mark.parametrize("count", [10, 23, 1000])
def test_a_word_that_speech_to_text_repeats_without_end_holds_nothing_up(count: int) -> None:
    began = time.process_time()
    assert command("okay " * count, "en", NAMES) is None
    assert command("你好吗" * count, "zh", NAMES) is None
    assert time.process_time() - began < 1.0, "seconds; trying every order of taking them off would need hours"


@given(st.sampled_from(COMMANDS), st.sampled_from(["", ".", "!", "。", " ", "..."]))
def test_punctuation_and_capitals_do_not_matter(told: tuple[str, str, Command | None], end: str) -> None:
    heard, language, what = told
    assert command(heard.upper() + end, language, NAMES) is what


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("say that again differently", "en"),
        ("Say that again differently, please!", "en-GB"),
        ("please try that again", "en"),
        ("换个说法。", "zh"),
        ("sag das nochmal anders bitte", "de"),
        ("Dis-le autrement, s'il te plaît", "fr"),
    ],
)
def test_these_ask_for_another_answer(heard: str, language: str) -> None:
    assert command(heard, language) is Command.AGAIN_DIFFERENTLY


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("can you say that again differently from my brother", "en"),
        ("differently", "en"),
        ("say that again differently", "de"),
        ("", "en"),
        ("please", "en"),
    ],
)
def test_these_do_not(heard: str, language: str) -> None:
    assert command(heard, language) is not Command.AGAIN_DIFFERENTLY


def test_every_way_to_ask_for_another_answer_is_one() -> None:
    for language, phrases in AGAIN_DIFFERENTLY.items():
        for phrase in phrases:
            assert command(phrase, language) is Command.AGAIN_DIFFERENTLY, phrase
