"""This file measures, on this machine, whether a reply sounds without gaps where the voice is slow.

The product speaks many replies in simulated time, with a Piper voice of the real shape and random weights. What each
piece of sound costs this machine's processor is multiplied until whole sentences take so much of the time that they
sound; that is how long the simulated toy waits for the piece.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from companion.audio import Audio
from companion.bench import Measured, said
from companion.bench_talk import QUESTION, Heard, talk
from companion.bench_turn import TOKENS_PER_SECOND
from companion.ports import Event, Voice
from companion.simulation import sound_of
from companion.timed import STOCK_SECONDS

if TYPE_CHECKING:
    from device.simulated import World

REPLIES: Final = 50

SLOW, SLOWER = 0.36, 0.8
"""Real-time factors: of a medium voice on a Raspberry Pi 4, and of one that must keep a stock."""

SENTENCES: Final = (
    "Yes!",
    "Oh no.",
    "I do not know.",
    "That is a very good question.",
    "Shall we look at it together, you and I?",
    "When it has climbed up high it is all alone, and then it seems small.",
    "It only looks so big, because there are trees and houses beside it to compare it with.",
    "Once, long before anybody had a lamp, people sat outside in the evening and told each other what they saw in it.",
    "Some said it was a rabbit with long ears, some an old man with a bundle of wood on his back, and some a woman who "
    "reads a book by the light of a candle, and all of them were sure that they were right.",
)
"""From half a second to twelve."""

MOST_SENTENCES: Final = 4
"""Of a reply."""

GAP_SECONDS: Final = 0.05
"""Shorter silences are not counted: so long is any p or t, and the pause after "Yes!" longer."""

MEASURED_WITH: Final = SENTENCES[3]
"""What is said to measure how fast this machine is; about 2 s."""

LATELY: Final = 5
"""Measurements whose median counts."""

_TOKEN: Final = re.compile(r".{1,4}", re.DOTALL)
"""About as much as one holds."""


def measure(replies: int = REPLIES) -> list[Measured]:
    """In how many places so many replies are silent where they should sound. Takes about three minutes. Raises
    NoVoice."""
    with TemporaryDirectory() as folder:
        spoken = _Spoken(Path(folder), replies)
        return [
            Measured.of(
                "9_gaps_in_50_replies",
                f"gaps in {replies} replies of a voice that takes {SLOW:g} s for a second of sound",
                [spoken.gaps(SLOW)],
                "",
            ),
            Measured.of(
                "gaps_of_a_slower_voice",
                f"gaps in {replies} replies of a voice that takes {SLOWER:g} s, and begins with {STOCK_SECONDS:g} s",
                [spoken.gaps(SLOWER)],
                "",
            ),
        ]


class _Spoken:
    """Replies that are spoken on a machine as slow as one likes."""

    def __init__(self, folder: Path, replies: int) -> None:
        """With a voice made in `folder`."""
        from models.piper import Piper
        from models.random_piper import random_piper

        chance = random.Random(0)
        self._replies = [
            " ".join(chance.choices(SENTENCES, k=chance.randint(1, MOST_SENTENCES))) for _ in range(replies)
        ]
        self._onnx = random_piper(folder)
        self._cuts = folder / "cuts"
        self._question = asyncio.run(said(QUESTION))
        asyncio.run(Piper(self._onnx, cuts=self._cuts).load())  # which cuts it

    def gaps(self, factor: float) -> int:
        """How many there are on a machine of this real-time factor."""
        from device.simulated import World
        from models.piper import Piper
        from models.scripted import ScriptedChat

        world = World()
        slowness = _Slowness(Piper(self._onnx), factor)
        voice = _Slow(Piper(self._onnx, cuts=self._cuts, timer=slowness.timer), world, slowness)
        chat = ScriptedChat(
            [_TOKEN.findall(reply) for reply in self._replies], clock=world, delay=1 / TOKENS_PER_SECOND
        )
        gaps = _Gaps()
        with asyncio.Runner(loop_factory=world.event_loop) as runner:
            runner.run(talk(world, self._question, len(self._replies), chat, voice, gaps.notice))
        return gaps.count


class _Slowness:
    """By how much slower than this machine the other one is: measured again and again, because this one is not always
    as fast."""

    def __init__(self, whole: Voice, factor: float) -> None:
        """`whole`: the voice that makes whole sentences, of which `factor` is told."""
        self._whole = whole
        self._factor = factor
        self._times: deque[float] = deque(maxlen=LATELY)
        self._passed = self._measured = 0.0

    def timer(self) -> float:
        """Seconds that have passed on the other machine, while this one did what it did."""
        now = time.process_time()
        self._passed += (now - self._measured) * median(self._times or [1.0])
        self._measured = now
        return self._passed

    async def measure(self) -> None:
        """How fast this machine is now. That takes no time on the other one."""
        began = time.process_time()
        sound = await sound_of(self._whole, MEASURED_WITH)
        self._times.append(self._factor * sound.seconds / (time.process_time() - began))
        self._measured = time.process_time()


class _Slow:
    """A Voice whose pieces take as long as on a slower machine, in simulated time."""

    def __init__(self, voice: Voice, world: World, slowness: _Slowness) -> None:
        self._voice = voice
        self._world = world
        self._slowness = slowness

    async def load(self) -> None:
        """As the engine within."""
        with self._world.working():
            await self._voice.load()
            for _ in range(LATELY):
                await self._slowness.measure()

    async def speak(self, text: str) -> AsyncGenerator[Audio, None]:
        """As the Voice within, later."""
        with self._world.working():
            await self._slowness.measure()
        async with aclosing(self._voice.speak(text)) as pieces:
            while True:
                began = self._slowness.timer()
                with self._world.working():
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                await self._world.sleep(self._slowness.timer() - began)
                yield piece


class _Gaps:
    """Counts where the sound of a reply is interrupted."""

    def __init__(self) -> None:
        self.count = 0
        self._ends: float | None = None

    def notice(self, event: Event, heard: Heard) -> None:
        """What sounded until this event."""
        for begins, audio in heard:
            if self._ends is not None and begins - self._ends > GAP_SECONDS:
                self.count += 1
            self._ends = begins + audio.seconds
        if event.name == "said":
            self._ends = None
