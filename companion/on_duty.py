"""This file puts a toy on duty together, and its body first: it hears while all the rest is imported and built."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from companion import bodies, folders
from companion.character import Character
from companion.errors import DeviceError
from companion.journal import Journal
from companion.kept_mute import KeptMute
from companion.liveness import Liveness
from companion.ports import Observer
from companion.settings import Settings

if TYPE_CHECKING:
    from companion.life import Life


def kept_mute(settings: Settings, before: KeptMute | None = None) -> KeptMute:
    """Whether the toy of these settings is muted, as it was kept last; or, of one that goes on with other settings, as
    it was `before`, which is then kept where these want it."""
    kept = KeptMute(folders.state(settings) / "muted")
    if before is None or before.file == kept.file:
        return before or kept
    with suppress(OSError):  # told when it is muted next
        kept.keep(before.muted)
    return kept


@asynccontextmanager
async def toy(
    settings: Settings,
    characters: Sequence[Character],
    observers: Sequence[Observer],
    mute: KeptMute,
    liveness: Liveness,
) -> AsyncIterator[Life]:
    """A toy with a real body, muted if it was, whose signs of life `liveness` notes. What it lacks it does without, and
    says so."""
    async with AsyncExitStack() as stack:
        body = await bodies.on_duty(
            settings, stack, lambda sentence: journal.warn(sentence), liveness, hears=not mute.muted
        )
        journal = Journal(body.clock, *observers)
        for name in ("companion.build", "device.control_socket"):
            await asyncio.to_thread(import_module, name)
        from companion import build, engines
        from device.control_socket import ControlSocket, default_path

        chosen = await engines.on_duty(settings, characters, stack, journal.warn)
        life = build.put_together(
            settings, characters, body, chosen, observers, random.Random(), build.surroundings(settings), mute
        )
        for sentence in body.missing:
            journal.write("fault", kind="device", text=sentence, recovered=False)
            life.trouble()
        for sentence in (reason for part in chosen.served for reason in part.skipped):
            journal.warn(sentence)
        socket = ControlSocket(default_path(os.environ), life)
        stack.push_async_callback(socket.close)
        try:
            await socket.open()
        except DeviceError as error:
            journal.warn(str(error))
        yield life
