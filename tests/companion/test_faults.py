"""What goes wrong at the service, from the user's side: the toy says something fit to be heard, and the next turn
works. The client is the real one, the service the mock, over real HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scene import Scene, Shout, bo

from companion.worktime import HeldChat
from models.mock_qwen import MockQwen
from models.qwen import Limits, QwenChat

QUICK = Limits(first_token=0.3, gap=0.3, reply=1.5, connect=1.0, pause=0.01)
"""Seconds; a twentieth of what people are made to wait at most."""

CHARACTER = bo(
    rehearsal=[{"hears": [], "says": ["{topic} are what I like best. And so do you, I think."]}],
    apologies={"lost": ["Lost."], "moderated": ["Something else."], "refused": ["Ask them."], "slow": ["Slow."]},
)


@contextmanager
def mock(*faults: str | None) -> Iterator[MockQwen]:
    server = MockQwen([CHARACTER], faults=faults)
    asyncio.run(server.__aenter__())
    try:
        yield server
    finally:
        asyncio.run(server.__aexit__())


def conversation(server: MockQwen) -> Scene:
    """Two turns: dragons, then whales."""
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["dragons", "whales"],
        character=CHARACTER,
        chat=lambda world: HeldChat(
            QwenChat(base_url=server.base_url, key="sk-x", model="qwen-flash-character", limits=QUICK), world
        ),
    )
    chat = scene.chat

    async def act() -> None:
        await scene.user.done()
        await chat._chat.aclose()  # type: ignore[attr-defined]

    scene.play(until=act)
    return scene


REPLY = "whales are what i like best. and so do you, i think."

FAULTS = {
    "first_token=10": "slow",
    "stall=0": "slow",
    "keepalive=0": "slow",
    "empty": "broken",
    "malformed=0": "broken",
    "data_inspection_failed": "moderated",
    "DataInspectionFailed": "moderated",
    "Arrearage": "refused",
    "401": "refused",
    "403": "refused",
    "CommodityNotPurchased": "refused",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_turn_that_cannot_be_answered_gets_an_apology_and_the_next_one_works(fault: str) -> None:
    with mock(fault, None, None) as server:
        scene = conversation(server)
    said = [(event.fields["kind"], event.fields["text"]) for event in scene.told("said")][1:]
    assert [kind for kind, _ in said] == ["apology", "reply"]
    assert said[1][1].lower() == REPLY
    assert [event.fields["kind"] for event in scene.told("fault")] == [FAULTS[fault]]
    assert "dragons" not in str(scene.history.spoken), "the lost turn is not remembered"


@pytest.mark.parametrize(
    "fault",
    [
        "503",
        "500, retry_after=0",
        "504",
        "limit_requests, retry_after=0",
        "Throttling.RateQuota",
        "flat_error=0",
        "stream_error=0",
    ],
)
def test_what_can_be_asked_again_is_and_nobody_notices(fault: str) -> None:
    with mock(fault, None, None) as server:
        scene = conversation(server)
    assert [event.fields["kind"] for event in scene.told("said")] == ["opening", "reply", "reply"]
    assert scene.told("fault") == []


@pytest.mark.parametrize(
    "fault", ["stall=2", "cut=2", "stream_error=2", "malformed=2", "error_finish=2", "no_finish", "keepalive=2"]
)
def test_a_reply_that_breaks_off_is_gone_on_with_and_no_error_is_spoken(fault: str) -> None:
    with mock(fault, None, None) as server:
        scene = conversation(server)
    replies = [event.fields for event in scene.told("said") if event.fields["kind"] == "reply"]
    assert replies[-1]["text"].lower() == REPLY
    assert replies[0]["text"].lower().startswith("dragons are")
    everything = " ".join(event.fields["text"] for event in scene.told("said")).lower()
    for nonsense in ("error", "throttling", "{", "keep-alive"):
        assert nonsense not in everything


@pytest.mark.parametrize("fault", ["giant", "control", "parentheses"])
def test_a_reply_that_is_too_much_is_spoken_clean_and_bounded(fault: str) -> None:
    with mock(fault, None, None) as server:
        scene = conversation(server)
    reply = next(event.fields["text"] for event in scene.told("said") if event.fields["kind"] == "reply")
    assert len(reply) < 8_000
    assert not set("()*\x00\x1b") & set(reply)
    assert "http" not in reply
    assert scene.told("said")[-1].fields["text"].lower() == REPLY
