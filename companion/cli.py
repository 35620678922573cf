"""This file is the command `companion`."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from threading import Thread
from typing import Annotated, TextIO

import typer

from companion import bodies, build, character, installer, pulling, settings, simulation, wake
from companion.devices import devices
from companion.doctor import doctor
from companion.errors import CompanionError, DeviceError, SettingsError
from companion.journal import lines_to, lines_while_possible
from companion.light_test import light_test
from companion.mic_test import mic_test
from companion.ports import Observer
from companion.remote import forget, mute, stop, tell, unmute
from companion.screen import complain, errors, out
from companion.setting_up import setup
from companion.speaker_test import speaker_test
from companion.terminal import Narrator, log
from companion.writing import Writing

FAILED, USAGE, SETTINGS = 1, 2, 78
"""Exit codes. 78 is EX_CONFIG of sysexits.h: the service is not started again with it."""

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
"""Keeps onnxruntime from giving this machine an id, and from telling its maker what is done here."""

UNWRAPPED = 10_000
"""Columns of help that goes to a file or a pipe."""

TERMINAL = bool(sys.stdout and sys.stdout.isatty())

app = typer.Typer(
    help="A character one can talk to, in a plush toy, a smart speaker or on the desk.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if TERMINAL else None,
    context_settings={"help_option_names": ["-h", "--help"]}
    | ({} if TERMINAL else {"max_content_width": UNWRAPPED, "terminal_width": UNWRAPPED}),
)
characters = typer.Typer(help="The characters: list them, read one, check your own.", no_args_is_help=True)
app.add_typer(characters, name="characters")
app.add_typer(wake.app, name="wake")
app.add_typer(installer.app, name="service")
app.add_typer(pulling.app, name="models")
for command in setup, doctor, devices, mic_test, speaker_test, light_test, tell, stop, mute, unmute, forget:
    app.command()(command)


Who = Annotated[str | None, typer.Option("--character", metavar="NAME|FILE", help="whom to talk to")]
Cast = Annotated[
    list[str] | None,
    typer.Option("--character", metavar="NAME|FILE", help="whom to talk to; repeatable: they talk together"),
]
Called = Annotated[
    settings.Called | None,
    typer.Option("--called", help="open: whoever speaks is heard; wake: who says its name; hold: who holds its button"),
]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="settings to use; none are read unless named")]


def main() -> None:
    """Run the command; every error of ours is one sentence on stderr and an exit code."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # what the terminal's encoding lacks must not end the conversation
    os.environ[NO_TELEMETRY] = "1"
    try:
        app()
    except SettingsError as error:
        _complain_all(error)
        sys.exit(SETTINGS)
    except CompanionError as error:
        complain(str(error))
        sys.exit(FAILED)
    except OSError as error:  # such as a full disk below the journal, or below what we print
        complain(f"Cannot go on: {error.strerror or error}")
        sys.exit(FAILED)


@app.command()
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
        _check_place(path)
    read = [*(wav or []), *(path for _, path in interrupting), *map(Path, who or []), *([config] if config else [])]
    _check_apart(written, read)
    chosen = settings.load(config).with_called(called)
    cast = _cast(who, chosen)
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
        observers: list[Observer] = [stack.enter_context(narrator), *_journal(journal, stack)]
        runner = stack.enter_context(asyncio.Runner(loop_factory=world.event_loop))
        simulated = runner.run(converse(observers))
    heard = simulated.speaker.heard
    files = []
    if save:
        files.append((str(save), save_wav(save, (audio for _, audio in heard))))
    if timeline:
        files.append((str(timeline), save_wav(timeline, with_silences(heard, until=world.now()))))
    narrator.summary(simulated.engines, files, world.now())


@app.command()
def run(
    who: Cast = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="settings; else /etc/companion/companion.toml or your own")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what happens when, words included")
    ] = None,
    called: Called = None,
) -> None:
    """The toy on real hardware, until SIGTERM or Ctrl-C; SIGHUP reads the settings again."""
    from companion import service
    from device.systemd import Systemd
    from device.wall_clock import WallClock

    if journal:
        _check_place(journal)

    def chosen() -> tuple[settings.Settings, list[character.Character]]:
        current = settings.usual(config).with_called(called)
        return current, _cast(who, current)

    def ended(error: OSError) -> None:
        complain(f"{journal} cannot be written, and ends ({error.strerror})")

    with ExitStack() as stack:
        narrator = stack.enter_context(Narrator(out, errors, live=True)) if TERMINAL else log(errors)
        observers: list[Observer] = [
            narrator,
            *_journal(journal, stack, lambda file: lines_while_possible(file, ended)),
        ]
        first = chosen()
        bodies.prepare()
        faulthandler.enable()  # the watchdog aborts what hangs: then the log tells where it hung
        asyncio.run(service.serve(first, chosen, observers, _complain_all, Systemd(os.environ), WallClock()))


@app.command()
def chat(
    who: Annotated[
        str | None,
        typer.Option("--character", metavar="NAME|FILE", help="whom to write with: see `companion characters`"),
    ] = None,
    config: Config = None,
) -> None:
    """Write with a character instead of speaking: line by line, also from a pipe. /help tells what else it does."""
    chosen = settings.load(config)
    asyncio.run(_correspond(chosen, character.load(who or chosen.toy.characters[0])))


