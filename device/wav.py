"""This file writes what was played to a WAV file: wholly, or not at all."""

from __future__ import annotations

import errno
import os
import wave
from collections.abc import Iterable
from pathlib import Path

from companion.audio import Audio
from companion.errors import DeviceError

EMPTY_RATE = 22_050
"""Hertz of a file that holds no sound: espeak-ng's and Piper's usual rate."""


def save(path: Path, pieces: Iterable[Audio]) -> float:
    """Write `pieces`, one after the other, to `path`; the seconds they last. Raises DeviceError.

    The file appears under its name when it is complete; what is no file (/dev/null, a pipe) is written to and stays
    what it is. Its rate is that of the first piece; with no piece it holds no sound. All pieces must have one rate.
    """
    parts = list(pieces) or [Audio.silence(0.0, EMPTY_RATE)]
    whole = Audio.join(parts)
    try:
        place = path.resolve()  # a link stays one, too
        if place.is_symlink():  # of links in a circle: from Python 3.13 on they are no error
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if place.exists() and not place.is_file():
            _write(place, whole)
        else:
            _replace(place, whole)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise DeviceError(f"{path}: cannot be written ({getattr(error, 'strerror', error)})") from error
    return whole.seconds


def _replace(path: Path, audio: Audio) -> None:
    unfinished = path.parent / f".{path.name}.{os.getpid()}"
    try:
        _write(unfinished, audio)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write(path: Path, audio: Audio) -> None:
    with path.open("wb") as raw, wave.open(raw) as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.rate)
        file.setnframes(len(audio.samples))  # said before, because the header of a pipe cannot be mended after
        file.writeframes(audio.samples.astype("<i2").tobytes())


def with_silences(heard: Iterable[tuple[float, Audio]], until: float) -> Iterable[Audio]:
    """The pieces on their timeline, from 0 to `until`: each is given with the second at which it began."""
    written = 0.0
    rate = EMPTY_RATE
    for began, audio in heard:
        rate = audio.rate
        if (gap := began - written) > 0.5 / rate:
            yield Audio.silence(gap, rate)
            written += round(gap * rate) / rate
        yield audio
        written += audio.seconds
    yield Audio.silence(max(0.0, until - written), rate)
