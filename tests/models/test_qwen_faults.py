"""Every fault of the mock server leads to its behaviour, within its time limit, and is never spoken."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace

import pytest
from raw_server import raw_server

from companion.errors import Cause, NoReply
from companion.ports import Message, Prompt, Usage
from models.mock_qwen import MockQwen
from models.qwen import Limits, QwenChat
from models.qwen_stream import LONGEST_REPLY

PROMPT = Prompt([Message("system", "You are Bo."), Message("user", "What about dragons?")], seed=7, session="s")

LIMITS = Limits(connect=0.3, first_token=0.5, gap=0.3, reply=1.0, pause=0.02)

SLACK = 1.0
"""Seconds that a busy computer may take longer."""


class Outcome:
    """One reply under faults."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.usage: Usage | None = None
        self.error: NoReply | None = None
        self.seconds = 0.0
        self.requests = 0
        self.connections = 0
        self.next = ""
        """What comes after it, without a fault."""


async def ask(*faults: str, several: int = 0, limits: Limits = LIMITS) -> Outcome:
    outcome = Outcome()
    async with MockQwen([], faults=faults) as server:
        chat = QwenChat(base_url=server.base_url, key="sk-secret", model="qwen-plus-character", limits=limits)
        async with aclosing(chat):
            await chat.load()
            began = time.monotonic()
            try:
                if several:
                    outcome.texts, outcome.usage = await chat.several(PROMPT, several)
                else:
                    async with aclosing(chat.reply(PROMPT)) as pieces:
                        async for piece in pieces:
                            if isinstance(piece, Usage):
                                outcome.usage = piece
                            else:
                                outcome.texts.append(piece)
            except NoReply as error:
                outcome.error = error
            outcome.seconds = time.monotonic() - began
            outcome.requests = server.requests
            outcome.connections = server.connections
            await asyncio.to_thread(server.wait_until_quiet, 2.0)
            if not faults[outcome.requests :]:
                async with aclosing(chat.reply(PROMPT)) as pieces:
                    outcome.next = "".join([piece async for piece in pieces if isinstance(piece, str)])
    return outcome


FAULTS = [
    # fault, cause, whether words come first, requests, the longest it may take
    ("first_token=5", Cause.SLOW, False, 1, LIMITS.first_token),
    ("stall=0", Cause.SLOW, False, 1, LIMITS.first_token),
    ("stall=2", Cause.SLOW, True, 1, LIMITS.gap),
    ("keepalive=0", Cause.SLOW, False, 1, LIMITS.first_token),
    ("keepalive=2", Cause.SLOW, True, 1, LIMITS.gap),
    ("cut=2", Cause.BROKEN, True, 1, 0),
    ("no_finish", Cause.BROKEN, True, 1, 0),
    ("flat_error=2", Cause.THROTTLED, True, 1, 0),
    ("stream_error=2", Cause.BROKEN, True, 1, 0),
    ("stream_moderated=2", Cause.MODERATED, True, 1, 0),
    ("stream_moderated=0", Cause.MODERATED, False, 1, 0),
    ("error_finish=2", Cause.THROTTLED, True, 1, 0),
    ("malformed=2", Cause.BROKEN, True, 1, 0),
    ("malformed=0", Cause.BROKEN, False, 1, 0),
    ("empty", Cause.BROKEN, False, 1, 0),
    ("limit_requests, retry_after=60", Cause.THROTTLED, False, 1, 0),
]


@pytest.mark.parametrize(("fault", "cause", "begins", "requests", "longest"), FAULTS)
def test_a_fault_loses_the_turn_in_time_and_only_that_turn(
    fault: str, cause: Cause, begins: bool, requests: int, longest: float
) -> None:
    outcome = asyncio.run(ask(fault, limits=replace(LIMITS, reply=10.0)))
    assert outcome.error is not None
    assert outcome.error.cause is cause
    assert bool(outcome.texts) is begins
    assert outcome.requests == requests
    assert longest - 0.05 <= outcome.seconds <= longest + SLACK
    assert "dragons" in outcome.next.lower()
    assert not any("Throttling" in text or "error" in text for text in outcome.texts)
    assert "sk-secret" not in str(outcome.error)


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        "503",
        "504",
        "limit_requests",
        "Throttling.RateQuota",
        "limit_burst_rate",
        "insufficient_quota",
        "500, flat",
        "503, retry_after=0.1",
        "cut=0",
        "flat_error=0",
        "stream_error=0",
        "error_finish=0",
    ],
)
def test_what_may_pass_is_asked_again_before_the_first_word(fault: str) -> None:
    outcome = asyncio.run(ask(fault, fault))
    assert outcome.error is None
    assert "dragons" in "".join(outcome.texts).lower()
    assert outcome.requests == 3


