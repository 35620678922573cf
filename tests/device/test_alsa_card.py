"""The microphone and the speaker on a sound card itself, without a sound server that would mix and convert for it."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import pytest
import soxr
from alsa_card import NAME, Card, alsa_card, alsa_card_here
from in_use import captured, in_use, read
from likeness import babble, likeness

from companion.audio import RATE, Audio, Samples
from companion.errors import DeviceError
from device.microphone import SoundCardMicrophone
from device.sound_cards import PortAudio
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock

NOTICED_SECONDS = 2.0

Result = TypeVar("Result")


def with_microphone(use: Callable[[SoundCardMicrophone], Awaitable[Result]]) -> Result:
    return in_use(SoundCardMicrophone(WallClock(), PortAudio(), NAME), use)


def with_speaker(use: Callable[[SoundCardSpeaker], Awaitable[Result]]) -> Result:
    return in_use(SoundCardSpeaker(WallClock(), PortAudio(), NAME), use)


def on_channels(sound: Samples, *channels: int, of: int) -> Samples:
    """The sound on some channels and silence on the others, with a pause before and after it."""
    frames = np.zeros((2 * len(sound), of), np.int16)
    frames[len(sound) // 2 : -(len(sound) // 2), channels] = sound[:, np.newaxis]
    return frames


@pytest.mark.parametrize("wired", [(0,), (1,), (0, 1)])
def test_a_microphone_on_either_channel_of_a_card_that_only_does_stereo_is_heard_as_loud_as_it_is(
    wired: tuple[int, ...],
) -> None:
    said = babble(0.5, 48_000)
    with alsa_card_here(48_000, 2) as card:
        card.start(on_channels(said, *wired, of=2))
        heard = captured(with_microphone(lambda microphone: read(microphone, 1.5)))
    expected = soxr.resample(said, 48_000, RATE)
    assert likeness(heard, expected) > 0.99
    assert np.abs(heard).max() == pytest.approx(np.abs(expected).max(), rel=0.1)


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 2), (16_000, 6), (8_000, 2), (32_000, 1)])
def test_whatever_is_the_only_thing_that_a_card_does_is_heard(rate: int, channels: int) -> None:
    said = babble(0.5, rate)
    with alsa_card_here(rate, channels) as card:
        card.start(on_channels(said, *range(channels), of=channels))
        heard = captured(with_microphone(lambda microphone: read(microphone, 1.5)))
    assert likeness(heard, soxr.resample(said, rate, RATE)) > 0.98


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (48_000, 2), (44_100, 2), (48_000, 8)])
def test_a_voice_comes_from_the_left_and_the_right_whatever_a_card_does(rate: int, channels: int) -> None:
    voice = babble(0.5)

    async def speak(speaker: SoundCardSpeaker) -> None:
        begins = await speaker.play(Audio(voice, RATE))
        await speaker.reach(begins + 0.5)
        await asyncio.sleep(0.2)
        assert speaker.underflows == 0

    with alsa_card_here(rate, channels) as card:
        with_speaker(speak)
        played = card.played
    for side in range(min(channels, 2)):
        assert likeness(played[:, side].copy(), soxr.resample(voice, RATE, rate)) > 0.99


def test_a_card_that_another_program_uses_is_named_and_heard_when_it_is_free() -> None:
    async def listen(card: Card, microphone: SoundCardMicrophone) -> None:
        with card.used_by_another("hears"):
            with pytest.raises(DeviceError, match=f'microphone "{NAME}" cannot be used: another program uses it'):
                await microphone.read()
            with pytest.raises(DeviceError, match=f'"{NAME}".*what another program uses is not shown'):
                await microphone.read()  # PortAudio, started again, does not see it
        await read(microphone, 0.3)

    with alsa_card_here() as card:
        with_microphone(lambda microphone: listen(card, microphone))


def test_a_card_that_is_pulled_out_is_missed_soon_and_heard_again_when_it_is_back() -> None:
    async def listen(card: Card, microphone: SoundCardMicrophone) -> None:
        await read(microphone, 0.3)
        card.kill()
        pulled = time.monotonic()
        with pytest.raises(DeviceError):
            await read(microphone, 5.0)
        assert time.monotonic() - pulled < NOTICED_SECONDS
        with pytest.raises(DeviceError):
            await microphone.read()
        card.start()
        await read(microphone, 0.3)

    with alsa_card_here() as card:
        with_microphone(lambda microphone: listen(card, microphone))


STARTED = f"""
import asyncio
from companion.errors import DeviceError
from device.microphone import SoundCardMicrophone
from device.sound_cards import PortAudio
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock

async def start(cards, clock):
    microphone, speaker = SoundCardMicrophone(clock, cards, "{NAME}"), SoundCardSpeaker(clock, cards, "{NAME}")
    try:
        await {{start}}
    except DeviceError as error:
        print(error, "for", round(cards.hangs_for()), "s")

asyncio.run(start(PortAudio(), WallClock()))
"""


@pytest.mark.parametrize(("start", "part"), [("microphone.read()", "microphone"), ("speaker.open()", "speaker")])
def test_a_card_that_fails_as_it_is_started_is_told_and_for_how_long_nothing_comes_back(start: str, part: str) -> None:
    """PortAudio never comes back from that, so it has a process of its own."""
    with alsa_card() as card, card.failing():
        command = [sys.executable, "-c", STARTED.format(start=start)]
        done = subprocess.run(command, env=os.environ | card.environment, capture_output=True, text=True, timeout=30)
    assert done.stdout == f'the {part} "{NAME}" does not answer for 5 s\n', done.stderr


def without_the_processor(seconds: float) -> None:
    """All threads of Python stand still, and the callbacks with them."""
    ctypes.PyDLL(None).usleep(round(seconds * 1e6))


def test_sound_that_a_card_loses_because_nobody_takes_it_is_counted_and_the_time_of_what_follows_is_right() -> None:
    async def listen(microphone: SoundCardMicrophone) -> None:
        for number in range(400):
            if number == 100:
                without_the_processor(0.8)
            frame = await microphone.read()
        assert microphone.overflows >= 1
        assert 0.0 < microphone._clock.now() - frame.ends < 0.2

    with alsa_card_here():
        with_microphone(listen)


def test_a_gap_in_what_it_says_because_the_computer_was_busy_is_counted() -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        begins = await speaker.play(Audio(babble(2.0), RATE))
        await speaker.reach(begins + 0.5)
        without_the_processor(0.8)
        await speaker.reach(begins + 2.0)
        assert speaker.underflows >= 1

    with alsa_card_here():
        with_speaker(speak)
