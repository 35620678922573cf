"""What was said is remembered, and fits the budget of a request."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import bo

from companion.audio import Audio
from companion.errors import Cause, NoReply
from companion.history import KEPT_AFTER_CUT, USER, History, Spoken, tokens
from companion.ports import Message
from companion.saying import Saying

JIANG_RANG = """\
You are Jiang Rang, a male Go prodigy who has won many awards. You are currently in high school and are the most \
popular boy on campus. The user is your class monitor. At first, you saw the user working at a bubble tea shop and \
were curious. Later, you gradually fell in love with the user.

Your personality traits:

Enthusiastic, smart, and mischievous

Your style of action:

Witty and decisive

Your language style:

Humorous and loves to joke

You can use parentheses () to indicate actions, expressions, tones, psychological activities, and story backgrounds \
to provide additional information for the conversation."""

GROUP_CHAT = [
    Message(
        "system",
        "In a group chat scenario for musicians, Ling Lu is a 25-year-old musical genius known for his sharp tongue "
        "and regional accent. He is a music partner with Cheng Yi and in a relationship with Tao Le. The group chat "
        "members are all UP masters in the music section who often collaborate on live streams. Maintain the "
        "character's sharp-tongued yet secretly caring personality, use colloquial expressions, and keep each reply "
        "under 40 characters.",
    ),
    Message("user", "Cheng Yi: Are you guys free this weekend? I'd like to get your opinions on my new song."),
    Message(
        "assistant",
        "Ling Lu: Hmph, trying to freeload off our professional skills again? Fine, as long as it's not too terrible.",
    ),
    Message("user", "Cheng Yi: I've been waiting for you to release a song! I have to be the first to listen!"),
    Message(
        "user",
        "Tao Le: Honey, you're right, but don't stay up all night revising the song. I'm worried about you.",
    ),
    Message("user", "Ma Hui: Bros, let's get together for a meal and chat. My treat!"),
    Message(
        "assistant", "Ling Lu: How about an impromptu collaboration live stream some other day? Anyone interested?"
    ),
    Message("assistant", "Ling Lu:"),
]

SAMPLES = [
    (
        [
            Message("system", JIANG_RANG),
            Message("assistant", "Class monitor, what are you up to?"),
            Message("user", "I'm reading a book"),
        ],
        (130, 134),
    ),
    (GROUP_CHAT, (218, 218)),
]
"""Requests on the vendor's page, and the least and the most prompt_tokens its answers give for each."""


@pytest.mark.parametrize(("messages", "counted"), SAMPLES, ids=["one character", "group chat"])
def test_tokens_are_never_fewer_than_the_service_counts_nor_many_more(
    messages: list[Message], counted: tuple[int, int]
) -> None:
    assert counted[1] <= tokens(messages) <= 1.6 * counted[0]


def test_every_message_costs_and_no_message_costs_little() -> None:
    assert tokens([]) == 3
    assert tokens([Message("user", "")]) == 8
    assert tokens([Message("user", "")] * 10) == 53


@pytest.mark.parametrize(
    ("text", "cost"), [("abcd", 1), ("abcde", 2), ("你好", 2), ("こんにちは", 5), ("안녕", 2), ("éé", 1)]
)
def test_ideographs_cost_more_than_letters(text: str, cost: int) -> None:
    assert tokens([Message("user", text)]) - 8 == cost


def test_a_request_is_the_system_message_then_what_was_said_then_the_newest_words() -> None:
    history = History(6_000)
    history.remember("Bo", "Hello.")
    history.remember(USER, "Hi.")
    history.remember("Ann", "Hi, both.")
    assert history.messages(bo(), "How are you?") == [
        Message("system", bo().system_message()),
        Message("assistant", "Hello."),
        Message("user", "Hi."),
        Message("user", "Hi, both."),
        Message("user", "How are you?"),
    ]


def test_asking_changes_nothing() -> None:
    history = History(6_000)
    history.remember("Bo", "Hello.")
    assert history.messages(bo(), "a") == history.messages(bo(), "a")
    assert history.spoken == (Spoken("Bo", "Hello."),)


def test_no_words_leave_no_trace() -> None:
    history = History(6_000)
    history.remember("Bo", "")
    assert history.spoken == ()


def talk(history: History, turns: int) -> list[list[Message]]:
    """So many turns; the request of each."""
    requests = []
    for turn in range(turns):
        heard = f"This is what I say in turn {turn}, and it is not too short."
        requests.append(history.messages(bo(), heard))
        history.remember(USER, heard)
        history.remember("Bo", f"And this is my answer in turn {turn}. " + "Indeed. " * (turn % 7))
    return requests


def test_most_requests_begin_with_all_of_the_request_before() -> None:
    requests = talk(History(1_000), 200)
    same = [after[: len(before)] == before for before, after in itertools.pairwise(requests)]
    assert same.count(False) > 5, "some are cut"
    assert same.count(True) > 170, "and most are not"


def test_a_cut_leaves_room_for_many_turns() -> None:
    requests = talk(History(1_000), 200)
    cut = [tokens(after) for before, after in itertools.pairwise(requests) if after[: len(before)] != before]
    assert max(cut) < 1_000 * (KEPT_AFTER_CUT + 0.1)
    assert min(cut) > 1_000 * (KEPT_AFTER_CUT - 0.1), "and forgets no more than it must"


