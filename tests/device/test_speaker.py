"""The real speaker, in a room that a sound server makes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
import soxr
from in_use import in_use
from likeness import babble, place
from sound_server import sound_here

from companion.audio import Audio, Samples
from companion.errors import DeviceError
from device import speaker as speaker_file
from device.sound_cards import Format, PortAudio
from device.sound_server import CARD, SoundServer
from device.speaker import LATE_SECONDS, LEAD_SECONDS, REST_SECONDS, SoundCardSpeaker
from device.wall_clock import WallClock

ROOM_RATE = 48_000

Result = TypeVar("Result")


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_here() as made:
        yield made


def with_speaker(
    use: Callable[[SoundCardSpeaker], Awaitable[Result]], *, loudest: float = 1.0, rest: float = REST_SECONDS
) -> Result:
    return in_use(SoundCardSpeaker(WallClock(), PortAudio(), CARD, loudest=loudest, rest=rest), use)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
def test_a_voice_is_heard_whole_and_without_a_gap(server: SoundServer, rate: int) -> None:
    voice = babble(1.2, rate)

    async def speak(speaker: SoundCardSpeaker) -> Samples:
        with server.recording() as room:
            begins = 0.0
            pieces = np.split(voice, [rate // 2, rate // 2 + 50, rate * 9 // 10])
            for piece in pieces:
                begins = await speaker.play(Audio(piece, rate))
            await speaker.reach(begins + len(pieces[-1]) / rate)
            assert speaker.position == pytest.approx(len(voice) / rate)
            assert speaker.underflows == 0
            await asyncio.sleep(0.3)
        return room.samples

    heard, said = with_speaker(speak), soxr.resample(voice, rate, ROOM_RATE)
    at = place(heard, said)
    assert np.corrcoef(heard[at : at + len(said)], said)[0, 1] > 0.99
    assert np.abs(heard[at : at + len(said)].astype(int) - said).max() < 100  # everywhere, at the joins too
    assert not np.abs(heard[at + len(said) + 500 :]).max(initial=0) > 50
    assert len(heard) > at + len(said)


def test_play_returns_shortly_before_the_sound_before_it_ends(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        await speaker.play(Audio(babble(0.8, 16_000)))
        began = time.monotonic()
        assert await speaker.play(Audio(babble(0.4, 16_000))) == 0.8
        assert 0.8 - LEAD_SECONDS - 0.05 <= speaker.position <= 0.8 - LEAD_SECONDS + 0.1
        assert time.monotonic() - began > 0.4

    with_speaker(speak)


def test_reach_tells_when_a_position_was_heard_by_the_room(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> tuple[float, float]:
        await speaker.open()
        await asyncio.sleep(0.5)
        begins = await speaker.play(Audio(babble(0.5, 16_000)))
        first, last = await speaker.reach(begins), await speaker.reach(begins + 0.5)
        assert await speaker.reach(begins + 9.9) <= speaker._clock.now()
        return first, last

    first, last = with_speaker(speak)
    assert last - first == pytest.approx(0.5, abs=0.01)


def test_pausing_keeps_the_rest_and_stopping_forgets_it(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        await speaker.play(Audio(babble(1.0, 16_000)))
        await speaker.reach(0.2)
        speaker.pause()
        await asyncio.sleep(0.3)
        paused = speaker.position
        await asyncio.sleep(0.2)
        assert speaker.position == paused < 0.5
        speaker.resume()
        await speaker.reach(paused + 0.1)
        waiting = asyncio.create_task(speaker.reach(1.0))
        await asyncio.sleep(0)
        speaker.stop()
        stopped = speaker.position
        assert await asyncio.wait_for(waiting, 0.1) == pytest.approx(speaker._clock.now(), abs=0.05)
        assert await speaker.play(Audio(babble(0.2, 16_000))) == stopped
        await speaker.reach(stopped + 0.2)
        assert speaker.position == pytest.approx(stopped + 0.2)

    with_speaker(speak)


def test_after_stop_the_room_is_silent_at_once_and_without_a_click(server: SoundServer) -> None:
    at = np.arange(2 * 16_000) / 16_000
    tone = np.rint(8_000 * np.sin(2 * np.pi * 200 * at)).astype(np.int16)

    async def speak(speaker: SoundCardSpeaker) -> tuple[Samples, int]:
        with server.recording() as room:
            await speaker.play(Audio(tone))
            await speaker.reach(0.4)
            stopped = len(room.samples)
            speaker.stop()
            await asyncio.sleep(0.4)
        return room.samples, stopped

    heard, stopped = with_speaker(speak)
    assert np.abs(np.diff(heard.astype(int))).max() < 1.5 * 8_000 * 2 * np.pi * 200 / ROOM_RATE
    assert (np.flatnonzero(heard)[-1] - stopped) / ROOM_RATE < 0.25


def test_it_is_silent_within_60_ms_if_nothing_else_is_in_the_way(server: SoundServer) -> None:
    """The quickest of a few: a busy computer wakes some of them later."""
    at = np.arange(2 * 16_000) / 16_000
    tone = np.rint(8_000 * np.sin(2 * np.pi * 200 * at)).astype(np.int16)

    async def stop(speaker: SoundCardSpeaker) -> float:
        await speaker.open()
        await asyncio.sleep(0.3)
        with server.recording() as room:
            await speaker.play(Audio(tone))
            began = await asyncio.to_thread(room.began)
            await speaker.reach(0.4)
            stopped = time.monotonic()
            speaker.stop()
            await asyncio.sleep(0.3)
            heard = room.samples
        return began + float(np.flatnonzero(np.abs(heard) > 40)[-1]) / ROOM_RATE - stopped

    took = [with_speaker(stop) for _ in range(5)]
    print("silent after", [f"{seconds * 1000:.0f} ms" for seconds in took])
    assert min(took) < 0.060


def test_the_volume_has_a_cap(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> Samples:
        speaker.volume = 2.0
        assert speaker.volume == 0.5
        speaker.duck(6.0206)
        with server.recording() as room:
            await speaker.play(Audio(np.full(8_000, 8_000, dtype=np.int16)))
            await speaker.reach(0.5)
            await asyncio.sleep(0.2)
        return room.samples

    assert np.median((heard := with_speaker(speak, loudest=0.5))[np.abs(heard) > 500]) == pytest.approx(2_000, abs=5)


def test_closing_forgets_and_playing_opens_again(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        await speaker.play(Audio(babble(1.0, 16_000)))
        await speaker.close()
        await speaker.close()
        begins = await speaker.play(Audio(babble(0.3, 22_050), 22_050))
        assert begins < 0.3
        await speaker.reach(begins + 0.3)
        assert speaker.position == pytest.approx(begins + 0.3)

    with_speaker(speak)


def test_after_silence_the_next_block_is_sound_whole_and_known_to_whoever_cancels_its_echo() -> None:
    speaker = SoundCardSpeaker(WallClock(), PortAudio())
    said = babble(0.1, ROOM_RATE)

    def blocks(count: int) -> Samples:
        filled, size = [], 480
        for _ in range(count):
            block: Any = bytearray(b"\x01" * 2 * size)
            when: Any = SimpleNamespace(currentTime=0.0, outputBufferDacTime=0.0)
            speaker._fill(block, size, when, SimpleNamespace(output_underflow=False))
            filled.append(np.frombuffer(block, np.int16))
        return np.concatenate(filled)

    speaker._track.given = 1  # else this thread would be urgent
    assert not blocks(450).any()
    given = speaker._track.given
    speaker._track.append(said, 0, len(said) / ROOM_RATE)
    assert np.array_equal(blocks(10), said)
    assert speaker._track.given == speaker._reference._sent + 1 == given + len(said)
    assert not speaker._still()


def test_when_it_has_rested_it_is_closed_and_what_is_said_next_is_heard_whole(server: SoundServer) -> None:
    said = babble(0.6, ROOM_RATE)

    async def speak(speaker: SoundCardSpeaker) -> Samples:
        await speaker.play(Audio(babble(0.1, ROOM_RATE), ROOM_RATE))
        await speaker.reach(0.1)
        await asyncio.sleep(0.6)
        assert not speaker._line.is_open
        assert speaker.position == pytest.approx(0.1)
        now = speaker._clock.now()
        assert not speaker.played_between(now - 0.05, now).samples.any()
        with server.recording() as room:
            await speaker.play(Audio(said, ROOM_RATE))  # longer than it rests: it is not closed in the middle
            await speaker.reach(0.7)
            await asyncio.sleep(0.2)
        assert speaker.position == pytest.approx(0.7)
        return room.samples

    heard = with_speaker(speak, rest=0.3)
    at = place(heard, said)
    assert np.abs(heard[at : at + len(said)].astype(int) - said).max() < 100


def test_what_is_said_while_it_is_being_closed_is_heard(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        await speaker.open()
        speaker._rest_now()
        await speaker.play(Audio(babble(0.2, ROOM_RATE), ROOM_RATE))
        await speaker.reach(0.2)
        assert speaker.position == pytest.approx(0.2)

    with_speaker(speak)


def test_a_card_that_is_pulled_out_is_noticed_and_works_when_it_is_back(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker) -> None:
        begins = await speaker.play(Audio(babble(1.0, 16_000)))
        server.kill()
        gone = time.monotonic()
        with pytest.raises(DeviceError, match='speaker "pulse" has stopped taking sound'):
            await speaker.reach(begins + 1.0)
        assert time.monotonic() - gone < 3
        with pytest.raises(DeviceError, match='no output device is named "pulse"'):
            await speaker.play(Audio(babble(1.0, 16_000)))
        server.start()
        begins = await speaker.play(Audio(babble(0.3, 16_000)))
        await speaker.reach(begins + 0.3)
        assert speaker.position == pytest.approx(begins + 0.3)

    with_speaker(speak)


def test_a_card_that_hangs_is_noticed(server: SoundServer) -> None:
    async def speak(speaker: SoundCardSpeaker, server: SoundServer) -> None:
        begins = await speaker.play(Audio(babble(1.0, 16_000)))
        server.hang()
        hung = time.monotonic()
        with pytest.raises(DeviceError, match="has stopped taking sound"):
            await speaker.reach(begins + 1.0)
        assert time.monotonic() - hung < 4
        server.kill()

    with sound_here() as hanging:
        with_speaker(lambda speaker: speak(speaker, hanging))


class SlowCard:
    """In the place of a speaker's line: a card that goes on taking sound, but `slowness` times as slowly as it should.
    Time passes while somebody sleeps on it, and then only."""

    what = "speaker"
    block = 480

    def __init__(self, speaker: SoundCardSpeaker, slowness: float, patch: pytest.MonkeyPatch) -> None:
        self.time = 0.0
        self.is_open = False
        self._speaker = speaker
        self._takes_every = slowness * self.block / ROOM_RATE
        self._taken = 0.0
        speaker._line = self  # type: ignore[assignment]
        patch.setattr(speaker_file, "time", SimpleNamespace(monotonic=self.now))
        patch.setattr(speaker_file, "be_urgent", lambda: None)
        patch.setattr(asyncio, "sleep", self.sleep)

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        while self.is_open and self._taken + self._takes_every <= self.time:
            self._taken += self._takes_every
            when: Any = SimpleNamespace(currentTime=0.0, outputBufferDacTime=0.0)
            data: Any = bytearray(2 * self.block)
            self._speaker._fill(data, self.block, when, SimpleNamespace(output_underflow=False))

    async def open(self) -> None:
        if not self.is_open:
            self._speaker._stream(SimpleNamespace(RawOutputStream=dict), Format(None, "", ROOM_RATE, 1))
            self.is_open = True

    async def close(self, *, failed: bool = False) -> None:
        self.is_open = False


def test_a_card_that_takes_sound_far_too_slowly_is_given_up_when_the_sound_is_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speaker = SoundCardSpeaker(WallClock(), PortAudio(), rest=None)
    card = SlowCard(speaker, 20.0, monkeypatch)

    async def speak() -> None:
        begins = await speaker.play(Audio(babble(1.0, 16_000)))
        await speaker.reach(begins + 1.0)

    with pytest.raises(DeviceError, match="speaker has stopped taking sound"):
        asyncio.run(speak())
    assert card.time == pytest.approx(1.0 + LATE_SECONDS, abs=0.1)
    assert not card.is_open, "the next to play opens it again"


def test_a_card_that_is_a_little_slow_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = SoundCardSpeaker(WallClock(), PortAudio(), rest=None)
    card = SlowCard(speaker, 3.0, monkeypatch)

    async def speak() -> None:
        begins = await speaker.play(Audio(babble(1.0, 16_000)))
        await speaker.reach(begins + 1.0)

    asyncio.run(speak())
    assert 2.5 < card.time < 1.0 + LATE_SECONDS
    assert speaker.position == 1.0
