"""This file keeps the journal: what happened when, one JSON object a line, told to everybody who wants to know."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TextIO

from companion.ports import Clock, Event, Observer, Usage


class Journal:
    """Tells each event to its observers, in the order in which things happened."""

    def __init__(self, clock: Clock, *observers: Observer) -> None:
        self._clock = clock
        self._observers = list(observers)

    def write(self, name: str, *, at: float | None = None, **fields: Any) -> None:
        """Note an event that happened `at` (seconds on the body's clock), or just now."""
        event = Event(self._clock.now() if at is None else at, name, fields)
        for observer in self._observers:
            observer(event)

    def warn(self, sentence: str) -> None:
        """Note what is not as it should be, and does no harm."""
        self.write("fault", kind="warning", text=sentence, recovered=True)


def lines_to(file: TextIO) -> Observer:
    """An observer that writes each event as a line of JSON, flushed, so that a crash loses nothing. Raises OSError."""

    def write(event: Event) -> None:
        line = {"at": round(event.at, 3), "event": event.name, **event.fields}
        text = json.dumps(line, ensure_ascii=False)
        file.write(text.encode(errors="replace").decode() + "\n")  # half a surrogate pair must not end the toy
        file.flush()

    return write


def lines_while_possible(file: TextIO, told: Callable[[OSError], None]) -> Observer:
    """The same, but what cannot be written ends the journal and not the toy: `told` hears of it, once."""
    write = lines_to(file)

    def write_while_possible(event: Event) -> None:
        if not file.closed:
            try:
                write(event)
            except OSError as error:
                with suppress(OSError):
                    file.close()  # which would want to write what is left
                told(error)

    return write_while_possible


class Turn:
    """The account of one turn: where its time went, and what it cost."""

    def __init__(self, clock: Clock, since: float) -> None:
        """Begins at `since`: the last sample of the user's speech, in seconds on the body's clock."""
        self._clock = clock
        self._since = since
        self._engines_before = clock.engine_seconds()
        self._engine_seconds = 0.0
        self.seconds = 0.0
        """From the last sample of speech to the end of the newest stage, engines' wall time included."""
        self.awaited_since = since
        """When whoever spoke began to wait for what follows, in seconds on the body's clock."""
        self.stages: dict[str, float] = {}
        self._usage: Usage | None = None

    def stage(self, name: str, *, until: float | None = None) -> None:
        """All time since the last stage went into this one; a second call changes nothing.

        It ends now, or `until` a moment on the body's clock, to which engines at work meanwhile added nothing.
        """
        if name in self.stages:
            return
        if until is None:
            self._engine_seconds = self._clock.engine_seconds() - self._engines_before
        seconds = (self._clock.now() if until is None else until) - self._since + self._engine_seconds
        self.stages[name] = seconds - self.seconds
        self.seconds = seconds

    def committed(self) -> None:
        """The user has finished: what engines did since the turn began, they did while the user was silent."""
        passed = self._clock.now() - self._since
        engines = self._clock.engine_seconds() - self._engines_before
        self._engines_before += passed + engines - max(self.seconds, passed)
        self._engine_seconds = self._clock.engine_seconds() - self._engines_before
        self.stage("pause")
        self.awaited()

    def awaited(self) -> None:
        """Somebody begins to wait, now."""
        self.awaited_since = self._clock.now()

    def spent(self, usage: Usage) -> None:
        """Note what the reply cost."""
        self._usage = usage

    def account(self) -> dict[str, Any]:
        """The fields of the journal's "turn" line."""
        return {
            "voice_to_voice": round(self.seconds, 3),
            "stages": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "usage": asdict(self._usage) | {"cost_usd": round(self._usage.cost_usd, 9)} if self._usage else None,
        }
