"""This file is what a toy on duty writes into the service's log: what it does and what is wrong, and not a word."""

from __future__ import annotations

from typing import TextIO

from companion.ports import Event, Observer


def log(file: TextIO) -> Observer:
    """An observer for a service's log: what the toy is doing and what is wrong, but not a word of what was said."""

    def write(event: Event) -> None:
        told = event.fields
        match event.name:
            case "state":
                line = told["state"]
            case "echo":
                line = f"interrupted by: {told['barge_in']} ({told['text']})"
            case "fault":
                line = f"{_kind(told['kind'], mended=told['recovered'])}: {told['text']}"
            case _:
                return
        print(f"companion: {line}", file=file, flush=True)

    return write


def _kind(kind: str, *, mended: bool) -> str:
    if mended and kind == "warning":
        return "warning"
    return "mended" if mended and kind in ("device", "standstill") else "fault"
