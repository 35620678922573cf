"""This file measures, on this machine, what stays the same over a long conversation: its connection to the service, and
its memory.

The conversation is the product's, in simulated time, with the real client over real HTTP; ears that follow a script and
the embedded voice, for the models neither connect nor remember.
"""

from __future__ import annotations

import asyncio
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from companion.audio import Audio
from companion.bench import Measured, said
from companion.bench_turn import bench_character, chat_with, hearing_with, put_together
from companion.bodies import Body
from companion.ports import Event
from companion.tasks import first_of
from companion.worktime import HeldChat, HeldTranscriber, HeldVoice

if TYPE_CHECKING:
    from device.simulated import World

TURNS: Final = 200

SETTLED: Final = 100
"""Turns after which all is loaded, the history is full, and the mock server keeps as many requests as it ever does."""

QUESTION: Final = "Why is the moon so yellow tonight?"


def measure(turns: int = TURNS) -> list[Measured]:
    """How often the product connects in later turns, and by how much its memory grows. Takes about a minute. Raises
    NoVoice."""
    from device.simulated import World

    world = World()
    question = asyncio.run(said(QUESTION))
    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        connections, memory = runner.run(_talk(world, question, turns))
    settled = np.asarray(memory[min(SETTLED, len(memory) // 2) :])
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0]) * 100
    later = (connections[-1] - connections[0]) / (len(connections) - 1)
    return [
        Measured.of("10_new_connections_per_later_turn", f"connections opened in {turns} turns", [later], "a turn"),
        Measured.of("15_rss_slope_mb_per_100_turns", f"memory that {turns} turns add", [slope], "MB/100", digits=3),
    ]


async def _talk(world: World, question: Audio, turns: int) -> tuple[list[int], list[float]]:
    """After each turn: connections so far, and MB in memory."""
    from device.recording import SpokenText
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from device.simulated_button import SimulatedButton
    from models.espeak import EspeakVoice
    from models.mock_qwen import MockQwen
    from models.scripted import ScriptedTranscriber

    character = bench_character()
    async with MockQwen([character]) as server:
        chat = chat_with(server)
        light, speaker = SimulatedLight(world), SimulatedSpeaker(world)
        user = ScriptedUser([SpokenText("", question) for _ in range(turns)], light, np.random.default_rng(0))
        connections: list[int] = []
        memory: list[float] = []

        def notice(event: Event) -> None:
            if event.name == "turn":
                connections.append(server.connections)
                memory.append(_megabytes())

        transcriber = ScriptedTranscriber(repeat(QUESTION, turns))
        hearing = hearing_with(HeldTranscriber(transcriber, world))
        body = Body(world, SimulatedMicrophone(world, user.sounds), speaker, light, SimulatedButton())
        voice = HeldVoice(EspeakVoice(character.espeak), world)
        life = put_together(character, body, hearing, HeldChat(chat, world), voice, notice)

        def forget(_: float) -> None:
            speaker.heard.clear()  # which they keep for files and tests; here it would look like a leak
            transcriber.heard.clear()

        world.add(forget)
        try:
            async with world.turning():
                await first_of(life.live(), user.done())
        finally:
            await chat.aclose()
        return connections, memory


def _megabytes() -> float:
    """In memory now, of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
