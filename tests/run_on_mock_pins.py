"""`companion run ...` on gpiozero's mock pins: a program for tests. Its first argument is a file to which it writes,
when the toy has ended, what was shown on the pins of the generic-rgb board ("shown": red, green, blue, each 0 to 1),
for how many seconds the event loop stood still at most by our own doing ("stood_still"), which libraries were loaded
when the first frame came from the microphone ("at_first_frame"), and which were imported by the event loop itself,
while everything else had to wait ("imported_in_loop"). After SIGUSR1 the event loop hangs for ever."""

import asyncio
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from companion import cli, service
from companion.audio import Frame
from device.microphone import SoundCardMicrophone

PINS = (25, 24, 23)
PROBE_SECONDS = 0.005

told = Path(sys.argv.pop(1))
factory = MockFactory(pin_class=MockPWMPin)
Device.pin_factory = factory
pins = [factory.pin(pin) for pin in PINS]
stood_still = 0.0
at_first_frame: list[str] = []
imported_in_loop: list[str] = []
serve = service.serve
read = SoundCardMicrophone.read


async def reading(self: SoundCardMicrophone) -> Frame:
    frame = await read(self)
    if not at_first_frame:
        at_first_frame.extend(sorted({name.partition(".")[0] for name in sys.modules}))
    return frame


class Onlooker:
    """Sees what is imported, and leaves it to others to find it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if asyncio._get_running_loop() and name not in imported_in_loop:
            imported_in_loop.append(name)


async def watched(*arguments: Any, **named: Any) -> None:
    probe = asyncio.create_task(_probe())
    try:
        await serve(*arguments, **named)
    finally:
        probe.cancel()


async def _probe() -> None:
    global stood_still
    while True:
        began, computed = time.perf_counter(), time.process_time()
        await asyncio.sleep(PROBE_SECONDS)
        # What other programs took from this one is not its own doing: it computed nothing meanwhile.
        took = min(time.perf_counter() - began, time.process_time() - computed)
        stood_still = max(stood_still, took - PROBE_SECONDS)


def _hang(*_: object) -> None:
    threading.Event().wait()


def _shown() -> list[list[float]]:
    changes = []
    for index, pin in enumerate(pins):
        at = pin._last_change - sum(state.timestamp for state in pin.states)  # each is the time since the one before
        for state in pin.states:
            at += state.timestamp
            changes.append((at, index, float(state.state)))
    colour, shown = [0.0, 0.0, 0.0], []
    for _, index, value in sorted(changes):
        colour[index] = round(value, 3)
        shown.append(list(colour))
    return shown


signal.signal(signal.SIGUSR1, _hang)
service.serve = watched
SoundCardMicrophone.read = reading  # type: ignore[method-assign]
sys.meta_path.insert(0, Onlooker())
try:
    cli.main()
finally:
    told.write_text(
        json.dumps(
            {
                "shown": _shown(),
                "stood_still": stood_still,
                "at_first_frame": at_first_frame,
                "imported_in_loop": imported_in_loop,
            }
        )
    )
