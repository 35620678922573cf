"""A WAV file is written wholly, or not at all."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.audio import Audio
from companion.errors import DeviceError
from device.wav import EMPTY_RATE, save, with_silences


def noise(count: int, rate: int = 22_050, seed: int = 0) -> Audio:
    return Audio(np.random.default_rng(seed).integers(-32768, 32767, count, np.int16, endpoint=True), rate)


def read(path: Path) -> tuple[int, int, int, list[int]]:
    """Channels, bytes a sample, rate, samples."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getnchannels(), file.getsampwidth(), file.getframerate(), data.tolist()


def test_the_pieces_are_written_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    pieces = [noise(100, seed=1), noise(0), noise(221, seed=2)]
    assert save(path, iter(pieces)) == pytest.approx(321 / 22_050)
    assert read(path) == (1, 2, 22_050, [sample for piece in pieces for sample in piece.samples.tolist()])


def test_no_piece_is_a_file_without_sound(tmp_path: Path) -> None:
    assert save(tmp_path / "a.wav", []) == 0.0
    assert read(tmp_path / "a.wav") == (1, 2, EMPTY_RATE, [])


def test_a_file_of_that_name_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"x" * 100_000)
    save(path, [noise(10)])
    assert len(read(path)[3]) == 10
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_under_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        save(path, [noise(10)])
        assert reader.read() == b"old", "who reads the old one meanwhile reads all of it, and nothing of the new"


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", tmp_path / "got.wav"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        save(pipe, [noise(10_000, seed=3)])
        got.write_bytes(os.read(reader, 30_000))
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert read(got) == (1, 2, 22_050, noise(10_000, seed=3).samples.tolist())


def test_through_a_link_the_file_it_leads_to_is_replaced(tmp_path: Path) -> None:
    link, file = tmp_path / "link.wav", tmp_path / "file.wav"
    file.write_bytes(b"old")
    link.symlink_to(file)
    save(link, [noise(10)])
    assert link.is_symlink()
    assert len(read(file)[3]) == 10


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    circle = tmp_path / "a.wav"
    circle.symlink_to(circle)
    with pytest.raises(DeviceError, match=r"a\.wav: cannot be written"):
        save(circle, [noise(10)])


@pytest.mark.parametrize("place", ["folder", "none/a.wav", "file/a.wav", "x" * 300, "."])
def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left_there(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"kept")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DeviceError, match=r"cannot be written \(.+\)"):
        save(tmp_path / place, [noise(10)])
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_bytes() == b"kept"


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_place_without_a_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DeviceError, match="cannot be written"):
        save(Path(place), [noise(10)])
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_when_writing_fails_the_old_file_stays_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(self: wave.Wave_write, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    with pytest.raises(DeviceError, match="No space left on device"):
        save(path, [noise(10)])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_of_two_rates_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one rate"):
        save(tmp_path / "a.wav", [noise(10, 16_000), noise(10, 22_050)])
    assert list(tmp_path.iterdir()) == []


def test_each_piece_is_where_it_was_heard_and_the_rest_is_silence() -> None:
    one, two = noise(2_205, seed=1), noise(2_205, seed=2)
    whole = Audio.join(with_silences([(0.5, one), (0.6, two), (2.0, one)], until=3.0))
    assert whole.seconds == pytest.approx(3.0, abs=1 / 22_050)
    expected = np.zeros(3 * 22_050, np.int16)
    for began, piece in [(0.5, one), (0.6, two), (2.0, one)]:
        expected[round(began * 22_050) : round(began * 22_050) + 2_205] = piece.samples
    assert np.array_equal(whole.samples, expected)


def test_nothing_heard_is_all_silence() -> None:
    whole = Audio.join(with_silences([], until=1.5))
    assert (whole.seconds, whole.rate) == (1.5, EMPTY_RATE)
    assert not whole.samples.any()


@given(st.lists(st.tuples(st.floats(0.0, 0.3), st.integers(0, 500)), max_size=60), st.floats(0.0, 1.0))
def test_a_timeline_never_drifts(parts: list[tuple[float, int]], rest: float) -> None:
    """Rounding each silence to samples must not add up."""
    now = 0.0
    heard = []
    for gap, count in parts:
        now += gap
        heard.append((now, Audio(np.ones(count, np.int16), 22_050)))
        now += count / 22_050
    until = now + rest
    whole = Audio.join(with_silences(heard, until))
    assert whole.seconds == pytest.approx(until, abs=2 / 22_050)
    assert int(whole.samples.sum()) == sum(count for _, count in parts)
    if heard and parts[-1][1]:
        last = int(np.flatnonzero(whole.samples)[-1])
        assert (last + 1) / 22_050 == pytest.approx(now, abs=2 / 22_050)
