"""A conversation as a terminal shows it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from companion.engines import Served
from companion.ports import Event
from companion.terminal import Narrator


@pytest.mark.parametrize("text", ["no [/such] thing", "[red] alert"])
def test_what_went_wrong_is_told_letter_by_letter(text: str) -> None:
    told = io.StringIO()
    narrator = Narrator(Console(file=io.StringIO()), Console(file=told), live=False)
    narrator(Event(1.0, "fault", {"kind": "refused", "text": text, "recovered": True}))
    assert told.getvalue() == f"companion: {text}\n"


def test_in_a_narrow_terminal_nothing_is_left_out() -> None:
    shown = io.StringIO()
    out = Console(file=shown, width=40, force_terminal=True, color_system=None)
    place = "/" + "a-place-far-away/" * 5
    Narrator(out, Console(file=io.StringIO()), live=False).engines([Served("voice", "espeak-ng", place)])
    assert place in "".join(shown.getvalue().split())
