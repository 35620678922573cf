"""The figures that need a sound card, on a sound server: that they are measured, never how good they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sound_server import missing

from companion import bench_sound
from companion.bench_sound import Effort, Place
from companion.errors import DeviceError
from device.sound_server import sound_server

BRIEF = Effort(stops=1, idle_seconds=2.0, busy_seconds=1.0, starts=1)


def without_sound_cards(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has none, wherever this is tried."""
    return {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "PULSE_SERVER": f"unix:{tmp_path}/none"}


@pytest.mark.skipif(bool(missing), reason=missing)
def test_it_measures_all_figures_and_makes_its_own_sound_server_where_there_is_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in without_sound_cards(tmp_path).items():
        monkeypatch.setenv(name, value)
    measured, skipped = bench_sound.measure(BRIEF)
    assert not skipped
    figures = {one.name: one.median for one in measured}
    assert set(figures) == {
        "12_decision_to_silence_ms",
        "13_idle_cpu_percent",
        "idle_floor_cpu_percent",
        "14_frames_lost",
        "15_mic_open_over_all_ready",
        "microphone_open_ms",
        "all_ready_ms",
    }
    assert 0 < figures["12_decision_to_silence_ms"] < 400
    assert 0 < figures["idle_floor_cpu_percent"] < 100
    assert 0 < figures["13_idle_cpu_percent"] < 100
    assert figures["14_frames_lost"] >= 0
    assert 0 < figures["15_mic_open_over_all_ready"] < 1
    assert 0 < figures["microphone_open_ms"] < figures["all_ready_ms"]
    assert all(one.least <= one.median for one in measured)


@pytest.mark.skipif(bool(missing), reason=missing)
def test_a_sound_card_tells_itself_how_soon_it_was_silent() -> None:
    with sound_server() as server:
        [measured] = bench_sound._silence(Place(os.environ | server.environment), BRIEF)
    assert 0 < measured.median < 400
    assert "sound card" in measured.what


def test_without_a_sound_card_and_a_sound_server_it_says_so_and_measures_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in without_sound_cards(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bench_sound, "missing", lambda: "pulseaudio is not installed")
    measured, [sentence] = bench_sound.measure(BRIEF)
    assert not measured
    assert "pulseaudio is not installed" in sentence


@pytest.mark.skipif(bool(missing), reason=missing)
def test_a_figure_that_cannot_be_measured_is_told_and_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(place: Place, effort: Effort) -> list[bench_sound.Measured]:
        raise DeviceError("the card is gone")

    monkeypatch.setattr(bench_sound, "FIGURES", {"how loud it is": lost, "how soon it is silent": lambda *_: []})
    assert bench_sound.measure(BRIEF) == ([], ["It is not measured how loud it is: the card is gone"])


def test_lost_frames_are_counted_by_the_times_of_those_that_came() -> None:
    ends = [0.01 * number for number in range(100) if number not in (40, 41, 60)]
    assert bench_sound._missing_frames(ends, 10) == 3
    assert bench_sound._missing_frames([0.01 * number for number in range(100)], 10) == 0


def test_a_process_that_fails_is_told_by_its_last_words() -> None:
    with pytest.raises(DeviceError, match="TypeError"):
        bench_sound._child(Place(os.environ), bench_sound._stops, seconds=60)
