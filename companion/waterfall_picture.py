"""This file draws turns beside each other: where the time between somebody's last sample and the first of the answer
goes, in one way of answering and in another.

It needs matplotlib, which is no part of what a toy needs, and is imported here and only to draw.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.errors import CompanionError, DeviceError
from companion.waterfall import colours, full

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.typing import RcKeyType

SUFFIXES = (".png", ".svg")

TITLE = "Where the time of a turn goes"

NOTE = "random weights: speed only"
"""What must stand beside figures of engines that have learnt nothing."""

AXIS = "ms from the last sample of speech to the first audible sample"

MISSING = "A picture needs matplotlib, which is not here: pip install 'companion[plot]'"

LOOK: Mapping[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.h_pad": 0.12,
    "figure.constrained_layout.w_pad": 0.15,
    "font.size": 11.0,
    "svg.fonttype": "none",  # text stays text: searched, read aloud, small
    "svg.hashsalt": "companion",  # the same figures make the same file
    "text.parse_math": False,  # a dollar is a dollar
}
"""Whatever the owner's own matplotlibrc says."""

INCHES_WIDE, INCHES_AROUND, INCHES_EACH = 10.0, 2.6, 0.65
"""Of the picture, of all that is above and below the bars, and of a bar with the space around it."""

DOTS_PER_INCH = 150
"""Of a .png."""

MARGIN_DOTS = 3.0
"""Least space between a number and the end of its stage."""

THICKNESS = 0.62
"""Of a bar, where 1 would leave no space to the next."""

BEYOND = 1.15
"""Length of the axis, where 1 is the longest bar: the rest is for its total."""

BRIGHT = 0.18
"""Relative luminance (WCAG) from which black is read better than white."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of answering."""

    name: str
    stages: Mapping[str, float]
    """Seconds of each stage, in the order of time."""


def check(path: Path) -> None:
    """Find out now what would stop `picture` later. Raises ValueError if `path` names no picture, and CompanionError
    without matplotlib; whether there is room at `path` is not looked at."""
    _format(path)
    if find_spec("matplotlib") is None:
        raise CompanionError(MISSING)


def picture(arms: Sequence[Arm], path: Path, *, machine: str = "", note: str = NOTE) -> None:
    """Draw a bar for each of `arms`, at least one, from the top down; `machine` and `note` stand below the title.

    Raises ValueError if `path` names no picture, CompanionError without matplotlib, and DeviceError if `path` cannot
    be written: then there is what was there before.
    """
    _write(path, drawn(arms, _format(path), machine=machine, note=note))


def drawn(arms: Sequence[Arm], kind: str, *, machine: str, note: str) -> bytes:
    """The picture as a "png" or "svg" file; the same for the same arms. Raises CompanionError without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CompanionError(MISSING) from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        size = (INCHES_WIDE, INCHES_AROUND + INCHES_EACH * len(arms))
        figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
        axes = figure.subplots()
        title = figure.suptitle(TITLE, ha="left", fontsize=16, fontweight="bold")
        axes.set_title(" · ".join(filter(None, (machine, note))), loc="left", fontsize=10, color="#444444", pad=12)
        _frame(axes, arms)
        numbers = _bars(axes, arms)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        figure.draw_without_rendering()  # only now has everything its place
        title.set_x(axes.get_position().x0)
        _thin(numbers)
        file = BytesIO()
        figure.savefig(file, format=kind, metadata={"Title": TITLE} | ({"Date": None} if kind == "svg" else {}))
    return file.getvalue()


def _format(path: Path) -> str:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: a picture is a .png or an .svg file; give it a name that ends so")
    return path.suffix.lower().removeprefix(".")


def _frame(axes: Axes, arms: Sequence[Arm]) -> None:
    """All but the bars: names, axis, totals."""
    totals = [sum(_milliseconds(arm).values()) for arm in arms]
    longest = max(totals) or 1.0
    axes.set_xlim(0.0, BEYOND * longest)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_yticks(range(len(arms)), [arm.name for arm in arms], fontsize=12, va="center_baseline")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(AXIS)
    axes.grid(axis="x", color="#DDDDDD")
    for place, total in enumerate(totals):
        beside = total + 0.01 * longest
        axes.text(beside, place, f"{total:.0f} ms", va="center_baseline", fontsize=12, fontweight="bold")


def _bars(axes: Axes, arms: Sequence[Arm]) -> list[tuple[Text, float]]:
    """The bars and their legend; the number in the middle of each stage, with where that stage ends on the axis."""
    numbers = []
    colour = colours(stage for arm in arms for stage in arm.stages)
    named = set[str]()
    for place, arm in enumerate(arms):
        ends = 0.0
        for stage, width in _milliseconds(arm).items():
            label = None if stage in named else full(stage)
            named.add(stage)
            axes.barh(place, width, THICKNESS, left=ends, color=colour[stage], ec="white", lw=0.6, label=label)
            middle, ink = ends + width / 2, _ink(colour[stage])
            number = axes.text(middle, place, f"{width:.0f}", ha="center", va="center_baseline", color=ink)
            ends += width
            numbers.append((number, ends))
    return numbers


def _thin(numbers: Sequence[tuple[Text, float]]) -> None:
    """Take away the numbers that are wider than their stage."""
    for number, ends in numbers:
        edge, _ = number.get_transform().transform((ends, 0.0))
        if number.get_window_extent().x1 + MARGIN_DOTS > edge:
            number.remove()


def _milliseconds(arm: Arm) -> dict[str, float]:
    return {stage: 1000 * max(0.0, seconds) for stage, seconds in arm.stages.items()}


def _ink(colour: str) -> str:
    """Black or white, whichever is read better on `colour`."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue >= BRIGHT else "white"


def _write(path: Path, file: bytes) -> None:
    try:
        place = path.resolve()  # a link stays one
        unfinished = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            unfinished.write_bytes(file)
            unfinished.replace(place)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise DeviceError(f"{path}: cannot be written ({getattr(error, 'strerror', error)})") from error
