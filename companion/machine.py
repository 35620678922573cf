"""This file reads of the computer what a toy depends on: the board, who may use what, clock, heat, power and disk.

All is read below a folder that is "/" on a computer, and that a test can fill as it likes.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import struct
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from companion import children

ROOT: Final = Path("/")

DEVICES: Final[Mapping[str, Sequence[str]]] = {
    "sound": ("dev/snd/pcm*",),
    "light and button": ("dev/gpiochip0",),
    "the lamps on SPI": ("dev/spidev*",),
}
"""What a toy opens, by what it is for."""

SOMEBODY_ELSES_PINS: Final = ("mock", "pigpio")
"""Kinds of gpiozero's pins that need no pins of this computer."""

PATIENCE: Final = 3.0
"""Seconds for a program that is asked."""


@dataclass(frozen=True, slots=True)
class Computer:
    """The computer it is."""

    model: str = ""
    """Of a Raspberry Pi; empty if it is none, or does not say."""
    gpio: bool = False
    """Whether there are GPIO pins."""
    spi: bool = False
    bits: int = 64
    cards: tuple[str, ...] = ()
    """The ids of its sound cards in ALSA."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A device that this user may not open."""

    path: str
    use: str
    group: str
    """That may."""
    joined: bool
    """Whether the user was put into the group since logging in."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that a toy writes to, or its next one above that is there."""

    path: Path
    free: int
    """Bytes."""
    read_only: bool = False
    """Whether the disk is."""


def computer(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Computer:
    """What computer it is."""
    elsewhere = environment.get("GPIOZERO_PIN_FACTORY", "") in SOMEBODY_ELSES_PINS
    return Computer(
        model=_text(root / "proc/device-tree/model").rstrip("\0"),
        gpio=elsewhere or any(root.glob("dev/gpiochip*")),
        spi=elsewhere or any(root.glob("dev/spidev0.*")),
        bits=struct.calcsize("P") * 8,
        cards=tuple(_text(file).strip() for file in sorted(root.glob("proc/asound/card[0-9]*/id"))),
    )


def user() -> str:
    """Whose program this is."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def closed(root: Path = ROOT) -> list[Closed]:
    """The devices that this user may not open, one for each group that may."""
    found: dict[str, Closed] = {}
    for use, patterns in DEVICES.items():
        for path in sorted(each for pattern in patterns for each in root.glob(pattern)):
            if not os.access(path, os.R_OK | os.W_OK):
                group, joined = _group(path.stat().st_gid)
                found.setdefault(group, Closed(str(path), use, group, joined))
    return list(found.values())


def celsius(root: Path = ROOT) -> float | None:
    """How hot the processor is; None if it does not say."""
    with suppress(ValueError):
        return int(_text(root / "sys/class/thermal/thermal_zone0/temp")) / 1000
    return None


def throttled(root: Path = ROOT) -> int | None:
    """What a Raspberry Pi's firmware says of its power supply and heat, in its own bits; None if there is none."""
    told = _text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")
    if not told and shutil.which("vcgencmd"):
        told = _said("vcgencmd", "get_throttled").partition("=")[2]
    with suppress(ValueError):
        return int(told.strip(), 16)
    return None


def place(path: Path) -> Place | None:
    """The room there is at `path`; None if nobody may look."""
    for there in (path, *path.parents):
        try:
            disk = os.statvfs(there)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return Place(path, disk.f_bavail * disk.f_frsize, bool(disk.f_flag & os.ST_RDONLY))
    return None


def open_to_others(path: Path) -> bool | None:
    """Whether others than its owner may read a file; None if there is none, or nobody may look."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH))
    except OSError:
        return None


def _group(number: int) -> tuple[str, bool]:
    """The name of a group, and whether this user is in it by now."""
    try:
        entry = grp.getgrgid(number)
    except KeyError:
        return f"number {number}", False
    return entry.gr_name, user() in entry.gr_mem


def _said(*command: str) -> str:
    """What a program says; nothing if it is not there, fails, or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=children.environment(), timeout=PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
