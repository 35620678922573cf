"""The unit is one that systemd takes, and gives the toy no more than it needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "systemd" / "companion.service"
MOST_EXPOSED = 25
"""Of 100, where 100 is a service that may do everything."""

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


def analyze(*words: str) -> tuple[int, str]:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_no_fault_in_it(tmp_path: Path) -> None:
    """In a copy whose program is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    assert analyze("verify", str(copy)) == (0, "")


def test_a_fault_would_be_found(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("ProtectSystem=strict", "ProtectSystems=strict"))
    assert "ProtectSystems" in analyze("verify", str(copy))[1]


def test_it_is_exposed_to_little() -> None:
    status, table = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNIT))
    assert status == 0, table.strip().splitlines()[-1]
