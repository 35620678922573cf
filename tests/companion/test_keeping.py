import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.keeping import keep, kept, make_folder, state_folder


def test_what_was_made_once_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "state" / "session"
    assert kept(file, lambda: "one") == "one"
    assert kept(file, lambda: "two") == "one"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["session"]


@pytest.mark.parametrize("broken", [b"", b"\n", b"\xff\xfe"])
def test_a_broken_file_is_made_anew(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "session"
    file.write_bytes(broken)
    assert kept(file, lambda: "one") == "one"


def test_what_cannot_be_written_leaves_the_old_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "session"
    keep(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        keep(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["session"]


@pytest.fixture
def strict() -> Iterator[None]:
    """A umask that gives others nothing."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict")
def test_what_others_are_to_read_they_may_read_whatever_the_umask_and_what_they_are_not_they_may_not(
    tmp_path: Path,
) -> None:
    make_folder(folder := tmp_path / "above" / "settings")
    keep(folder / "toy.toml", "[toy]", mode=0o644)
    keep(folder / "secrets" / "key", "sk-secret")
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.rglob("*")}
    assert modes == {"above": "0o755", "settings": "0o755", "toy.toml": "0o644", "secrets": "0o700", "key": "0o600"}


@pytest.mark.usefixtures("strict")
def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    make_folder(tmp_path / "settings")
    assert stat.S_IMODE((tmp_path / "settings").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"STATE_DIRECTORY": "/var/lib/companion", "HOME": "/h"}, "/var/lib/companion"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/companion"),
        ({"HOME": "/h"}, "/h/.local/state/companion"),
    ],
)
def test_state_lies_where_systemd_or_the_user_keeps_it(environment: dict[str, str], folder: str) -> None:
    assert state_folder(environment) == Path(folder)


def test_whoever_is_killed_in_the_middle_of_a_write_leaves_the_old_state_or_the_new_one_and_no_litter(
    tmp_path: Path,
) -> None:
    program = Path(__file__).parents[1] / "killed_writing.py"
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "state"), "200", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["broken"] == 0
    assert told["unfinished"] > 20, "many were killed in the middle"
    assert told["written"] > 20, "and many writes were not"
    assert told["left"] == ["state"]
