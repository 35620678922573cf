"""This file finds the models on this machine: `whisper/<name>/`, `piper/<voice>.onnx` and `smart-turn/<name>.onnx` in
one folder, the store, with the names that a toy has learnt, `wake/<name>.wake`.

Of several that can be used one is chosen, always the same; why the others cannot be used is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from companion import home
from companion.errors import SettingsError
from models import piper, smart_turn, whisper
from models.wake_file import SUFFIX, Head, read
from models.wake_names import slug
from models.whisper_languages import code

SYSTEM = Path("/var/cache/companion")
"""The store of the service: systemd's CacheDirectory."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the store."""

    path: Path | None
    """None: nothing that can be used."""
    skipped: tuple[str, ...]
    """Why others cannot be used: a sentence for each, with its mend."""


def default_store(environment: Mapping[str, str]) -> Path:
    """The service's store where there is one, else the user's; it may not exist yet."""
    if SYSTEM.is_dir() and os.access(SYSTEM, os.R_OK | os.X_OK):
        return SYSTEM
    return home.cache(environment) / "companion"


@dataclass(frozen=True, slots=True)
class FoundNames:
    """What names were found in the store."""

    heads: tuple[tuple[Path, Head], ...]
    """By the name of the file."""
    skipped: tuple[str, ...]
    """Why other files cannot be used: a sentence for each, with its mend."""


def find_whisper(store: Path, language: str) -> Found:
    """The folder of a Whisper that hears `language`, a BCP 47 tag.

    For English, one that hears nothing else before one that does, because at the same size it errs less; then the
    smaller one, which answers sooner; then by name.
    """
    usable: list[tuple[bool, int, str, Path]] = []
    skipped: list[str] = []
    for folder in _entries(store / "whisper", skipped):
        if folder.is_dir():
            with _reasons(skipped):
                whisper.check(folder, language)
                size = (folder / "model.bin").stat().st_size
                usable.append((not whisper.english_only(folder), size, folder.name, folder))
    return Found(min(usable)[-1] if usable else None, tuple(skipped))


def find_piper(store: Path, language: str) -> Found:
    """The .onnx file of a voice that speaks `language`, a BCP 47 tag.

    One of the same country before others ("en-GB" finds en_GB), then by name. A voice for another language is skipped:
    it would read the words as if they were of its own.
    """
    wanted = language.lower().replace("_", "-")
    usable: list[tuple[bool, str, Path]] = []
    skipped: list[str] = []
    for onnx in _entries(store / "piper", skipped):
        if onnx.suffix == ".onnx":
            with _reasons(skipped):
                piper.check(onnx)
                spoken = piper.language(onnx)
                if code(spoken) != code(language):  # which knows espeak-ng's "cmn" for "zh", too
                    raise SettingsError([f"The Piper voice {onnx} speaks {spoken}, not {language}"])
                usable.append((spoken != wanted, onnx.name, onnx))
    return Found(min(usable)[-1] if usable else None, tuple(skipped))


def find_smart_turn(store: Path) -> Found:
    """The .onnx file of a Smart Turn: the smallest, which answers soonest ("-cpu" is a quarter of "-gpu"); of the same
    size the last by name, which is the newest."""
    usable: list[tuple[int, Path]] = []
    skipped: list[str] = []
    for onnx in _entries(store / "smart-turn", skipped):
        if onnx.suffix == ".onnx":
            with _reasons(skipped):
                smart_turn.check(onnx)
                usable.append((-onnx.stat().st_size, onnx))
    return Found(max(usable)[-1] if usable else None, tuple(skipped))


def find_piper_voices(store: Path, language: str) -> list[Path]:
    """The .onnx files of all voices that speak a language, by name."""
    spoken: list[Path] = []
    for onnx in _entries(store / "piper", []):
        if onnx.suffix == ".onnx":
            with _reasons([]):
                piper.check(onnx)
                if code(piper.language(onnx)) == code(language):
                    spoken.append(onnx)
    return spoken


def wake_file(store: Path, name: str) -> Path:
    """Where a name that a toy has learnt lies, or would."""
    return store / "wake" / f"{slug(name)}{SUFFIX}"


def find_wake(store: Path) -> FoundNames:
    """All names that a toy has learnt, whatever their language."""
    heads: list[tuple[Path, Head]] = []
    skipped: list[str] = []
    for file in _entries(store / "wake", skipped):
        if file.suffix == SUFFIX:
            with _reasons(skipped):
                heads.append((file, read(file)))
    return FoundNames(tuple(heads), tuple(skipped))


def _entries(folder: Path, skipped: list[str]) -> list[Path]:
    """What is in a folder, by name; nothing if it does not exist."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        skipped.append(f"The models in {folder} cannot be read ({error.strerror})")
        return []


@contextmanager
def _reasons(skipped: list[str]) -> Iterator[None]:
    """Collects why a model cannot be used, instead of stopping at it."""
    try:
        yield
    except SettingsError as error:
        skipped.extend(error.mistakes)
    except OSError as error:  # it vanished while it was looked at
        skipped.append(str(error))
