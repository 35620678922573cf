from __future__ import annotations

from datetime import datetime, time

import pytest

from companion.bodies import brightness_cap
from companion.quiet_hours import QuietHours
from companion.settings import Body


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("20:00-07:00", ["20:00", "23:59", "00:00", "06:59"], ["07:00", "12:00", "19:59"]),
        (" 9:30 – 17:05 ", ["09:30", "17:04"], ["09:29", "17:05", "00:00"]),
        ("00:00-23:59", ["00:00", "12:00"], ["23:59"]),
    ],
)
def test_they_begin_and_end_over_midnight_or_not(text: str, inside: list[str], outside: list[str]) -> None:
    hours = QuietHours.parse(text)
    assert all(time.fromisoformat(moment) in hours for moment in inside)
    assert not any(time.fromisoformat(moment) in hours for moment in outside)


@pytest.mark.parametrize("text", ["", "20-7", "20:00", "25:00-07:00", "20:00-07:60", "20:00-07:00-08:00", "evening"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="such as 20:00-07:00"):
        QuietHours.parse(text)


def test_hours_without_an_end_are_none() -> None:
    with pytest.raises(ValueError, match="different times"):
        QuietHours.parse("07:00-7:00")


def at(hour: int) -> datetime:
    return datetime(2026, 1, 1, hour)


def test_the_light_is_dimmer_in_the_quiet_hours_and_never_brighter_than_by_day() -> None:
    now = at(12)
    body = Body(brightness=0.8, night_brightness=0.1, quiet_hours="20:00-07:00")
    cap, dimmed_anyway = (
        brightness_cap(body, lambda: now),
        brightness_cap(body.model_copy(update={"brightness": 0.05}), lambda: now),
    )
    assert (cap(), dimmed_anyway()) == (0.8, 0.05)
    now = at(21)
    assert (cap(), dimmed_anyway()) == (0.1, 0.05)
    now = at(7)
    assert cap() == 0.8


def test_without_quiet_hours_every_hour_is_alike() -> None:
    assert {brightness_cap(Body(brightness=0.5), lambda: at(hour))() for hour in range(24)} == {0.5}  # noqa: B023 - at once
