"""The units are ones that systemd takes, and give the toy no more than it needs."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from command import companion

from companion.cli import SETTINGS
from device.sound_cards import URGENCY

UNITS = Path(__file__).parents[1] / "systemd"
UNIT, USERS_UNIT = UNITS / "companion.service", UNITS / "user" / "companion.service"
MOST_EXPOSED = 20
"""Of 100, where 100 is a service that may do everything."""

LIBRARY = Path("/usr/lib/systemd/system")
"""Where a machine's own units are: a unit is judged among them."""

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def analyze(*words: object) -> tuple[int, str]:
    with TemporaryDirectory() as folder:  # which a user's manager looks for
        done = subprocess.run(
            ["systemd-analyze", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"XDG_RUNTIME_DIR": folder},
        )
    return done.returncode, done.stdout + done.stderr


def settings_of(unit: Path) -> dict[str, list[str]]:
    """All that a unit says, by name."""
    said: dict[str, list[str]] = {}
    for name, value in re.findall(r"(?m)^(\w+)=(.*)$", unit.read_text()):
        said.setdefault(name, []).append(value)
    return said


@pytest.fixture(params=["--system", "--user"])
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """For whom a unit is, and a copy of it whose program is there."""
    source = {"--system": UNIT, "--user": USERS_UNIT}[request.param]
    copy = tmp_path / source.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", source.read_text()))
    return request.param, copy


def test_systemd_finds_no_fault_in_it(copy: tuple[str, Path]) -> None:
    manager, unit = copy
    assert analyze(manager, "verify", unit) == (0, "")


def test_a_fault_would_be_found(copy: tuple[str, Path]) -> None:
    manager, unit = copy
    unit.write_text(unit.read_text().replace("LockPersonality=yes", "LockPersonalities=yes"))
    assert "LockPersonalities" in analyze(manager, "verify", unit)[1]


def test_it_is_exposed_to_little() -> None:
    status, table = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT)
    assert status == 0, table.strip().splitlines()[-1]


def test_systemd_finds_no_fault_in_what_is_installed_into_an_image(tmp_path: Path) -> None:
    """Among the units that a machine has, with the groups that it has."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "group").write_text("root:x:0:\naudio:x:29:\ngpio:x:997:\n")
    (tmp_path / "bin").mkdir()
    for program in ("companion", "kill"):
        (tmp_path / "bin" / program).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / program).chmod(0o755)
    shutil.copytree(LIBRARY, tmp_path / LIBRARY.relative_to("/"), symlinks=True)
    done = companion("service", "install", "--root", tmp_path, "--program", "/bin/companion")
    assert done.returncode == 0, done.stderr
    assert analyze("verify", f"--root={tmp_path}", "--man=no", "companion.service") == (0, "")
    status, table = analyze(
        "security", "--offline=true", f"--root={tmp_path}", f"--threshold={MOST_EXPOSED}", "companion.service"
    )
    assert status == 0, table.strip().splitlines()[-1]
    groups = next(line for line in table.splitlines() if "SupplementaryGroups=" in line)
    assert groups, "the drop-in counts"


@pytest.mark.parametrize("unit", [UNIT, USERS_UNIT])
def test_it_is_started_again_for_ever_but_not_after_a_mistake_in_the_settings(unit: Path) -> None:
    said = settings_of(unit)
    assert said["Restart"] == ["always"]
    assert said["StartLimitIntervalSec"] == ["0"], "however often"
    assert said["RestartPreventExitStatus"] == [str(SETTINGS)]


@pytest.mark.parametrize("unit", [UNIT, USERS_UNIT])
def test_it_waits_for_no_network(unit: Path) -> None:
    waits = [value for name in ("After", "Wants", "Requires", "BindsTo") for value in settings_of(unit).get(name, [])]
    assert waits
    assert not any("network" in value for value in waits)


@pytest.mark.parametrize("unit", [UNIT, USERS_UNIT])
def test_it_is_watched_and_needs_no_key_to_start(unit: Path) -> None:
    said = settings_of(unit)
    assert said["Type"] == ["notify"]
    assert said["WatchdogSec"] == ["30"]
    assert said["SetCredential"] == ["api_key:unset"]
    assert said["LimitCORE"] == ["0"], "its memory holds the key"


def test_the_threads_of_sound_may_be_made_urgent() -> None:
    said = settings_of(UNIT)
    assert said["RestrictRealtime"] == ["no"]
    assert int(said["LimitRTPRIO"][0]) >= URGENCY
    assert "sched_setscheduler is allowed" in analyze("security", "--offline=true", UNIT)[1]