def test_a_third_failure_is_the_last() -> None:
    outcome = asyncio.run(ask("503", "503", "503"))
    assert outcome.error is not None
    assert outcome.requests == 3


def test_a_pause_is_as_long_as_the_service_asks_for() -> None:
    outcome = asyncio.run(ask("limit_requests, retry_after=0.2", limits=replace(LIMITS, first_token=5.0, reply=6.0)))
    assert outcome.error is None
    assert 0.2 <= outcome.seconds <= 0.2 + SLACK


@pytest.mark.parametrize(
    "fault",
    [
        "401",
        "403",
        "404",
        "413",
        "401, flat",
        "Arrearage",
        "Arrearage, envelope",
        "data_inspection_failed",
        "DataInspectionFailed",
        "free_quota_exceeded",
        "CommodityNotPurchased",
        "PrepaidBillOverdue",
        "PostpaidBillOverdue",
    ],
)
def test_what_will_not_pass_is_asked_once(fault: str) -> None:
    outcome = asyncio.run(ask(fault))
    assert outcome.error is not None
    moderated = "nspection" in fault
    assert outcome.error.cause is (Cause.MODERATED if moderated else Cause.REFUSED)
    assert outcome.requests == 1
    assert "dragons" in outcome.next.lower()


def test_a_reply_that_trickles_without_a_gap_is_given_up_in_the_end() -> None:
    outcome = asyncio.run(ask("trickle=0.2", limits=replace(LIMITS, reply=0.5)))
    assert outcome.error is not None
    assert outcome.error.cause is Cause.SLOW
    assert outcome.texts
    assert outcome.seconds <= 0.5 + SLACK


def test_a_giant_reply_is_cut() -> None:
    assert len("".join(asyncio.run(ask("giant")).texts)) == LONGEST_REPLY


def test_half_a_character_is_replaced() -> None:
    outcome = asyncio.run(ask("control"))
    assert outcome.error is None
    "".join(outcome.texts).encode()


def test_a_reply_is_whole_without_its_usage_and_the_end_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.qwen_limits.ENDING_SECONDS", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        data = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello."}, "finish_reason": "stop"}]}\n\n'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + data)
        await reader.read()

    async def silent() -> list[str]:
        async with raw_server(serve) as url:
            chat = QwenChat(
                base_url=url, key="sk-x", model="qwen-plus-character", limits=replace(LIMITS, gap=60.0, reply=60.0)
            )
            async with asyncio.timeout(5.0), aclosing(chat), aclosing(chat.reply(PROMPT)) as pieces:
                return [piece async for piece in pieces if isinstance(piece, str)]

    assert asyncio.run(silent()) == ["Hello."]


@pytest.mark.parametrize(
    ("fault", "cause", "longest"),
    [
        ("stall=0", Cause.SLOW, LIMITS.reply),
        ("keepalive=0", Cause.SLOW, LIMITS.reply),
        ("cut=0", Cause.BROKEN, 0),
        ("error_finish=0", Cause.THROTTLED, 0),
        ("malformed", Cause.BROKEN, 0),
        ("empty", Cause.BROKEN, 0),
        ("stream_error", Cause.BROKEN, 0),
        ("flat_error", Cause.THROTTLED, 0),
        ("503", Cause.BROKEN, 0),
        ("401", Cause.REFUSED, 0),
        ("data_inspection_failed", Cause.MODERATED, 0),
    ],
)
def test_several_replies_fail_like_one(fault: str, cause: Cause, longest: float) -> None:
    outcome = asyncio.run(ask(fault, fault, fault, several=2))
    assert outcome.error is not None
    assert outcome.error.cause is cause
    assert outcome.seconds <= longest + SLACK
    assert outcome.requests <= 3


def test_the_watchdogs_are_those_of_the_issue() -> None:
    assert Limits() == Limits(connect=3.0, first_token=6.0, gap=5.0, reply=30.0, pause=0.5)


def test_a_service_that_is_not_there_is_unreachable_after_a_few_attempts() -> None:
    async def nobody() -> NoReply:
        chat = QwenChat(base_url="http://127.0.0.1:9/v1", key="sk-x", model="m", limits=replace(LIMITS, pause=0.01))
        async with aclosing(chat):
            with pytest.raises(NoReply) as failure:
                await chat.several(PROMPT, 1)
        return failure.value

    assert asyncio.run(nobody()).cause is Cause.UNREACHABLE
