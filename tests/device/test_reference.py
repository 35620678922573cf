"""What the speaker sent is given to the echo canceller in one piece, though measured times are a little off."""

from __future__ import annotations

import itertools

import numpy as np

from device.reference import LOST_FOR, YOUNG, Reference

RATE = 16_000
FRAME = 160


def asked(times: list[float], steps: int) -> list[int]:
    """The number of the sample with which each frame begins that one gets, asking for one that begins `times` after
    where it should."""
    reference = Reference(RATE)
    begins = []
    for step in range(steps):
        reference.put(np.ones(FRAME, dtype=np.int16))
        place = step * FRAME + times[min(step, len(times) - 1)]
        reference.take(reference.drain(), place, FRAME)
        begins.append(reference._next - FRAME)
    return begins


def apart(begins: list[int]) -> list[int]:
    """How many samples lie between the beginnings of two frames, less those of a frame."""
    return [after - before - FRAME for before, after in itertools.pairwise(begins)]


def test_measured_times_that_are_off_by_a_few_milliseconds_are_not_followed() -> None:
    chance = np.random.default_rng(0)
    steps = 2_000
    times = list(np.repeat(chance.normal(0, 30, steps // 20 + 1), 20))  # 2 ms, for 0.2 s each
    moves = apart(asked(times, steps))
    assert not any(moves[YOUNG:])


def test_a_clock_that_is_too_fast_is_followed_a_sample_at_a_time() -> None:
    steps = 20_000
    times = [100 + step * FRAME * 100e-6 for step in range(steps)]
    begins = asked(times, steps)
    moves = apart(begins)[YOUNG:]
    assert set(moves) <= {0, 1}
    ends_at = sum(moves) + times[YOUNG]
    assert abs(ends_at - times[-1]) < 100


def test_lost_samples_are_noticed_at_once() -> None:
    times = [0.0] * 500 + [960.0] * 500
    moves = apart(asked(times, 1_000))
    jumps = [number for number, moved in enumerate(moves) if moved]
    assert len(jumps) == 1
    assert moves[jumps[0]] == 960
    assert jumps[0] - 500 <= LOST_FOR


def test_the_first_times_of_a_stream_are_corrected_soon() -> None:
    times = [480.0] * 20 + [0.0] * 500
    begins = asked(times, 400)
    assert begins[60] % FRAME == 0
    assert not any(apart(begins)[60:])
