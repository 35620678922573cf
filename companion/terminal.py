"""This file shows a conversation in a terminal: who said what, the light, how long it took, and a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from companion.looks import LOOKS
from companion.ports import Event
from companion.served import REHEARSAL, Served
from companion.state import State
from companion.waterfall import colours, rows

STRIP_CELLS = 60
"""Width of the light's strip, in characters."""

WHO_CELLS, FACT_CELLS, GAP_CELLS = 8, 14, 2
"""Widths of the left column, in the conversation and in the summary, and of the space after it."""


class Narrator:
    """An observer that tells a conversation as it happens; coloured if `out` is a terminal."""

    def __init__(self, out: Console, errors: Console, *, live: bool) -> None:
        """`live`: keep a line below the conversation that shows the light now; only for a terminal."""
        self._out = out
        self._errors = errors
        self._status: Status | None = out.status("") if live else None
        self._states: list[tuple[float, State]] = []
        self._latencies: list[float] = []
        self._usage: Counter[str] = Counter()
        self._heard = 0

    def __enter__(self) -> Narrator:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        told = event.fields
        match event.name:
            case "state":
                self._light(event.at, State(told["state"]))
            case "heard":
                self._heard += 1
                self._line("you", told["text"], "bold")
            case "called":
                self._line("", f"called: {told['by']}", "dim")
            case "echo":
                self._line("", f"it can be interrupted: {told['barge_in']}, for {told['text']}", "dim")
            case "interrupted" | "resume":
                self._line("", {"interrupted": "interrupted", "resume": "it goes on"}[event.name], "dim")
            case "ignored":
                self._line("", f"not answered: {told['reason']}", "dim")
            case "said":
                self._line(told["character"], told["text"] + ("" if told["complete"] else " —"), "cyan")
            case "gesture":
                self._line("", f"* {told['text']} *", "italic dim")
            case "turn":
                self._turn(told)
            case "fault":
                self._errors.print(f"companion: {told['text']}", style="red", soft_wrap=True, markup=False)

    def summary(self, engines: Sequence[Served], files: Sequence[tuple[str, float]], until: float) -> None:
        """What there is to know when it is over: `files` with the seconds of sound in each, `until` in seconds."""
        self._out.print()
        if not self._heard:
            self._fact("heard", "nothing was said: no speech in what the microphone brought")
        if self._latencies:
            slowest = max(self._latencies)
            self._fact("turns", f"{len(self._latencies)}")
            self._fact("voice to voice", f"median {median(self._latencies):.2f} s, slowest {slowest:.2f} s")
        if self._usage:
            used = self._usage
            unpaid = ", had they been asked" if any(engine.name == REHEARSAL for engine in engines) else ""
            self._fact(
                "tokens",
                f"{used['prompt_tokens']} in ({used['cached_tokens']} cached), {used['completion_tokens']} out: "
                f"at most ${used['cost_usd']:.6f} at the vendor's prices{unpaid}",
            )
        self.engines(engines)
        self._fact("light", Text("").join(self._strip(until)))
        for name, seconds in files:
            self._fact("sound", f"{name} ({seconds:.1f} s)")

    def engines(self, engines: Sequence[Served]) -> None:
        """Which engine serves which part, and how to get a better one."""
        for engine in engines:
            self._fact(engine.part, engine.name + (f" ({engine.remark})" if engine.remark else ""))

    def _light(self, at: float, state: State) -> None:
        self._states.append((at, state))
        if self._status:
            self._status.update(Text(f"● {state.value}", style=_colour(state)))

    def _turn(self, told: Any) -> None:
        self._latencies.append(told["voice_to_voice"])
        for name, count in (told["usage"] or {}).items():
            self._usage[name] += count
        total = f"{told['voice_to_voice']:.2f} s to the first sound"
        if waterfall := self._waterfall(told["stages"]):
            self._line("", total, "dim")
            self._print(WHO_CELLS, Text(), waterfall)
        else:
            stages = " · ".join(f"{name} {seconds:.2f}" for name, seconds in told["stages"].items())
            self._line("", f"{total}: {stages}", "dim")

    def _waterfall(self, stages: Mapping[str, float]) -> Text:
        """A line for each stage; empty where no bars can be shown."""
        if not self._out.is_terminal or self._out.options.ascii_only:
            return Text()
        colour = colours(stages)
        return Text("\n").join(
            Text.assemble((row.label, "dim"), " ", (row.bar, f"dim {colour[row.stage]}"), " ", (row.seconds, "dim"))
            for row in rows(stages, self._out.width - WHO_CELLS - GAP_CELLS)
        )

    def _strip(self, until: float) -> Iterator[Text]:
        """The light from the beginning to the end: coloured in a terminal, else the states' first letters."""
        for cell in range(STRIP_CELLS):
            at = until * cell / STRIP_CELLS
            state = next((state for began, state in reversed(self._states) if began <= at), State.BOOTING)
            yield Text("█" if self._out.is_terminal else state.value[0], style=_colour(state))

    def _line(self, who: str, what: str, style: str) -> None:
        self._print(WHO_CELLS, Text(who, style="bold green"), Text(what, style=style))

    def _fact(self, name: str, fact: str | Text) -> None:
        self._print(FACT_CELLS, Text(name, style="dim"), fact if isinstance(fact, Text) else Text(fact))

    def _print(self, width: int, left: Text, right: Text) -> None:
        """Two columns; the right one is wrapped within itself in a terminal, and never elsewhere."""
        if self._out.is_terminal:
            columns = Table.grid(padding=(0, GAP_CELLS))
            columns.add_column(width=width, justify="right")
            columns.add_column(overflow="fold")
            columns.add_row(left, right)
            self._out.print(columns)
        else:
            self._out.print(f"{left.plain:>{width}}{'':{GAP_CELLS}}", right, sep="", soft_wrap=True)


def _colour(state: State) -> str:
    return "rgb({},{},{})".format(*LOOKS[state].colour)
