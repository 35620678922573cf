"""What every speaker must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest
import soxr
from browser_here import browser_here
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import in_world
from sound_server import sound_here

from companion.audio import FRAME_SECONDS, Audio, Samples
from companion.ports import Clock, Speaker
from device.browser import Browser
from device.chromium import ROOM_RATE, Chromium
from device.simulated import SimulatedSpeaker, World
from device.sound_cards import PortAudio
from device.sound_server import CARD, SoundServer
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock

Result = TypeVar("Result")


class Stage(Protocol):
    """A speaker, and somebody who listens to it."""

    clock: Clock
    speaker: Speaker
    slack: float
    """Seconds by which a moment may be off, and for which sound that the device has already is heard."""

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Run `act` while time passes."""
        ...

    def assert_heard(self, *pieces: Audio) -> None:
        """That it were these pieces, all of each of them, and nothing else but silence before and after."""
        ...

    def assert_heard_last(self, piece: Audio) -> None:
        """That this was the last that was heard."""
        ...

    def silences(self) -> list[float]:
        """Seconds of silence between the pieces that were heard, where there was any."""
        ...

    def part(self, begin: float, end: float) -> Samples:
        """What was heard between two times since the first sample, or, where they are negative, before the end, at
        the rate of the listener."""
        ...

    def everything(self) -> Samples:
        """All that was heard, with the silences, at the rate of the listener."""
        ...


@dataclass
class Simulated:
    """A speaker in a world, of which every sample is known."""

    clock: World
    speaker: SimulatedSpeaker
    slack: float = 2 * FRAME_SECONDS

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            async with self.clock.turning():
                return await act()

        return in_world(self.clock, living)

    def heard(self) -> list[tuple[float, Audio]]:
        return self.speaker.heard

    def samples(self) -> list[int]:
        return [sample for _, piece in self.heard() for sample in piece.samples.tolist()]

    def assert_heard(self, *pieces: Audio) -> None:
        assert self.samples() == samples_of(*pieces)

    def assert_heard_last(self, piece: Audio) -> None:
        assert self.samples()[-len(piece.samples) :] == samples_of(piece)

    def silences(self) -> list[float]:
        sounds = [(began, began + piece.seconds) for began, piece in self.heard()]
        gaps = [after - ended for (_, ended), (after, _) in pairwise(sounds)]
        return [gap for gap in gaps if gap > 1 / 8_000]

    def part(self, begin: float, end: float) -> Samples:
        return np.array(self.samples()[round(begin * 16_000) : round(end * 16_000)], np.int16)

    def everything(self) -> Samples:
        room = np.zeros(round(self.clock.now() * 16_000) + 1, np.int16)
        for began, piece in self.heard():
            room[round(began * 16_000) :][: len(piece.samples)] = piece.samples
        return room


SHORTEST_SILENCE = 0.002
BETWEEN_SAMPLES = 0.95
"""How alike two full noises are of which one begins between two samples of the room."""
HALF_A_SAMPLE = 0.9
"""The same where it begins right between two of them, at 22,050 Hz: 0.915."""
SILENCE = 40
"""Of a sample in the room: below that is what resampling leaves around a sound."""


