"""Restricting output: which tokens are banned, what happens when the service does not take or keep to it."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from recording_server import recording_server, streamed

from companion.ports import Message, Prompt
from models.mock_qwen import MockQwen
from models.qwen import QwenChat
from models.spoken_bias import OFF, chosen

PROMPT = Prompt([Message("system", "You are Bo."), Message("user", "What about dragons?")], seed=7, session="s")

MODEL = "qwen-plus-character"


def test_prose_bans_what_the_vendors_thirteen_do_and_fills_their_holes() -> None:
    prose, vendor = chosen("prose"), chosen("vendor")
    assert len(vendor.weights) == 13
    assert len(prose.weights) == 300
    assert set(vendor.weights) < set(prose.weights)
    assert {"3759", "9", "353", "334", "3070", "12210", "17160", "10904", "33576"} <= set(prose.weights)
    assert set(prose.weights.values()) == {-100}
    assert (prose.banned, vendor.banned, OFF.banned) == ("()（）*【", "()（）", "")


def test_own_tokens_have_own_weights() -> None:
    own = chosen({7: -100, "8": 50.5, 42: 100})
    assert own.weights == {"7": -100, "8": 50.5, "42": 100}
    assert own.banned == "("


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({7: 101}, r"\[-100, 100\]"),
        ({7: -100.5}, r"\[-100, 100\]"),
        ({7: float("nan")}, r"\[-100, 100\]"),
        ({7: "no"}, r"\[-100, 100\]"),
        ({"seven": 1}, "whole number"),
        ({-7: 1}, "whole number"),
        ("poetry", '"prose", "vendor", "off"'),
    ],
)
def test_a_wrong_choice_is_refused_with_what_is_right(wrong: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        QwenChat(base_url="http://127.0.0.1:9/v1", key="k", model=MODEL, spoken_bias=wrong)


def talk(url: str, turns: int = 1, **settings: Any) -> list[str]:
    """What is warned of while there are so many turns."""
    warnings: list[str] = []

    async def ask() -> None:
        chat = QwenChat(base_url=url, key="sk-x", model=MODEL, warn=warnings.append, **settings)
        async with aclosing(chat):
            for _ in range(turns):
                async with aclosing(chat.reply(PROMPT)) as pieces:
                    assert [piece async for piece in pieces]

    asyncio.run(ask())
    return warnings


def test_switched_off_none_is_sent() -> None:
    with recording_server() as server:
        talk(server.base_url, spoken_bias="off")
    assert "logit_bias" not in server.requests[0][2]


REFUSAL = (400, {}, {"error": {"code": "invalid_parameter_error", "message": "logit_bias has too many entries"}})


def test_a_bias_that_is_refused_gives_way_to_the_vendors_for_good_and_with_one_warning() -> None:
    with recording_server(REFUSAL, streamed("Hello.")) as server:
        warnings = talk(server.base_url, turns=3)
    sizes = [len(body["logit_bias"]) for _, _, body in server.requests]
    assert sizes == [300, 13, 13, 13]
    assert len(warnings) == 1
    assert "13 tokens" in warnings[0]


def test_where_not_even_the_vendors_is_taken_the_toy_does_without() -> None:
    with recording_server(REFUSAL, REFUSAL, streamed("Hello.")) as server:
        warnings = talk(server.base_url, turns=2)
    assert [len(body.get("logit_bias", ())) for _, _, body in server.requests] == [300, 13, 0, 0]
    assert len(warnings) == 2


def test_the_mock_server_refuses_a_long_bias_as_the_service_might() -> None:
    async def ask() -> tuple[list[str], list[int]]:
        warnings: list[str] = []
        async with MockQwen([], faults=["bias_refused"]) as server:
            async with aclosing(
                QwenChat(base_url=server.base_url, key="sk-x", model=MODEL, warn=warnings.append)
            ) as chat:
                assert (await chat.several(PROMPT, 2))[0]
            return warnings, [len(one.body["logit_bias"]) for one in server.received]

    warnings, sizes = asyncio.run(ask())
    assert sizes == [300, 13]
    assert len(warnings) == 1


def test_a_banned_character_that_arrives_all_the_same_is_warned_of_once() -> None:
    with recording_server(streamed("Well (", "smiles) yes.")) as server:
        warnings = talk(server.base_url, turns=3)
    assert len(warnings) == 1
    assert "the filter takes it out" in warnings[0]


def test_what_was_not_banned_is_not_warned_of() -> None:
    with recording_server(streamed("Well (smiles) *yes* 【no】.")) as server:
        assert talk(server.base_url, spoken_bias="off") == []
        assert talk(server.base_url, spoken_bias={42: -100}) == []
