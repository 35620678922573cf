"""This file lets somebody ask the product one question over and over, in simulated time: for figures that take many
turns."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Final

from companion.audio import Audio
from companion.bench_turn import bench_character, hearing_with, put_together, staged
from companion.ports import ChatModel, Event, Voice
from companion.tasks import first_of
from companion.worktime import HeldTranscriber

if TYPE_CHECKING:
    from device.simulated import World

QUESTION: Final = "Why is the moon so yellow tonight?"

Heard = list[tuple[float, Audio]]
"""What sounded: when each piece began, in seconds of the world, and the piece."""


async def talk(
    world: World,
    question: Audio,
    turns: int,
    chat: ChatModel,
    voice: Voice,
    notice: Callable[[Event, Heard], None],
) -> None:
    """Let a user ask so often; the ears follow the script. `notice` is told what happens, and what sounded since it
    was told last."""
    from models.scripted import ScriptedTranscriber

    scene = staged(world, [question] * turns)
    transcriber = ScriptedTranscriber(repeat(QUESTION, turns))

    def observe(event: Event) -> None:
        notice(event, list(scene.speaker.heard))
        scene.speaker.heard.clear()  # which it keeps for files and tests; here it would look like a leak
        transcriber.heard.clear()

    hearing = hearing_with(HeldTranscriber(transcriber, world))
    life = put_together(bench_character(), scene.body, hearing, chat, voice, observe)
    async with world.turning():
        await first_of(life.live(), scene.user.done())
