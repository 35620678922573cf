"""The mock Qwen server's long-term memory and its sessions, over real HTTP."""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mock_talk import Raw, ask, post, request, talk, text

from companion.history import tokens
from companion.ports import Message
from models.mock_memory import LONGEST_SUMMARY, SESSIONS_REMEMBERED, summarised
from models.mock_qwen import MockQwen
from models.recollection import recalled, retold, told, wanted

PROFILE = "You are Jiang Rang, a male Go prodigy who has won many Go awards."


def remembered(session: str = "one", entries: Any = 3, **memory: Any) -> dict[str, Any]:
    """The options of the vendor's sample program."""
    memory = {"enable_long_term_memory": True, "memory_entries": entries, "skip_save_types": []} | memory
    return {
        "extra_headers": {"x-dashscope-aca-session": session},
        "extra_body": {"character_options": {"profile": PROFILE, "memory": memory}},
    }


def says(words: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": words}]


def test_each_turn_of_the_vendors_table_comes_out_as_it_stands_there() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        named: dict[Message, str] = {}
        for number in range(1, 7):
            answer = await text(chat, says(f"My thing{number} is red"), **remembered())
            named[Message("user", f"My thing{number} is red")] = f"U{number}"
            named[Message("assistant", answer)] = f"A{number}"
        assert [
            (" ".join(named[entry] for entry in turn.entries), " ".join(named[entry] for entry in turn.summarised))
            for turn in server.seen
        ] == [
            ("U1", ""),
            ("U1 A1 U2", "U1 A1 U2"),
            ("U2 A2 U3", ""),
            ("U3 A3 U4", "A2 U3 A3"),
            ("U4 A4 U5", "U4 A4 U5"),
            ("U5 A5 U6", ""),
        ]
        summaries = [turn.summary for turn in server.seen]
        assert summaries[:2] == [None, None]
        assert summaries[2] == summaries[3]
        assert [len(set(summaries[:upto])) for upto in (4, 5, 6)] == [2, 3, 4]
        assert [[f"thing{k}" in (summary or "") for k in range(1, 6)] for summary in summaries[2:]] == [
            [True, True, False, False, False],
            [True, True, False, False, False],
            [True, True, True, False, False],
            [True, True, True, True, True],
        ]
        assert all(turn.profile == PROFILE for turn in server.seen)

    talk(story, smallest_memory=3)


@pytest.mark.parametrize(
    ("fact", "question", "value"),
    [
        ("My name is Ann.", "What is my name?", "Ann"),
        ("Hi, I'm called Ann and I like green", "Do you remember my name?", "Ann"),
        ("my favourite colour is green", "What's my favorite color?", "green"),
        ("My dog is called Rex!", "do you know what my dog is called? Tell me my dog", "Rex"),
        ("I really like blueberry pie", "What do I like?", "blueberry pie"),
        ("I am 7 years old", "How old am I?", "7"),
        ("I live in Rome, you know", "Where do I live?", "Rome"),
        ("我叫小明", "我叫什么名字？", "小明"),
        ("我的名字是小明。", "你还记得我的名字吗？", "小明"),
        ("我喜欢蓝莓", "我喜欢什么？", "蓝莓"),
        ("我最喜欢的颜色是绿色", "我最喜欢的颜色是什么？", "绿色"),
        ("我今年7岁", "我几岁？", "7"),
        ("我住在北京", "我住在哪里？", "北京"),
    ],
)
@pytest.mark.parametrize("entries", [3, 20])
def test_what_was_told_in_the_first_call_is_known_in_the_third(
    entries: int, fact: str, question: str, value: str
) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        await text(chat, says(fact), **remembered(entries=entries))
        await text(chat, says("Shall we play?"), **remembered(entries=entries))
        assert value in await text(chat, says(question), **remembered(entries=entries))
        assert value not in await text(chat, says(question), **remembered("another", entries=entries))

    talk(story, smallest_memory=3)


def test_a_fact_is_known_long_after_it_was_said_and_the_newest_counts() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for words in ("My name is Ann", "My dog is Rex", *["Hello"] * 30, "My dog is Bello", *["Hello"] * 30):
            await text(chat, says(words), **remembered(entries=20))
        assert "Ann" in await text(chat, says("What is my name?"), **remembered(entries=20))
        assert "Bello" in await text(chat, says("What is my dog?"), **remembered(entries=20))
        assert len(server.seen[-1].entries) == 20

    talk(story)


@pytest.mark.parametrize("kind", ["system", "user", "assistant", "output"])
def test_what_shall_not_be_remembered_is_seen_once_and_never_again(kind: str) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        sent = [
            {"role": "system", "content": "Today is Monday"},
            {"role": "assistant", "content": "Hello again."},
            *says("My name is Ann"),
        ]
        answer = await text(chat, sent, **remembered(entries=20, skip_save_types=[kind]))
        await text(chat, says("And now?"), **remembered(entries=20))
        first, second = (turn.entries for turn in server.seen)
        assert [entry.content for entry in first] == [message["content"] for message in sent]
        kinds = {"system": "Today is Monday", "assistant": "Hello again.", "user": "My name is Ann", "output": answer}
        assert [entry.content for entry in second] == [*(kinds[one] for one in kinds if one != kind), "And now?"]

    talk(story)


def test_a_name_that_was_not_remembered_is_not_known() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        await text(chat, says("My name is Ann"), **remembered(entries=20, skip_save_types=["user", "output"]))
        assert "Ann" not in await text(chat, says("What is my name?"), **remembered(entries=20))

    talk(story)


def test_a_partial_answer_is_remembered_whole() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        begun = {"role": "assistant", "content": "Jiang Rang: Once upon a", "partial": True}
        rest = await text(chat, [*says("A story about dragons"), begun], **remembered(entries=20))
        nudge = {"role": "assistant", "content": "Jiang Rang:", "partial": True}
        again = await text(chat, [nudge], **remembered(entries=20))
        await text(chat, says("Oh"), **remembered(entries=20))
        said = [entry.content for entry in server.seen[-1].entries]
        assert said == ["A story about dragons", "Once upon a" + rest, again, "Oh"]

    talk(story)


def test_a_character_is_who_its_profile_says_it_is() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        from mock_talk import PIP

        options = remembered(entries=20)
        options["extra_body"]["character_options"]["profile"] = PIP.system_message()
        system = {"role": "system", "content": PIP.system_message()}
        plain = await text(chat, [system, *says("Good night!")])
        assert await text(chat, says("Good night!"), **options) == plain

    talk(story)


def test_a_request_that_fails_is_not_remembered() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.InternalServerError):
            await ask(chat, says("My name is Ann [[fault:500]]"), **remembered(entries=20))
        with pytest.raises(openai.BadRequestError, match="Range of input length"):
            await ask(chat, says("长" * 29_990), **remembered(entries=20))
        await text(chat, says("Hello"), **remembered(entries=20))
        assert [entry.content for entry in server.seen[-1].entries] == ["Hello"]

    talk(story)


