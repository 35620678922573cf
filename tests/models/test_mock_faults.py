"""The faults one can ask the mock Qwen server for, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx2
import openai
import pytest
from mock_talk import BOOK, JIANG_RANG, NO_PARENTHESES, OPENING, Raw, ask, post, request, talk, text

from models.mock_errors import ERRORS
from models.mock_faults import FAULTS, read
from models.mock_nonsense import CONTROL
from models.mock_qwen import MockQwen
from models.mock_reply import split
from models.mock_stream import COMMENT


def faulty(fault: str) -> dict[str, dict[str, str]]:
    return {"extra_headers": {"x-mock-fault": fault}}


async def pieces(chat: openai.AsyncOpenAI, fault: str, said: list[str], **options: Any) -> None:
    """Stream an answer; what is said of it is appended to `said`."""
    async for chunk in await ask(chat, stream=True, **faulty(fault), **options):
        said += [choice.delta.content for choice in chunk.choices or [] if choice.delta.content]


def data(response: httpx2.Response) -> list[Any]:
    """What is in the frames of a stream."""
    frames = response.text.removesuffix("\n\n").split("\n\n")
    assert frames[-1] == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-1]]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_the_vendor_comes_when_it_is_asked_for(name: str) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        expected = ERRORS[name]
        with pytest.raises(openai.APIStatusError) as caught:
            await ask(chat, stream=True, **faulty(name))
        assert (caught.value.status_code, caught.value.code) == (expected.status, expected.code)
        assert "retry-after" not in caught.value.response.headers
        flat = (await post(server, request(), fault=f"{name}, flat, retry_after=0.25")).json()
        assert set(flat) == {"code", "message", "request_id"}
        response = await post(server, request(), fault=f"{name}, envelope, retry_after")
        assert response.headers["retry-after"] == "1"
        assert response.json()["error"] == response.json()["error"] | {"code": expected.code, "param": None}
        assert response.json()["error"]["message"] == flat["message"] == expected.message

    talk(story)


def test_codes_in_pascal_case_come_without_an_envelope_and_those_in_snake_case_within_one() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        assert "error" not in (await post(server, request(), fault="Throttling.RateQuota")).json()
        assert "error" in (await post(server, request(), fault="limit_requests")).json()
        later = await post(server, request(), fault="limit_burst_rate, retry_after=2")
        assert later.headers["retry-after"] == "2"

    talk(story)


def test_a_fault_can_be_asked_for_in_the_last_thing_the_user_says() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        asking = {"role": "user", "content": "I'm reading a book [[fault:503]]"}
        with pytest.raises(openai.InternalServerError):
            await ask(chat, [JIANG_RANG, asking])
        named = {"role": "assistant", "content": "Jiang Rang:", "partial": True}
        with pytest.raises(openai.InternalServerError):
            await ask(chat, [JIANG_RANG, asking, named])
        begun = {"role": "assistant", "content": "Jiang Rang: Well", "partial": True}
        assert await text(chat, [JIANG_RANG, asking, begun])
        assert await text(chat, [JIANG_RANG, asking, OPENING, {"role": "user", "content": "A long one"}])

    talk(story)


def test_a_fault_that_is_asked_for_in_words_is_not_taken_for_what_was_said() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        asking = [*BOOK[:2], {"role": "user", "content": "I'm reading a book [[fault:first_token=0]]"}]
        assert await text(chat, asking) == await text(chat)

    talk(story)


def test_a_script_says_what_happens_to_each_request_in_order() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.RateLimitError):
            await ask(chat)
        assert await text(chat)
        assert await text(chat) == ""
        assert await text(chat)

    talk(story, faults=["limit_requests", None, "empty"])


def test_a_fault_that_does_not_exist_is_told_with_what_was_perhaps_meant() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for wrong, complaint in (
            ("stal", "did you mean stall?"),
            ("cut=few", "The value of the fault cut should be a number"),
            ("cut=nan", "The value of the fault cut should be a number"),
            ("cut=-1", "The value of the fault cut should be a number"),
            ("empty=1", "The fault empty takes no value."),
            ("=1", "There is no fault ''"),
        ):
            response = await post(server, request(), fault=wrong)
            assert (response.status_code, response.json()["error"]["code"]) == (400, "unknown_fault")
            assert complaint in response.json()["error"]["message"]
            with pytest.raises(ValueError, match=r"fault"):
                MockQwen([], faults=[wrong])

    talk(story)


def test_the_list_of_faults_says_one_line_about_each() -> None:
    assert all(line and "\n" not in line for line in FAULTS.values())
    assert set(ERRORS) < set(FAULTS)
    assert all(set(read(name)) == {name} for name in FAULTS)
    assert read(" cut = 3 ,trickle=0.1,, ") == {"cut": 3, "trickle": 0.1}


def test_the_first_token_can_be_late() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for streamed in (True, False):
            began = time.monotonic()
            await post(server, request(stream=streamed), fault="first_token=0.05")
            assert time.monotonic() - began >= 0.05

    talk(story)


def test_a_trickle_lets_time_go_by_before_every_piece() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        began = time.monotonic()
        said: list[str] = []
        await pieces(chat, "trickle=0.02", said)
        assert time.monotonic() - began >= 0.02 * len(said) > 0.04

    talk(story)


@pytest.mark.parametrize("wanted", [0, 2, 1000])
def test_a_stall_is_silence_until_the_client_goes(wanted: int) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        whole = split(await text(chat))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pieces(chat, f"stall={wanted}", said), 0.3)
        assert said == whole[:wanted]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(chat, **faulty("stall")), 0.1)
        assert await asyncio.to_thread(server.wait_until_quiet, 5)

    talk(story)


def test_comment_lines_keep_a_stream_alive_for_ever() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pieces(chat, "keepalive", said, timeout=0.2), 0.6)
        assert said == []
        assert await asyncio.to_thread(server.wait_until_quiet, 5)
        headers = {"authorization": "Bearer x", "x-mock-fault": "keepalive=1"}
        url = f"{server.base_url}/chat/completions"
        async with Raw(trust_env=False) as http:
            async with http.stream("POST", url, json=request(stream=True), headers=headers) as response:
                comments = 0
                async for line in response.aiter_lines():
                    comments += line == COMMENT.decode().strip()
                    if comments == 3:
                        break
            async with http.stream("POST", url, json=request(), headers=headers) as response:
                assert (await anext(response.aiter_bytes())).strip() == b""
        assert await asyncio.to_thread(server.wait_until_quiet, 5)

    talk(story)


@pytest.mark.parametrize("wanted", [0, 2, 1000])
def test_a_cut_closes_the_connection_in_the_middle(wanted: int) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        whole = split(await text(chat))
        said: list[str] = []
        with pytest.raises(openai.APIConnectionError):
            await pieces(chat, f"cut={wanted}", said)
        assert said == whole[:wanted]
        with pytest.raises(httpx2.RemoteProtocolError):
            await post(server, request(), fault="cut")
        assert await text(chat)
        assert server.connections == 3

    talk(story)


def test_a_stream_can_end_well_without_a_finish_reason() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        response = await post(server, request(stream=True), fault="no_finish")
        assert all(chunk["choices"][0]["finish_reason"] is None for chunk in data(response))
        assert (await ask(chat, **faulty("no_finish"))).choices[0].finish_reason is None

    talk(story)


def test_an_error_without_its_envelope_raises_nothing_in_the_client() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        chunks = [chunk async for chunk in await ask(chat, stream=True, **faulty("flat_error"))]
        assert [chunk.choices for chunk in chunks] == [None]
        assert chunks[0].code == "Throttling"
        assert (await post(server, request(), fault="flat_error")).json()["code"] == "Throttling"
        later = data(await post(server, request(stream=True), fault="flat_error=2"))
        assert ["choices" in chunk for chunk in later] == [True, True, True, False]

    talk(story)


@pytest.mark.parametrize(
    ("name", "code"), [("stream_error", "internal_error"), ("stream_moderated", "data_inspection_failed")]
)
def test_an_error_can_come_in_a_stream_that_had_begun_well(name: str, code: str) -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        with pytest.raises(openai.APIError) as caught:
            await pieces(chat, name, said)
        assert (type(caught.value), caught.value.code, len(said)) == (openai.APIError, code, 2)
        assert (await post(server, request(), fault=name)).json()["error"]["code"] == code

    talk(story)


def test_an_error_can_come_as_if_it_were_said() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        last = data(await post(server, request(stream=True), fault="error_finish=1"))[-1]["choices"][0]
        assert last["finish_reason"] == "error_finish"
        assert last["delta"]["content"].startswith("Throttling: ")
        only = (await post(server, request(), fault="error_finish")).json()["choices"][0]
        assert (only["finish_reason"], only["message"]["content"]) == ("error_finish", last["delta"]["content"])

    talk(story)


def test_a_line_of_a_stream_can_be_no_json() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        with pytest.raises(json.JSONDecodeError):
            await pieces(chat, "malformed=1", said)
        assert len(said) == 1
        with pytest.raises(json.JSONDecodeError):
            (await post(server, request(), fault="malformed")).json()

    talk(story)


def test_an_answer_can_be_empty() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        await pieces(chat, "empty", said)
        assert said == []
        with pytest.raises(openai.APIConnectionError):
            await pieces(chat, "empty, cut", said)

    talk(story)


def test_an_answer_can_be_giant_whatever_was_asked_for() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        await pieces(chat, "giant", said, max_tokens=5)
        assert len("".join(said)) == 100_000
        assert len(await text(chat, **faulty("giant=50"))) == 50

    talk(story)


def test_an_answer_can_hold_what_is_no_text_and_no_speech() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        said: list[str] = []
        await pieces(chat, "control", said)
        assert "".join(said) == CONTROL == await text(chat, **faulty("control"))
        assert b"\\ud800" in (await post(server, request(stream=True), fault="control")).content

    talk(story)


def test_stage_directions_can_come_in_spite_of_the_bias() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        answer = await text(chat, **faulty("parentheses"), logit_bias=NO_PARENTHESES)
        assert answer.startswith("(S")
        assert all(bracket in answer for bracket in "()*（）[]【】")
        assert "book" in answer.lower()

    talk(story)


def test_a_long_bias_can_be_refused() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        assert await text(chat, **faulty("bias_refused"), logit_bias=NO_PARENTHESES)
        with pytest.raises(openai.BadRequestError, match="logit_bias"):
            await ask(chat, **faulty("bias_refused"), logit_bias=NO_PARENTHESES | {"9": -100})

    talk(story)


def test_a_client_that_goes_away_a_hundred_times_leaves_nothing_open() -> None:
    async def story(server: MockQwen, chat: openai.AsyncOpenAI) -> None:
        for _ in range(100):
            stream = await ask(chat, stream=True, **faulty("stall=1"))
            await anext(aiter(stream))
            await stream.close()
        assert await asyncio.to_thread(server.wait_until_quiet, 10)

    talk(story)
