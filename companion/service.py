"""This file is the toy on duty: alive until it is told to stop, built anew when its settings are read again."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from companion import build
from companion.character import Character
from companion.errors import SettingsError
from companion.ports import Event, Observer
from companion.settings import Settings
from companion.state import State
from companion.tasks import first_of


async def serve(
    current: tuple[Settings, Sequence[Character]],
    chosen: Callable[[], tuple[Settings, Sequence[Character]]],
    observers: Sequence[Observer],
    mistaken: Callable[[SettingsError], None],
) -> None:
    """Live as `current` says until SIGTERM or SIGINT. SIGHUP reads the settings again with `chosen`; if they hold
    mistakes these go to `mistaken`, and the toy lives on as it is. Raises SettingsError if it cannot even begin."""
    loop = asyncio.get_running_loop()
    told_to_stop, told_to_reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    loop.add_signal_handler(signal.SIGHUP, told_to_reload.set)
    lived: tuple[Settings, Sequence[Character]] | None = None
    mute = build.kept_mute(current[0])
    with _no_rubbish_looked_for() as settle:
        while not told_to_stop.is_set():
            try:
                async with build.toy(*current, (*observers, settle), mute) as life:
                    lived = current
                    await first_of(life.live(), told_to_stop.wait(), told_to_reload.wait())
                told_to_reload.clear()
                current = chosen()
            except SettingsError as error:
                if lived is None:
                    raise
                mistaken(error)
                current, lived = lived, None  # unless what was good is good no more


def telling(notify: Callable[[str], None]) -> Observer:
    """An observer that tells systemd, through `notify`, what the toy is doing; ready is what has got past booting."""
    ready = False

    def tell(event: Event) -> None:
        nonlocal ready
        if event.name != "state":
            return
        state = event.fields["state"]
        notify(f"STATUS={state}")
        if not ready and state != State.BOOTING:
            ready = True
            notify("READY=1")

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
