import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from companion.keeping import KeptMute, keep, kept, state_folder


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


CUT = 200
"""Times that the power is cut."""

WRITER = """
import os, random, signal, sys, time
from pathlib import Path
from companion.keeping import KeptMute
file, states = Path(sys.argv[1]), set()
for number in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        mute = KeptMute(file)
        while True:
            mute.keep(not mute.muted)
    time.sleep(random.Random(number).uniform(0.0, 0.004))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    states.add(file.read_text() if file.exists() else "")
print(sorted(states))
"""


def test_whenever_the_power_is_cut_there_is_the_old_state_or_the_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "muted"), str(CUT)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    states = ast.literal_eval(done.stdout)
    assert set(states) - {""} == {"muted\n", "unmuted\n"}
    assert KeptMute(tmp_path / "muted").muted in (True, False)
