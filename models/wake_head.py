"""This file hears a name of one's own, learnt by `companion wake add`, in a stream of frames.

It costs about as much as the speech embedding does, and is meant to be asked only while somebody speaks.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import numpy as np

from companion.audio import FRAME_SAMPLES, RATE, Audio
from companion.errors import CompanionError, NotHeard
from companion.ports import Wake
from models.speech_embedding import EmbeddingStream, Floats, SpeechEmbedding
from models.wake_file import Head, read
from models.wake_layers import REFRACTORY, SMOOTH

PATIENCE: Final = 3
"""Hops (0.24 s) for which a score that is only likely may still rise: so long the whole name is looked at."""


class HeadWakeWord:
    """A WakeWord: one learnt name."""

    def __init__(self, file: Path) -> None:
        """Costs nothing: the file is read by `load`."""
        self._file = file
        self._listening: _Listening | None = None

    async def load(self) -> None:
        """Read the file and load the speech embedding, in a thread. Raises NotHeard."""
        if self._listening is None:
            try:
                self._listening = await asyncio.to_thread(lambda: _Listening(read(self._file), SpeechEmbedding()))
            except CompanionError as error:
                raise NotHeard(f"The name cannot be listened for: {error}") from error

    def hears(self, frame: Audio) -> Wake | None:
        """Whether the name ended in the next 10 ms at `RATE`, or just before. Most calls only collect; every eighth
        computes. Raises ValueError for a frame of any other size or rate."""
        if len(frame.samples) != FRAME_SAMPLES or frame.rate != RATE:
            raise ValueError(f"10 ms at {RATE} Hz expected, not {len(frame.samples)} samples at {frame.rate} Hz")
        return self._listening.hears(frame) if self._listening else None

    def reset(self) -> None:
        """Forget the stream so far."""
        if self._listening:
            self._listening.reset()


class _Listening:
    """A head at work on one stream."""

    _seen: Floats
    _last: float  # the score of the last hop, before smoothing
    _waited: int  # hops since the score became likely
    _rest: int  # hops until another name may begin

    def __init__(self, head: Head, networks: SpeechEmbedding) -> None:
        self._head = head
        self._quiet = networks.quiet[-head.layers.look :]
        self._quiet_score = float(head.layers.scores(self._quiet[np.newaxis])[0])
        self._stream = EmbeddingStream(networks)
        self.reset()

    def reset(self) -> None:
        self._stream.reset()
        self._seen = self._quiet
        self._last = self._quiet_score
        self._waited = 0
        self._rest = 0

    def hears(self, frame: Audio) -> Wake | None:
        new = self._stream.feed(frame.samples)
        return None if new is None else self._decided(self._score(new))

    def _score(self, new: Floats) -> float:
        self._seen = np.concatenate([self._seen[1:], new[np.newaxis]])
        last, self._last = self._last, float(self._head.layers.scores(self._seen[np.newaxis])[0])
        return (last + self._last) / SMOOTH

    def _decided(self, score: float) -> Wake | None:
        """At once when it is sure; when it is only likely, as soon as it does not become surer."""
        if self._rest:
            # while it still sounds like the name that was told, it is that one
            self._rest = max(self._rest - 1, 1 if score >= self._head.likely else 0)
            return None
        if score >= self._head.sure:
            return self._told(sure=True)
        if score >= self._head.likely:
            self._waited += 1
        if self._waited and (self._waited > PATIENCE or score < self._head.likely):
            return self._told(sure=False)
        return None

    def _told(self, *, sure: bool) -> Wake:
        self._waited = 0
        # what only sounded like it ("Good morning") must not hide the name that follows
        self._rest = REFRACTORY if sure else 1
        return Wake(self._head.phrase, sure)
