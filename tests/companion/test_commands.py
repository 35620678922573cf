import pytest

from companion.commands import AGAIN_DIFFERENTLY, asks_again_differently


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
    assert asks_again_differently(heard, language)


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
    assert not asks_again_differently(heard, language)


def test_every_phrase_of_the_table_is_recognised_as_it_stands() -> None:
    for language, phrases in AGAIN_DIFFERENTLY.items():
        for phrase in phrases:
            assert asks_again_differently(phrase, language), phrase