def test_more_than_the_window_is_never_given_to_the_model() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for _ in range(8):
            options = remembered(entries=400) | {"model": "qwen-flash-character"}
            reply = await ask(chat, says("长" * 2_500), **options)
            assert reply.usage.prompt_tokens <= 8_000
        assert 1 < len(server.seen[-1].entries) < 15

    talk(story)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"entries": 19}, "Range of memory_entries should be [20, 400]"),
    ({"entries": 401}, "Range of memory_entries should be [20, 400]"),
    ({"entries": 20.5}, "Range of memory_entries should be [20, 400]"),
    ({"entries": 20, "skip_save_types": ["tool"]}, "skip_save_types should be a list out of"),
    ({"entries": 20, "skip_save_types": "user"}, "skip_save_types should be a list out of"),
    ({"entries": 20, "enable_long_term_memory": "yes"}, "enable_long_term_memory should be a valid boolean"),
]


def test_bad_options_are_refused() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for options, complaint in BAD:
            with pytest.raises(openai.BadRequestError) as caught:
                await ask(chat, says("Hello"), **remembered(**options))
            assert complaint in str(caught.value)
        with pytest.raises(openai.BadRequestError, match="x-dashscope-aca-session is required"):
            await ask(chat, says("Hello"), extra_body=remembered(entries=20)["extra_body"])
        for options in ({"character_options": []}, {"character_options": {"profile": 1}}):
            assert (await post(server, request(**options))).status_code == 400
        assert server.seen == ()

    talk(story)


def test_without_long_term_memory_a_session_remembers_no_words() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        options = remembered(entries=20, enable_long_term_memory=False)
        await text(chat, says("My name is Ann"), **options)
        assert "Ann" not in await text(chat, says("What is my name?"), **options)
        assert server.seen == ()
        both = [*says("My name is Ann"), {"role": "assistant", "content": "Hi."}, *says("What is my name?")]
        assert "Ann" in await text(chat, both)

    talk(story)


def test_the_session_that_was_used_longest_ago_is_forgotten_first() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        await text(chat, says("My name is Ann"), **remembered("old", 20))
        await text(chat, says("My name is Bob"), **remembered("used", 20))
        for number in range(SESSIONS_REMEMBERED - 1):
            await text(chat, says("Hello"), **remembered(f"other {number}", 20))
            await text(chat, says("Hello"), **remembered("used", 20))
        assert "Ann" not in await text(chat, says("What is my name?"), **remembered("old", 20))
        assert "Bob" in await text(chat, says("What is my name?"), **remembered("used", 20))

    talk(story)


def test_a_summary_stays_below_a_thousand_tokens() -> None:
    summary = None
    for number in range(300):
        summary = summarised(summary, [Message("user", f"my thing{number} is 长长长长长长长长长长长长长长长长长长")])
        assert tokens([Message("system", summary)]) <= LONGEST_SUMMARY
    assert summary
    assert "thing299" in summary


@given(st.text(max_size=300))
def test_no_text_breaks_the_recollection_and_what_is_retold_is_told_again(words: str) -> None:
    facts = told([words])
    assert told(retold(*fact) for fact in facts.items()).keys() <= facts.keys()
    recalled(words, wanted(words), facts)


def test_five_hundred_turns_take_seconds() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        url = f"{server.base_url}/chat/completions"
        headers = {"authorization": "Bearer x", "x-dashscope-aca-session": "s"}
        messages: list[dict[str, str]] = []
        async with Raw(trust_env=False) as http:
            began = time.monotonic()
            for number in range(500):
                messages += says(f"And what about number {number}, is it a nice one?")
                reply = await http.post(url, json=request(messages=messages[-201:]), headers=headers)
                messages.append(reply.json()["choices"][0]["message"])
            assert time.monotonic() - began < 20  # 3 s on an idle machine
        assert server.connections == 1

    talk(story)
