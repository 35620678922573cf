"""A learnt name: its file, and how it is heard in a stream."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_head import HEAD, PHRASE, dither, fed, sound

from companion.audio import Audio
from companion.errors import DeviceError, NotHeard, SettingsError
from companion.ports import Wake
from models import wake_file
from models.speech_embedding import HOP, SpeechEmbedding
from models.wake_head import HeadWakeWord

CALLED = sound(HEAD.with_name("hey-bunny-slt.wav"))
OTHER = sound(HEAD.parents[1] / "speech" / "breakfast-awb.wav")


@pytest.fixture(scope="module")
def wake() -> HeadWakeWord:
    made = HeadWakeWord(HEAD)
    asyncio.run(made.load())
    return made


@pytest.fixture(autouse=True)
def _anew(wake: HeadWakeWord) -> None:
    wake.reset()


def test_what_is_not_loaded_hears_nothing() -> None:
    assert fed(HeadWakeWord(HEAD), CALLED) == []


def test_the_name_is_told_once_each_time_just_after_it_ended(wake: HeadWakeWord) -> None:
    gap = dither(2.0)
    told = fed(wake, gap, CALLED, gap, CALLED, gap)
    length = len(CALLED) / 16_000
    assert [it for _, it in told] == [Wake(PHRASE, True)] * 2
    for (at, _), ended in zip(told, (2.0 + length, 4.0 + 2 * length), strict=True):
        assert ended - 0.3 < at < ended + 0.5


def test_other_speech_is_not_the_name(wake: HeadWakeWord) -> None:
    assert fed(wake, dither(1.0), OTHER, dither(1.0)) == []


def test_after_a_reset_the_stream_begins_anew(wake: HeadWakeWord) -> None:
    first = fed(wake, CALLED, dither(0.5))
    wake.reset()
    assert fed(wake, CALLED, dither(0.5)) == first
    half = len(CALLED) // 320 * 160
    wake.reset()
    fed(wake, CALLED[:half])
    wake.reset()
    assert fed(wake, CALLED[half:], dither(0.5)) == []


def test_a_stream_scores_as_the_whole_sound_does(wake: HeadWakeWord) -> None:
    head, networks = wake_file.read(HEAD), SpeechEmbedding()
    stream = np.concatenate([dither(0.5), CALLED, dither(0.5)])
    whole = head.layers.heard(networks.of(stream), networks.quiet[-head.layers.look :])
    assert whole.max() >= head.sure
    at = int(np.flatnonzero(whole >= head.sure)[0])
    assert fed(wake, stream)[0][0] == pytest.approx((at + 1) * 0.08)


def test_a_likely_name_waits_whether_it_becomes_sure_and_is_told_unsure_if_not(
    tmp_path: Path,
) -> None:
    head = wake_file.read(HEAD)
    doubtful = tmp_path / "doubtful.wake"
    wake_file.save(dataclasses.replace(head, sure=99.0), doubtful)
    wake = HeadWakeWord(doubtful)
    asyncio.run(wake.load())
    assert [it for _, it in fed(wake, dither(0.5), CALLED, dither(1.0))] == [Wake(PHRASE, False)]


def test_what_was_only_likely_does_not_hide_the_name_just_after_it(tmp_path: Path) -> None:
    head, networks = wake_file.read(HEAD), SpeechEmbedding()
    beginning = np.concatenate([CALLED[: len(CALLED) * 6 // 10], dither(0.4)])
    stream = np.concatenate([beginning, CALLED, dither(0.5)])
    scores = head.layers.heard(networks.of(stream), networks.quiet[-head.layers.look :])
    first = float(scores[: len(beginning) // HOP].max())
    strict = tmp_path / "strict.wake"
    wake_file.save(dataclasses.replace(head, sure=(first + float(scores.max())) / 2, likely=first - 1.0), strict)
    wake = HeadWakeWord(strict)
    asyncio.run(wake.load())
    assert [it.sure for _, it in fed(wake, stream)] == [False, True]


def test_frames_of_another_size_are_refused(wake: HeadWakeWord) -> None:
    with pytest.raises(ValueError, match="10 ms"):
        wake.hears(Audio(np.zeros(320, dtype=np.int16)))


def test_a_call_is_quick_enough_for_the_event_loop(wake: HeadWakeWord) -> None:
    began = time.thread_time()
    fed(wake, np.concatenate([OTHER] * 2))
    assert (time.thread_time() - began) / (2 * len(OTHER) / 16_000) < 0.25


def test_the_file_gives_back_what_was_saved_bit_for_bit(tmp_path: Path) -> None:
    head = wake_file.read(HEAD)
    again = tmp_path / "again.wake"
    wake_file.save(head, again)
    assert again.read_bytes() == HEAD.read_bytes()
    assert head.phrase == PHRASE
    assert head.likely <= head.sure


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is no name that Companion learnt"),
        (b"PK\x03\x04 an archive of somebody else's", "is no name that Companion learnt"),
        (HEAD.read_bytes()[:-1000], "is damaged"),
        (HEAD.read_bytes()[:2000] + b"x" + HEAD.read_bytes()[2001:], "is damaged"),
    ],
)
def test_a_file_of_the_wrong_kind_is_refused_with_one_sentence(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "name.wake"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        wake_file.read(file)
    assert complaint in str(error.value)
    assert str(file) in str(error.value)
    assert len(error.value.mistakes) == 1
    with pytest.raises(NotHeard, match=complaint):
        asyncio.run(HeadWakeWord(file).load())


def test_a_file_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = wake_file.read(HEAD)
    with monkeypatch.context() as later:
        later.setattr(wake_file, "VERSION", 2)
        wake_file.save(head, tmp_path / "later.wake")
    with pytest.raises(SettingsError, match="another version"):
        wake_file.read(tmp_path / "later.wake")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = wake_file.read(HEAD)
    file = tmp_path / "name.wake"
    file.write_bytes(b"old")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeviceError, match="No space left"):
        wake_file.save(head, file)
    assert [path.name for path in tmp_path.iterdir()] == ["name.wake"]
    assert file.read_bytes() == b"old"