class SoundCard:
    """A speaker in the room of a sound server, where it is recorded."""

    slack = 0.2

    def __init__(self, server: SoundServer) -> None:
        self._server = server
        self._set_up()

    def _set_up(self) -> None:
        self.clock: Clock = WallClock()
        card = SoundCardSpeaker(self.clock, PortAudio(), CARD)
        self.speaker: Speaker = card
        self._card = card
        self._room = np.zeros(0, np.int16)

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Once more, and again, if the computer was too busy to play."""
        for _ in range(2):
            result = self._live(act)
            if not self._card.underflows:
                return result
            self._set_up()
        return self._live(act)

    def _live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            with self._server.recording() as room:
                try:
                    await self._card.open()
                    await asyncio.sleep(0.1)
                    result = await act()
                    await asyncio.sleep(0.15)
                    return result
                finally:
                    await self._card.close()
                    self._room = room.samples

        return asyncio.run(asyncio.wait_for(living(), 30))

    def _sound(self) -> Samples:
        loud = np.flatnonzero(np.abs(self._room.astype(int)) > SILENCE)
        return self._room[loud[0] : loud[-1] + 1] if len(loud) else self._room[:0]

    def assert_heard(self, *pieces: Audio) -> None:
        sound = self._sound()
        loud = np.flatnonzero(np.abs(sound.astype(int)) > SILENCE)
        gaps = [
            (begin + 1, end) for begin, end in pairwise(loud.tolist()) if end - begin > SHORTEST_SILENCE * ROOM_RATE
        ]
        self._assert_alike(np.delete(sound, np.r_[tuple(slice(*gap) for gap in gaps)] if gaps else []), *pieces)

    def assert_heard_last(self, piece: Audio) -> None:
        self._assert_alike(self._sound()[-round(piece.seconds * ROOM_RATE) :], piece, least=BETWEEN_SAMPLES)

    def _assert_alike(self, sound: Samples, *pieces: Audio, least: float = 0.99) -> None:
        rates = [
            (rate, [piece for piece in pieces if piece.rate == rate]) for rate in dict.fromkeys(p.rate for p in pieces)
        ]
        said = np.concatenate(
            [soxr.resample(np.concatenate([piece.samples for piece in each]), rate, ROOM_RATE) for rate, each in rates]
        )
        least = least if len(rates) == 1 else BETWEEN_SAMPLES
        assert len(sound) == pytest.approx(len(said), abs=0.005 * ROOM_RATE)
        size = len(sound) + len(said)
        spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(said, size))
        place = int(np.argmax(np.fft.irfft(spectrum, size)))
        place = place if place < size // 2 else place - size
        one, other = sound[max(place, 0) :].astype(float), said[max(-place, 0) :].astype(float)
        count = min(len(one), len(other))
        assert count > 0.99 * len(said)
        assert one[:count] @ other[:count] > least * np.linalg.norm(one[:count]) * np.linalg.norm(other[:count])

    def silences(self) -> list[float]:
        loud = np.flatnonzero(np.abs(self._sound().astype(int)) > SILENCE)
        gaps = np.diff(loud) / ROOM_RATE
        return [gap for gap in gaps.tolist() if gap > SHORTEST_SILENCE]

    def part(self, begin: float, end: float) -> Samples:
        return self._sound()[round(begin * ROOM_RATE) : round(end * ROOM_RATE)]

    def everything(self) -> Samples:
        return self._room


class InBrowser(SoundCard):
    """A speaker in a page, in a real browser; what leaves the page is recorded there."""

    def __init__(self, chromium: Chromium) -> None:
        self._chromium = chromium
        self.clock: Clock = WallClock()
        self._browser = Browser(self.clock)
        self.speaker: Speaker = self._browser.speaker
        self._room = np.zeros(0, np.int16)

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            await self._browser.open()
            page = await asyncio.wrap_future(self._chromium.do(self._awake))
            try:
                await self._browser.microphone.read()
                await self._browser.microphone.close()
                result = await act()
                await asyncio.sleep(0.25)
                return result
            finally:
                self._room = await asyncio.wrap_future(self._chromium.do(self._chromium.heard, page))
                await asyncio.wrap_future(self._chromium.do(page.context.close))
                await self._browser.close()

        return asyncio.run(asyncio.wait_for(living(), 40))

    def assert_heard_last(self, piece: Audio) -> None:
        sound = self._sound()[-round(piece.seconds * ROOM_RATE) :]
        self._assert_alike(sound, piece, least=HALF_A_SAMPLE)  # a page is asked to repeat from wherever it is

    def _awake(self) -> Any:
        return self._chromium.wake(self._chromium.page(self._browser.url, ear=True, reduced_motion="reduce"))


def simulated() -> Simulated:
    world = World(longest=120.0)
    return Simulated(world, SimulatedSpeaker(world))


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_here() as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with browser_here() as made:
        yield made


STAGES = ("simulated", "sound card", "browser")


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    match request.param:
        case "simulated":
            return simulated()
        case "browser":
            return InBrowser(request.getfixturevalue("browser"))
        case _:
            return SoundCard(request.getfixturevalue("server"))


def noise(seconds: float, rate: int = 16_000, seed: int = 0) -> Audio:
    return audio_of(round(seconds * rate), rate, seed)


def audio_of(count: int, rate: int, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).integers(-32768, 32767, count, np.int16, endpoint=True), rate)


def tone(seconds: float, height: int = 10_000, rate: int = 16_000) -> Audio:
    return Audio(np.full(round(seconds * rate), height, np.int16), rate)


def samples_of(*pieces: Audio) -> list[int]:
    return [sample for piece in pieces for sample in piece.samples.tolist()]


def pause(speaker: Speaker) -> None:
    speaker.pause()


def resume(speaker: Speaker) -> None:
    speaker.resume()


def again(speaker: Speaker) -> None:
    speaker.resume(again=0.237)


def stop(speaker: Speaker) -> None:
    speaker.stop()


def duck(speaker: Speaker) -> None:
    speaker.duck(18.0)


def unduck(speaker: Speaker) -> None:
    speaker.duck(0.0)


def test_the_position_counts_only_what_was_heard(stage: Stage) -> None:
    async def act() -> None:
        assert stage.speaker.position == 0.0
        await stage.clock.sleep(0.2)
        assert stage.speaker.position == 0.0, "silence is no sound"
        await stage.speaker.play(noise(0.6))
        await stage.clock.sleep(0.3)
        assert stage.speaker.position == pytest.approx(0.3, abs=stage.slack)
        await stage.clock.sleep(0.6)
        assert stage.speaker.position == pytest.approx(0.6)
        assert await stage.speaker.play(noise(0.3)) == pytest.approx(0.6)
        await stage.clock.sleep(0.6)
        assert stage.speaker.position == pytest.approx(0.9)

    stage.live(act)


def test_pieces_follow_one_another_without_a_gap_and_little_is_queued(stage: Stage) -> None:
    async def act() -> None:
        ends = 0.0
        for number in range(3):
            begins = await stage.speaker.play(noise(0.6, seed=number))
            assert begins == pytest.approx(ends)
            if number:
                assert ends - 0.5 < stage.speaker.position < ends, "while the one before is still ending"
            ends = begins + 0.6
        await stage.speaker.reach(ends)

    stage.live(act)
    assert stage.silences() == []
    stage.assert_heard(*(noise(0.6, seed=number) for number in range(3)))


def test_short_pieces_are_taken_in_advance_but_not_all_at_once(stage: Stage) -> None:
    async def act() -> None:
        for number in range(60):
            begins = await stage.speaker.play(noise(0.02, seed=number))
            assert begins - stage.speaker.position < 0.5
        await stage.speaker.reach(begins + 0.02)

    stage.live(act)
    assert stage.silences() == []
    stage.assert_heard(*(noise(0.02, seed=number) for number in range(60)))


RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]


@pytest.mark.parametrize(
    ("stage", "rate"),
    [(name, rate) for rate in RATES for name in STAGES if name == "simulated" or rate == 22_050],
    indirect=["stage"],
)
def test_what_is_heard_is_what_was_played_sample_for_sample_and_as_long(stage: Stage, rate: int) -> None:
    pieces = [audio_of(count, rate, seed=count) for count in (rate // 2, 1, 219, 220, 221, 441, 0, rate // 3)]

    async def act() -> float:
        began = await stage.speaker.play(pieces[0])
        began = await stage.speaker.reach(began)
        for piece in pieces[1:]:
            begins = await stage.speaker.play(piece)
        return await stage.speaker.reach(begins + pieces[-1].seconds) - began

    lasted = stage.live(act)
    stage.assert_heard(*pieces)
    assert lasted == pytest.approx(sum(piece.seconds for piece in pieces), abs=len(pieces) / rate + 0.1 * stage.slack)
    assert stage.silences() == []


@given(st.lists(st.tuples(st.integers(0, 1500), st.sampled_from([16_000, 22_050, 24_000])), max_size=8))
@settings(deadline=None, max_examples=40)
def test_in_simulation_pieces_of_any_length_and_rate_are_heard_one_after_the_other(
    sizes: list[tuple[int, int]],
) -> None:
    stage = simulated()
    pieces = [audio_of(count, rate, seed) for seed, (count, rate) in enumerate(sizes)]

    async def act() -> None:
        ends = 0.0
        for piece in pieces:
            assert await stage.speaker.play(piece) == pytest.approx(ends)
            ends += piece.seconds
        await stage.speaker.reach(ends)
        assert stage.speaker.position == pytest.approx(ends)

    stage.live(act)
    stage.assert_heard(*pieces)
    assert stage.silences() == []


def test_two_rates_after_each_other_keep_their_own(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(0.333, 22_050))
        begins = await stage.speaker.play(noise(0.5, 24_000))
        await stage.speaker.reach(begins + 0.5)

    stage.live(act)
    stage.assert_heard(noise(0.333, 22_050), noise(0.5, 24_000))
    if isinstance(stage, Simulated):
        assert list(dict.fromkeys(piece.rate for _, piece in stage.heard())) == [22_050, 24_000]
    assert stage.silences() == []


@pytest.mark.parametrize(
    ("stage", "rate"),
    [(name, rate) for rate in RATES[1:4] for name in STAGES if name == "simulated" or rate == 22_050],
    indirect=["stage"],
)
def test_a_position_is_reached_exactly_when_its_sample_is_heard(stage: Stage, rate: int) -> None:
    positions = [0.0, 1 / rate, 0.0101, 0.123456, 0.5, 0.599, 0.6, 0.83, 1.2]

    async def act() -> list[float]:
        await stage.clock.sleep(0.5)
        reaching = [asyncio.ensure_future(reach_soon(position)) for position in positions]
        for seed in (1, 2):
            await stage.speaker.play(noise(0.6, rate, seed))
        return list(await asyncio.gather(*reaching))

    async def reach_soon(position: float) -> float:
        await asyncio.sleep(0)  # play first
        return await stage.speaker.reach(position)

    times = stage.live(act)
    if isinstance(stage, Simulated):
        assert times[0] == pytest.approx(stage.heard()[0][0], abs=1.5 / rate)
    precise = 1.5 / rate if isinstance(stage, Simulated) else 0.01
    assert times == pytest.approx([times[0] + position for position in positions], abs=precise)


def test_who_waits_for_a_position_is_told_before_much_more_was_heard(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        for position in (0.1, 0.123, 0.5):
            await stage.speaker.reach(position)
            assert position - 1e-9 <= stage.speaker.position <= position + stage.slack

    stage.live(act)


def test_what_was_heard_already_is_reached_at_once(stage: Stage) -> None:
    at_once = 1e-9 if isinstance(stage, Simulated) else 0.005  # not even one look

    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.clock.sleep(0.5)
        before = stage.clock.now()
        assert await stage.speaker.reach(0.2) <= before
        assert stage.clock.now() - before < at_once
        await stage.clock.sleep(0.8)
        before = stage.clock.now()
        await stage.speaker.reach(1.0)
        assert stage.clock.now() - before < at_once

    stage.live(act)


def test_paused_it_keeps_what_is_left_and_resumed_it_goes_on(stage: Stage) -> None:
    sound = noise(1.0, 22_050)

    async def act() -> None:
        await stage.speaker.play(sound)
        await stage.clock.sleep(0.3)
        stage.speaker.pause()
        paused_at = stage.speaker.position
        await stage.clock.sleep(0.6)
        assert stage.speaker.position == pytest.approx(paused_at + 0.025, abs=stage.slack)
        stage.speaker.resume()
        await stage.speaker.reach(1.0)

    stage.live(act)
    if isinstance(stage, Simulated):
        assert len(stage.samples()) == len(sound.samples), "nothing lost, nothing twice"
        fades = np.array(stage.samples()) != sound.samples
        assert 1_000 < np.count_nonzero(fades) <= 2 * 0.025 * 22_050 + 2
    else:
        assert len(stage.part(0.0, 9.0)) / ROOM_RATE == pytest.approx(1.0 + stage.silences()[0], abs=0.03)
    stage.assert_heard_last(Audio(sound.samples[-5_000:], sound.rate))
    assert stage.silences() == [pytest.approx(0.6 - 0.025, abs=stage.slack)]


def test_resumed_it_says_the_last_again_if_asked(stage: Stage) -> None:
    sound = noise(1.2, 22_050)

    async def act() -> float:
        await stage.speaker.play(sound)
        await stage.clock.sleep(0.6)
        stage.speaker.pause()
        await stage.clock.sleep(0.5)
        paused_at = stage.speaker.position
        waiting = asyncio.ensure_future(stage.speaker.reach(1.2))
        stage.speaker.resume(again=0.3)
        assert stage.speaker.position == pytest.approx(paused_at - 0.3, abs=1e-3)
        resumed = stage.clock.now()
        again = await stage.speaker.reach(paused_at - 0.1)
        assert again - resumed == pytest.approx(0.2, abs=stage.slack), "it is heard once more"
        assert paused_at - 0.11 < stage.speaker.position < paused_at - 0.1 + stage.slack
        assert await stage.speaker.reach(paused_at) - again == pytest.approx(0.1, abs=0.02)
        assert await waiting == pytest.approx(await stage.speaker.reach(1.2), abs=0.01)
        assert stage.speaker.position == pytest.approx(1.2)
        return paused_at

    paused_at = stage.live(act)
    rate = 22_050 if isinstance(stage, Simulated) else ROOM_RATE
    heard = stage.part(0.0, 9.0) if isinstance(stage, SoundCard) else np.array(stage.samples(), np.int16)
    silent = sum(stage.silences()) if isinstance(stage, SoundCard) else 0.0
    assert len(heard) / rate == pytest.approx(1.2 + 0.3 + silent, abs=0.005)
    last = sound.samples[round((paused_at - 0.27) * 22_050) :]
    stage.assert_heard_last(Audio(last, 22_050))


def test_what_was_heard_in_another_piece_or_long_ago_is_said_again_as_far_as_it_is_kept(stage: Stage) -> None:
    async def act() -> None:
        for seed in range(4):
            begins = await stage.speaker.play(noise(0.7, seed=seed))
        await stage.speaker.reach(begins + 0.2)
        stage.speaker.pause()
        await stage.clock.sleep(0.4)
        paused_at = stage.speaker.position
        stage.speaker.resume(again=9.0)
        assert 0.0 <= stage.speaker.position <= paused_at - 2.0 + 1e-3
        await stage.speaker.reach(begins + 0.7)
        assert stage.speaker.position == pytest.approx(2.8)

    stage.live(act)
    stage.assert_heard_last(Audio(np.concatenate([noise(0.7, seed=seed).samples for seed in (1, 2, 3)])))


def test_a_sound_that_was_over_is_said_again_before_what_came_meanwhile(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(0.4, seed=1))
        await stage.speaker.reach(0.38)
        stage.speaker.pause()
        await stage.clock.sleep(0.4)
        assert await stage.speaker.play(noise(0.4, seed=2)) == pytest.approx(0.4)
        stage.speaker.resume(again=0.3)
        await stage.speaker.reach(0.8)

    stage.live(act)
    said = np.concatenate([noise(0.4, seed=1).samples[-4_000:], noise(0.4, seed=2).samples])
    stage.assert_heard_last(Audio(said))


def test_nothing_is_said_again_of_what_was_stopped_or_is_not_paused(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(0.5))
        await stage.clock.sleep(0.3)
        before = stage.speaker.position
        stage.speaker.resume(again=0.2)
        assert stage.speaker.position == pytest.approx(before, abs=0.005)
        stage.speaker.stop()
        stopped = stage.speaker.position
        await stage.clock.sleep(0.3)
        stage.speaker.pause()
        stage.speaker.resume(again=0.2)
        await stage.clock.sleep(0.2)
        assert stage.speaker.position == pytest.approx(stopped)
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    stage.assert_heard_last(tone(0.2))


def test_stopped_after_a_part_was_heard_twice_it_is_where_it_was_heard_last(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.clock.sleep(0.5)
        stage.speaker.pause()
        await stage.clock.sleep(0.3)
        paused_at = stage.speaker.position
        stage.speaker.resume(again=0.4)
        await stage.clock.sleep(0.25)
        stage.speaker.pause()
        await stage.clock.sleep(0.3)
        stage.speaker.stop()
        assert stage.speaker.position == pytest.approx(paused_at - 0.4 + 0.25 + 0.025, abs=0.005 + stage.slack)
        begins = await stage.speaker.play(tone(0.2))
        assert begins == stage.speaker.position

    stage.live(act)


GESTURES: dict[str, list[tuple[float, Callable[[Speaker], None]]]] = {
    "pause and resume": [(0.30, pause), (0.20, resume)],
    "pause and resume within a fade": [(0.30, pause), (0.01, resume), (0.01, pause), (0.01, resume)],
    "resume with a part again": [(0.40, pause), (0.20, again)],
    "a part again within the fade": [(0.40, pause), (0.01, again), (0.01, pause), (0.01, again)],
    "stop": [(0.30, stop)],
    "stop while it is ducked": [(0.20, duck), (0.20, stop)],
    "stop in the midst of ducking": [(0.30, duck), (0.01, stop)],
    "stop within a pause's fade": [(0.30, pause), (0.01, stop)],
    "stop within a fade in": [(0.30, pause), (0.10, resume), (0.01, stop)],
    "stop while paused": [(0.30, pause), (0.10, stop)],
    "duck and unduck": [(0.30, duck), (0.01, unduck), (0.01, duck), (0.10, unduck)],
    "duck, pause, resume, unduck": [(0.30, duck), (0.01, pause), (0.01, resume), (0.01, unduck)],
    "stop, then the next": [(0.30, stop), (0.01, stop)],
    "a stop before it began": [(0.0, stop)],
}


@pytest.mark.parametrize(
    ("stage", "gesture"),
    [(stage, name) for name in GESTURES for stage in STAGES],
    indirect=["stage"],
)
def test_nothing_clicks(stage: Stage, gesture: str) -> None:
    """No step that is more than a hundredth of full scale above those of the tone itself, -40 dB."""
    hertz, height = 50.0, 20_000
    rate = 16_000 if isinstance(stage, Simulated) else ROOM_RATE
    wave = height * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)

    async def act() -> None:
        await stage.speaker.play(Audio(wave.astype(np.int16)))
        for after, change in GESTURES[gesture]:
            await stage.clock.sleep(after)
            change(stage.speaker)
        await stage.clock.sleep(1.5)

    stage.live(act)
    heard = stage.everything().astype(int)
    assert np.abs(np.diff(heard)).max(initial=0) < height * 2 * np.pi * hertz / rate + 0.01 * 32_768


def test_paused_it_reaches_nothing(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.clock.sleep(0.3)
        stage.speaker.pause()
        paused = stage.clock.now()
        reaching = asyncio.ensure_future(stage.speaker.reach(0.6))
        await stage.clock.sleep(0.5)
        assert not reaching.done()
        stage.speaker.resume()
        assert await reaching == pytest.approx(paused + 0.8, abs=1.5 * stage.slack)

    stage.live(act)


def test_what_is_played_while_it_is_paused_waits(stage: Stage) -> None:
    async def act() -> None:
        stage.speaker.pause()
        stage.speaker.pause()
        await stage.speaker.play(noise(0.5))
        await stage.clock.sleep(0.5)
        assert stage.speaker.position == 0.0
        if isinstance(stage, Simulated):
            assert stage.heard() == []
        stage.speaker.resume()
        stage.speaker.resume()
        await stage.speaker.reach(0.5)

    stage.live(act)
    stage.assert_heard(noise(0.5))


def test_stopped_it_is_silent_and_forgets_what_was_left(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.clock.sleep(0.3)
        stage.speaker.stop()
        stopped, position = stage.clock.now(), stage.speaker.position
        await stage.clock.sleep(0.6)
        assert stage.speaker.position == pytest.approx(position, abs=stage.slack)
        if isinstance(stage, Simulated):
            assert all(began + piece.seconds < stopped + 0.025 + 1e-3 for began, piece in stage.heard())
            assert position + 0.025 == pytest.approx(sum(piece.seconds for _, piece in stage.heard()), abs=1e-3)
        begins = await stage.speaker.play(tone(0.5))
        assert begins == pytest.approx(stage.speaker.position, abs=stage.slack), "it goes on from what was heard"
        await stage.speaker.reach(begins + 0.5)

    stage.live(act)
    stage.assert_heard_last(tone(0.5))
    assert stage.silences() == [pytest.approx(0.6 - 0.025, abs=stage.slack)]


def test_stopping_releases_everybody_who_waits(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(5.0))
        waiting = [
            asyncio.ensure_future(stage.speaker.reach(1.0)),
            asyncio.ensure_future(stage.speaker.reach(5.0)),
            asyncio.ensure_future(stage.speaker.play(noise(1.0))),
        ]
        await stage.clock.sleep(0.3)
        assert not any(each.done() for each in waiting)
        stage.speaker.stop()
        stopped = stage.clock.now()
        reached = [await each for each in waiting]
        assert reached[:2] == pytest.approx([stopped] * 2, abs=stage.slack)
        assert stage.clock.now() <= stopped + stage.slack
        await stage.clock.sleep(0.6)
        assert stage.speaker.position < 0.3 + stage.slack, "the piece that waited is forgotten too"

    stage.live(act)


def test_stopping_while_paused_releases_everybody_and_the_next_sound_is_heard(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.clock.sleep(0.1)
        stage.speaker.pause()
        waiting = asyncio.ensure_future(stage.speaker.reach(1.0))
        await stage.clock.sleep(0.1)
        stage.speaker.stop()
        await waiting
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    stage.assert_heard_last(tone(0.2))


def test_stopping_in_silence_does_nothing(stage: Stage) -> None:
    async def act() -> None:
        stage.speaker.stop()
        await stage.speaker.play(tone(0.2))
        await stage.clock.sleep(0.6)
        stage.speaker.stop()
        stage.speaker.stop()
        assert stage.speaker.position == pytest.approx(0.2)

    stage.live(act)
    stage.assert_heard(tone(0.2))


@pytest.mark.parametrize(
    ("stage", "decibels"),
    [("simulated", 6.0), ("simulated", 12.0), ("simulated", 20.0), ("sound card", 12.0), ("browser", 12.0)],
    indirect=["stage"],
)
def test_ducked_it_plays_on_quieter(stage: Stage, decibels: float) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(1.3))
        await stage.clock.sleep(0.3)
        stage.speaker.duck(decibels)
        await stage.clock.sleep(0.6)
        stage.speaker.duck(0.0)
        await stage.speaker.reach(1.3)

    stage.live(act)
    if isinstance(stage, Simulated):
        assert len(stage.samples()) == 1.3 * 16_000, "the position goes on"
    for height, begin, end in (
        (10_000, 0.01, 0.28),
        (10_000 * 10 ** (-decibels / 20), 0.35 + stage.slack, 0.88),
        (10_000, 0.95 + stage.slack, 1.29),
    ):
        heard = stage.part(begin, end)
        assert len(heard) > 0
        assert np.abs(heard - height).max() <= (2 if isinstance(stage, Simulated) else 12)
    assert stage.silences() == []


def test_ducking_makes_no_click(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(0.5))
        await stage.clock.sleep(0.2)
        stage.speaker.duck(20.0)
        await stage.speaker.reach(0.5)

    stage.live(act)
    assert np.abs(np.diff(stage.part(0.01, 0.49).astype(int))).max() < 500, "from 10,000 to 1,000 in small steps"


@pytest.mark.parametrize(
    ("stage", "volume"),
    [("simulated", 0.25), ("simulated", 0.5), ("simulated", 0.9), ("sound card", 0.25), ("browser", 0.25)],
    indirect=["stage"],
)
def test_with_another_volume_it_plays_on_quieter_and_as_loud_as_before_with_the_old_one(
    stage: Stage, volume: float
) -> None:
    async def act() -> None:
        assert stage.speaker.volume == 1.0
        await stage.speaker.play(tone(1.3))
        await stage.clock.sleep(0.3)
        stage.speaker.volume = volume
        assert stage.speaker.volume == volume
        await stage.clock.sleep(0.6)
        stage.speaker.volume = 1.0
        await stage.speaker.reach(1.3)

    stage.live(act)
    for height, begin, end in (
        (10_000, 0.01, 0.28),
        (10_000 * volume, 0.35 + stage.slack, 0.88),
        (10_000, 0.95 + stage.slack, 1.29),
    ):
        heard = stage.part(begin, end)
        assert len(heard) > 0
        assert np.abs(heard - height).max() <= (2 if isinstance(stage, Simulated) else 12)
    assert stage.silences() == []


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.1), (0.1, 1.0)])
def test_a_change_of_volume_makes_no_click(stage: Stage, before: float, after: float) -> None:
    async def act() -> None:
        stage.speaker.volume = before
        await stage.speaker.play(tone(0.5))
        await stage.clock.sleep(0.2)
        stage.speaker.volume = after
        await stage.speaker.reach(0.5)

    stage.live(act)
    heard = stage.part(0.01, 0.49).astype(int)
    assert heard[0] == pytest.approx(10_000 * before, abs=12)
    assert heard[-1] == pytest.approx(10_000 * after, abs=12)
    assert np.abs(np.diff(heard)).max() < 500, "in small steps"


def test_a_volume_set_in_silence_is_that_of_the_next_sound_from_its_first_sample(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(0.2))
        await stage.clock.sleep(0.6)
        stage.speaker.volume = 0.2
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    stage.assert_heard_last(tone(0.2, height=2_000))
    heard = stage.part(-0.2, 9.0)
    assert len(heard) > 0
    assert np.abs(heard).max() <= 3_000, "with what a resampler overshoots at the edges"


def test_a_volume_outlasts_a_stop_and_is_ducked_like_any_other(stage: Stage) -> None:
    async def act() -> None:
        stage.speaker.volume = 0.5
        await stage.speaker.play(tone(1.0))
        stage.speaker.duck(20.0)
        await stage.clock.sleep(0.4)
        stage.speaker.stop()
        assert stage.speaker.volume == 0.5
        begins = await stage.speaker.play(tone(0.3))
        await stage.speaker.reach(begins + 0.3)

    stage.live(act)
    assert np.abs(stage.part(0.1, 0.15 if isinstance(stage, Simulated) else 0.2) - 500).max() <= 12
    stage.assert_heard_last(tone(0.3, height=5_000))


@pytest.mark.parametrize(("wanted", "bounded"), [(1.5, 1.0), (-0.5, 0.0)])
def test_a_volume_is_never_more_than_all_nor_less_than_nothing(stage: Stage, wanted: float, bounded: float) -> None:
    stage.speaker.volume = wanted
    assert stage.speaker.volume == bounded


def test_after_a_stop_the_next_sound_is_not_ducked(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(1.0))
        stage.speaker.duck(20.0)
        await stage.clock.sleep(0.3)
        stage.speaker.stop()
        begins = await stage.speaker.play(tone(0.3))
        await stage.speaker.reach(begins + 0.3)

    stage.live(act)
    stage.assert_heard_last(tone(0.3))


def test_a_piece_of_no_samples_is_over_at_once(stage: Stage) -> None:
    async def act() -> None:
        began, nothing = stage.clock.now(), Audio.silence(0.0, 22_050)
        for _ in range(3):
            begins = await stage.speaker.play(nothing)
            await stage.speaker.reach(begins)
        assert stage.speaker.position == 0.0
        assert stage.clock.now() - began < 0.1
        await stage.speaker.play(tone(0.2))
        assert await stage.speaker.play(nothing) == pytest.approx(0.2)
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    stage.assert_heard(tone(0.4))
    assert stage.silences() == []


def test_who_stops_waiting_disturbs_nobody(stage: Stage) -> None:
    late = 1e-6 if isinstance(stage, Simulated) else stage.slack

    async def act() -> None:
        began = stage.clock.now()
        await stage.speaker.play(noise(1.0))
        waiting = [asyncio.ensure_future(stage.speaker.reach(position)) for position in (0.3, 0.5, 0.7)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        assert await waiting[0] == pytest.approx(began + 0.3, abs=late)
        assert await waiting[2] == pytest.approx(began + 0.7, abs=late)
        await asyncio.wait({waiting[1]})

    stage.live(act)


def test_a_sound_after_a_silence_begins_at_once(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(0.2))
        await stage.clock.sleep(0.8)
        before = stage.clock.now()
        begins = await stage.speaker.play(tone(0.2))
        assert await stage.speaker.reach(begins) < before + stage.slack
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    assert stage.silences() == [pytest.approx(0.6, abs=0.05 + stage.slack)]
