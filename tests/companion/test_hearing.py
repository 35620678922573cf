"""What a toy is interrupted by follows from its settings, and from what can be loaded."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import pytest

from companion import character
from companion.echo import UNKNOWN, Interruptible
from companion.hearing import Hearing, hearing
from companion.ports import Event
from companion.settings import Body, Settings
from companion.simulation import simulation
from device.simulated import World
from models.kalman_canceller import KalmanCanceller
from models.webrtc_canceller import WebrtcCanceller


def heard_with(echo: str) -> Hearing:
    return hearing(Settings(body=Body(echo=echo)), [character.load("pip")], "open")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("echo", "kind"), [("auto", KalmanCanceller), ("kalman", KalmanCanceller), ("webrtc", WebrtcCanceller)]
)
def test_a_canceller_is_chosen_and_has_still_to_be_measured(echo: str, kind: type) -> None:
    heard = heard_with(echo)
    assert isinstance(heard.canceller, kind)
    assert heard.interruptible is UNKNOWN


@pytest.mark.parametrize(("echo", "how"), [("hardware", Interruptible.FULL), ("none", Interruptible.BUTTON)])
def test_without_a_canceller_the_settings_say_how_it_is_interrupted(echo: str, how: Interruptible) -> None:
    heard = heard_with(echo)
    assert heard.canceller is None
    assert heard.interruptible.how is how


def test_a_canceller_that_cannot_be_loaded_leaves_the_button_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "livekit.rtc", None)
    heard = heard_with("webrtc")
    assert heard.canceller is None
    assert heard.interruptible.how is Interruptible.BUTTON
    assert "install livekit" in heard.interruptible.why


def test_that_only_its_button_interrupts_it_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    monkeypatch.setattr("companion.simulation.ALONE", replace(UNKNOWN, how=Interruptible.BUTTON, why="a test"))

    async def look() -> None:
        made = simulation(Settings(), [character.load("pip")], [], world=World(), seed=0, observers=[events.append])
        async with made:
            pass

    asyncio.run(look())
    assert [event.fields["text"] for event in events if event.name == "echo"] == ["a test"]
