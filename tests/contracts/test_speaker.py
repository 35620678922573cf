"""What every speaker must do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import in_world

from companion.audio import FRAME_SECONDS, Audio
from companion.ports import Speaker
from device.simulated import SimulatedSpeaker, World

Result = TypeVar("Result")


@dataclass
class Stage:
    """A speaker in a world, and what somebody hears who listens to it."""

    world: World
    speaker: Speaker
    heard: Callable[[], list[tuple[float, Audio]]]
    """All that sounded: when each piece began, in seconds of the world, and the piece."""

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Run `act` while time passes."""

        async def living() -> Result:
            async with self.world.turning():
                return await act()

        return in_world(self.world, living)

    def samples(self) -> list[int]:
        """Every sample that was heard."""
        return [sample for _, piece in self.heard() for sample in piece.samples.tolist()]

    def silences(self) -> list[float]:
        """Seconds of silence between the pieces that were heard, where there was any."""
        sounds = [(began, began + piece.seconds) for began, piece in self.heard()]
        gaps = [after - ended for (_, ended), (after, _) in pairwise(sounds)]
        return [gap for gap in gaps if gap > 1 / 8_000]


def simulated() -> Stage:
    world = World(longest=120.0)
    speaker = SimulatedSpeaker(world)
    return Stage(world, speaker, lambda: speaker.heard)


SPEAKERS: dict[str, Callable[[], Stage]] = {"simulated": simulated}

each_speaker = pytest.mark.parametrize("make", SPEAKERS.values(), ids=SPEAKERS)


@pytest.fixture(params=SPEAKERS)
def stage(request: pytest.FixtureRequest) -> Stage:
    return SPEAKERS[request.param]()


def noise(seconds: float, rate: int = 16_000, seed: int = 0) -> Audio:
    return audio_of(round(seconds * rate), rate, seed)


def audio_of(count: int, rate: int, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).integers(-32768, 32767, count, np.int16, endpoint=True), rate)


def tone(seconds: float, height: int = 10_000, rate: int = 16_000) -> Audio:
    return Audio(np.full(round(seconds * rate), height, np.int16), rate)


def samples_of(*pieces: Audio) -> list[int]:
    return [sample for piece in pieces for sample in piece.samples.tolist()]


def test_the_position_counts_only_what_was_heard(stage: Stage) -> None:
    async def act() -> None:
        assert stage.speaker.position == 0.0
        await stage.world.sleep(1.0)
        assert stage.speaker.position == 0.0, "silence is no sound"
        await stage.speaker.play(noise(1.0))
        await stage.world.sleep(0.5)
        assert stage.speaker.position == pytest.approx(0.5, abs=2 * FRAME_SECONDS)
        await stage.world.sleep(2.0)
        assert stage.speaker.position == pytest.approx(1.0)
        assert await stage.speaker.play(noise(0.5)) == pytest.approx(1.0)
        await stage.world.sleep(1.0)
        assert stage.speaker.position == pytest.approx(1.5)

    stage.live(act)


def test_pieces_follow_one_another_without_a_gap_and_little_is_queued(stage: Stage) -> None:
    async def act() -> None:
        ends = 0.0
        for number in range(5):
            begins = await stage.speaker.play(noise(1.0, seed=number))
            assert begins == pytest.approx(ends)
            if number:
                assert ends - 0.5 < stage.speaker.position < ends, "while the one before is still ending"
            ends = begins + 1.0
        await stage.speaker.reach(ends)

    stage.live(act)
    assert stage.silences() == []
    assert stage.samples() == samples_of(*(noise(1.0, seed=number) for number in range(5)))


