"""`companion run ...` on gpiozero's mock pins: a program for tests. Its first argument is a file to which it writes,
when the toy has ended, what was shown on the pins of the generic-rgb board ("shown": red, green, blue, each 0 to 1),
and for how many seconds the event loop stood still at most ("stood_still")."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPWMPin

from companion import cli, service

PINS = (25, 24, 23)
PROBE_SECONDS = 0.005

told = Path(sys.argv.pop(1))
factory = MockFactory(pin_class=MockPWMPin)
Device.pin_factory = factory
pins = [factory.pin(pin) for pin in PINS]
stood_still = 0.0
serve = service.serve


async def watched(*arguments: Any, **named: Any) -> None:
    probe = asyncio.create_task(_probe())
    try:
        await serve(*arguments, **named)
    finally:
        probe.cancel()


async def _probe() -> None:
    global stood_still
    while True:
        began = time.perf_counter()
        await asyncio.sleep(PROBE_SECONDS)
        stood_still = max(stood_still, time.perf_counter() - began - PROBE_SECONDS)


def _shown() -> list[list[float]]:
    changes = []
    for index, pin in enumerate(pins):
        at = 0.0
        for state in pin.states:
            at += state.timestamp
            changes.append((at, index, float(state.state)))
    colour, shown = [0.0, 0.0, 0.0], []
    for _, index, value in sorted(changes):
        colour[index] = round(value, 3)
        shown.append(list(colour))
    return shown


service.serve = watched
try:
    cli.main()
finally:
    told.write_text(json.dumps({"shown": _shown(), "stood_still": stood_still}))
