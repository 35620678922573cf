"""This file tells whoever started the toy how it is: that it is ready, what it does, and, while it lives, that too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

from companion.liveness import Liveness
from companion.ports import Clock, Event, Observer, Supervisor
from companion.state import State

FEEDS = 3
"""Signs of life within the time after which one is missed."""

WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.BOOTING: "Gets ready",
        State.IDLE: "Waits to be called",
        State.LISTENING: "Listens",
        State.THINKING: "Thinks of an answer",
        State.SPEAKING: "Speaks",
        State.MUTED: "Muted: its microphone is closed",
        State.OFFLINE: "Cannot reach the service of its character",
        State.ATTENTION: "Needs its owner",
    }
)
"""What `systemctl status` tells of each state."""


def telling(supervisor: Supervisor) -> Observer:
    """An observer that tells what a toy is doing, from its beginning, and when it is ready: past booting, or muted."""
    ready = False
    why = ""

    def tell(event: Event) -> None:
        nonlocal ready, why
        told = event.fields
        match event.name:
            case "fault" if told["recovered"] and told["kind"] == "device":
                why = ""
            case "fault" if told["kind"] == "refused" or not told["recovered"]:
                why = told["text"]
            case "state":
                state = State(told["state"])
                supervisor.status(f"{WORDS[state]}: {why}" if why and state is State.ATTENTION else WORDS[state])
                if state is not State.BOOTING and not ready:
                    supervisor.ready()
                ready = state is not State.BOOTING

    return tell


async def watched(
    supervisor: Supervisor, patience: float, liveness: Liveness, clock: Clock, tell: Callable[[str, bool], None]
) -> NoReturn:
    """Give signs of life, for as long as there is life, until cancelled; `patience` is the supervisor's, in seconds.
    `tell` is told, once, what stands still, with False, and, if that passes, the same with True."""
    told = ""
    while True:
        ails = liveness.ails()
        if not ails:
            supervisor.alive()
        if ails != told:
            tell(ails or told, not ails)
            supervisor.status(f"Not alive: {ails}" if ails else "Alive again")
            told = ails
        await clock.sleep(patience / FEEDS)