def test_short_pieces_are_taken_in_advance_but_not_all_at_once(stage: Stage) -> None:
    async def act() -> None:
        for number in range(200):
            begins = await stage.speaker.play(noise(0.02, seed=number))
            assert begins - stage.speaker.position < 0.5
        await stage.speaker.reach(begins + 0.02)

    stage.live(act)
    assert stage.silences() == []
    assert len(stage.samples()) == 200 * 320


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
def test_what_is_heard_is_what_was_played_sample_for_sample_and_as_long(stage: Stage, rate: int) -> None:
    pieces = [audio_of(count, rate, seed=count) for count in (rate, 1, 219, 220, 221, 441, 0, rate // 3)]

    async def act() -> float:
        began = stage.world.now()
        for piece in pieces:
            begins = await stage.speaker.play(piece)
        return await stage.speaker.reach(begins + pieces[-1].seconds) - began

    lasted = stage.live(act)
    assert stage.samples() == samples_of(*pieces)
    assert {piece.rate for _, piece in stage.heard()} == {rate}
    assert lasted == pytest.approx(sum(piece.seconds for piece in pieces), abs=len(pieces) / rate)


@each_speaker
@given(st.lists(st.tuples(st.integers(0, 1500), st.sampled_from([16_000, 22_050, 24_000])), max_size=8))
@settings(deadline=None, max_examples=40)
def test_pieces_of_any_length_and_rate_are_heard_one_after_the_other(
    make: Callable[[], Stage], sizes: list[tuple[int, int]]
) -> None:
    stage = make()
    pieces = [audio_of(count, rate, seed) for seed, (count, rate) in enumerate(sizes)]

    async def act() -> None:
        ends = 0.0
        for piece in pieces:
            assert await stage.speaker.play(piece) == pytest.approx(ends)
            ends += piece.seconds
        await stage.speaker.reach(ends)
        assert stage.speaker.position == pytest.approx(ends)

    stage.live(act)
    assert stage.samples() == samples_of(*pieces)
    assert stage.silences() == []


def test_two_rates_after_each_other_keep_their_own(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(0.333, 22_050))
        begins = await stage.speaker.play(noise(0.5, 24_000))
        await stage.speaker.reach(begins + 0.5)

    stage.live(act)
    assert [rate for rate, _ in _runs([piece.rate for _, piece in stage.heard()])] == [22_050, 24_000]
    assert stage.silences() == []


def _runs(values: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
def test_a_position_is_reached_exactly_when_its_sample_is_heard(stage: Stage, rate: int) -> None:
    positions = [0.0, 1 / rate, 0.0101, 0.123456, 0.5, 0.999, 1.0, 1.3, 2.0]

    async def act() -> list[float]:
        await stage.world.sleep(0.5)
        reaching = [asyncio.ensure_future(reach_soon(position)) for position in positions]
        for seed in (1, 2):
            await stage.speaker.play(noise(1.0, rate, seed))
        return list(await asyncio.gather(*reaching))

    async def reach_soon(position: float) -> float:
        await asyncio.sleep(0)  # play first
        return await stage.speaker.reach(position)

    times = stage.live(act)
    began = stage.heard()[0][0]
    assert times == pytest.approx([began + position for position in positions], abs=1.5 / rate)


def test_who_waits_for_a_position_is_told_before_much_more_was_heard(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        for position in (0.1, 0.123, 0.5):
            await stage.speaker.reach(position)
            assert position - 1e-9 <= stage.speaker.position <= position + 2 * FRAME_SECONDS

    stage.live(act)


def test_what_was_heard_already_is_reached_at_once(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.world.sleep(0.5)
        before = stage.world.now()
        assert await stage.speaker.reach(0.2) <= before
        assert stage.world.now() == before
        await stage.world.sleep(1.0)
        before = stage.world.now()
        await stage.speaker.reach(1.0)
        assert stage.world.now() == before

    stage.live(act)


def test_paused_it_keeps_what_is_left_and_resumed_it_goes_on(stage: Stage) -> None:
    sound = noise(1.0, 22_050)

    async def act() -> None:
        await stage.speaker.play(sound)
        await stage.world.sleep(0.3)
        stage.speaker.pause()
        paused_at = stage.speaker.position
        await stage.world.sleep(2.0)
        assert stage.speaker.position == pytest.approx(paused_at, abs=2 * FRAME_SECONDS)
        stage.speaker.resume()
        await stage.speaker.reach(1.0)

    stage.live(act)
    assert stage.samples() == samples_of(sound), "nothing lost, nothing twice"
    assert [round(silence, 1) for silence in stage.silences()] == [2.0]


def test_paused_it_reaches_nothing(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.world.sleep(0.3)
        stage.speaker.pause()
        reaching = asyncio.ensure_future(stage.speaker.reach(0.5))
        await stage.world.sleep(2.0)
        assert not reaching.done()
        stage.speaker.resume()
        assert await reaching == pytest.approx(2.5, abs=3 * FRAME_SECONDS)

    stage.live(act)


def test_what_is_played_while_it_is_paused_waits(stage: Stage) -> None:
    async def act() -> None:
        stage.speaker.pause()
        stage.speaker.pause()
        await stage.speaker.play(noise(0.5))
        await stage.world.sleep(1.0)
        assert stage.heard() == []
        stage.speaker.resume()
        stage.speaker.resume()
        await stage.speaker.reach(0.5)

    stage.live(act)
    assert stage.samples() == samples_of(noise(0.5))


def test_stopped_it_is_silent_and_forgets_what_was_left(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.world.sleep(0.3)
        stage.speaker.stop()
        stopped, position = stage.world.now(), stage.speaker.position
        await stage.world.sleep(1.0)
        assert stage.speaker.position == pytest.approx(position, abs=2 * FRAME_SECONDS)
        assert all(began + piece.seconds < stopped + 2 * FRAME_SECONDS for began, piece in stage.heard())
        assert position == pytest.approx(sum(piece.seconds for _, piece in stage.heard()), abs=2 * FRAME_SECONDS)
        begins = await stage.speaker.play(tone(0.5))
        assert begins == pytest.approx(stage.speaker.position, abs=2 * FRAME_SECONDS), "it goes on from what was heard"
        await stage.speaker.reach(begins + 0.5)

    stage.live(act)
    assert stage.samples()[-8_000:] == samples_of(tone(0.5))


def test_stopping_releases_everybody_who_waits(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(5.0))
        waiting = [
            asyncio.ensure_future(stage.speaker.reach(1.0)),
            asyncio.ensure_future(stage.speaker.reach(5.0)),
            asyncio.ensure_future(stage.speaker.play(noise(1.0))),
        ]
        await stage.world.sleep(0.3)
        assert not any(each.done() for each in waiting)
        stage.speaker.stop()
        stopped = stage.world.now()
        reached = [await each for each in waiting]
        assert reached[:2] == pytest.approx([stopped] * 2, abs=2 * FRAME_SECONDS)
        assert stage.world.now() <= stopped + 2 * FRAME_SECONDS
        await stage.world.sleep(1.0)
        assert stage.speaker.position < 0.4, "the piece that waited is forgotten too"

    stage.live(act)


def test_stopping_while_paused_releases_everybody_and_the_next_sound_is_heard(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        await stage.world.sleep(0.1)
        stage.speaker.pause()
        waiting = asyncio.ensure_future(stage.speaker.reach(1.0))
        await stage.world.sleep(0.1)
        stage.speaker.stop()
        await waiting
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    assert stage.samples()[-3_200:] == samples_of(tone(0.2))


def test_stopping_in_silence_does_nothing(stage: Stage) -> None:
    async def act() -> None:
        stage.speaker.stop()
        await stage.speaker.play(tone(0.2))
        await stage.world.sleep(1.0)
        stage.speaker.stop()
        stage.speaker.stop()
        assert stage.speaker.position == pytest.approx(0.2)

    stage.live(act)
    assert stage.samples() == samples_of(tone(0.2))


@pytest.mark.parametrize("decibels", [6.0, 12.0, 20.0])
def test_ducked_it_plays_on_quieter(stage: Stage, decibels: float) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(1.0))
        await stage.world.sleep(0.3)
        stage.speaker.duck(decibels)
        await stage.world.sleep(0.3)
        stage.speaker.duck(0.0)
        await stage.speaker.reach(1.0)

    stage.live(act)
    heard = stage.samples()
    assert len(heard) == 16_000, "the position goes on"
    quiet = 10_000 * 10 ** (-decibels / 20)
    assert heard[: round(0.28 * 16_000)] == [10_000] * round(0.28 * 16_000)
    assert heard[round(0.35 * 16_000) : round(0.55 * 16_000)] == pytest.approx([quiet] * 3200, abs=2)
    assert heard[-4_000:] == [10_000] * 4_000
    assert stage.silences() == []


def test_ducking_makes_no_click(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(0.5))
        await stage.world.sleep(0.2)
        stage.speaker.duck(20.0)
        await stage.speaker.reach(0.5)

    stage.live(act)
    assert np.abs(np.diff(stage.samples())).max() < 500, "from 10,000 to 1,000 in small steps"


def test_after_a_stop_the_next_sound_is_not_ducked(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(1.0))
        stage.speaker.duck(20.0)
        await stage.world.sleep(0.3)
        stage.speaker.stop()
        begins = await stage.speaker.play(tone(0.3))
        await stage.speaker.reach(begins + 0.3)

    stage.live(act)
    assert stage.samples()[-4_800:] == samples_of(tone(0.3))


def test_a_piece_of_no_samples_is_over_at_once(stage: Stage) -> None:
    async def act() -> None:
        nothing = Audio.silence(0.0, 22_050)
        for _ in range(3):
            begins = await stage.speaker.play(nothing)
            await stage.speaker.reach(begins)
        assert stage.speaker.position == 0.0
        assert stage.world.now() < 0.1
        await stage.speaker.play(tone(0.2))
        assert await stage.speaker.play(nothing) == pytest.approx(0.2)
        begins = await stage.speaker.play(tone(0.2))
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    assert stage.samples() == samples_of(tone(0.4))
    assert stage.silences() == []


def test_who_stops_waiting_disturbs_nobody(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(noise(1.0))
        waiting = [asyncio.ensure_future(stage.speaker.reach(position)) for position in (0.3, 0.5, 0.7)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        assert await waiting[0] == pytest.approx(0.3)
        assert await waiting[2] == pytest.approx(0.7)
        await asyncio.wait({waiting[1]})

    stage.live(act)


def test_a_sound_after_a_silence_begins_at_once(stage: Stage) -> None:
    async def act() -> None:
        await stage.speaker.play(tone(0.2))
        await stage.world.sleep(3.0)
        before = stage.world.now()
        begins = await stage.speaker.play(tone(0.2))
        assert await stage.speaker.reach(begins) < before + 2 * FRAME_SECONDS
        await stage.speaker.reach(begins + 0.2)

    stage.live(act)
    assert [round(silence, 1) for silence in stage.silences()] == [2.8]
