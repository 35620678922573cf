"""This file brings models into the store, looks after them there, and takes them out again.

A model is loaded into `.pulling/<name>/` of the store, verified, converted where that is needed, and renamed to its
place when it is whole: what lies in its place is never half there, whatever happens. What was loaded before an
interruption is gone on from.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from companion.errors import NotPulled
from companion.replacing import settle
from models import ledger
from models.hub import Hub, Known, digest
from models.ledger import Pulled
from models.manifest import Kind, Model, Remote

UNFINISHED, LOCK = ".pulling", ".pulling.lock"
"""In the store: what is being loaded, and what keeps two pulls apart."""

SPARE: Final = 32 << 20
"""Bytes that are left free: a full disk hurts more than the models."""

CONVERTED: Final = 0.35
"""How large a converted model is, at most, measured by what was pulled: a byte where there were four, and the words."""

MENDS: Final = {
    errno.ENOSPC: "make room (companion models prune), and pull again",
    errno.EACCES: "pull with sudo, or put the store elsewhere ([models] store)",
    errno.EPERM: "pull with sudo, or put the store elsewhere ([models] store)",
    errno.EROFS: "the disk is mounted for reading only: put the store elsewhere ([models] store)",
}
"""What helps against what goes wrong with a disk."""

Told = Callable[[Model, Remote, int, int], None]
"""Told how many bytes of how many of a file are there."""


def store_path(model: Model) -> Path:
    """Where a model lies in the store: a folder, or a file that has its kind's other files beside it."""
    folder = Path(model.kind.value)
    return folder / model.name if model.kind is Kind.WHISPER else folder / f"{model.name}.onnx"


def missing(store: Path, model: Model) -> bool:
    """Whether a model is not in its place."""
    return not (store / store_path(model)).exists()


