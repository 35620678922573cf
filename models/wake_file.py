"""This file keeps a learnt name as a file: a line that says what it is, one with all that is known of it, the weights.

Nothing of it depends on when or where it was written: the same head gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from companion.errors import DeviceError, SettingsError
from companion.replacing import replace_file
from models.wake_layers import Layers

MAGIC: Final = b"companion wake head\n"
VERSION: Final = 1
"""Of what comes after the first line; raised when an older Companion could not read it."""

SUFFIX: Final = ".wake"

LARGEST: Final = 8 << 20
"""Bytes. Twenty times what is learnt here."""

_MEND: Final = "make it again with `companion wake add`"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured when the name had been learnt, on voices and sentences that nothing was learnt from."""

    sayings: int
    """How often the name was said."""
    heard: int
    """How often it was heard surely."""
    noticed: int
    """How often it was heard, surely or not."""
    hours: float
    """Of other speech and sounds."""
    false_accepts: int
    """In those hours: surely."""
    false_notices: int
    """In those hours: surely or not."""
    near: int
    """How many phrases were said that nearly sound like it."""
    near_heard: int
    """How many of those were heard as the name, surely."""
    voices: int
    """Synthetic voices that it was learnt from."""
    recordings: int
    """Recordings of people that it was learnt from."""


@dataclass(frozen=True, slots=True)
class Head:
    """A learnt name."""

    phrase: str
    """Lower case."""
    language: str
    """A BCP 47 tag."""
    sure: float
    """The score from which the name was said, surely."""
    likely: float
    """The score from which it may have been."""
    figures: Figures
    layers: Layers

    def to_bytes(self) -> bytes:
        """The file."""
        arrays = {part.name: getattr(self.layers, part.name) for part in fields(Layers)}
        known = {
            "version": VERSION,
            "phrase": self.phrase,
            "language": self.language,
            "sure": self.sure,
            "likely": self.likely,
            "figures": asdict(self.figures),
            "shapes": {name: list(array.shape) for name, array in arrays.items()},
        }
        line = json.dumps(known, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        whole = MAGIC + line + b"".join(arrays[name].astype("<f4").tobytes() for name in sorted(arrays))
        return whole + hashlib.sha256(whole).digest()


def save(head: Head, file: Path) -> None:
    """Write it: after a power cut, a full disk or Ctrl-C there is the old file or the new one. Raises DeviceError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, head.to_bytes())
    except OSError as error:
        raise DeviceError(f"{file}: the name cannot be saved ({error.strerror})") from error


def read(file: Path) -> Head:
    """The head in `file`. Raises SettingsError with one sentence."""
    try:
        if file.stat().st_size > LARGEST:
            raise SettingsError([f"{file} is no name that Companion learnt: {_MEND}"])
        whole = file.read_bytes()
    except OSError as error:
        raise SettingsError([f"{file}: the name cannot be read ({error.strerror})"]) from error
    if not whole.startswith(MAGIC):
        raise SettingsError([f"{file} is no name that Companion learnt: {_MEND}"])
    content, digest = whole[:-32], whole[-32:]
    if hashlib.sha256(content).digest() != digest:
        raise SettingsError([f"{file} is damaged: {_MEND}"])
    line, _, weights = content[len(MAGIC) :].partition(b"\n")
    try:
        return _head(json.loads(line), weights)
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError([f"{file} is of another version of Companion: {_MEND}"]) from error


def _head(known: dict[str, Any], weights: bytes) -> Head:
    """Raises ValueError, KeyError or TypeError for what is not of this version."""
    if known["version"] != VERSION:
        raise ValueError("version")
    numbers = np.frombuffer(weights, dtype="<f4").astype(np.float32)
    shapes: dict[str, list[int]] = known["shapes"]
    arrays = {}
    for name in sorted(shapes):
        size = math.prod(shapes[name])
        arrays[name] = numbers[:size].reshape(shapes[name])
        numbers = numbers[size:]
    return Head(
        str(known["phrase"]),
        str(known["language"]),
        float(known["sure"]),
        float(known["likely"]),
        Figures(**known["figures"]),
        Layers(**arrays),
    )
