"""The real microphone, in front of a sound server that stands in for the card."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
import soxr
from in_use import captured, in_use, read
from likeness import babble, likeness, place
from sound_server import sound_here

import device.microphone
from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from companion.errors import DeviceError
from device import sound_cards
from device.microphone import SoundCardMicrophone
from device.sound_cards import Format, PortAudio
from device.sound_server import CARD, ECHO, MICROPHONE, SoundServer
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock

Result = TypeVar("Result")


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_here() as made:
        yield made


async def hear(microphone: SoundCardMicrophone, saying: Awaitable[None]) -> list[Frame]:
    """What is captured until something was said, and a little longer."""
    said = asyncio.ensure_future(saying)
    frames = []
    while not said.done():
        frames.append(await microphone.read())
    return frames + await read(microphone, 0.2)


def with_microphone(use: Callable[[SoundCardMicrophone], Awaitable[Result]]) -> Result:
    return in_use(SoundCardMicrophone(WallClock(), PortAudio(), CARD), use)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1), (48_000, 2)])
def test_every_sample_is_captured_whatever_the_card_natively_does(
    server: SoundServer, monkeypatch: pytest.MonkeyPatch, rate: int, channels: int
) -> None:
    natively = sound_cards._format
    monkeypatch.setattr(
        sound_cards, "_format", lambda sd, line: Format(natively(sd, line).device, CARD, rate, channels)
    )
    said = babble(0.6)

    async def listen(microphone: SoundCardMicrophone) -> list[Frame]:
        await microphone.read()
        frames = await hear(microphone, asyncio.to_thread(server.say, said, RATE))
        assert microphone.overflows == 0
        return frames

    frames = with_microphone(listen)
    assert likeness(captured(frames), said) > 0.99
    assert {len(frame.captured.samples) for frame in frames} == {FRAME_SAMPLES}
    ends = np.diff([frame.ends for frame in frames])
    assert (ends > 0).all()
    assert ends[10:] == pytest.approx(FRAME_SECONDS, abs=0.002)


def test_a_dead_microphone_gives_zeros_at_every_rate(server: SoundServer) -> None:
    mute = ["pactl", "set-source-mute", f"{MICROPHONE}.monitor"]
    environment = os.environ | dict(server.environment)
    subprocess.run([*mute, "1"], env=environment, check=True, timeout=10)
    try:
        frames = with_microphone(lambda microphone: read(microphone, 1.0))
    finally:
        subprocess.run([*mute, "0"], env=environment, check=True, timeout=10)
    assert not captured(frames[50:]).any(), "or nobody could tell it from a quiet room"


def test_opening_blocks_the_loop_for_less_than_50_ms(server: SoundServer) -> None:
    async def watch(microphone: SoundCardMicrophone) -> float:
        reading = asyncio.create_task(microphone.read())
        longest, last = 0.0, time.monotonic()
        while not reading.done():
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        return longest

    assert min(with_microphone(watch) for _ in range(3)) < 0.05  # a busy computer may be late once, and twice


def test_a_frame_is_dated_when_it_was_captured(server: SoundServer) -> None:
    """As far as one can know it here: by a speaker the microphone hears 20 ms later."""
    with sound_here(ECHO):

        async def listen() -> list[Frame]:
            clock, cards = WallClock(), PortAudio()
            speaker = SoundCardSpeaker(clock, cards, CARD)
            microphone = SoundCardMicrophone(clock, cards, CARD, speaker.played_between)
            await speaker.open()
            await read(microphone, 0.8)
            voice = Audio(babble(0.8, 22_050), 22_050)
            frames, _ = await asyncio.gather(read(microphone, 1.4), speaker.play(voice))
            await speaker.close()
            await microphone.close()
            return frames

        frames = asyncio.run(asyncio.wait_for(listen(), 20))
    played = np.concatenate([frame.played.samples for frame in frames if frame.played])
    assert likeness(played, soxr.resample(babble(0.8, 22_050), 22_050, RATE)) > 0.99
    sounding = np.flatnonzero(np.abs(played) > 100)
    voice = played[sounding[0] : sounding[-1] + 1]
    later = place(captured(frames), voice) - place(played, voice)
    assert -0.005 < later / RATE < 0.06
    assert likeness(captured(frames), voice) > 0.8  # what leads the sound back stretches it a little to keep up


def test_no_frame_is_lost_while_the_loop_is_busy_or_reading_is_cancelled(server: SoundServer) -> None:
    said = babble(1.5)

    async def listen(microphone: SoundCardMicrophone) -> list[Frame]:
        frames = [await microphone.read()]
        saying = asyncio.create_task(asyncio.to_thread(server.say, said, RATE))
        while not saying.done():
            if len(frames) == 80:
                time.sleep(0.5)  # noqa: ASYNC251  # on purpose
            with suppress(TimeoutError):
                frames.append(await asyncio.wait_for(microphone.read(), 0.003))
        frames += await read(microphone, 0.3)
        assert microphone.overflows == 0
        return frames

    frames = with_microphone(listen)
    assert likeness(captured(frames), said) > 0.99


def test_what_nobody_reads_is_lost_oldest_first_and_counted(
    server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.microphone, "RING_SECONDS", 0.5)

    async def listen(microphone: SoundCardMicrophone) -> tuple[int, list[Frame]]:
        first = await microphone.read()
        await asyncio.sleep(1.0)
        return microphone.overflows, [first, *await read(microphone, 0.6)]

    overflows, frames = with_microphone(listen)
    assert overflows > 10
    steps = np.sort(np.diff([frame.ends for frame in frames]))
    assert 0.3 < steps[-1] < 1.0, "one gap, after what had come together with the first frame"
    assert steps[:-1] == pytest.approx(FRAME_SECONDS, abs=0.002)


BLOCK = round(RATE * device.microphone.BLOCK_SECONDS)


class Blocks:
    """Blocks for a microphone without a card, in a time of its own; and when they wake whoever reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.woken: list[float] = []
        monkeypatch.setattr(device.microphone.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(device.microphone, "be_urgent", lambda: None)
        self.microphone = SoundCardMicrophone(WallClock(), PortAudio())
        self.microphone._loop = SimpleNamespace(call_soon_threadsafe=lambda _: self.woken.append(self.now))  # type: ignore[assignment]

    def come(self, samples: Samples) -> None:
        when: Any = SimpleNamespace(currentTime=0.0, inputBufferAdcTime=0.0)
        for block in np.split(samples, range(BLOCK, len(samples), BLOCK)):
            self.now += len(block) / RATE
            self.microphone._take(block.tobytes(), len(block), when, SimpleNamespace(input_overflow=False))


@pytest.mark.parametrize(("height", "often"), [(3, 2), (300, 10)])
def test_a_loop_that_hears_nothing_but_quiet_or_steady_noise_is_woken_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch, height: int, often: int
) -> None:
    blocks = Blocks(monkeypatch)
    blocks.come(np.random.default_rng(1).integers(-height, height, 60 * RATE, dtype=np.int16, endpoint=True))
    assert len([at for at in blocks.woken if at > 50.0]) <= 10 * often + 1
    assert max(np.diff(blocks.woken)) < 1 / often + 0.04


