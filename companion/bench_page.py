"""This file measures, on this machine, whether one waits at the page as long as the loop says: in a real browser, which
records what its page plays.

The conversation is the product's, in real time, with the real client over real HTTP; ears that follow a script and the
embedded voice, for neither makes a difference here.
"""

from __future__ import annotations

import asyncio
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from companion.audio import RATE, Audio, Samples
from companion.bench import Measured, said
from companion.bench_turn import bench_character, chat_with, hearing_with, put_together
from companion.bodies import Body
from companion.ports import Event
from companion.tasks import first_of

if TYPE_CHECKING:
    from device.chromium import Chromium

TURNS: Final = 7

QUESTION: Final = "What time is it?"

POLITE_SECONDS: Final = 1.0
"""Between an answer and the next question."""

AUDIBLE: Final = 100
"""Of a sample, of 32768."""

LAST_SOUND: Final = -45.0
"""dBFS of 10 ms with which a recording's last word ends."""


def measure(turns: int = TURNS) -> tuple[list[Measured], list[str]]:
    """By how much the answer is heard later at the page than the loop says; and why that cannot be measured here, in a
    sentence. Takes about a minute. Raises NoVoice."""
    from device.chromium import chromium, missing

    if reason := missing():
        return [], [f"The page is not measured: {reason}"]
    question = asyncio.run(said(QUESTION))
    with chromium() as browser, TemporaryDirectory() as folder:
        later = asyncio.run(_later(browser, Path(folder), question, turns))
    what = "from where the loop says that the answer is heard to where the page plays it"
    return [Measured.of("16_page_after_loop_ms", what, [1000 * seconds for seconds in later], "ms", digits=0)], []


def last_sound(samples: Samples) -> float:
    """When the last word of a recording at `RATE` ends, in seconds."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(float)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) > 32_768 * 10 ** (LAST_SOUND / 20))
    return float(loud[-1] + 1) * 160 / RATE


def waited(page: Any, browser: Chromium, ended: float) -> float:
    """Seconds from the end of what was said, `ended` seconds into the recording that was dropped last, to the first
    sound of the answer; in the browser's thread, after the answer."""
    from device.chromium import ROOM_RATE

    since = page.evaluate("started - began") + ended
    loud = np.flatnonzero(np.abs(browser.heard(page)[round(since * ROOM_RATE) :].astype(int)) > AUDIBLE)
    return float(loud[0]) / ROOM_RATE


async def _later(browser: Chromium, folder: Path, question: Audio, turns: int) -> list[float]:
    """For each turn: seconds by which the page is later than the loop."""
    from device.browser import Browser
    from device.wall_clock import WallClock
    from device.wav import save
    from models.espeak import EspeakVoice
    from models.mock_qwen import MockQwen
    from models.scripted import ScriptedTranscriber

    recording = folder / "question.wav"
    save(recording, [question, Audio.silence(0.5)])
    character, toy = bench_character(), Browser(WallClock())
    opened = asyncio.Event()
    told: asyncio.Queue[float] = asyncio.Queue()
    later: list[float] = []

    def notice(event: Event) -> None:
        if event.name == "said":
            opened.set()
        elif event.name == "turn":
            told.put_nowait(event.fields["voice_to_voice"])

    async def talk(page: Any) -> None:
        await opened.wait()
        for _ in range(turns):
            await asyncio.sleep(POLITE_SECONDS)
            await asyncio.wrap_future(browser.do(page.locator("#file").set_input_files, str(recording)))
            loop = await told.get()
            seen = await asyncio.wrap_future(browser.do(waited, page, browser, last_sound(question.samples)))
            later.append(seen - loop)

    async with MockQwen([character]) as server:
        chat = chat_with(server)
        await toy.open()
        try:
            toy.introduce(called="open", who="bench", known=[], engines=[], stages=[])
            page = await asyncio.wrap_future(browser.do(_awake, browser, toy.url))
            life = put_together(
                character,
                Body(toy.clock, toy.microphone, toy.speaker, toy.light, toy.button),
                hearing_with(ScriptedTranscriber(repeat(QUESTION, 100 * turns))),
                chat,
                EspeakVoice(character.espeak),
                notice,
            )
            await first_of(life.live(), talk(page))
        finally:
            await toy.close()
            await chat.aclose()
    return later


def _awake(browser: Chromium, url: str) -> Any:
    return browser.wake(browser.page(url, ear=True, reduced_motion="reduce"))
