"""What is asked of the service: field by field, and what is refused before anything is sent."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from recording_server import recording_server, streamed

from companion.errors import Cause, NoReply
from companion.ports import LongTermMemory, Message, Prompt
from models.qwen import QwenChat, Sampling
from models.qwen_models import MODELS, usage
from models.qwen_request import request

PLUS = "qwen-plus-character"


def prompt(*messages: Message, **more: Any) -> Prompt:
    return Prompt(messages or (Message("user", "Hi"),), **{"seed": 1, "session": "opaque", **more})


def sent(asked: Prompt, **settings: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body as they arrive."""

    async def ask(url: str) -> None:
        chat = QwenChat(base_url=url, key="sk-x", model=PLUS, **{"spoken_bias": "off", **settings})
        async with aclosing(chat), aclosing(chat.reply(asked)) as pieces:
            async for _ in pieces:
                pass

    with recording_server(streamed("Hello.")) as server:
        asyncio.run(ask(server.base_url))
    ((_, headers, body),) = server.requests
    return headers, body


def test_only_what_was_chosen_of_the_sampling_is_sent() -> None:
    _, body = sent(prompt())
    assert set(body) == {"model", "messages", "stream", "stream_options", "seed", "max_tokens"}


def test_all_of_the_sampling_arrives() -> None:
    chosen = Sampling(0.5, 0.8, -1.0, 1.1, 30, 120, ("Bo:", "\n\n"))
    _, body = sent(prompt(), sampling=chosen)
    assert {name: body[name] for name in ("temperature", "top_p", "presence_penalty", "max_tokens", "stop")} == {
        "temperature": 0.5,
        "top_p": 0.8,
        "presence_penalty": -1.0,
        "max_tokens": 120,
        "stop": ["Bo:", "\n\n"],
    }
    assert (body["repetition_penalty"], body["top_k"]) == (1.1, 30)


