"""This file puts files into a machine, or into the image of one: all of them or none, and takes them away again.

Each kind of `Place` knows what is ours and what the owner's: what the owner wrote is never written over, and stays
when the rest goes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from companion.errors import CompanionError


class NotPlaced(CompanionError):
    """A file cannot be put where it belongs, or taken away from there."""


class Change(StrEnum):
    """What putting a place there does, or would do."""

    NEW = "new"
    RENEWED = "renewed"
    UNCHANGED = "unchanged"


class Left(StrEnum):
    """What taking a place away does, or would do."""

    GONE = "gone"
    KEPT = "kept"
    """It is the owner's, or holds something of the owner's."""
    ABSENT = "absent"
    """It was not there."""


class Removable(Protocol):
    """Something in the file system that may go with the service."""

    @property
    def path(self) -> Path:
        """Where the machine sees it: absolute."""
        ...

    def left(self, root: Path) -> Left:
        """What `take` would do, as things are. Raises OSError."""
        ...

    def take(self, root: Path) -> None:
        """Take it away, below `root`. Raises OSError."""
        ...


class Place(Removable, Protocol):
    """Something in the file system that belongs to the service."""

    def change(self, root: Path) -> Change:
        """What `put` would do. Raises OSError; NotPlaced where something else is in the way."""
        ...

    def put(self, root: Path, undo: ExitStack) -> None:
        """Put it there, below `root`; `undo` learns how to take it back. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """A file that we write, and write anew when another version has something else in it."""

    path: Path
    text: str
    mode: int = 0o644

    def change(self, root: Path) -> Change:
        """Whether there is another text, or none. Raises NotPlaced where the owner has put a link."""
        file = below(root, self.path)
        if not _there(file):
            return Change.NEW
        if file.is_symlink():
            mend = f"if the owner has masked it, `systemctl unmask {file.name}`"
            raise NotPlaced(f"{file} is a link to {file.readlink()}, which stays: {mend}")
        same = file.read_bytes() == self.text.encode() and file.stat().st_mode & 0o777 == self.mode
        return Change.UNCHANGED if same else Change.RENEWED

    def put(self, root: Path, undo: ExitStack) -> None:
        """Write it, unless it is there already. What was there before can come back without any space on the disk."""
        file = below(root, self.path)
        match self.change(root):
            case Change.NEW:
                undo.callback(_withdraw, file)
                _write(file, self.text, self.mode)
            case Change.RENEWED:
                before, _ = _scraps(file)
                before.unlink(missing_ok=True)
                before.hardlink_to(file)
                undo.callback(_restore, before, file)
                _write(file, self.text, self.mode)

    def left(self, root: Path) -> Left:
        """It goes; a link that the owner has put there does not."""
        file = below(root, self.path)
        if not _there(file):
            return Left.ABSENT
        return Left.KEPT if file.is_symlink() else Left.GONE

    def take(self, root: Path) -> None:
        """Remove it."""
        if self.left(root) is Left.GONE:
            below(root, self.path).unlink()


@dataclass(frozen=True, slots=True)
class Owners:
    """A file in which the owner writes: we only make an empty one, so that it is there and may be read by few."""

    path: Path
    mode: int = 0o600

    def change(self, root: Path) -> Change:
        """Whether there is none; what is in it is nobody's business."""
        return Change.UNCHANGED if _there(below(root, self.path)) else Change.NEW

    def put(self, root: Path, undo: ExitStack) -> None:
        """Make it, unless there is one."""
        file = below(root, self.path)
        if self.change(root) is Change.NEW:
            undo.callback(_withdraw, file)
            _write(file, "", self.mode)

    def left(self, root: Path) -> Left:
        """It goes as long as nobody has written in it."""
        file = below(root, self.path)
        if not _there(file):
            return Left.ABSENT
        return Left.KEPT if file.is_symlink() or file.stat().st_size else Left.GONE

    def take(self, root: Path) -> None:
        """Remove it if it is empty."""
        if self.left(root) is Left.GONE:
            below(root, self.path).unlink()


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    path: Path
    target: Path

    def change(self, root: Path) -> Change:
        """Whether it leads elsewhere, or is missing."""
        link = below(root, self.path)
        if not _there(link):
            return Change.NEW
        return Change.UNCHANGED if link.is_symlink() and link.readlink() == self.target else Change.RENEWED

    def put(self, root: Path, undo: ExitStack) -> None:
        """Make it, unless it is there already."""
        link = below(root, self.path)
        match self.change(root):
            case Change.NEW:
                undo.callback(_withdraw, link)
                link.symlink_to(self.target)
            case Change.RENEWED:
                before, _ = _scraps(link)
                before.unlink(missing_ok=True)
                link.rename(before)
                undo.callback(_restore, before, link)
                link.symlink_to(self.target)

    def left(self, root: Path) -> Left:
        """It goes."""
        return Left.GONE if _there(below(root, self.path)) else Left.ABSENT

    def take(self, root: Path) -> None:
        """Remove it."""
        below(root, self.path).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of the owner's, or of the service itself: it goes when it is empty."""

    path: Path

    def left(self, root: Path) -> Left:
        """It goes if it is empty."""
        folder = below(root, self.path)
        if not _there(folder):
            return Left.ABSENT
        return Left.KEPT if not folder.is_dir() or any(folder.iterdir()) else Left.GONE

    def take(self, root: Path) -> None:
        """Remove it if it is empty."""
        _remove_if_empty(below(root, self.path))


