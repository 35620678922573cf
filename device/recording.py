"""This file reads a recording, of whatever format PyAV's FFmpeg knows, as 16 kHz mono, a little at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path

import av
import numpy as np

from companion.audio import RATE, Audio, Samples
from companion.errors import DeviceError

UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What a WAV header says of the size of a recording that was streamed."""


class Recording:
    """A recording on disk; it is read anew each time its samples are asked for."""

    text: str | None = None
    """What it says, nobody typed."""

    def __init__(self, path: Path) -> None:
        """Raises DeviceError, naming the file, if it cannot be read or holds no sound."""
        self.path = path
        self.warning = _cut_short(path)
        """What is wrong with it although it can be used."""
        if next(self.samples(), None) is None:
            raise DeviceError(f"{path}: holds no sound")

    def samples(self) -> Iterator[Samples]:
        """Its samples at `RATE`, mono, in pieces as they are decoded; where it is damaged, it ends. Raises
        DeviceError if not even the first piece can be had."""
        decoded = 0
        try:
            with av.open(f"file:{self.path}") as container:  # else "12:30.wav" would be a protocol, and a host be asked
                if not container.streams.audio:
                    return
                for piece in _resampled(container.decode(audio=0)):
                    decoded += piece.samples
                    yield _samples(piece)
        except FileNotFoundError as error:
            raise DeviceError(f"{self.path}: there is no such file") from error
        except (OSError, av.FFmpegError) as error:
            if not decoded:
                reason = error.strerror or "unknown format"
                raise DeviceError(f"{self.path}: is not a recording that can be read ({reason})") from error
            self.warning = f"{self.path}: is damaged after {decoded / RATE:.1f} s; used as far as it goes"


class SpokenText:
    """Something typed, and the sound a voice made of it."""

    def __init__(self, text: str, audio: Audio) -> None:
        self.text = text
        self._audio = audio

    def samples(self) -> Iterator[Samples]:
        """Its samples at `RATE`."""
        frame = av.AudioFrame.from_ndarray(self._audio.samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._audio.rate
        yield from map(_samples, _resampled(iter([frame])))


def _samples(frame: av.AudioFrame) -> Samples:
    return frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def _resampled(frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
    """The frames at `RATE`, mono. Files stuck together may change rate on the way: each stretch goes for itself."""
    for _, stretch in groupby(frames, key=lambda frame: (frame.format.name, frame.layout.name, frame.sample_rate)):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in chain(stretch, [None]):
            yield from resampler.resample(frame)


def _cut_short(path: Path) -> str | None:
    """A sentence if `path` is a WAV file whose header announces more than there is: FFmpeg does not mind that."""
    try:
        with path.open("rb") as file:
            riff, _, kind = struct.unpack("<4sI4s", file.read(12))
            if (riff, kind) != (b"RIFF", b"WAVE"):
                return None
            name, size = struct.unpack("<4sI", file.read(8))
            while name != b"data":
                file.seek(size + size % 2, 1)
                name, size = struct.unpack("<4sI", file.read(8))
            there = path.stat().st_size - file.tell()
    except (OSError, struct.error):
        return None  # not there, or not a WAV: whoever decodes it will say so
    if size in UNKNOWN_SIZES or there >= size:
        return None
    return f"{path}: is cut short after {there / size:.0%}; used as far as it goes"