def test_no_request_is_larger_than_the_budget_although_some_come_close() -> None:
    sizes = [tokens(request) for request in talk(History(1_000), 200)]
    assert 970 < max(sizes) <= 1_000


def test_what_a_request_leaves_out_is_still_remembered() -> None:
    history = History(300)
    talk(history, 50)
    assert len(history.spoken) == 100
    assert len(history.messages(bo(), "a")) < 20


def test_what_does_not_fit_even_without_any_history_is_refused() -> None:
    history = History(10)
    history.remember(USER, "one")
    with pytest.raises(NoReply) as refusal:
        history.messages(bo(), "a")
    assert refusal.value.cause is Cause.TOO_LONG


@given(
    st.integers(150, 800),
    st.lists(st.tuples(st.sampled_from(["Bo", USER, "Ann"]), st.text("ab 你é", max_size=300)), max_size=40),
    st.text("ab 你é", max_size=300),
)
@settings(deadline=None)
def test_the_budget_is_kept_whenever_the_newest_words_fit(budget: int, said: list[tuple[str, str]], heard: str) -> None:
    history = History(budget)
    for speaker, words in said:
        history.remember(speaker, words)
        least = [Message("system", bo().system_message()), Message("user", heard or "?")]
        if tokens(least) > budget:
            continue
        asked = history.messages(bo(), heard or "?")
        assert [asked[0], asked[-1]] == least
        assert tokens(asked) <= budget
        kept = [message.content for message in asked[1:-1]]
        everything = [spoken.words for spoken in history.spoken]
        assert kept == everything[len(everything) - len(kept) :], "the newest, in order"


def said(*phrases: tuple[str, float, float], until: float, whole: bool = False) -> str:
    """What is remembered of these phrases when the speaker came to `until`."""
    saying = Saying("reply")
    for phrase in phrases:
        saying.add(*sounding(*phrase))
    saying.heard(until, whole)
    return saying.words


def sounding(text: str, begins: float, ends: float) -> tuple[str, float, Audio]:
    return text, begins, Audio(np.full(round((ends - begins) * 16_000), 1_000, np.int16))


ONE = ("One two three four.", 1.0, 3.0)
TWO = ("Five six.", 3.0, 4.0)


def test_all_that_was_heard_is_remembered() -> None:
    assert said(ONE, TWO, until=4.0, whole=True) == "One two three four. Five six."


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (0.0, ""),
        (1.0, ""),
        (1.2, ""),
        (1.5, "One —"),
        (2.0, "One two —"),
        (2.7, "One two three —"),
        (2.9, "One two three four. —"),
        (3.0, "One two three four. —"),
        (3.1, "One two three four. —"),
        (3.6, "One two three four. Five —"),
        (4.0, "One two three four. Five six. —"),
        (9.0, "One two three four. Five six. —"),
    ],
)
def test_what_was_cut_off_is_remembered_up_to_the_last_word_of_which_half_was_heard(until: float, words: str) -> None:
    assert said(ONE, TWO, until=until) == words


def test_a_text_without_spaces_is_remembered_by_character() -> None:
    assert said(("我们去公园玩吧。", 0.0, 8.0), until=3.5) == "我们去 —"


def test_pieces_of_one_phrase_are_one_phrase() -> None:
    assert said(("One two three four.", 1.0, 2.0), ("", 2.0, 3.0), until=2.0) == "One two —"
    saying = Saying("reply")
    saying.add(*sounding("One two.", 1.0, 2.0))
    saying.add(*sounding("", 2.0, 3.5))
    assert (saying.begins, saying.ends) == (1.0, 3.5)


def test_sums_of_floats_do_not_cost_the_last_word() -> None:
    ends = sum([0.1] * 30)
    assert said(("One two.", 0.0, ends), until=3.0) == "One two. —"


def test_a_sound_that_lasts_no_time_is_heard_when_its_moment_has_come() -> None:
    assert said(("One.", 1.0, 1.0), until=1.0, whole=True) == "One."
    assert said(("One.", 1.0, 1.0), until=0.5) == ""


def test_nothing_is_remembered_of_nothing() -> None:
    assert said(until=3.0, whole=True) == ""
    saying = Saying("reply")
    assert (saying.begins, saying.ends, saying.words) == (0.0, 0.0, "")


def test_the_journal_is_told_what_was_heard_without_the_dash() -> None:
    saying = Saying("nudge")
    saying.add(*sounding(*ONE))
    saying.heard(2.0, whole=False)
    assert saying.account() == {"kind": "nudge", "text": "One two", "complete": False}
    saying.heard(3.0, whole=True)
    assert saying.account() == {"kind": "nudge", "text": "One two three four.", "complete": True}


@given(st.text("ab 你,.", min_size=1, max_size=80), st.floats(0.0, 1.0))
@settings(deadline=None)
def test_what_is_remembered_was_the_beginning_of_what_was_said(text: str, until: float) -> None:
    words = said((text, 0.0, 1.0), until=until).removesuffix(" —")
    assert text.startswith(words)
    if until < 1.0 and " " in text and words:
        assert text[len(words) :][:1] in ("", " ", "你") or words[-1] == "你", "cut between words"