@app.command("bench")
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
        waterfall_picture,
    )

    if plot:
        if not with_engines:
            complain("There is a turn to draw only with --engines")
            raise typer.Exit(USAGE)
        try:
            waterfall_picture.check(plot)
        except ValueError as error:
            complain(f"{error}")
            raise typer.Exit(USAGE) from None
        _check_place(plot)

    def told(what: str) -> None:
        errors.print(f"Measuring {what} ...", style="dim", soft_wrap=True)

    chosen = settings.load(config)
    told("what listening costs; this takes about half a minute")
    measured = bench.measure(chosen, _cast(who, chosen))
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


@app.command("mock-qwen")
def mock_qwen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0 takes a free one")] = 0,
    faults: Annotated[bool, typer.Option("--faults", help="list what it can be asked to do wrong, and end")] = False,
) -> None:
    """Serve the vendor's interface on this machine, without key or network, until Ctrl-C. Prints its base URL."""
    from models.mock_faults import FAULTS
    from models.mock_qwen import MockQwen

    if faults:
        for name, what in FAULTS.items():
            out.print(f"{name:<24} {what}", soft_wrap=True, markup=False)
        return

    everybody = [character.load(name) for name in character.bundled()]
    MockQwen(everybody, port=port).serve(lambda base_url: print(base_url, flush=True))  # noqa: T201 - nothing but this


@characters.command("list")
def list_characters() -> None:
    """Who comes with Companion."""
    for name in character.bundled():
        out.print(f"{name:<12} {character.load(name).summary}", soft_wrap=True)


@characters.command("show")
def show_character(who: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """What a character is told about itself, how it opens, and how it sounds."""
    somebody = character.load(who)
    out.print(somebody.system_message(), soft_wrap=True, markup=False)
    out.print(f"\nOpens with: {somebody.opening}\nVoice: {somebody.espeak}", soft_wrap=True, markup=False)


@characters.command("check")
def check_character(who: Annotated[str, typer.Argument(metavar="NAME|FILE")]) -> None:
    """Whether a character's file is complete; every mistake at once."""
    somebody = character.load(who)
    out.print(f"{somebody.name} is ready: {len(somebody.system_message())} characters of persona.", soft_wrap=True)


@app.callback(invoke_without_command=True)
def _version(show: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    if show:
        out.print(version("companion"))
        raise typer.Exit


def _cast(who: list[str] | None, chosen: settings.Settings) -> list[character.Character]:
    """The characters named, else those of the settings. Raises SettingsError."""
    cast = [character.load(name) for name in who or chosen.toy.characters]
    names = [somebody.name for somebody in cast]
    if len(set(names)) < len(names):
        raise SettingsError([f"Every character needs a name of its own, not {', '.join(names)}"])
    return cast


async def _correspond(chosen: settings.Settings, somebody: character.Character) -> None:
    async with build.correspondence(chosen, somebody, complain) as post:
        errors.print(f"{post.engine.name}: {post.engine.remark}", style="dim", soft_wrap=True)
        writing = Writing(somebody, post.mind, out, complain)
        await writing.go_on(lambda: asyncio.to_thread(_line))
        errors.print(writing.cost(), style="dim", soft_wrap=True)


def _talk(chosen: settings.Settings, cast: list[character.Character], journal: Path | None) -> None:
    """Talk with a character at this computer, until Ctrl-C."""

    async def live(observers: list[Observer]) -> None:
        async with build.desk(chosen, cast, observers) as (life, served):
            narrator.engines(served)
            await life.live()

    narrator = Narrator(out, errors, live=TERMINAL)
    with ExitStack() as stack:
        observers: list[Observer] = [stack.enter_context(narrator), *_journal(journal, stack)]
        out.print(
            "Speak when the light says listening. Enter interrupts, a and Enter has it say that again, "
            "m and Enter mutes, Ctrl-C ends.",
            soft_wrap=True,
        )
        with suppress(KeyboardInterrupt):
            asyncio.run(live(observers))


def _journal(path: Path | None, stack: ExitStack, lines: Callable[[TextIO], Observer] = lines_to) -> list[Observer]:
    return [lines(stack.enter_context(path.open("w", encoding="utf-8")))] if path else []


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

    first = in_browser.Choice(chosen, tuple(names), cast)

    def opened(url: str) -> None:
        print(url, flush=True)  # noqa: T201 - nothing but this
        if not unopened:
            Thread(target=webbrowser.open, args=(url,), daemon=True).start()  # some of them return when they end

    narrator = Narrator(out, errors, live=False)
    with ExitStack() as stack:
        observers: list[Observer] = [stack.enter_context(narrator), *_journal(journal, stack)]
        with suppress(KeyboardInterrupt):
            asyncio.run(in_browser.live(first, observers, port=port, opened=opened))


def _line() -> str:
    """What somebody writes; empty when there is no more."""
    if sys.stdin.isatty():
        out.print("you: ", style="bold green", end="")
    return sys.stdin.readline().strip()


def _check_place(path: Path) -> None:
    """Raise DeviceError now if `path` cannot be written later, when there is something to lose."""
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        reason = "it is a folder" if path.is_dir() else "is its folder there, and yours?"
        raise DeviceError(f"{path}: cannot be written ({reason})")


def _check_apart(written: Sequence[Path], read: Sequence[Path]) -> None:
    """Refuse to write two things to one file, or over a file that is to be read."""
    taken = {os.path.realpath(path) for path in read}
    for path in written:
        place = os.path.realpath(path)
        if place in taken and (path.is_file() or not path.exists()):
            complain(f"{path}: is named twice; what is written needs a file of its own")
            raise typer.Exit(USAGE)
        taken.add(place)


def _complain_all(error: SettingsError) -> None:
    for mistake in error.mistakes:
        complain(mistake)
