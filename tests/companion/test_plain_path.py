"""What makes the toy fast changes nothing of what it hears and says: the same conversation the plain way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from toy_models import toy_whisper

from companion import character
from companion.conversation import Conversation
from companion.ports import Event
from companion.settings import Settings
from companion.simulation import recording, simulation
from device.simulated import World
from models.piper import Piper
from models.random_piper import SMALL, random_piper
from models.whisper import WhisperTranscriber

SPEECH = Path(__file__).parents[1] / "speech"

HEARD = "Tell me something about the moon, please."

TIMES = ("at", "stages", "voice_to_voice")
"""What may differ: how long it took."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    toy_whisper(folder / "whisper" / "toy", HEARD)
    random_piper(folder / "piper", shape=SMALL)
    return folder


def conversation(store: Path) -> list[tuple[str, dict[str, Any]]]:
    """The journal of two questions and their answers, without times."""
    settings = Settings.model_validate({"models": {"store": store}, "ears": {"engine": "whisper"}})
    lines = [recording(SPEECH / name)[0] for name in ("hello-rms.wav", "story-moon-awb.wav")]
    world = World(longest=300)
    events: list[Event] = []

    async def converse() -> None:
        scene = simulation(settings, [character.load("otto")], lines, world=world, seed=3, observers=[events.append])
        async with scene as simulated:
            await simulated.run()

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        runner.run(converse())
    return [
        (event.name, {name: value for name, value in event.fields.items() if name not in TIMES})
        for event in events
        if event.name != "ready"
    ]


def test_a_fast_toy_hears_and_says_the_same_in_the_same_order_as_a_plain_one(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = conversation(store)
    with monkeypatch.context() as plain:
        plain.setattr(Conversation, "_begin", lambda *_: None)  # nothing is asked before the user has finished
        plain.setattr(WhisperTranscriber, "_shortened", lambda *_: None)  # every clip is read as if it had 30 s
        plain.setattr(Piper, "_cut", lambda _: None)  # every sentence is made whole
        slow = conversation(store)
    assert [fields["text"] for name, fields in fast if name == "heard"] == [HEARD, HEARD]
    assert sum(name == "turn" for name, _ in fast) == 2
    assert fast == slow