@pytest.mark.parametrize(
    ("name", "values", "bounds"),
    [
        ("temperature", [-0.1, 2, 2.5, float("nan"), "1", True], "[0, 2)"),
        ("top_p", [0, 1.01, -1], "(0, 1]"),
        ("presence_penalty", [-2.1, 2.1], "[-2, 2]"),
        ("repetition_penalty", [0, -1, float("inf")], "above 0"),
        ("top_k", [-1, 1.5], "from 0"),
        ("max_tokens", [0, 4097, 1.5], "[1, 4096]"),
        ("stop", ["", ("a", "")], "not empty"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(name: str, values: list[Any], bounds: str) -> None:
    for value in values:
        if value == "":
            continue  # no stop at all
        with pytest.raises(ValueError, match=name) as failure:
            Sampling(**{name: value})
        assert bounds in str(failure.value)


def test_the_ends_of_the_ranges_are_good() -> None:
    Sampling(temperature=0, top_p=1, presence_penalty=-2, repetition_penalty=0.01, top_k=0, max_tokens=4096)
    Sampling(temperature=1.99, presence_penalty=2, max_tokens=1)


def test_a_reply_longer_than_the_models_longest_is_refused() -> None:
    japanese = {"base_url": "http://127.0.0.1:9/v1", "key": "k", "model": "qwen-plus-character-ja"}
    QwenChat(**japanese, sampling=Sampling(max_tokens=512))
    with pytest.raises(ValueError, match=r"\[1, 512\]"):
        QwenChat(**japanese, sampling=Sampling(max_tokens=513))


def test_only_the_last_message_is_marked_partial() -> None:
    _, body = sent(prompt(Message("user", "Cheng Yi: Hi"), Message("assistant", "Ling Lu:", partial=True)))
    assert body["messages"] == [
        {"role": "user", "content": "Cheng Yi: Hi"},
        {"role": "assistant", "content": "Ling Lu:", "partial": True},
    ]
    _, body = sent(prompt(Message("assistant", "Half", partial=True), Message("user", "Hi")))
    assert not any("partial" in message for message in body["messages"])


def test_what_cannot_be_sent_is_replaced() -> None:
    _, body = sent(prompt(Message("user", "a\ud800b\x00c\x1bd\te\nf\r\ng\x85h\U0001f98a")))
    assert body["messages"] == [{"role": "user", "content": "a�b�c�d\te\nf\ng�h\U0001f98a"}]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (Prompt([], 1, "s"), "last message"),
        (prompt(Message("user", "Hi"), Message("assistant", "Hello.")), "last message"),
        (prompt(Message("system", "You are Bo.")), "last message"),
        (prompt(Message("wizard", "Hi"), Message("user", "Hi")), "role"),
        (prompt(seed=-1), r"\[0, 2147483647\]"),
        (prompt(seed=2**31), r"\[0, 2147483647\]"),
        (prompt(session="with space"), "ASCII"),
        (prompt(session="ü"), "ASCII"),
        (prompt(session="", memory=LongTermMemory("You are Bo.", 50)), "session"),
        (prompt(memory=LongTermMemory("You are Bo.", 5)), r"\[20, 400\]"),
        (prompt(memory=LongTermMemory("You are Bo.", 401)), r"\[20, 400\]"),
        (prompt(memory=LongTermMemory("You are Bo.", 50, ("tool",))), "system, user, assistant, output"),
    ],
)
def test_what_the_service_would_refuse_is_refused_before_it_is_asked(wrong: Prompt, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        request(PLUS, wrong, Sampling())


def test_long_term_memory_is_asked_for_as_on_the_vendors_page() -> None:
    memory = LongTermMemory("You are Jiang Rang\ud800.", 50, ("system", "output"))
    headers, body = sent(prompt(memory=memory))
    assert headers["x-dashscope-aca-session"] == "opaque"
    assert body["character_options"] == {
        "profile": "You are Jiang Rang�.",
        "memory": {
            "enable_long_term_memory": True,
            "memory_entries": 50,
            "skip_save_types": ["system", "output"],
        },
    }


def test_without_a_session_there_is_no_header() -> None:
    headers, _ = sent(prompt(session=""))
    assert "x-dashscope-aca-session" not in headers


def answer(*texts: str | None, finish: str = "stop") -> dict[str, Any]:
    """A whole answer, its choices in reverse."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for index, text in enumerate(texts)
    ]
    counted = {"prompt_tokens": 130, "completion_tokens": 85, "prompt_tokens_details": {"cached_tokens": 100}}
    return {"choices": choices[::-1], "usage": counted}


async def several(url: str, count: int) -> Any:
    async with aclosing(QwenChat(base_url=url, key="sk-x", model=PLUS, spoken_bias="off")) as chat:
        return await chat.several(prompt(), count)


def test_several_replies_come_in_their_order_and_with_their_cost_together() -> None:
    with recording_server((200, {}, answer("One.", "Two."))) as server:
        texts, cost = asyncio.run(several(server.base_url, 2))
    assert texts == ["One.", "Two."]
    assert (cost.prompt_tokens, cost.completion_tokens, cost.cached_tokens) == (130, 85, 100)
    assert cost.cost_usd == pytest.approx(130 * 0.5e-6 + 85 * 1.4e-6)
    ((_, _, body),) = server.requests
    assert body["n"] == 2
    assert "stream" not in body
    assert "stream_options" not in body


def test_one_reply_is_asked_for_without_n_which_not_every_model_knows() -> None:
    with recording_server((200, {}, answer("One."))) as server:
        assert asyncio.run(several(server.base_url, 1))[0] == ["One."]
    assert "n" not in server.requests[0][2]


@pytest.mark.parametrize("count", [0, 5, -1, 1.5, True])
def test_as_many_as_the_service_does_not_give_are_refused(count: Any) -> None:
    with pytest.raises(ValueError, match=r"\[1, 4\]"):
        asyncio.run(several("http://127.0.0.1:9/v1", count))


def test_a_model_that_gives_only_one_is_named() -> None:
    refusal = {"error": {"code": "invalid_parameter_error", "message": "Range of n should be [1, 1]"}}
    with recording_server((400, {}, refusal)) as server, pytest.raises(NoReply) as failure:
        asyncio.run(several(server.base_url, 3))
    assert failure.value.cause is Cause.REFUSED
    assert PLUS in str(failure.value)
    assert "3 replies" in str(failure.value)


@pytest.mark.parametrize(
    "body", [answer("", None), answer(), {"choices": None}, {"choices": [7]}, [], {"choices": [{"message": "Hi"}]}]
)
def test_an_answer_without_a_reply_cannot_be_used(body: Any) -> None:
    with recording_server((200, {}, body)) as server, pytest.raises(NoReply) as failure:
        asyncio.run(several(server.base_url, 2))
    assert failure.value.cause is Cause.BROKEN


@pytest.mark.parametrize(("model", "row"), MODELS.items())
def test_a_cost_is_that_of_the_table_as_if_nothing_had_been_cached(model: str, row: Any) -> None:
    counted = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "prompt_tokens_details": {"cached_tokens": 10**6}}
    assert usage(model, counted).cost_usd == pytest.approx(row.usd_per_million_in + row.usd_per_million_out)


def test_what_was_not_counted_is_nothing() -> None:
    assert usage(PLUS, {"prompt_tokens": None, "prompt_tokens_details": None}).cost_usd == 0
    assert usage("unheard-of", {"prompt_tokens": 5}).cost_usd == 0
