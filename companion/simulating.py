"""This file is the command `companion simulate`: the same loop as on a real toy, on a desk."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer

from companion import build, character, children, settings, simulation
from companion.options import Called, Cast, Config, check_place, journal_to, the_cast
from companion.ports import Observer
from companion.screen import TERMINAL, USAGE, complain, errors, out
from companion.terminal import Narrator


def simulate(
    wav: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="a recording of what the user says next, or a .txt with what they write; repeatable"
        ),
    ] = None,
    say: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="the same, typed, after all recordings; repeatable")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write what the speaker played, without the silences")
    ] = None,
    timeline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what the speaker played, with the silences")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what happened when, one JSON object a line")
    ] = None,
    who: Cast = None,
    config: Config = None,
    seed: Annotated[int, typer.Option(min=0, help="where every random choice comes from")] = 0,
    called: Called = None,
    room: Annotated[
        str | None,
        typer.Option(
            metavar="echo=DB,delay=MS,noise=DBFS,drift=PPM",
            help="a room that answers: how loud the toy's voice comes back to its microphone, against the user's (-6), "
            "how late (80), steady noise (none), and by how much the microphone's clock is faster (0); any of them",
        ),
    ] = None,
    interrupt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS=FILE",
            help="a recording that the user says so long after the first reply became audible, still speaking or not: "
            "1.5=stop.wav; repeatable",
        ),
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="talk yourself, with this computer's microphone and speaker")
    ] = False,
    realtime: Annotated[bool, typer.Option("--realtime", help="on the wall clock, else as fast as can be")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="of the page, on this computer only; else a free one")
    ] = None,
    unopened: Annotated[bool, typer.Option("--no-open", help="print the page's address, and open nothing")] = False,
) -> None:
    """Talk with the toy in a page of your browser: the same loop as on a real one. Or let recordings (--wav) or typed
    words (--say) talk with it."""
    by_script = bool(wav or say)
    by_hand = not terminal and not by_script
    if (terminal and by_script) or (not by_script and (save or timeline or room or interrupt or realtime)):
        complain(
            "Who speaks? Give --wav FILE or --say TEXT (companion simulate --say 'Hello!'), or --terminal alone; or "
            "none of these: then you do, in your browser"
        )
        raise typer.Exit(USAGE)
    if not by_hand and (port is not None or unopened):
        complain("--port and --no-open are for the page, which is there only without --wav, --say and --terminal")
        raise typer.Exit(USAGE)
    from device.room import Room
    from device.scripted_user import Interruption
    from device.simulated import World
    from device.wav import save as save_wav
    from device.wav import with_silences

    try:
        around = Room.parse(room) if room is not None else None
        interrupting = [simulation.interruption(text) for text in interrupt or []]
    except ValueError as error:
        complain(f"{error}")
        raise typer.Exit(USAGE) from None
    written = [path for path in (save, timeline, journal) if path]
    for path in written:
        check_place(path)
    read = [*(wav or []), *(path for _, path in interrupting), *map(Path, who or []), *([config] if config else [])]
    _check_apart(written, read)
    chosen = settings.load(config).with_called(called)
    cast = the_cast(who, chosen)
    if terminal:
        _talk(chosen, cast, journal)
        return
    if by_hand:
        _show(chosen, who or chosen.toy.characters, cast, journal, port or 0, unopened=unopened)
        return
    said = [simulation.recorded_or_written(path) for path in wav or []]
    between = [simulation.recording(path) for _, path in interrupting]
    for _, warning in (*said, *between):
        if warning:
            complain(warning)
    interruptions = [Interruption(after, line) for (after, _), (line, _) in zip(interrupting, between, strict=True)]
    world = World(realtime=realtime)

    async def converse(observers: list[Observer]) -> simulation.Simulation:
        typed = [text.encode(errors="replace").decode() for text in say or []]
        scene = simulation.simulation(
            chosen,
            cast,
            await simulation.all_spoken([*(line for line, _ in said), *typed], cast[0].language),
            world=world,
            seed=seed,
            observers=observers,
            room=around,
            interruptions=interruptions,
        )
        async with scene as simulated:
            await simulated.run()
            return simulated

    narrator = Narrator(out, errors, live=TERMINAL)
    with ExitStack() as stack:
        observers: list[Observer] = [stack.enter_context(narrator), *journal_to(journal, stack)]
        runner = stack.enter_context(asyncio.Runner(loop_factory=world.event_loop))
        simulated = runner.run(converse(observers))
    heard = simulated.speaker.heard
    files = []
    if save:
        files.append((str(save), save_wav(save, (audio for _, audio in heard))))
    if timeline:
        files.append((str(timeline), save_wav(timeline, with_silences(heard, until=world.now()))))
    narrator.summary(simulated.engines, files, world.now())


def _talk(chosen: settings.Settings, cast: list[character.Character], journal: Path | None) -> None:
    """Talk with a character at this computer, until Ctrl-C."""

    async def live(observers: list[Observer]) -> None:
        async with build.desk(chosen, cast, observers) as (life, served):
            narrator.engines(served)
            await life.live()

    narrator = Narrator(out, errors, live=TERMINAL)
    with ExitStack() as stack:
        observers: list[Observer] = [stack.enter_context(narrator), *journal_to(journal, stack)]
        out.print(
            "Speak when the light says listening. Enter interrupts, a and Enter has it say that again, "
            "m and Enter mutes, Ctrl-C ends.",
            soft_wrap=True,
        )
        with suppress(KeyboardInterrupt):
            asyncio.run(live(observers))


def _show(
    chosen: settings.Settings,
    names: Sequence[str],
    cast: Sequence[character.Character],
    journal: Path | None,
    port: int,
    *,
    unopened: bool,
) -> None:
    """Be a toy in a page of the browser, until Ctrl-C. The first line on stdout is the page's address, and nothing
    else."""
    from companion import in_browser
    from companion.choice import Choice

    first = Choice(chosen, tuple(names), cast)

    def opened(url: str) -> None:
        print(url, flush=True)  # noqa: T201 - nothing but this
        if not unopened:
            Thread(target=_open, args=(url,), daemon=True).start()

    narrator = Narrator(out, errors, live=False)
    with ExitStack() as stack:
        observers: list[Observer] = [stack.enter_context(narrator), *journal_to(journal, stack)]
        with suppress(KeyboardInterrupt):
            asyncio.run(in_browser.live(first, observers, port=port, opened=opened))


def _open(url: str) -> None:
    """Show a page in whatever browser there is, which may return when that one ends."""
    script = "import sys, webbrowser; webbrowser.open(sys.argv[1])"
    subprocess.run([sys.executable, "-c", script, url], env=children.environment(), check=False)


def _check_apart(written: Sequence[Path], read: Sequence[Path]) -> None:
    """Refuse to write two things to one file, or over a file that is to be read."""
    taken = {os.path.realpath(path) for path in read}
    for path in written:
        place = os.path.realpath(path)
        if place in taken and (path.is_file() or not path.exists()):
            complain(f"{path}: is named twice; what is written needs a file of its own")
            raise typer.Exit(USAGE)
        taken.add(place)
