from __future__ import annotations

import stat
from pathlib import Path

import pytest

from companion.kept_mute import KeptMute


def test_a_mute_is_kept_until_it_is_lifted(tmp_path: Path) -> None:
    file = tmp_path / "state" / "muted"
    assert not KeptMute(file).muted
    KeptMute(file).keep(True)
    assert KeptMute(file).muted
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    KeptMute(file).keep(False)
    assert not KeptMute(file).muted


@pytest.mark.parametrize("broken", [b"", b"unmu", b"\xff\xfe\x00"])
def test_in_doubt_it_is_muted(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "muted").write_bytes(broken)
    assert KeptMute(tmp_path / "muted").muted


def test_a_mute_that_cannot_be_kept_is_told_once_and_known_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    mute = KeptMute(tmp_path / "state" / "muted")
    with pytest.raises(OSError, match="state"):
        mute.keep(True)
    assert mute.muted
    mute.keep(False)
    mute.keep(True)
    assert mute.muted


def test_on_a_full_disk_the_old_state_stays_and_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "muted"
    KeptMute(file).keep(True)
    mute = KeptMute(file)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        mute.keep(False)
    assert not mute.muted
    assert KeptMute(file).muted
    assert [path.name for path in tmp_path.iterdir()] == ["muted"]
