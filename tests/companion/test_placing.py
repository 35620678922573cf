"""Files put into a machine: all or none, and none of the owner's is touched. Real files, in a folder of the test's."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from companion.placing import (
    Change,
    Folder,
    Kept,
    Left,
    Link,
    NotPlaced,
    Ours,
    Owners,
    Place,
    Purged,
    changes,
    put,
    take,
    would_take,
)

UNIT, DROP_IN, LINK = Path("/etc/units/toy"), Path("/etc/units/toy.d/groups"), Path("/etc/units/wants/toy")
TOP = Path("/etc")
SECRETS, KEY = Path("/etc/toy/secrets"), Path("/etc/toy/secrets/key")


def places(text: str = "a unit") -> list[Place]:
    return [Folder(SECRETS), Owners(KEY), Ours(UNIT, text), Ours(DROP_IN, f"{text}'s groups"), Link(LINK, UNIT)]


def seen(root: Path) -> dict[str, tuple[str, str]]:
    """All that is below `root`: each path with its mode and what is in it."""
    found = {}
    for path in sorted(root.rglob("*")):
        inside = f"-> {path.readlink()}" if path.is_symlink() else path.read_text() if path.is_file() else ""
        found[f"/{path.relative_to(root)}"] = (stat.filemode(path.lstat().st_mode), inside)
    return found


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Whoever writes a larger one is told that it is too large, as by a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_all_is_put_where_it_belongs_as_it_should_be(tmp_path: Path) -> None:
    told = put(places(), tmp_path)
    assert {change for _, change in told} == {Change.NEW}
    assert seen(tmp_path) == {
        "/etc": ("drwxr-xr-x", ""),
        "/etc/toy": ("drwxr-xr-x", ""),
        "/etc/toy/secrets": ("drwx------", ""),
        "/etc/toy/secrets/key": ("-rw-------", ""),
        "/etc/units": ("drwxr-xr-x", ""),
        "/etc/units/toy": ("-rw-r--r--", "a unit"),
        "/etc/units/toy.d": ("drwxr-xr-x", ""),
        "/etc/units/toy.d/groups": ("-rw-r--r--", "a unit's groups"),
        "/etc/units/wants": ("drwxr-xr-x", ""),
        "/etc/units/wants/toy": ("lrwxrwxrwx", "-> /etc/units/toy"),
    }


def test_what_is_there_already_is_not_even_written(tmp_path: Path) -> None:
    put(places(), tmp_path)
    before = {path: (path.lstat().st_ino, path.lstat().st_ctime_ns) for path in tmp_path.rglob("*")}
    told = put(places(), tmp_path)
    assert {change for _, change in told} == {Change.UNCHANGED}
    assert {path: (path.lstat().st_ino, path.lstat().st_ctime_ns) for path in tmp_path.rglob("*")} == before


def test_what_another_version_wrote_is_renewed_and_the_owners_is_not(tmp_path: Path) -> None:
    put(places(), tmp_path)
    (tmp_path / "etc/toy/secrets/key").write_text("sk-secret")
    (tmp_path / "etc/units/toy.d/mine").write_text("mine")
    (tmp_path / "etc/toy/secrets").chmod(0o755)
    told = put(places("another unit"), tmp_path)
    assert [change for _, change in told] == ["renewed", "unchanged", "renewed", "renewed", "unchanged"]
    there = seen(tmp_path)
    assert there["/etc/units/toy"] == ("-rw-r--r--", "another unit")
    assert there["/etc/toy/secrets/key"] == ("-rw-------", "sk-secret")
    assert there["/etc/toy/secrets"] == ("drwx------", "")
    assert there["/etc/units/toy.d/mine"][1] == "mine"
    assert len(there) == 11, "nothing was left beside"


@pytest.mark.parametrize("installed", [False, True])
def test_when_one_cannot_be_written_those_before_it_are_taken_back(tmp_path: Path, installed: bool) -> None:
    if installed:
        put(places(), tmp_path)
    before = seen(tmp_path)
    large = [*places("another unit"), Ours(Path("/var/large"), 100_000 * "x")]
    with files_of_at_most(50_000), pytest.raises(NotPlaced, match=r"/var/large: File too large"):
        put(large, tmp_path)
    assert seen(tmp_path) == before


def test_when_a_file_is_where_a_folder_should_be_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "units").write_text("a file")
    before = seen(tmp_path)
    with pytest.raises(NotPlaced, match="/etc/units/toy"):
        put(places(), tmp_path)
    assert seen(tmp_path) == before


def test_whoever_was_killed_in_the_middle_leaves_nothing_behind_once_it_is_done_again(tmp_path: Path) -> None:
    put(places(), tmp_path)
    for scrap in (".toy.before", ".toy.new"):
        (tmp_path / "etc/units" / scrap).write_text("half")
    put(places("another unit"), tmp_path)
    assert len(seen(tmp_path)) == 10


def test_a_unit_that_the_owner_has_masked_stays_so(tmp_path: Path) -> None:
    (tmp_path / "etc/units").mkdir(parents=True)
    (tmp_path / "etc/units/toy").symlink_to("/dev/null")
    with pytest.raises(NotPlaced, match="unmask"):
        put(places(), tmp_path)
    assert list(seen(tmp_path)) == ["/etc", "/etc/units", "/etc/units/toy"]


def test_nothing_is_written_outside_of_the_image(tmp_path: Path) -> None:
    image, machine = tmp_path / "image", tmp_path / "machine"
    image.mkdir()
    machine.mkdir()
    (image / "etc").symlink_to(machine)
    for do in (put, changes, would_take):
        with pytest.raises(NotPlaced, match="leads out of"):
            do(places(), image)
    with pytest.raises(NotPlaced, match="leads out of"):
        take(places(), image, TOP)
    assert not any(machine.iterdir())


def test_taken_away_nothing_is_left(tmp_path: Path) -> None:
    put(places(), tmp_path)
    would = would_take(places(), tmp_path)
    told = take(places(), tmp_path, TOP)
    assert {left for _, left in told} == {Left.GONE}
    assert would == told
    assert not any(tmp_path.iterdir())
    assert {left for _, left in take(places(), tmp_path, TOP)} == {Left.ABSENT}


def test_what_the_owner_wrote_stays_when_the_rest_goes(tmp_path: Path) -> None:
    put(places(), tmp_path)
    (tmp_path / "etc/toy/secrets/key").write_text("sk-secret")
    (tmp_path / "etc/units/toy.d/mine").write_text("mine")
    owned = [Kept(Path("/etc/units/toy.d")), Kept(Path("/var/lib/toy"))]
    would = would_take([*owned, *places()], tmp_path)
    told = take([*owned, *places()], tmp_path, TOP)
    assert would == told
    assert [left for _, left in told] == ["kept", "absent", "kept", "kept", "gone", "gone", "gone"]
    files = [path for path, (mode, _) in seen(tmp_path).items() if not mode.startswith("d")]
    assert files == ["/etc/toy/secrets/key", "/etc/units/toy.d/mine"]


def test_purged_it_goes_as_well(tmp_path: Path) -> None:
    put(places(), tmp_path)
    (tmp_path / "etc/toy/secrets/key").write_text("sk-secret")
    purged = [Purged(Path("/etc/toy")), Purged(Path("/var/lib/toy"))]
    would = would_take([*purged, *places()], tmp_path)
    told = take([*purged, *places()], tmp_path, TOP)
    assert would == told
    assert [left for _, left in told] == ["gone", "absent", *(len(places()) * ["gone"])]
    assert not any(tmp_path.iterdir())
