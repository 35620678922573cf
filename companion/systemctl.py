"""This file asks systemd, by its own commands, to take notice of a service, to start and stop it, and how it is."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from companion import children
from companion.errors import CompanionError

BOOTED = Path("/run/systemd/system")
"""Is there where systemd runs the machine: sd_booted(3)."""

LONGEST_SECONDS = 180.0
"""For which a command may wait: a toy has 120 s to get ready."""


class NoSystemd(CompanionError):
    """Systemd is not there, or does not do as it is asked."""


def check_booted() -> None:
    """Raise NoSystemd where systemd does not run the machine."""
    if not BOOTED.is_dir():
        raise NoSystemd(
            "systemd does not run this machine: start the toy with `companion run`, or write into the image of another "
            "machine with --root DIR"
        )


def do(*words: str) -> str:
    """Run a command; what it tells. Raises NoSystemd, with what it complains of."""
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            env=children.environment(),
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoSystemd(f"`{' '.join(words)}` does not end") from error
    except OSError as error:
        raise NoSystemd(f"`{' '.join(words)}` cannot be run ({error.strerror})") from error
    if done.returncode:
        why = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise NoSystemd(f"`{' '.join(words)}` failed ({why})")
    return done.stdout


def properties(told: str) -> Mapping[str, str]:
    """What `systemctl show` told."""
    return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
