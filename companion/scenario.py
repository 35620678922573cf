"""This file keeps a conversation as a scenario: what was said to the toy, as `companion simulate` replays it.

It lives in memory only, until somebody asks for it; the oldest is forgotten when it grows long. Each toy that was
there, one after the other, had a conversation of its own: it is replayed by a command of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import shlex
import wave
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from companion.audio import Audio, Utterance
from companion.ports import Event, Transcriber, Transcript

TYPED = "typed"
"""The engine of what was written instead of spoken."""

MOST_LINES = 200
"""Kept of what was said ..."""

MOST_SECONDS = 1_800.0
"""... and so much speech of it: half an hour, 60 MB. Usually it is a tenth of that."""

MOST_EVENTS = 20_000
"""Kept of the journal."""

MOST_DRAFTS = 8
"""Utterances transcribed lately that may still turn out to be what was said."""


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """What was said to one toy, from its first words on until another one took its place: two are never the same."""

    options: Sequence[str] = ()
    """Of `companion simulate`, besides what is said: character, settings, how it is called."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What these name, by its name in the archive; the same name means the same file in every part."""
    remarks: Sequence[str] = ()
    """What the options cannot say: a line each."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said to the toy."""

    text: str
    audio: Audio | None
    """None for what was written."""
    part: Part

    @property
    def seconds(self) -> float:
        """Of the sound that is kept."""
        return self.audio.seconds if self.audio else 0.0


class Scenario:
    """What was said, and what happened; an observer of the journal."""

    def __init__(self) -> None:
        self.part = Part()
        """The toy that is there now."""
        self._lines: deque[Line] = deque()
        self._seconds = 0.0
        self._dropped = False
        """Whether there were lines before these."""
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._drafts: deque[Utterance] = deque(maxlen=MOST_DRAFTS)

    def observe(self, event: Event) -> None:
        """Note an event."""
        self._events.append({"at": round(event.at, 3), "event": event.name, **event.fields})
        if event.name == "heard":
            spoken = event.fields["engine"] != TYPED
            drafts = [draft for draft in self._drafts if draft.ended == event.at]
            if drafts or not spoken:
                self._keep(Line(event.fields["text"], drafts[-1].audio if spoken else None, self.part))
            self._drafts.clear()

    def _keep(self, line: Line) -> None:
        self._lines.append(line)
        self._seconds += line.seconds
        while len(self._lines) > MOST_LINES or self._seconds > MOST_SECONDS:
            self._seconds -= self._lines.popleft().seconds
            self._dropped = True

    def keeping(self, transcriber: Transcriber) -> Transcriber:
        """The same, but what it hears may be kept."""
        return _Keeping(transcriber, self._drafts)

    def forget(self) -> None:
        """Keep nothing of what was said so far."""
        for kept in (self._lines, self._events, self._drafts):
            kept.clear()
        self._seconds, self._dropped = 0.0, False

    async def zip(self) -> bytes:
        """An archive of the recordings and of what was written, the journal, and the commands that replay them. It is
        packed in a thread: half an hour takes seconds, and the toy may be speaking."""
        return await asyncio.to_thread(_archive, list(self._lines), list(self._events), self._dropped)


def _archive(lines: Sequence[Line], events: Sequence[Mapping[str, Any]], dropped: bool) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        files = {name: held for line in lines for name, held in line.part.files.items()}
        names = []
        for number, line in enumerate(lines, 1):
            names.append(f"{number:03}.{'txt' if line.audio is None else 'wav'}")
            files[names[-1]] = line.text.encode(errors="replace") if line.audio is None else _wav(line.audio)
        journal = (json.dumps(event, ensure_ascii=False) for event in events)
        files["journal.jsonl"] = "".join(f"{line}\n" for line in journal).encode(errors="replace")
        files["replay.sh"] = "".join(f"{line}\n" for line in _script(lines, names, dropped)).encode(errors="replace")
        for name, held in files.items():
            file.writestr(name, held)
    return archive.getvalue()


def _script(lines: Sequence[Line], names: Sequence[str], dropped: bool) -> Iterator[str]:
    """The commands that replay these lines, kept in files of these `names`."""
    if dropped:
        yield "# There was more than could be kept: what was said before this is missing."
    if not lines:
        yield "# Nothing was said."
    named = zip(lines, names, strict=True)
    parts = [(part, [name for _, name in said]) for part, said in groupby(named, lambda pair: pair[0].part)]
    for number, (part, said) in enumerate(parts, 1):
        yield from (f"# {' '.join(remark.split())}" for remark in part.remarks)
        words = ["companion", "simulate", *part.options]
        for name in said:
            words += ["--wav", name]
        journal = f"replayed{'' if number == 1 else f'-{number}'}.jsonl"
        yield shlex.join([*words, "--journal", journal]) + (" &&" if number < len(parts) else "")


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