def test_whoever_speaks_after_a_long_quiet_wakes_the_loop_with_every_block_until_it_has_been_quiet_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = Blocks(monkeypatch)
    blocks.come(np.ones(700 * BLOCK, np.int16))
    began = blocks.now
    blocks.come(np.full(33 * BLOCK, 200, np.int16))
    blocks.come(np.ones(350 * BLOCK, np.int16))
    after = np.array([at for at in blocks.woken if at > began])
    assert after[0] == pytest.approx(began + device.microphone.BLOCK_SECONDS)
    assert np.diff(after[after < began + 5.9]) == pytest.approx(device.microphone.BLOCK_SECONDS)
    assert np.diff(after[after > began + 6.2]) == pytest.approx(0.51, abs=0.001)


def test_while_closed_nothing_is_captured_and_reading_opens_again(server: SoundServer) -> None:
    async def listen(microphone: SoundCardMicrophone) -> None:
        await microphone.close()
        before = (await read(microphone, 0.1))[-1]
        await microphone.close()
        await microphone.close()
        await asyncio.sleep(0.3)
        after = (await read(microphone, 0.1))[0]
        assert after.ends - before.ends > 0.3

    with_microphone(listen)


def test_closing_while_it_opens_leaves_it_closed(server: SoundServer) -> None:
    async def listen(microphone: SoundCardMicrophone) -> None:
        reading = asyncio.create_task(microphone.read())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        await microphone.close()
        assert not microphone._line.is_open
        await microphone.read()

    with_microphone(listen)


def test_a_card_that_is_pulled_out_is_noticed_and_works_when_it_is_back(server: SoundServer) -> None:
    async def listen(microphone: SoundCardMicrophone) -> None:
        await microphone.read()
        server.kill()
        gone = time.monotonic()
        with pytest.raises(DeviceError, match='microphone "pulse" has stopped giving sound'):
            await read(microphone, 5)
        assert time.monotonic() - gone < 2.5
        with pytest.raises(DeviceError, match='no input device is named "pulse"'):
            await microphone.read()
        server.start()
        assert len(await read(microphone, 0.5)) == 50

    with_microphone(listen)


def test_a_card_that_hangs_is_noticed_and_works_when_it_is_back() -> None:
    async def listen(microphone: SoundCardMicrophone, server: SoundServer) -> None:
        await microphone.read()
        server.hang()
        hung = time.monotonic()
        with pytest.raises(DeviceError, match="has stopped giving sound"):
            await read(microphone, 5)
        assert 1.9 < time.monotonic() - hung < 3.5
        server.kill()
        server.start()
        assert len(await read(microphone, 0.5)) == 50

    with sound_here() as server:
        with_microphone(lambda microphone: listen(microphone, server))
