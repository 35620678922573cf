"""What a speaker plays, sample by sample, without a device."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from companion.audio import Samples
from device.ramp import FADE_SECONDS
from device.track import Join, Track

RATE = 48_000


def tone(seconds: float, rate: int = RATE, amplitude: float = 10_000) -> Samples:
    at = np.arange(round(seconds * rate)) / rate
    return np.rint(amplitude * np.sin(2 * np.pi * 440 * at)).astype(np.int16)


def track(rate: int = RATE) -> Track:
    made = Track()
    made.begin(rate, 0.0)
    return made


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 48_000, 22_051])
@pytest.mark.parametrize(("left", "most"), [(10**6, 60), (480, 60), (20, 1_500), (0, 8_000)])
def test_pieces_join_as_if_they_had_been_one(rate: int, left: int, most: int) -> None:
    """However much is `left` to be played when the next piece comes; a little only where the device has it already."""
    whole = tone(1.3, rate)
    playing, join = track(), Join(rate, RATE)
    out = []
    queued = 0
    for piece in np.split(whole, [5, 200, 5_000, 5_100, len(whole) * 2 // 3]):
        samples, overlap = join.add(piece)
        playing.append(samples, overlap, len(piece) / rate)
        queued += len(samples) - overlap
        out.append(playing.take(max(0, queued - playing.given - left)))
    while not playing.dry:
        out.append(playing.take(480))
    got = np.concatenate(out)
    want = soxr.resample(whole, rate, RATE)
    assert np.abs(got[: len(want)].astype(int) - want).max() < most
    assert not got[len(want) + 1 :].any()
    assert np.corrcoef(got[: len(want)], want)[0, 1] > 0.999
    assert playing.end == pytest.approx(len(whole) / rate)


def test_a_piece_is_complete_before_the_next_comes() -> None:
    samples, overlap = Join(22_050, RATE).add(tone(0.5, 22_050))
    assert len(samples) == RATE // 2
    assert overlap == 0


def test_the_position_follows_what_was_heard_and_stands_still_in_silence() -> None:
    playing = track()
    playing.take(480)
    playing.append(tone(0.1), 0, 0.1)
    playing.take(9_600)
    playing.append(tone(0.1), 0, 0.1)
    playing.take(9_600)
    assert [playing.position(n) for n in (0, 480, 2_880, 5_280, 9_000)] == pytest.approx([0, 0, 0.05, 0.1, 0.1])
    assert [playing.position(n) for n in (10_080, 12_480, 99_999)] == pytest.approx([0.1, 0.15, 0.2])
    assert playing.sample(0.05) == pytest.approx(2_880)
    assert playing.sample(0.15) == pytest.approx(12_480)
    assert playing.sample(0.3) is None


def test_a_pause_fades_out_and_keeps_every_sample_that_is_left() -> None:
    playing = track()
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    before = playing.take(480)
    playing.pause()
    paused = playing.take(4_800)
    fade = round(FADE_SECONDS * RATE)
    assert before[-1] == 10_000
    assert steepest(np.concatenate([before, paused])) < 20
    assert paused[: fade - 1].all()
    assert not paused[fade - 1 :].any()
    playing.resume(0.0, playing.given)
    rest = playing.take(2 * RATE)
    assert steepest(np.concatenate([paused, rest[: RATE // 2]])) < 20
    assert np.count_nonzero(rest) == RATE - 480 - fade
    assert playing.dry


def test_what_was_given_away_is_given_again() -> None:
    playing = track()
    sound = np.arange(RATE, dtype=np.int16) // 4
    playing.append(sound, 0, 1.0)
    playing.take(24_000)
    playing.pause()
    playing.take(4_800)
    fade = round(FADE_SECONDS * RATE)
    reached = (24_000 + fade) / RATE
    assert playing.position(28_800) == pytest.approx(reached)
    assert playing.resume(0.2, 28_800) == pytest.approx(0.2)
    assert playing.position(28_800) == pytest.approx(reached - 0.2), "at once"
    assert playing.sample(reached - 0.1) is None, "not yet again"
    again = playing.take(9_600)
    first = 24_000 + fade - 9_600
    assert (again[fade:] == sound[first + fade : first + 9_600]).all()
    assert playing.position(28_800 + 4_800) == pytest.approx(reached - 0.1)
    assert playing.sample(reached - 0.1) == pytest.approx(28_800 + 4_800)
    assert playing.sample(reached - 0.3) == pytest.approx(24_000 + fade - 14_400), "where it was heard first"
    assert (playing.take(RATE)[: RATE - 24_000 - fade] == sound[24_000 + fade :]).all()
    assert playing.position(999_999) == playing.end == 1.0


def test_resumed_before_it_was_silent_it_fades_out_before_it_goes_back() -> None:
    playing = track()
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    playing.take(24_000)
    playing.pause()
    before = playing.take(480)
    assert playing.resume(0.3, 20_000) == pytest.approx(0.3)  # 4,480 samples are on their way
    assert playing.position(24_480) == pytest.approx(20_000 / RATE - 0.3)
    assert playing.position(22_000) == pytest.approx(22_000 / RATE)
    after = playing.take(RATE // 2)
    assert steepest(np.concatenate([before, after])) < 20
    assert after.min() == 0
    assert after[-1] == 10_000


def test_what_was_played_before_a_silence_is_not_played_again() -> None:
    playing = track()
    playing.append(np.full(4_800, 9, dtype=np.int16), 0, 0.1)
    playing.take(9_600)
    playing.append(np.full(4_800, 5, dtype=np.int16), 0, 0.1)
    playing.take(2_400)
    playing.pause()
    playing.take(4_800)
    playing.resume(9.0, playing.given)
    assert (playing.take(4_800) == 5).all()


def test_two_seconds_and_more_are_kept() -> None:
    playing = track()
    playing.append(tone(60.0), 0, 60.0)
    for _ in range(500):
        playing.take(960)
    playing.pause()
    playing.take(4_800)
    assert 2.3 < playing.resume(9.0, playing.given) < 3.0


def test_nothing_sounds_while_it_was_paused_before() -> None:
    playing = track()
    playing.pause()
    playing.append(tone(0.1), 0, 0.1)
    assert not playing.take(9_600).any()
    assert playing.position(9_600) == 0
    playing.resume(0.0, playing.given)
    assert playing.take(9_600).any()


def test_stopping_fades_out_before_anything_new() -> None:
    playing = track()
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    playing.duck(6)
    playing.take(4_800)
    playing.stop(0.05)
    assert playing.append(np.full(480, 99, dtype=np.int16), 0, 0.01) == 0.05
    after = playing.take(4_800)
    fade = round(FADE_SECONDS * RATE)
    assert after[0] == pytest.approx(5_012, abs=10)
    assert steepest(after[:fade]) < 20
    assert (after[fade : fade + 480] == 99).all()  # unducked
    assert not after[fade + 480 :].any()


def test_ducking_is_a_ramp() -> None:
    playing = track()
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    playing.take(480)
    playing.duck(20)
    ducked = playing.take(4_800)
    assert steepest(ducked) < 10
    assert ducked[-1] == 1_000
    playing.duck(0)
    assert playing.take(4_800)[-1] == 10_000


def test_the_volume_is_a_factor_under_the_ducking() -> None:
    playing = track()
    playing.volume = 0.5
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    playing.duck(20)
    assert playing.take(4_800)[-1] == 500
    playing.stop(0.1)
    playing.take(4_800)
    playing.append(np.full(RATE, 10_000, dtype=np.int16), 0, 1.0)
    assert playing.take(1)[0] == 5_000


def test_a_piece_of_nothing_is_over_at_once() -> None:
    playing, join = track(), Join(16_000, RATE)
    samples, overlap = join.add(np.zeros(0, dtype=np.int16))
    assert playing.append(samples, overlap, 0.0) == 0.0
    assert playing.dry
    playing.append(samples, 0, 0.000_001)  # less than a sample of the device's
    assert playing.position(0) == playing.end
