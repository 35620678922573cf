"""This file is the toy on duty: alive until it is told to stop, built anew when its settings are read again."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from companion import on_duty
from companion.character import Character
from companion.errors import SettingsError
from companion.journal import Journal
from companion.liveness import Liveness
from companion.ports import Clock, Event, Observer, Supervisor
from companion.settings import Settings
from companion.supervised import telling, watched
from companion.tasks import first_of, meanwhile


async def serve(
    current: tuple[Settings, Sequence[Character]],
    chosen: Callable[[], tuple[Settings, Sequence[Character]]],
    observers: Sequence[Observer],
    mistaken: Callable[[SettingsError], None],
    supervisor: Supervisor,
    clock: Clock,
) -> None:
    """Live as `current` says until SIGTERM or SIGINT. SIGHUP reads the settings again with `chosen`; if they hold
    mistakes these go to `mistaken`, and the toy lives on as it is. Raises SettingsError if it cannot even begin.

    `supervisor` is told how it is; `clock` is the time in which it waits for signs of life."""
    loop = asyncio.get_running_loop()
    told_to_stop, told_to_reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    loop.add_signal_handler(signal.SIGHUP, told_to_reload.set)
    liveness = Liveness(clock)
    lived: tuple[Settings, Sequence[Character]] | None = None
    mute = on_duty.kept_mute(current[0])
    other: tuple[Settings, Sequence[Character]] | None = None

    async def reloaded() -> None:
        """Wait until there are settings that can be read. Those that cannot do not even interrupt the toy."""
        nonlocal other
        while other is None:
            await told_to_reload.wait()
            told_to_reload.clear()
            supervisor.reloading()
            try:
                other = chosen()
            except SettingsError as error:
                mistaken(error)
                supervisor.ready()

    async with meanwhile() as begin:
        if supervisor.patience is not None:
            begin(watched(supervisor, supervisor.patience, liveness, clock, _noting(observers, clock)))
        with _no_rubbish_looked_for() as settle:
            while not told_to_stop.is_set():
                everybody = (telling(supervisor), *observers, liveness.observe, settle)
                liveness.begin()
                try:
                    async with on_duty.toy(*current, everybody, mute, liveness) as life:
                        lived = current
                        await first_of(life.live(), told_to_stop.wait(), reloaded())
                        if told_to_stop.is_set():
                            supervisor.stopping()
                            break
                    current, other = other or chosen(), None
                    mute = on_duty.kept_mute(current[0], mute)
                except SettingsError as error:
                    if lived is None:
                        raise
                    mistaken(error)
                    current, lived = lived, None  # unless what was good is good no more


def _noting(observers: Sequence[Observer], clock: Clock) -> Callable[[str, bool], None]:
    """Tells observers of what stands still, while nobody else can."""
    journal = Journal(clock, *observers)

    def tell(sentence: str, recovered: bool) -> None:
        journal.write("fault", kind="standstill", text=sentence, recovered=recovered)

    return tell


@contextmanager
def _no_rubbish_looked_for() -> Iterator[Observer]:
    """Spares Python looking through all that is loaded, again and again, for what nobody needs: while it does, for
    0.03 to 0.1 s, all threads stand still, and so does the sound. Gives an observer: once everything is ready, rubbish
    is looked for again, but only in what came later."""
    gc.disable()

    def settle(event: Event) -> None:
        if event.name == "ready":
            gc.freeze()
            gc.enable()

    try:
        yield settle
    finally:
        gc.enable()
        gc.unfreeze()  # else some libraries complain on stderr that they were left behind
