"""A conversation as a terminal shows it."""

from __future__ import annotations

import io
import re

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


def after_a_turn(out: Console) -> None:
    fields = {"voice_to_voice": 1.6, "stages": {"transcribe": 0.4, "pause": 0.2, "reply": 1.0}, "usage": None}
    Narrator(out, Console(file=io.StringIO()), live=False)(Event(1.0, "turn", fields))


ONE_LINE = "          1.60 s to the first sound: transcribe 0.40 · pause 0.20 · reply 1.00\n"


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            80,
            [
                "1.60 s to the first sound",
                "hearing what you said     █████████▎                            0.40 s",
                "waiting whether you go on          ████▋                        0.20 s",
                "thinking of an answer                  ███████████████████████▏ 1.00 s",
            ],
        ),
        (
            40,
            [
                "1.60 s to the first sound",
                "hearing  ███▌           0.40 s",
                "waiting     █▊          0.20 s",
                "thinking      ████████▊ 1.00 s",
            ],
        ),
    ],
)
def test_a_terminal_shows_where_the_time_of_a_turn_went(width: int, lines: list[str]) -> None:
    shown = io.StringIO()
    after_a_turn(Console(file=shown, width=width, force_terminal=True, color_system=None))
    told = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert [line.removeprefix(" " * 10) for line in told] == lines
    assert all(len(line) <= width for line in told)


def test_the_stages_differ_in_colour_and_none_is_louder_than_what_was_said() -> None:
    shown = io.StringIO()
    after_a_turn(Console(file=shown, width=80, force_terminal=True, color_system="truecolor"))
    codes = re.findall(r"\x1b\[([\d;]+)m *[▏▎▍▌▋▊▉█]", shown.getvalue())
    assert len(set(codes)) == 3
    assert all(code.startswith("2;38;2;") for code in codes), "dim, and a colour"


def test_a_pipe_gets_one_line_a_turn() -> None:
    shown = io.StringIO()
    after_a_turn(Console(file=shown, width=40))
    assert shown.getvalue() == ONE_LINE


def test_a_terminal_without_blocks_or_without_room_for_them_gets_the_words() -> None:
    narrow = io.StringIO()
    after_a_turn(Console(file=narrow, width=24, force_terminal=True, color_system=None))
    assert narrow.getvalue().split() == ONE_LINE.split()
    plain = io.TextIOWrapper(raw := io.BytesIO(), encoding="latin-1")
    after_a_turn(Console(file=plain, width=80, force_terminal=True, color_system=None))
    plain.flush()
    assert raw.getvalue().decode("latin-1").split() == ONE_LINE.split()
