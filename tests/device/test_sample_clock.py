"""The clock of a stream's samples: it believes the most of its measurements, and notices when samples were lost."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.sample_clock import LOST_SECONDS, MEASUREMENTS, SURE_SECONDS, SampleClock

RATE = 48_000
BLOCK = 480


def measured(clock: SampleClock, ats: Iterable[float], first: int = 0) -> list[int]:
    """After which of these measurements, one for each block, it knew that samples were lost."""
    return [number for number, at in enumerate(ats) if clock.measured((first + number) * BLOCK, at)]


def on_time(count: int, after: float = 5.0) -> list[float]:
    return [after + number * BLOCK / RATE for number in range(count)]


@given(off=st.lists(st.floats(-0.03, 0.03), min_size=60, max_size=60))
def test_measurements_that_are_a_little_off_show_no_loss(off: list[float]) -> None:
    clock = SampleClock(RATE)
    assert measured(clock, (at + error for at, error in zip(on_time(60), off, strict=True))) == []
    assert clock.time(0) == pytest.approx(5.0, abs=0.03)


@given(waits=st.sets(st.integers(1, 99)), seconds=st.floats(LOST_SECONDS, 2.0))
def test_a_callback_that_waits_now_and_then_shows_no_loss(waits: set[int], seconds: float) -> None:
    alone = {number for number in waits if not waits & {number - 1, number - 2}}
    late = [at + seconds * (number in alone) for number, at in enumerate(on_time(100))]
    assert measured(SampleClock(RATE), late) == []


@given(seconds=st.floats(LOST_SECONDS + 0.001, 3.0), before=st.integers(MEASUREMENTS, 80))
def test_samples_that_were_lost_are_noticed_once_and_soon_and_then_the_clock_is_right(
    seconds: float, before: int
) -> None:
    clock = SampleClock(RATE)
    assert measured(clock, on_time(before)) == []
    later = [at + seconds for at in on_time(100, on_time(before + 1)[-1])]
    [noticed] = measured(clock, later, before)
    assert noticed * BLOCK / RATE == pytest.approx(SURE_SECONDS, abs=2 * BLOCK / RATE)
    assert clock.time(before * BLOCK) == pytest.approx(later[0])
    assert clock.sample(later[0]) == pytest.approx(before * BLOCK, abs=0.01)
