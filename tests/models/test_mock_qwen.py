"""The mock Qwen server, over real HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import openai
import pytest
from mock_talk import (
    BOOK,
    JIANG_RANG,
    NO_PARENTHESES,
    OPENING,
    PIP,
    Raw,
    ask,
    client,
    port_of,
    post,
    request,
    talk,
    text,
)

from companion.errors import DeviceError
from models.mock_door import LARGEST_BODY
from models.mock_memory import SESSIONS_REMEMBERED
from models.mock_qwen import REQUESTS_KEPT, MockQwen
from models.mock_reply import split, text_tokens


def test_the_basic_call_answers_what_was_said() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        reply = await ask(chat)
        assert "book" in reply.choices[0].message.content.lower()
        assert reply.choices[0].finish_reason == "stop"
        assert reply.model == "qwen-plus-character"
        assert reply.usage.prompt_tokens == 3 + 16 + 5 + 9 + 5 + 5 + 5
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens

    talk(story)


def test_the_body_has_the_fields_of_the_vendors_page() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        reply = (await post(server, request())).json()
        assert set(reply) == {"choices", "object", "usage", "created", "system_fingerprint", "model", "id"}
        assert reply["object"] == "chat.completion"
        assert reply["id"].startswith("chatcmpl-")
        assert set(reply["choices"][0]) == {"message", "finish_reason", "index", "logprobs"}
        assert reply["choices"][0]["message"]["role"] == "assistant"
        assert reply["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}

    talk(story)


def test_a_character_answers_from_its_own_file() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        system = {"role": "system", "content": PIP.system_message()}
        answer = await text(chat, [system, {"role": "user", "content": "I like dragons"}], logit_bias=NO_PARENTHESES)
        assert "dragons" in answer.lower()

    talk(story)


def test_a_stream_looks_as_the_vendor_sends_it() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        response = await post(server, request(stream=True, stream_options={"include_usage": True}))
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = response.text.split("\n\n")
        assert frames[-1] == ""
        assert frames[-2] == "data: [DONE]"
        chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
        assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
        *deltas, stop, usage = chunks
        assert deltas[0]["choices"][0]["delta"] == {"content": "", "role": "assistant"}
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in deltas)
        assert len(deltas) > 3
        assert stop["choices"][0]["finish_reason"] == "stop"
        assert usage["choices"] == []
        whole = (await post(server, request())).json()
        assert (
            "".join(chunk["choices"][0]["delta"]["content"] for chunk in deltas)
            == (whole["choices"][0]["message"]["content"])
        )
        assert usage["usage"] == whole["usage"]

    talk(story)


def test_a_stream_tells_its_usage_only_when_asked() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        chunks = [chunk async for chunk in await ask(chat, stream=True)]
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)

    talk(story)


def test_several_choices_differ_and_their_pieces_take_turns() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        reply = await ask(chat, n=3)
        whole = [choice.message.content for choice in reply.choices]
        assert len(set(whole)) == 3
        pieces: dict[int, str] = {0: "", 1: "", 2: ""}
        order = []
        async for chunk in await ask(chat, n=3, stream=True):
            (choice,) = chunk.choices
            pieces[choice.index] += choice.delta.content or ""
            order.append(choice.index)
        assert list(pieces.values()) == whole
        assert order[:6] == [0, 1, 2, 0, 1, 2]
        assert reply.usage.completion_tokens == sum(map(text_tokens, whole))

    talk(story)


def test_the_same_seed_repeats_the_answer_and_without_one_it_is_constant() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        assert await text(chat, seed=123321) == await text(chat, seed=123321)
        assert await text(chat) == await text(chat) == await text(chat, seed=1234)
        assert len({await text(chat, seed=seed) for seed in range(12)}) > 1

    talk(story)


def test_parentheses_come_by_default_and_never_with_the_vendors_bias() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        free = [await text(chat, seed=seed) for seed in range(30)]
        assert 0 < sum("(" in answer for answer in free) < 30
        banned = [await text(chat, seed=seed, logit_bias=NO_PARENTHESES) for seed in range(30)]
        assert not any("(" in answer for answer in banned)
        mild = [await text(chat, seed=seed, logit_bias={"7": -10}) for seed in range(30)]
        assert mild == free

    talk(story)


def test_supplementary_information_leaves_the_answer_to_what_the_user_said() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        favourite = {"role": "system", "content": "\\user's favorite food:\\nSnack:Fried chicken"}
        eat = {
            "role": "user",
            "content": "It's so hard to choose, so many new places have opened up around school recently",
        }
        assert "school" in (await text(chat, [JIANG_RANG, OPENING, favourite, eat])).lower()

    talk(story)


def test_a_partial_answer_is_gone_on_with() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        begun = {"role": "assistant", "content": "Jiang Rang:", "partial": True}
        assert "book" in (await text(chat, [*BOOK, begun])).lower()
        assert not (await text(chat, [JIANG_RANG, OPENING, begun])).startswith("Jiang Rang")

    talk(story)


def test_an_answer_ends_at_its_stop_or_its_longest() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        whole = await text(chat)
        word = whole.split()[2]
        stopped = (await ask(chat, stop=[word, "never said"])).choices[0]
        assert stopped.message.content == whole[: whole.index(word)]
        assert stopped.finish_reason == "stop"
        assert await text(chat, stop=word) == stopped.message.content
        cut = await ask(chat, max_tokens=4)
        assert cut.choices[0].message.content == whole[:16]
        assert cut.choices[0].finish_reason == "length"
        assert cut.usage.completion_tokens == 4

    talk(story)


def test_a_session_reports_the_tokens_its_last_prompt_began_with() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        async def cached(messages: Any, session: str, model: str = "qwen-plus-character") -> int:
            headers = {"x-dashscope-aca-session": session}
            reply = await ask(chat, messages, model=model, extra_headers=headers)
            return int(reply.usage.prompt_tokens_details.cached_tokens)

        longer = [*BOOK, {"role": "assistant", "content": "Which one?"}, {"role": "user", "content": "A long one"}]
        assert await cached(BOOK, "a") == 0
        assert await cached(longer, "a") == 16 + 5 + 9 + 5 + 5 + 5
        assert await cached(BOOK[:1] + longer[3:], "a") == 16 + 5
        assert await cached(BOOK, "b") == 0
        assert await cached(BOOK, "b", "qwen-flash-character") == 0
        for number in range(SESSIONS_REMEMBERED):
            await cached(BOOK, f"other {number}")
        assert await cached(BOOK, "b") == 0

    talk(story)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": None}, "[] is too short - 'messages'"),
    ({"messages": []}, "[] is too short - 'messages'"),
    ({"messages": ["hello"]}, "Input should be a valid dictionary: messages.0"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "Role must be in"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "valid string: messages.0.content"),
    ({"messages": [{"role": "user"}]}, "valid string: messages.0.content"),
    ({"messages": BOOK[:2]}, "The last message must be"),
    ({"messages": [*BOOK, {"role": "system", "content": "x", "partial": True}]}, "The last message must be"),
    ({"n": 0}, "Range of n should be [1, 4]"),
    ({"n": 5}, "Range of n should be [1, 4]"),
    ({"n": True}, "Range of n should be [1, 4]"),
    ({"seed": -1}, "Range of seed should be [0, 2147483647]"),
    ({"seed": 2**31}, "Range of seed should be [0, 2147483647]"),
    ({"seed": 1.5}, "Range of seed should be [0, 2147483647]"),
    ({"temperature": 2}, "Temperature should be in [0.0, 2.0)"),
    ({"temperature": "hot"}, "Temperature should be in [0.0, 2.0)"),
    ({"temperature": float("nan")}, "Temperature should be in [0.0, 2.0)"),
    ({"top_p": 0}, "Range of top_p should be (0.0, 1.0]"),
    ({"presence_penalty": 2.1}, "Presence_penalty should be in [-2.0, 2.0]"),
    ({"repetition_penalty": 0}, "Repetition_penalty should be greater than 0.0"),
    ({"top_k": -1}, "top_k should be greater than or equal to 0"),
    ({"max_tokens": 0}, "Range of max_tokens should be [1, 4000]"),
    ({"stop": [1]}, "stop should be a string or a list of strings"),
    ({"logit_bias": {"7": -101}}, "Range of logit_bias values should be [-100, 100]"),
    ({"logit_bias": {"(": -100}}, "logit_bias should map token ids"),
    ({"logit_bias": []}, "logit_bias should map token ids"),
    ({"messages": [{"role": "user", "content": "长" * 30_000}]}, "Range of input length should be [1, 30000]"),
    ({"model": "qwen-flash-character", "messages": [{"role": "user", "content": "长" * 7_993}]}, "be [1, 8000]"),
]


def test_a_bad_request_is_refused_in_the_vendors_words() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for change, complaint in REFUSED:
            response = await post(server, request(**change))
            assert response.status_code == 400, change
            error = response.json()["error"]
            assert complaint in error["message"]
            assert error == error | {"type": "invalid_request_error", "param": None, "code": "invalid_parameter_error"}
            assert response.json()["request_id"] == response.headers["x-request-id"]

    talk(story)


def test_the_edges_of_every_range_are_accepted() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for change in (
            {"n": 4, "seed": 2**31 - 1, "temperature": 0, "top_p": 1, "max_tokens": 1},
            {"seed": 0, "temperature": 1.99, "top_p": 0.01, "max_tokens": 4_000, "presence_penalty": -2, "top_k": 0},
            {"logit_bias": {"7": -100, "8": 100}, "stop": "x", "repetition_penalty": 0.1, "stream_options": None},
            {"model": "qwen-plus-character-ja", "messages": [{"role": "user", "content": "長" * 7_672}]},
        ):
            assert (await post(server, request(**change))).status_code == 200, change

    talk(story)


def test_an_unknown_model_is_not_found() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(chat, model="qwen-imaginary")
        assert caught.value.code == "model_not_found"
        assert (await post(server, {"messages": BOOK})).status_code == 400

    talk(story)


def test_any_key_is_accepted_but_the_invalid_one_and_none() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        async with client(server, "sk-invalid") as stranger:
            with pytest.raises(openai.AuthenticationError) as caught:
                await ask(stranger)
            assert caught.value.code == "invalid_api_key"
        assert (await post(server, request(), key=None)).status_code == 401
        assert (await post(server, request(), key="x")).status_code == 200

    talk(story)


def test_what_is_no_request_at_all_gets_the_envelope_too() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for content in (b"", b"{", b"[]", b'"text"', b"[" * 100_000, b"\xff"):
            response = await post(server, content=content)
            assert response.status_code == 400
            assert response.json()["error"]["code"] == "invalid_parameter_error"
        response = await post(server, content=b" " * (LARGEST_BODY + 1))
        assert response.status_code == 413
        assert response.json()["error"]["type"] == "invalid_request_error"
        async with Raw(trust_env=False) as http:
            missing = await http.get(f"{server.base_url}/completions")
            wrong = await http.get(f"{server.base_url}/chat/completions")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "POST"

    talk(story)


def test_text_that_is_no_text_does_not_break_the_answer() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        strange = (
            b'{"model": "qwen-plus-character", "messages": [{"role": "user", "content": "a \\ud800 \\u0000 dragon"}]}'
        )
        assert "dragon" in (await post(server, content=strange)).text.lower()
        assert (await post(server, content=b'{"model": "\\ud800", "messages": []}')).status_code == 404

    talk(story)


def test_one_connection_serves_many_requests() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for _ in range(5):
            await ask(chat)
        assert (server.connections, server.requests) == (1, 5)
        await post(server, request(n=9))
        assert (server.connections, server.requests) == (2, 6)

    talk(story)


def test_the_last_requests_are_kept_for_tests_and_never_shown() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for seed in range(REQUESTS_KEPT + 3):
            await ask(chat, seed=seed, extra_headers={"x-dashscope-aca-session": "s"})
        assert [kept.body["seed"] for kept in server.received] == list(range(3, REQUESTS_KEPT + 3))
        assert server.received[-1].headers["x-dashscope-aca-session"] == "s"
        assert "sk-any" not in repr(server.received)

    talk(story)


def test_a_stream_ends_when_its_client_goes_away() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        stream = await ask(chat, stream=True)
        await anext(aiter(stream))
        assert server.open_streams == 1
        assert not server.wait_until_quiet(0)
        await stream.close()
        assert server.wait_until_quiet(5)

    talk(story, tokens_per_second=0.01)


def test_the_first_token_waits_as_long_as_asked() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        began = time.monotonic()
        await anext(aiter(await ask(chat, stream=True)))
        assert time.monotonic() - began >= 0.05
        began = time.monotonic()
        reply = await ask(chat)
        assert time.monotonic() - began >= 0.05 + reply.usage.completion_tokens / 1000

    talk(story, first_token_seconds=0.05, tokens_per_second=1000)


def test_it_stops_at_once_even_while_an_answer_streams_and_leaves_nothing_behind() -> None:
    async def run() -> None:
        async with AsyncExitStack() as later:
            async with MockQwen([PIP], tokens_per_second=0.01) as server:
                chat = await later.enter_async_context(client(server))
                stream = await ask(chat, stream=True)
                await anext(aiter(stream))
                began = time.monotonic()
            with pytest.raises((openai.APIError, httpx2.HTTPError)):
                async for _ in stream:
                    pass
            assert time.monotonic() - began < 1
        assert server.open_streams == 0
        assert "loopback" not in {thread.name for thread in threading.enumerate()}
        async with MockQwen([PIP], port=port_of(server)) as again:
            assert again.base_url == server.base_url

    asyncio.run(run())
    gc.collect()  # an unclosed socket warns only when it is collected


def test_a_port_in_use_is_told_in_one_sentence() -> None:
    async def run() -> None:
        async with MockQwen([PIP]) as first:
            port = port_of(first)
            with pytest.raises(
                DeviceError, match=rf"cannot listen on port {port} of 127.0.0.1: Address already in use\.$"
            ):
                async with MockQwen([PIP], port=port):
                    pass
        with pytest.raises(DeviceError, match="port 70000"):
            async with MockQwen([PIP], port=70_000):
                pass

    asyncio.run(run())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_tells_its_address_and_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    program = "from models.mock_qwen import MockQwen; MockQwen([]).serve(lambda url: print(url, flush=True))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        base_url = process.stdout.readline().decode().strip()
        with httpx2.Client(trust_env=False) as http:
            answered = http.post(
                f"{base_url}/chat/completions", json=request(), headers={"authorization": "Bearer sk-any"}
            )
        assert answered.status_code == 200
        os.kill(process.pid, number)
        assert process.wait(10) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_pieces_of_a_text_join_to_the_text_again() -> None:
    for whole in ("", " a  b\n", "one two three four", "从前有一只小狐狸，它很聪明。", "Hi 你好 there"):
        assert "".join(split(whole)) == whole
    assert split("one two three four") == ["one two three", " four"]


def test_a_character_is_not_mixed_up_with_another() -> None:
    async def run() -> None:
        rehearsed = dataclasses.replace(PIP.rehearsal[0], hears=(), says=("Hoo, {topic}.",))
        owl = dataclasses.replace(PIP, name="Ada", rehearsal=(rehearsed,))
        async with MockQwen([PIP, owl]) as server, client(server) as chat:
            messages = [{"role": "system", "content": owl.system_message()}, {"role": "user", "content": "the moon"}]
            assert "Hoo, moon." in await text(chat, messages)

    asyncio.run(run())


SEA = {"role": "user", "content": "Tell me about the sea"}
FOX = {"role": "system", "content": PIP.system_message()}
MUSICIANS = [
    {"role": "system", "content": "A group chat of musicians. Ling Lu is a genius. He plays with Cheng Yi."},
    {"role": "user", "content": "Cheng Yi: Are you free this weekend?"},
    {"role": "assistant", "content": "Ling Lu: Hm."},
    {"role": "user", "content": "Ma Hui: Let's have dumplings. My treat!"},
]


def partial(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "partial": True}


def test_in_a_group_chat_the_one_who_is_named_answers_without_the_name() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for seed in range(8):
            answer = await text(chat, [*MUSICIANS, partial("Ling Lu:")], seed=seed, logit_bias=NO_PARENTHESES)
            assert not any(name in answer for name in ("Ling Lu", "Ma Hui", "Cheng Yi", ":"))
            assert "dumplings" in answer.lower() or "treat" in answer.lower()
        own = {"role": "assistant", "content": "Ling Lu: How about a live stream?"}
        assert "stream" in (await text(chat, [*MUSICIANS, own, partial("Ling Lu:")])).lower()

    talk(story)


def test_each_of_several_characters_speaks_when_its_name_is_called() -> None:
    async def run() -> None:
        hoots = dataclasses.replace(PIP.rehearsal[0], hears=(), says=("Hoo, {topic}.",))
        owl = dataclasses.replace(PIP, name="Dr: Owl", rehearsal=(hoots,))
        barks = dataclasses.replace(PIP, name="Rex", rehearsal=(dataclasses.replace(hoots, says=("Wuff, {topic}!",)),))
        async with MockQwen([PIP, owl, barks]) as server, client(server) as chat:
            heard = [FOX, {"role": "user", "content": "Ann: the sea"}]
            assert await text(chat, [*heard, partial("Dr: Owl:")]) == "Hoo, sea."
            assert await text(chat, [*heard, partial("rex： ")]) == "Wuff, sea!"
            heard.append({"role": "user", "content": "Dr: Owl: And the moon."})
            assert await text(chat, [*heard, partial("Rex:")]) == "Wuff, moon!"
            stranger = await text(chat, [*heard, partial("Zoe:")])
            assert "moon" in stranger
            assert "Wuff" not in stranger

    asyncio.run(run())


def test_the_name_before_what_a_person_says_is_not_taken_for_a_word() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        hello = {"role": "user", "content": "Ann Marie: dragons!"}
        assert "Ann" not in await text(chat, [JIANG_RANG, hello])
        link = {"role": "user", "content": "Look: https://dragons"}
        assert "dragons" in (await text(chat, [JIANG_RANG, link])).lower()

    talk(story)


def test_what_was_begun_is_gone_on_with_and_never_repeated() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for begun, rest in (
            ("Once upon a", " time there was a story about sea,"),
            ("Jiang Rang: Once upon a ", "time there was a story about sea,"),
            ("I went to the", " story about sea,"),
            ("And then I swam", ", and then came sea."),
            ("Wait, ", "and then came sea."),
            ("我今天，", "然后说到了sea。"),
            ("今日は", "、それからseaのこと。"),
        ):
            assert (await text(chat, [JIANG_RANG, SEA, partial(begun)])).startswith(rest), begun
        after = await text(chat, [JIANG_RANG, SEA, partial("I know.")])
        assert after.startswith(" ")
        assert "sea" in after.lower()

    talk(story)


def test_an_answer_that_broke_off_is_gone_on_with_to_its_own_end_whatever_the_seed() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for seed in range(6):
            whole = await text(chat, seed=seed, logit_bias=NO_PARENTHESES)
            for cut in (9, 14, len(whole) - 1):
                rest = await text(chat, [*BOOK, partial(whole[:cut])], seed=seed + 1, logit_bias=NO_PARENTHESES)
                assert whole[:cut] + rest == whole

    talk(story)


def test_any_token_that_holds_a_parenthesis_keeps_all_of_them_away() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        seeds = [seed for seed in range(12) if "(" in await text(chat, seed=seed)]
        assert seeds
        for token in (7, 320, 9909, 42344, 6599, 91093, 12832, 10297, 1141, 2785):
            assert "(" not in await text(chat, seed=seeds[0], logit_bias={str(token): -50}), token
            assert "(" in await text(chat, seed=seeds[0], logit_bias={str(token): -49}), token

    talk(story)


def test_actions_between_asterisks_come_by_default_and_not_where_they_are_banned() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        seeds = [seed for seed in range(20) if "*" in await text(chat, seed=seed)]
        assert seeds
        for token in (9, 353, 334):
            answer = await text(chat, seed=seeds[0], logit_bias={str(token): -100})
            assert "*" not in answer
            assert "nods" not in answer
            assert "book" in answer.lower()

    talk(story)


def test_four_choices_differ_even_where_one_line_was_rehearsed() -> None:
    async def run() -> None:
        lone = dataclasses.replace(PIP, rehearsal=(dataclasses.replace(PIP.rehearsal[0], hears=(), says=("Hm.",)),))
        async with MockQwen([lone]) as server, client(server) as chat:
            reply = await ask(chat, [FOX, SEA], n=4)
            assert len({choice.message.content for choice in reply.choices}) == 4

    asyncio.run(run())


def test_seeds_that_follow_one_another_give_different_answers() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        assert await text(chat, seed=123321) != await text(chat, seed=123322)

    talk(story)


def test_the_vendors_sample_programs_run_synchronously_too() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        def program() -> list[str | None]:
            with (
                openai.DefaultHttpxClient(trust_env=False) as http,
                openai.OpenAI(api_key="sk-any", base_url=server.base_url, http_client=http) as plain,
            ):
                messages: Any = [JIANG_RANG, OPENING, OPENING, partial("Jiang Rang:")]
                whole = plain.chat.completions.create(model="qwen-plus-character", messages=messages)
                memory = {"enable_long_term_memory": True, "memory_entries": 50, "skip_save_types": []}
                remembered = plain.chat.completions.create(
                    model="qwen-plus-character",
                    messages=[{"role": "user", "content": "Hi Jiang Rang. The weather is great today!"}],
                    extra_headers={"x-dashscope-aca-session": "user_123_session_xxx"},
                    extra_body={"character_options": {"profile": JIANG_RANG["content"], "memory": memory}},
                )
                return [whole.choices[0].message.content, remembered.choices[0].message.content]

        nudge, weather = await asyncio.to_thread(program)
        assert nudge
        assert "Jiang Rang" not in nudge
        assert weather
        assert "weather" in weather.lower()

    talk(story)
