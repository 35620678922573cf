"""This file is the command `companion bench`: what it costs and how fast it is, on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from companion import (
    bench,
    bench_gaps,
    bench_lasting,
    bench_page,
    bench_pauses,
    bench_piper,
    bench_sound,
    bench_turn,
    bench_whisper,
    settings,
    waterfall_picture,
)
from companion.options import Cast, Config, check_place, the_cast
from companion.screen import USAGE, complain, errors, out


def measure(
    who: Cast = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
    with_engines: Annotated[
        bool,
        typer.Option(
            "--engines",
            help="also how long one waits for an answer, against two plainer ways, and what Whisper and Piper gain; "
            "with random weights, made for it: speed only",
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="with --engines: draw where the time of a turn goes, as a .png or .svg"),
    ] = None,
) -> None:
    """Measure on this machine what listening costs while nobody speaks to the toy, and how fast it answers."""
    if plot:
        if not with_engines:
            complain("There is a turn to draw only with --engines")
            raise typer.Exit(USAGE)
        try:
            waterfall_picture.check(plot)
        except ValueError as error:
            complain(f"{error}")
            raise typer.Exit(USAGE) from None
        check_place(plot)

    def told(what: str) -> None:
        errors.print(f"Measuring {what} ...", style="dim", soft_wrap=True)

    chosen = settings.load(config)
    told("what listening costs; this takes about half a minute")
    measured = bench.measure(chosen, the_cast(who, chosen))
    if with_engines:
        told("how long one waits for an answer; this takes about six minutes")
        turns, arms = bench_turn.measure(told)
        measured += turns
        if plot:
            cores = f"{bench.machine()['machine']}, {bench.machine()['cores']} cores"
            waterfall_picture.picture(arms, plot, machine=cores)
        told("Whisper")
        measured += bench_whisper.measure()
        told("Piper")
        measured += bench_piper.measure()
        told("whether a slow voice leaves gaps; this takes about three minutes")
        measured += bench_gaps.measure()
        told("what pauses cost; this takes about a minute")
        measured += bench_pauses.measure()
        told("what needs a sound card; this takes about three minutes")
        sound, skipped = bench_sound.measure()
        measured += sound
        told("what one waits at the page")
        page, unseen = bench_page.measure()
        measured += page
        for sentence in (*skipped, *unseen):
            complain(sentence)
        told(f"a conversation of {bench_lasting.TURNS} turns; this takes about two minutes")
        measured += bench_lasting.measure()
    if as_json:
        figures = {one.name: one.median for one in measured}
        print(json.dumps({"metrics": figures, "machine": bench.machine()}))  # noqa: T201 - nothing but this
        return
    for one in measured:
        out.print(f"{one.median:>8.2f} {one.unit:<12} {one.what} (least {one.least:.2f})", soft_wrap=True, markup=False)
    out.print(", ".join(f"{value}" for value in bench.machine().values()), style="dim", soft_wrap=True)
