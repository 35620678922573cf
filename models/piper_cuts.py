"""This file keeps the parts of Piper voices that were cut, so that each voice is cut once and not at every start.

Of a voice there are a file for each part, and one that tells what was found out about them, which is written last. They
count only as long as the voice is the one that was cut, ONNX Runtime the one it was tried with, and not a byte has
changed. Each is renamed into its place, so that neither a power cut nor another process that does the same leaves one
that is half.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from models.memory import give_back
from models.piper_stages import Measures, Session, Uncut

VERSION: Final = 1
"""Of what is kept, and of the way voices are cut."""

BLOCK: Final = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A voice that was cut, loaded."""

    sessions: Sequence[Session]
    """What has to see the whole sentence; the flow, where it could be cut off; the decoder."""
    measures: Sequence[Measures]
    """Of all but the first."""
    loudest: float
    """Amplitude of the loudest sample of the phrase it was tried with, 0 to 1."""
    error: float
    """By how much the samples of that phrase differed at most from those of the whole voice."""


Open = Callable[[Path], Session]
"""Loads a model."""

Try = Callable[[Sequence[Session]], Parts]
"""Finds out about the parts. Raises Uncut if they do not make the sound of the whole."""


class Cuts:
    """The folder in which parts are kept."""

    def __init__(self, folder: Path) -> None:
        """`folder`: made when it is needed."""
        self._folder = folder

    def parts(self, onnx: Path, opened: Open, tried: Try) -> Parts:
        """The parts of a voice: those kept here, else it is cut now. Raises Uncut if it cannot be cut, which is kept,
        too; OSError if there is no room; and what `onnx` and ONNX Runtime raise."""
        stamp = _stamp(onnx)
        kept = _read(self._file(onnx, "json"), stamp)
        if "uncut" in kept:
            raise Uncut(kept["uncut"])
        if kept:
            files = [self._file(onnx, f"{number}.onnx") for number in range(len(kept["sums"]))]
            if kept["sums"] == [_sum(file) for file in files]:
                measures = [Measures(**each) for each in kept["measures"]]
                return Parts([opened(file) for file in files], measures, kept["loudest"], kept["error"])
        return self._cut(onnx, stamp, opened, tried)

    def _cut(self, onnx: Path, stamp: list[Any], opened: Open, tried: Try) -> Parts:
        self._folder.mkdir(parents=True, exist_ok=True)
        reasons: list[Uncut] = []
        with TemporaryDirectory(prefix=".", dir=self._folder, ignore_cleanup_errors=True) as unfinished:
            try:
                for cuts in _divisions(onnx):
                    try:
                        files = _divided(onnx, cuts, Path(unfinished))
                        parts = tried([opened(file) for file in files])
                    except Uncut as reason:
                        reasons.append(reason)
                        continue
                    kept = {
                        "stamp": stamp,
                        "sums": [_sum(file) for file in files],
                        "measures": [asdict(each) for each in parts.measures],
                        "loudest": parts.loudest,
                        "error": parts.error,
                    }
                    files = [file.replace(self._file(onnx, file.name)) for file in files]
                    self._keep(onnx, kept, Path(unfinished))
                    parts = replace(parts, sessions=())  # loaded anew, since the trial has drawn some of the noise
                    give_back()
                    return replace(parts, sessions=[opened(file) for file in files])
            except Uncut as reason:
                reasons.append(reason)
            self._keep(onnx, {"stamp": stamp, "uncut": str(reasons[-1])}, Path(unfinished))
            raise reasons[-1]

    def _keep(self, onnx: Path, kept: dict[str, Any], unfinished: Path) -> None:
        file = unfinished / "json"
        _write(file, json.dumps(kept).encode())
        file.replace(self._file(onnx, "json"))

    def _file(self, onnx: Path, suffix: str) -> Path:
        """Where something of a voice lies, or would: the same for the same path."""
        told = hashlib.blake2b(bytes(onnx.resolve()), digest_size=6).hexdigest()
        return self._folder / f"{onnx.stem}-{told}.{suffix}"


def _stamp(onnx: Path) -> list[Any]:
    """Tells a voice from the one that was there before, without reading its 60 MB."""
    import onnxruntime

    state = onnx.stat()
    return [VERSION, onnxruntime.__version__, state.st_size, state.st_mtime_ns, state.st_ctime_ns]


def _read(file: Path, stamp: list[Any]) -> dict[str, Any]:
    """What is kept of a voice with this stamp; empty if nothing."""
    try:
        match kept := json.loads(file.read_bytes()):
            case {"stamp": known, "uncut": str()} | {
                "stamp": known,
                "sums": [_, _, *_],
                "measures": [{"hop": int(), "reach": int()}, *_],
                "loudest": float(),
                "error": float(),
            } if known == stamp:
                return dict(kept)
    except (OSError, ValueError):
        pass
    return {}


def _sum(file: Path) -> int | None:
    """By which a damaged file is known; None if there is none."""
    total = 0
    try:
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                total = zlib.crc32(block, total)
    except OSError:
        return None
    return total


def _divisions(onnx: Path) -> list[list[str]]:
    from onnx import load

    from models.piper_graph import divisions

    return divisions(load(onnx))


def _divided(onnx: Path, cuts: list[str], folder: Path) -> list[Path]:
    """Write the parts of a voice. Of all this takes in memory nothing is left."""
    from onnx import load

    from models.piper_graph import divided

    files: list[Path] = []
    for model in divided(load(onnx), cuts):
        files.append(folder / f"{len(files)}.onnx")
        _write(files[-1], model.SerializeToString())
    return files


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
