"""This file is the command `companion devices`: the sound cards, by name, and which of them the toy uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.table import Table

from companion import settings
from companion.errors import DeviceError
from companion.screen import Usual, complain, out

if TYPE_CHECKING:
    from device.sound_cards import Device, Kind, PortAudio


TABLE_COLUMNS = 70
"""Of a terminal in which a table can be read."""


def devices(config: Usual = None) -> None:
    """List the sound cards by name, what they can do, and which the toy takes. Ends with 1 if it finds none for its
    microphone or its speaker."""
    from device.sound_cards import PortAudio

    chosen = settings.usual(config)
    cards = PortAudio()
    kinds: tuple[tuple[Kind, str, str | None], ...] = (
        ("input", "microphone", chosen.body.microphone),
        ("output", "speaker", chosen.body.speaker),
    )
    rows: list[tuple[str, ...]] = []
    complaints: list[str] = []
    for kind, part, name in kinds:
        taken = _taken(cards, kind, part, name, complaints)
        rows += [_row(device, part, device.index == taken) for device in cards.devices(kind)]
    if out.is_terminal and out.width >= TABLE_COLUMNS:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("for", "name", "by", "channels", "Hz", "taken"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*row, style="bold" if row[-1] else "")
        out.print(table)
    else:
        for part, device, host, channels, rates, mark in rows:
            between = "\n  " if out.is_terminal else "  "
            lines = f"{part:<10}  {device}, {host}", f"{channels} channels, {rates} Hz  {mark}".rstrip()
            out.print(between.join(lines), soft_wrap=True, markup=False)
    for complaint in complaints:
        complain(complaint)
    if complaints:
        raise typer.Exit(1)


def _taken(cards: PortAudio, kind: Kind, part: str, name: str | None, complaints: list[str]) -> int | None:
    """The index of the device that the toy takes; None if there is none, and why is among the complaints."""
    try:
        return cards.taken(kind, name)
    except DeviceError as error:
        complaints.append(f"no {part}: {error}; [body] {part} takes a name of this list, or a part of it")
        return None


def _row(device: Device, part: str, taken: bool) -> tuple[str, ...]:
    rates = " ".join(map(str, device.rates)) or "none of those we need"
    return part, device.name, device.host, str(device.channels), rates, "taken" if taken else ""
