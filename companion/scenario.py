"""This file keeps a conversation as a scenario: what was said to the toy, as `companion simulate` replays it.

It lives in memory only, until somebody asks for it; the oldest is forgotten when it grows long.
"""

from __future__ import annotations

import io
import json
import shlex
import wave
import zipfile
from collections import deque
from dataclasses import dataclass
from typing import Any

from companion.audio import Audio, Utterance
from companion.ports import Event, Transcriber, Transcript

TYPED = "typed"
"""The engine of what was written instead of spoken."""

MOST_LINES = 200
"""Kept of what was said: half an hour of speech at most, 60 MB, usually a tenth of that."""

MOST_EVENTS = 20_000
"""Kept of the journal."""

MOST_DRAFTS = 8
"""Utterances transcribed lately that may still turn out to be what was said."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said to the toy."""

    text: str
    audio: Audio | None
    """None for what was written."""


class Scenario:
    """What was said, and what happened; an observer of the journal."""

    def __init__(self) -> None:
        self.options: list[str] = []
        """Of `companion simulate`, besides what is said: character, how it is called."""
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._drafts: deque[Utterance] = deque(maxlen=MOST_DRAFTS)

    def observe(self, event: Event) -> None:
        """Note an event."""
        self._events.append({"at": round(event.at, 3), "event": event.name, **event.fields})
        if event.name == "heard":
            spoken = event.fields["engine"] != TYPED
            drafts = [draft for draft in self._drafts if draft.ended == event.at]
            if drafts or not spoken:
                self._lines.append(Line(event.fields["text"], drafts[-1].audio if spoken else None))
            self._drafts.clear()

    def keeping(self, transcriber: Transcriber) -> Transcriber:
        """The same, but what it hears may be kept."""
        return _Keeping(transcriber, self._drafts)

    def forget(self) -> None:
        """Keep nothing of what was said so far."""
        for kept in (self._lines, self._events, self._drafts):
            kept.clear()

    def zip(self) -> bytes:
        """An archive of the recordings and of what was written, the journal, and the command that replays them."""
        words = ["companion", "simulate", *self.options]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for number, line in enumerate(self._lines, 1):
                name = f"{number:03}.{'txt' if line.audio is None else 'wav'}"
                file.writestr(name, line.text.encode(errors="replace") if line.audio is None else _wav(line.audio))
                words += ["--wav", name]
            lines = (json.dumps(event, ensure_ascii=False) for event in self._events)
            file.writestr("journal.jsonl", "".join(f"{line}\n" for line in lines).encode(errors="replace"))
            file.writestr("replay.sh", shlex.join([*words, "--journal", "replayed.jsonl"]) + "\n")
        return archive.getvalue()


class _Keeping:
    """A Transcriber that keeps what it was given."""

    def __init__(self, transcriber: Transcriber, kept: deque[Utterance]) -> None:
        self._transcriber = transcriber
        self._kept = kept

    async def load(self) -> None:
        """As the other one. Raises NotHeard."""
        await self._transcriber.load()

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The words of one utterance. Raises NotHeard as the other one does."""
        self._kept.append(utterance)
        return await self._transcriber.transcribe(utterance)


def _wav(audio: Audio) -> bytes:
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.writeframes(audio.samples.astype("<i2").tobytes())
    return recording.getvalue()