@contextmanager
def alone(store: Path) -> Iterator[None]:
    """Nobody else changes the store meanwhile; it is made if it is not there. Raises NotPulled."""
    with _writing(store):
        store.mkdir(parents=True, exist_ok=True)
        lock = os.open(store / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotPulled(f"{store}: another `companion models` is at work there; wait until it is done") from None
        yield
    finally:
        os.close(lock)


def pull(
    model: Model,
    store: Path,
    hub: Callable[[], Hub],
    told: Told,
    converting: Callable[[Model], None],
    *,
    anew: bool = False,
) -> bool:
    """Bring a model to its place; within `alone`. Whether anything was changed: where it is whole already, nobody is
    asked. Raises NotPulled, SettingsError.

    `hub` opens the way when it is needed. `converting` is told when that begins. `anew`: what the hub said when it was
    first pulled is forgotten, and what lies in its place is replaced.
    """
    before = ledger.read(store).get(model.name)
    sources = {str(remote) for remote in model.files}
    if before and not anew and before.sources.keys() == sources and not ledger.faults(store, before):
        return False
    with hub() as opened:
        known = {remote: opened.known(remote) for remote in model.files}
        if not anew:
            _check_unchanged(ledger.told(store), known)
        work = store / UNFINISHED / model.name
        with _writing(store):
            work.mkdir(parents=True, exist_ok=True)
            if not model.converted:
                _reuse(model, store, known, work)
            if not before and not anew and not missing(store, model):
                _check_own(model, store, known, work)
            _check_room(model, store, known, work)
        for remote in model.files:
            _load(opened, model, remote, known[remote], work, told)
    if model.converted:
        converting(model)
    with _writing(store):
        made = _made(model, work)
        if model.converted:
            digests = {path: digest(work / name, "sha256:") for name, path in made.items()}
        else:
            digests = {made[remote.name]: known[remote].digest for remote in model.files}
        pulled = Pulled(
            model.kind,
            {str(remote): known[remote].digest for remote in model.files},
            {str(remote): known[remote].commit for remote in model.files},
            digests,
        )
        ledger.write(store, model.name, pulled)  # first: what is in its place and not known would be the owner's own
        _publish(model, store, work, made)
        shutil.rmtree(work, ignore_errors=True)
        with suppress(OSError):
            work.parent.rmdir()
    return True


def leftovers(store: Path) -> list[Path]:
    """What interrupted pulls have left, and parts of voices that are gone."""
    voices = {path.name.removesuffix(".onnx") for path in _inside(store / "piper") if path.suffix == ".onnx"}
    cuts = [path for path in _inside(store / "piper-cut") if "-" in path.name]  # <voice>-<which>.<part>
    return _inside(store / UNFINISHED) + [path for path in cuts if path.name.rpartition("-")[0] not in voices]


def places(store: Path) -> dict[str, list[Path]]:
    """What each model that was pulled takes up, by its name: one folder, or its files, the one it is known by first."""
    found: dict[str, list[Path]] = {}
    for name, pulled in ledger.read(store).items():
        files = sorted((store / path for path in pulled.files), key=lambda path: path.suffix != ".onnx")
        found[name] = [store / pulled.kind.value / name] if pulled.kind is Kind.WHISPER else files
    return found


def remove(store: Path, leftover: Path) -> None:
    """Remove a leftover; within `alone`. Raises NotPulled."""
    with _writing(store):
        _remove(leftover)
        with suppress(OSError):
            (store / UNFINISHED).rmdir()


def forget(store: Path, name: str) -> None:
    """Remove a model that was pulled, but not what the hub told of it; within `alone`. Raises NotPulled."""
    with _writing(store):
        for place in places(store)[name]:
            _remove(place)
        ledger.write(store, name, None)


def _check_unchanged(told: Mapping[str, str], known: Mapping[Remote, Known]) -> None:
    """Raise NotPulled if the hub says something else than when it was asked first."""
    for remote, now in known.items():
        then = told.get(str(remote))
        if then and then != now.digest:
            raise NotPulled(
                f"{remote} has changed: it was {then} when it was pulled first, and is {now.digest} now. Nothing was "
                f"pulled; if you know why, give --anew"
            )


def _reuse(model: Model, store: Path, known: Mapping[Remote, Known], work: Path) -> None:
    """Take what is whole out of the model's place: only what is damaged is loaded again."""
    place = store / store_path(model)
    folder = place if model.kind is Kind.WHISPER else place.parent
    for remote, wanted in known.items():
        here, there = folder / remote.name, work / remote.name
        if not there.exists() and here.is_file() and digest(here, wanted.digest) == wanted.digest:
            try:
                os.link(here, there)
            except OSError:  # a file system that has none
                shutil.copyfile(here, there)


def _check_own(model: Model, store: Path, known: Mapping[Remote, Known], work: Path) -> None:
    """What the owner has put there is not replaced unasked."""
    if model.converted or not all((work / remote.name).exists() for remote in known):
        shutil.rmtree(work)
        raise NotPulled(
            f"{store / store_path(model)} is there already and is not the hub's {model.name}: move it away, or give "
            f"--anew to replace it"
        )


def _check_room(model: Model, store: Path, known: Mapping[Remote, Known], work: Path) -> None:
    needed = sum(
        max(0, wanted.size - size(work / f"{remote.name}.part"))
        for remote, wanted in known.items()
        if not (work / remote.name).exists()
    )
    needed += round(CONVERTED * sum(wanted.size for wanted in known.values())) if model.converted else 0
    free = shutil.disk_usage(store).free
    if needed and needed + SPARE > free:
        raise NotPulled(
            f"{store} has {free / 1e6:.0f} MB free, and {model.name} needs {(needed + SPARE) / 1e6:.0f}: make room "
            f"(companion models prune), or put the store elsewhere ([models] store)"
        )


def _load(hub: Hub, model: Model, remote: Remote, known: Known, work: Path, told: Told) -> None:
    """One file, whole, in the folder of what is unfinished."""
    place, part = work / remote.name, work / f"{remote.name}.part"
    with _writing(work):
        if place.exists() and digest(place, known.digest) == known.digest:
            told(model, remote, known.size, known.size)
            return
        hub.load(remote, known, part, lambda done: told(model, remote, done, known.size))
        part.replace(place)


def _made(model: Model, work: Path) -> dict[str, str]:
    """What shall lie in the store, by where it is below `work`: the path in the store of each file."""
    folder = model.kind.value
    if not model.converted:
        inside = f"{folder}/{model.name}" if model.kind is Kind.WHISPER else folder
        return {remote.name: f"{inside}/{remote.name}" for remote in model.files}
    from models.whisper_weights import convert

    made = work / "converted"
    shutil.rmtree(made, ignore_errors=True)
    convert(work, made)
    return {f"converted/{path.name}": f"{folder}/{model.name}/{path.name}" for path in sorted(made.iterdir())}


def _publish(model: Model, store: Path, work: Path, made: Mapping[str, str]) -> None:
    """Rename what is whole to its place."""
    for name in made:
        settle(work / name)
    place = store / store_path(model)
    place.parent.mkdir(parents=True, exist_ok=True)
    if model.kind is Kind.WHISPER:
        whole, old = work / "whole", work / "old"
        shutil.rmtree(whole, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        whole.mkdir()
        for name, path in made.items():
            (work / name).replace(whole / Path(path).name)
        settle(whole)
        if place.exists():
            place.replace(old)
        whole.replace(place)
    else:
        for name, path in sorted(made.items(), key=lambda each: each[1].endswith(".onnx")):  # what it is known by last
            (work / name).replace(store / path)
    settle(place.parent)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What goes wrong with the disk, in our words."""
    try:
        yield
    except OSError as error:
        mend = MENDS.get(error.errno or 0, "see to it, or put the store elsewhere ([models] store)")
        raise NotPulled(f"{folder}: cannot be written ({error.strerror or error}); {mend}") from error


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Of a file, or of all in a folder; 0 if there is none."""
    try:
        return path.stat().st_size if path.is_file() else sum(size(each) for each in _inside(path))
    except OSError:
        return 0
