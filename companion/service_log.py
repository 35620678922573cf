"""This file is what a toy on duty writes into the service's log: what it does and what is wrong, and not a word."""

from __future__ import annotations

from rich.console import Console

from companion.ports import Event, Observer


def log(errors: Console) -> Observer:
    """An observer for a service's log: what the toy is doing and what is wrong, but not a word of what was said."""

    def write(event: Event) -> None:
        told = event.fields
        if event.name == "state":
            errors.print(f"companion: {told['state']}", soft_wrap=True, markup=False)
        elif event.name == "echo":
            errors.print(
                f"companion: interrupted by: {told['barge_in']} ({told['text']})", soft_wrap=True, markup=False
            )
        elif event.name == "fault":
            what = {("device", True): "mended", ("standstill", True): "mended", ("warning", True): "warning"}.get(
                (told["kind"], told["recovered"]), "fault"
            )
            errors.print(f"companion: {what}: {told['text']}", soft_wrap=True, markup=False)

    return write
