from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from companion.replacing import replace_file


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def named(old: Path, new: Path) -> Path:
        done.append("named")
        return replace(old, new)

    def on_disk(descriptor: int) -> None:
        done.append("names" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "content")
        fsync(descriptor)

    monkeypatch.setattr(Path, "replace", named)
    monkeypatch.setattr("os.fsync", on_disk)
    replace_file(tmp_path / "file", b"new")
    assert done == ["content", "named", "names"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_disk_that_cannot_be_told_to_write_its_names_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    names_fail_with(number, monkeypatch)
    replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_disk_that_fails_to_write_its_names_is_told_and_no_litter_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_fail_with(errno.EIO, monkeypatch)
    with pytest.raises(OSError, match="Input/output error"):
        replace_file(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def names_fail_with(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", failing)
