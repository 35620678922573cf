"""Who only listens asks nobody to stop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.backchannels import BACKCHANNELS, is_backchannel
from companion.commands import command


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("Mm hmm.", "en"),
        ("Yeah, yeah.", "en-GB"),
        ("Oh, wow!", "en"),
        ("uh-huh", "en"),
        ("Ach so.", "de"),
        ("Sí, sí.", "es"),
        ("Ah bon ?", "fr"),
        ("嗯嗯。", "zh"),
        ("うんうん", "ja"),
    ],
)
def test_who_says_this_only_listens(heard: str, language: str) -> None:
    assert is_backchannel(heard, language)


@pytest.mark.parametrize(
    "heard", ["", "No.", "Stop!", "Yeah but why?", "okay tell me more", "yeah yeah yeah yeah", "what", "right now"]
)
def test_who_says_this_wants_something_or_nothing_at_all(heard: str) -> None:
    assert not is_backchannel(heard, "en")


@pytest.mark.parametrize("language", BACKCHANNELS)
def test_no_backchannel_is_a_command(language: str) -> None:
    assert [phrase for phrase in BACKCHANNELS[language] if command(phrase, language)] == []


@pytest.mark.parametrize("language", BACKCHANNELS)
def test_each_is_one_by_itself_and_twice(language: str) -> None:
    for phrase in BACKCHANNELS[language]:
        assert is_backchannel(phrase, language)
        assert is_backchannel(phrase.upper() + "!", language)


@given(st.text(max_size=40), st.sampled_from(["en", "xx", ""]))
def test_any_text_is_judged(heard: str, language: str) -> None:
    assert is_backchannel(heard, language) in (True, False)
