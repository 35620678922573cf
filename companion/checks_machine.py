"""This file judges the computer under a toy, from facts alone: each function gives one finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from companion.finding import Finding, fine, unknown
from companion.machine import Closed, Computer, Place

EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Companion is younger than that: a clock that says less was never set."""

HOT, TOO_HOT = 75.0, 80.0
"""Degrees Celsius: above the second a Raspberry Pi slows itself down."""

FULL, SCARCE = 16 << 20, 500 << 20
"""Bytes. Below the first hardly anything can be kept; the second holds a Whisper and a voice."""

UNDER_VOLTAGE: Final = 1 << 0
SLOWED: Final = (1 << 1) | (1 << 2) | (1 << 3)
SINCE: Final = 16
"""Bits of a Raspberry Pi's firmware: now; and, so many bits higher, since it was started."""

SUPPLY: Final = "use a power supply made for this board (5 V, 3 A; a Pi 5: 5 A) and a short, thick cable"


def check_settings(file: Path | None, mistakes: Sequence[str]) -> Finding:
    """Whether the settings hold mistakes."""
    if mistakes:
        what = "; ".join(mistakes)
        return Finding("settings", False, what, "correct that; until then the rest here is looked at without it")
    return fine("settings", f"{file} is in order" if file else "There is no settings file: the defaults are used")


def check_character(names: Sequence[str], mistakes: Sequence[str]) -> Finding:
    """Whether the characters can be read."""
    if mistakes:
        return Finding("character", False, "; ".join(mistakes), "see `companion characters list` and `check`")
    return fine("character", " and ".join(names))


def check_board(
    name: str, mistakes: Sequence[str], pins: bool, lamps: bool, here: Computer, cards: Mapping[str, str]
) -> Finding:
    """Whether the board of the settings fits this computer. `mistakes`: why there can be no such board. `pins` and
    `lamps`: whether it uses GPIO and SPI. `cards`: the boards that are known by the id of their sound card."""
    if mistakes:
        mend = "choose another pin in [board], or another profile in [body] board"
        return Finding("board", False, "; ".join(mistakes), mend)
    if here.bits < 64:
        return Finding("board", False, "This system has 32 bits, and the engines need 64", "flash the 64-bit system")
    if pins and not here.gpio:
        what = f"{name} has light and button on GPIO pins, and this computer has none"
        return Finding("board", None, what, '[body] board = "usb" is the one without wires')
    if lamps and not here.spi:
        mend = "switch it on: sudo raspi-config nonint do_spi 0, then reboot"
        return Finding("board", None, f"{name} has its lamps on SPI, and there is no SPI", mend)
    for card, board in cards.items():
        if card in here.cards and board != name:
            what = f"The sound card of {board} is here, and the settings say {name}"
            return Finding("board", None, what, f'[body] board = "{board}", if it is that one')
    return fine("board", f"{name}, on {here.model or 'a computer that is no Raspberry Pi'}")


def check_groups(user: str, closed: Sequence[Closed]) -> Finding:
    """Whether this user may open the devices."""
    if not closed:
        return fine("groups", f"{user} may use all devices that are here")
    what = "; ".join(f"{each.path} ({each.use}) is for the group {each.group} only" for each in closed)
    if all(each.joined for each in closed):
        return Finding("groups", False, what, f"{user} is in it since the last login: log out and in again, or reboot")
    groups = ",".join(each.group for each in closed if not each.joined)
    return Finding("groups", False, what, f"sudo usermod -aG {groups} {user}, then log out and in again")


def check_clock(now: datetime) -> Finding:
    """Whether the clock was set: without that no certificate is valid."""
    if now < EARLIEST:
        mend = "connect it to the network, and let it set the clock: sudo timedatectl set-ntp true"
        return Finding("clock", False, f"The clock says {now:%d %B %Y}: it is not set", mend)
    return fine("clock", f"{now:%d %B %Y, %H:%M} UTC")


def check_temperature(celsius: float | None) -> Finding:
    """Whether the processor is cool enough."""
    if celsius is None:
        return unknown("temperature", "This computer does not tell how hot it is")
    if celsius >= TOO_HOT:
        what = f"{celsius:.0f} °C: it slows itself down, and answers late"
        return Finding("temperature", None, what, "give it air: a heat sink, holes in the toy's back, a small fan")
    if celsius >= HOT:
        what = f"{celsius:.0f} °C: from {TOO_HOT:.0f} on it slows itself down"
        return Finding("temperature", None, what, "give it air: a heat sink, holes in the toy's back")
    return fine("temperature", f"{celsius:.0f} °C")


def check_power(bits: int | None) -> Finding:
    """Whether the power supply is good enough, by what a Raspberry Pi's firmware says."""
    if bits is None:
        return unknown("power", "This computer does not tell how its power supply is")
    if bits & UNDER_VOLTAGE:
        return Finding("power", False, "The voltage is too low: sound crackles, and cards lose data", SUPPLY)
    if bits >> SINCE & UNDER_VOLTAGE:
        return Finding("power", None, "The voltage was too low since it was started", SUPPLY)
    if (bits | bits >> SINCE) & SLOWED:
        return Finding("power", None, "It is, or was, slowed down, because it is too hot", "give it air: a heat sink")
    return fine("power", "The voltage is and was high enough")


def check_disk(places: Sequence[Place]) -> Finding:
    """Whether what must be kept can be."""
    for place in places:
        if place.read_only:
            mend = "mount it for writing, or put the folder elsewhere ([models] store, [memory] state)"
            return Finding("disk", None, f"{place.path} lies on a disk that is for reading only", mend)
    for place in sorted(places, key=lambda each: each.free):
        if place.free < FULL:
            mend = "make room: companion models prune --unused; sudo journalctl --vacuum-size=50M"
            return Finding("disk", False, f"{place.path} has only {place.free / 1e6:.0f} MB left", mend)
        if place.free < SCARCE:
            mend = "make room before you pull models: companion models prune"
            return Finding("disk", None, f"{place.path} has {place.free / 1e6:.0f} MB left", mend)
    least = min((place.free for place in places), default=None)
    return fine("disk", f"{least / 1e9:.1f} GB free") if least is not None else unknown("disk", "Nobody may look")


def check_secrets(files: Mapping[Path, bool | None]) -> Finding:
    """Whether nobody else can read the files with the key; `files`: whether each is open to others, None: not there."""
    if opened := [str(file) for file, others in files.items() if others]:
        what = f"Others can read {', '.join(opened)}, where the key is"
        return Finding("secrets", None, what, f"chmod 600 {' '.join(opened)}")
    if any(others is False for others in files.values()):
        return fine("secrets", "Nobody else can read the key")
    return unknown("secrets", "The key is in no file that this user may look at")
