"""This file measures, on this machine, what stays the same over a long conversation: its connection to the service, and
its memory.

The conversation is the product's, in simulated time, with the real client over real HTTP; ears that follow a script and
the embedded voice, for the models neither connect nor remember.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from companion.audio import Audio
from companion.bench import Measured, said
from companion.bench_talk import QUESTION, Heard, talk
from companion.bench_turn import bench_character, chat_with
from companion.ports import Event
from companion.worktime import HeldChat, HeldVoice

if TYPE_CHECKING:
    from device.simulated import World

TURNS: Final = 200

SETTLED: Final = 100
"""Turns after which all is loaded, the history is full, and the mock server keeps as many requests as it ever does."""


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
    from models.espeak import EspeakVoice
    from models.mock_qwen import MockQwen

    character = bench_character()
    async with MockQwen([character]) as server:
        chat = chat_with(server)
        connections: list[int] = []
        memory: list[float] = []

        def notice(event: Event, heard: Heard) -> None:
            if event.name == "turn":
                connections.append(server.connections)
                memory.append(_megabytes())

        voice = HeldVoice(EspeakVoice(character.espeak), world)
        try:
            await talk(world, question, turns, HeldChat(chat, world), voice, notice)
        finally:
            await chat.aclose()
        return connections, memory


def _megabytes() -> float:
    """In memory now, of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