@dataclass(frozen=True, slots=True)
class Purged(Kept):
    """A folder that goes with all that is in it."""

    def left(self, root: Path) -> Left:
        """It goes."""
        return Left.GONE if _there(below(root, self.path)) else Left.ABSENT

    def take(self, root: Path) -> None:
        """Remove it, and whatever it holds."""
        if self.left(root) is Left.GONE:
            shutil.rmtree(below(root, self.path))


@dataclass(frozen=True, slots=True)
class Folder(Kept):
    """A folder into which only few may look; others are made, and removed, with what lies in them."""

    mode: int = 0o700

    def change(self, root: Path) -> Change:
        """Whether there is none, or one into which too many may look."""
        folder = below(root, self.path)
        if not _there(folder):
            return Change.NEW
        if not folder.is_dir():
            raise NotPlaced(f"{folder} should be a folder, and is none: move it away")
        return Change.RENEWED if folder.stat().st_mode & 0o777 & ~self.mode else Change.UNCHANGED

    def put(self, root: Path, undo: ExitStack) -> None:
        """Make it, or close it to others."""
        folder = below(root, self.path)
        match self.change(root):
            case Change.NEW:
                undo.callback(_remove_if_empty, folder)
                folder.mkdir()
                folder.chmod(self.mode)
            case Change.RENEWED:
                before = folder.stat().st_mode & 0o777
                undo.callback(folder.chmod, before)
                folder.chmod(before & self.mode)


def changes(places: Iterable[Place], root: Path) -> list[tuple[Place, Change]]:
    """What `put` would do. Raises NotPlaced."""
    told = []
    for place in places:
        with _told(root, place):
            told.append((place, place.change(root)))
    return told


def put(places: Sequence[Place], root: Path) -> list[tuple[Place, Change]]:
    """Put all these places there, below `root`, and tell what that changed. If one of them cannot be, those before it
    are taken back. Raises NotPlaced."""
    told = changes(places, root)
    with ExitStack() as undo:
        for place in places:
            with _told(root, place):
                _make_way(below(root, place.path).parent, undo)
                place.put(root, undo)
        undo.pop_all()
    for place in places:
        with _told(root, place):
            _sweep(below(root, place.path))
    return told


def take(places: Sequence[Removable], root: Path, top: Path) -> list[tuple[Removable, Left]]:
    """Take all these places away, the last first, and the folders that are empty then, up to `top`; tell what is left.
    Raises NotPlaced."""
    told = would_take(places, root)
    for place in reversed(places):
        with _told(root, place):
            file = below(root, place.path)
            place.take(root)
            if file.parent.is_dir():
                _sweep(file)
            for folder in file.parents:
                if folder.is_relative_to(below(root, top)):
                    _remove_if_empty(folder)
    return told


def would_take(places: Sequence[Removable], root: Path) -> list[tuple[Removable, Left]]:
    """What `take` would do. Raises NotPlaced."""
    purged = [place.path for place in places if isinstance(place, Purged)]
    told: dict[Path, Left] = {}
    for place in reversed(places):
        with _told(root, place):
            told[place.path] = place.left(root)
            if told[place.path] is Left.KEPT and _goes(place, root, told, purged):
                told[place.path] = Left.GONE
    return [(place, told[place.path]) for place in places]


def _goes(place: Removable, root: Path, told: Mapping[Path, Left], purged: Sequence[Path]) -> bool:
    """Whether something that would stay goes with others: with the folder that it lies in, or, as a folder, with all
    that it holds."""
    if any(place.path.is_relative_to(folder) for folder in purged):
        return True
    inside = [place.path / file.name for file in below(root, place.path).glob("*")]
    return isinstance(place, Kept) and bool(inside) and all(told.get(path) is Left.GONE for path in inside)


def below(root: Path, path: Path) -> Path:
    """Where `path` lies in the image at `root`. Raises NotPlaced when a link there leads out of it."""
    place = root / path.relative_to("/")
    if not place.parent.resolve().is_relative_to(root.resolve()):
        raise NotPlaced(f"{place.parent} leads out of {root}, to {place.parent.resolve()}: mend that link first")
    return place


def _there(path: Path) -> bool:
    """Whether there is something, a link that leads nowhere included."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _scraps(file: Path) -> tuple[Path, Path]:
    """What lies beside `file` while it is written: how it was before, and how it will be."""
    return file.with_name(f".{file.name}.before"), file.with_name(f".{file.name}.new")


def _sweep(file: Path) -> None:
    """Remove what was left beside it, by somebody who was killed, too."""
    for scrap in _scraps(file):
        scrap.unlink(missing_ok=True)


def _withdraw(file: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):  # it could not be written
        file.unlink()


def _restore(before: Path, file: Path) -> None:
    before.replace(file)
    before.unlink(missing_ok=True)  # two names of one file stay two


def _make_way(folder: Path, undo: ExitStack) -> None:
    """Make this folder and all above it that are missing."""
    for one in reversed([folder, *folder.parents]):
        if not _there(one):
            undo.callback(_remove_if_empty, one)
            one.mkdir()
            one.chmod(0o755)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it holds something, or it is not there
        folder.rmdir()


def _write(file: Path, text: str, mode: int) -> None:
    """A whole file or none, whatever happens meanwhile."""
    _, unfinished = _scraps(file)
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    finally:
        _withdraw(unfinished)


@contextmanager
def _told(root: Path, place: Removable) -> Iterator[None]:
    """What the system complains of, in our words."""
    try:
        yield
    except OSError as error:
        file = root / place.path.relative_to("/")
        hint = "is it yours? Try sudo" if isinstance(error, PermissionError) else "mend that, and try again"
        raise NotPlaced(f"{file}: {error.strerror}: {hint}") from error
