"""Names: which can be learnt, which are better, and what could be taken for them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from companion.errors import SettingsError
from models.wake_names import check, confusables, normal, slug, syllables
from models.wake_sentences import sentences


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "no name at all"),
        ("  ", "no name at all"),
        ("b", "a single letter"),
        ("bob", "too short"),
        ("good morning", "said all day"),
        ("小兔", "cannot speak '小'; write it in Latin letters"),
        ("hey зайка", "cannot speak 'з'"),
        ("hey 42", "no letter"),
        ("hey bunny" * 5, "longer than 40 letters"),
    ],
)
def test_what_cannot_be_a_name_gets_one_sentence(name: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as error:
        check(name, "en")
    assert complaint in str(error.value)
    assert len(error.value.mistakes) == 1


@pytest.mark.parametrize(
    ("name", "language"), [("hey bunny", "en"), ("Alexander", "en-GB"), ("小兔子", "zh"), ("hé lapin", "fr")]
)
def test_a_good_name_needs_no_advice(name: str, language: str) -> None:
    assert check(name, language) is None


def test_a_short_name_is_taken_and_a_better_one_suggested() -> None:
    assert "'hey bunny'" in str(check("bunny", "en"))


def test_syllables_are_those_of_the_dictionary_else_of_the_letters() -> None:
    assert [syllables(name) for name in ("hey bunny", "bob", "zorblattu", "小兔子")] == [3, 1, 3, 3]


def test_a_name_is_stored_in_one_spelling() -> None:
    assert (normal("  Hey   Bunny "), slug("Hey, Bunny!")) == ("hey bunny", "hey-bunny")


def test_confusables_are_bounded_and_never_the_name_itself() -> None:
    found = confusables("hey bunny", 30, np.random.default_rng(0))
    assert len(found) == len(set(found)) == 30
    assert "hey bunny" not in found
    assert {"hey", "bunny"} <= set(found)
    assert any(phrase.startswith("hey ") for phrase in found)


def test_what_is_in_no_dictionary_has_confusables_too() -> None:
    assert confusables("zorblattu", 10, np.random.default_rng(0))


@pytest.mark.parametrize(
    "name", ["团团", "小兔子", "привет мишка", "γεια", "とっとろ", "뽀로로", "नमस्ते भालू", "مرحبا دب", "שלום"]
)
def test_names_in_other_scripts_have_confusables_in_their_own(name: str) -> None:
    found = confusables(name, 48, np.random.default_rng(0))
    assert len(found) >= 3
    assert name not in found
    scripts = {unicodedata.name(letter).partition(" ")[0] for letter in name if letter.isalpha()}
    assert {unicodedata.name(each).partition(" ")[0] for each in "".join(found) if each.isalpha()} <= scripts


def test_what_is_advised_for_a_short_name_can_be_learnt() -> None:
    for name, language in ("bunny", "en"), ("团团", "zh"), ("κώστας", "el"), ("とろ", "ja"):
        advice = check(name, language)
        assert advice is not None
        assert check(advice.split("'")[3], language) is None


@pytest.mark.parametrize("language", ["en", "de", "zh", "zh-CN"])
def test_sentences_can_be_had_in_every_language_the_same_by_seed(language: str) -> None:
    first = sentences(language, 20, np.random.default_rng(3))
    assert first == sentences(language, 20, np.random.default_rng(3))
    assert len(set(first)) == 20
