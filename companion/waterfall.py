"""This file lays out where the time of a turn went: a bar for each stage, each beginning where the one before ended.

It makes text and colours, and knows neither a terminal nor a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, cycle
from types import MappingProxyType

EIGHTHS = "▏▎▍▌▋▊▉█"
"""A cell filled from its left, by one eighth to eight."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a stage is called where people read it."""

    full: str
    short: str
    """The same for a narrow terminal."""


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "transcribe": Words("hearing what you said", "hearing"),
        "pause": Words("waiting whether you go on", "waiting"),
        "reply": Words("thinking of an answer", "thinking"),
        "voice": Words("making the first sound", "voice"),
        "play": Words("reaching the loudspeaker", "speaker"),
    }
)
"""The stages of a turn, in words; a stage that is not here is called what the journal calls it."""

COLOURS: Mapping[str, str] = MappingProxyType(
    {"transcribe": "#56B4E9", "pause": "#CC79A7", "reply": "#E69F00", "voice": "#009E73", "play": "#0072B2"}
)
"""Of Okabe and Ito's palette, which most colour-blind people can tell apart; the reply and the voice have about the
colour of the light meanwhile."""

OTHER_COLOURS = ("#D55E00", "#F0E442", "#999999")
"""What is left of that palette, for stages that are not in `COLOURS`, with a grey in place of its black."""

MOST_CELLS, LEAST_CELLS = 48, 8
"""Widths of the bars together: above, the eye loses the line; below, they say less than the numbers."""

FULL_WORDS_FROM = 16
"""Cells that the bars must have before the labels may be long."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage, to scale."""

    stage: str
    begins: float
    """Seconds after the first stage began."""
    seconds: float
    """Never negative."""
    offset: int
    """Whole cells before it."""
    eighths: int
    """Its length in eighths of a cell, at least one, so that every stage is seen."""

    @property
    def cells(self) -> int:
        """How many it touches."""
        return -(-self.eighths // 8)

    @property
    def blocks(self) -> str:
        """The bar itself: full cells, and what is over."""
        filled, over = divmod(self.eighths, 8)
        return EIGHTHS[-1] * filled + (EIGHTHS[over - 1] if over else "")

    @property
    def text(self) -> str:
        """The bar, with the space before it."""
        return " " * self.offset + self.blocks


@dataclass(frozen=True, slots=True)
class Row:
    """One stage as a line: three columns, each as wide as in the other rows, a space between them."""

    stage: str
    label: str
    bar: str
    seconds: str


def bars(stages: Mapping[str, float], width: int) -> list[Bar]:
    """A bar for each stage (seconds, in the order of time), all of them together `width` cells wide, at least one.

    Blocks can only be filled from the left, so a bar begins with the cell in which its stage begins: up to seven
    eighths too soon, but never longer than it was.
    """
    seconds = [max(0.0, stage) for stage in stages.values()]  # a rounding can leave a hair less than nothing
    moments = list(accumulate(seconds, initial=0.0))
    whole = moments[-1] or 1.0
    edges = [round(moment / whole * 8 * width) for moment in moments]
    return [
        Bar(
            stage,
            begins=moments[at],
            seconds=seconds[at],
            offset=min(edges[at] // 8, width - 1),  # what took no time at the very end still needs a cell
            eighths=max(1, edges[at + 1] - edges[at]),
        )
        for at, stage in enumerate(stages)
    ]


def rows(stages: Mapping[str, float], columns: int) -> list[Row]:
    """A row for each stage, none wider than `columns` cells; no rows if there is no room for bars."""
    figures = [f"{max(0.0, seconds):.2f} s" for seconds in stages.values()]
    for label, least in ((full, FULL_WORDS_FROM), (short, LEAST_CELLS)):
        labels = [label(stage) for stage in stages]
        room = columns - _widest(labels) - _widest(figures) - 2
        if room >= least:
            return _rows(labels, bars(stages, min(room, MOST_CELLS)), figures)
    return []


def full(stage: str) -> str:
    """A stage in words, for those who read them for the first time."""
    return WORDS[stage].full if stage in WORDS else _plain(stage)


def short(stage: str) -> str:
    """A stage in one word."""
    return WORDS[stage].short if stage in WORDS else _plain(stage)


def colours(stages: Iterable[str]) -> dict[str, str]:
    """A colour (#RRGGBB) for each stage: its own, or one that is left over."""
    others = cycle(OTHER_COLOURS)
    return {stage: COLOURS[stage] if stage in COLOURS else next(others) for stage in dict.fromkeys(stages)}


def _rows(labels: list[str], drawn: list[Bar], figures: list[str]) -> list[Row]:
    columns = [labels, [bar.text for bar in drawn], figures]
    left, middle, right = (_widest(column) for column in columns)
    return [
        Row(bar.stage, f"{label:<{left}}", f"{text:<{middle}}", f"{figure:>{right}}")
        for bar, label, text, figure in zip(drawn, *columns, strict=True)
    ]


def _plain(stage: str) -> str:
    return stage.replace("_", " ")


def _widest(texts: list[str]) -> int:
    return max(map(len, texts), default=0)
