"""This file tells how a service stands: what is installed, whether it runs, and what it still lacks."""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from companion import placing, systemctl, unit
from companion.children import KEY_VARIABLE
from companion.finding import Finding, fine, unknown
from companion.placing import Change, Link, NotPlaced, Ours
from companion.settings import MACHINES_FILE
from companion.systemctl import NoSystemd
from companion.unit import GROUPS, NAME, Layout

ASKED = ("ActiveState", "SubState", "StatusText", "NRestarts", "ExecMainStatus")
"""What systemd is asked of a service: its properties."""

ONLY_ROOT = ("only root may look", "put sudo before the whole path of `companion`")
"""What is told of what others may not see, and the mend."""

MISTAKEN = "78"
"""ExecMainStatus of a toy whose settings hold mistakes."""


def summed_up(layouts: Sequence[Layout], image: Path) -> Finding:
    """What matters most of the first of these services that is installed."""
    for layout in layouts:
        try:
            there = _in(image, layout.unit).exists()
        except OSError as error:
            return unknown("service", f"{layout.unit}: nobody may look ({error.strerror})")
        if there:
            command = "systemctl" if layout.own_user else "systemctl --user"
            found = [*installed(layout, image), *running(layout, tuple(command.split()))]
            worst = next((each for each in found if each.ok is False), None)
            worst = worst or next((each for each in found if each.mend), found[-1])
            return replace(worst, name="service", what=f"{worst.name.capitalize()}: {worst.what}")
    return unknown("service", "Not installed: the toy lives as long as `companion run` does")


def installed(layout: Layout, image: Path) -> Iterator[Finding]:
    """Whether there is a service, and whether it is the one that this version would install."""
    install = f"companion service install{'' if layout.own_user else ' --user'}"
    text = _text(image, layout.unit)
    if (program := unit.started_by(text)) is None:
        yield Finding("installed", False, "no", f"`{install}` does it")
        return
    yield _as_ours(layout, image, program, install)
    yield _starts(image, program, install)


def running(layout: Layout, command: tuple[str, ...]) -> Iterator[Finding]:
    """What systemd knows of the service; `command` asks it."""
    if not systemctl.BOOTED.is_dir():
        yield fine("runs", "not by systemd, which does not run this machine")
        return
    try:
        told = systemctl.properties(systemctl.do(*command, "show", NAME, f"--property={','.join(ASKED)}"))
    except NoSystemd as error:
        yield Finding("runs", False, f"{error}")
        return
    yield runs(told, " ".join(command), log(layout))
    if said := told.get("StatusText"):
        yield fine("says", said)


def runs(told: Mapping[str, str], command: str, log: str) -> Finding:
    """Whether it runs, by the properties that systemd tells."""
    match told.get("ActiveState"), told.get("SubState"), told.get("ExecMainStatus"):
        case ("active" | "reloading", _, _):
            return fine("runs", "yes")
        case ("activating", "auto-restart", _):
            again = f"no: it has failed, and is started again ({told.get('NRestarts', '?')} times so far)"
            return Finding("runs", False, again, f"`{log}` tells why")
        case ("activating", _, _):
            return fine("runs", "it gets ready")
        case (_, _, code) if code == MISTAKEN:
            mend = f"`{log}` names it; mend it, then `{command} restart {NAME}`"
            return Finding("runs", False, "no: there is a mistake in its settings", mend)
        case ("failed", _, _):
            return Finding("runs", False, "no: it has failed", f"`{log}` tells why")
        case _:
            return Finding("runs", False, "no", f"`{command} start {NAME}` starts it")


def surroundings(layout: Layout, image: Path) -> Iterator[Finding]:
    """What it has to do with: a user, groups, a key, settings."""
    if layout.own_user:
        if not _has_user(image):
            yield Finding("user", False, f"there is no {unit.USER}", _make_user(image))
        there = unit.groups_of(groups(image))
        lacks = [group for group in GROUPS if group not in there]
        more = f"; this machine has no {' or '.join(lacks)}" if lacks else ""
        yield fine("groups", f"{', '.join(there) or 'none'}{more}")
    else:
        yield _own_groups(image)
    yield key(layout, image)
    yield its_settings(layout, image)


def key(layout: Layout, image: Path) -> Finding:
    """Whether there is a key; not a letter of it."""
    file = _in(image, layout.key)
    try:
        size = file.stat().st_size
    except PermissionError:
        return Finding("key", None, *ONLY_ROOT)
    except OSError:
        size = 0
    if size:
        return fine("key", f"there is one in {layout.key}")
    sudo, systemctl = ("sudo ", "sudo systemctl") if layout.own_user else ("", "systemctl --user")
    mend = f'echo "${KEY_VARIABLE}" | {sudo}tee {file} >/dev/null'
    if image == Path("/"):
        mend += f", then {systemctl} restart {NAME}"
    return Finding("key", None, f"there is none in {layout.key}", mend)


def its_settings(layout: Layout, image: Path) -> Finding:
    """Whether there are settings, and whether a user made for the service may read them."""
    file = layout.settings / MACHINES_FILE.name
    try:
        if layout.own_user and (closed := _closed(image, (*_way_to(file), file))):
            mend = f"sudo chmod o+r{'x' if closed.is_dir() else ''} {closed}"
            return Finding("settings", False, f"{file}, which the user {unit.USER} may not read", mend)
        there = _in(image, file).is_file()
    except PermissionError:
        return Finding("settings", None, *ONLY_ROOT)
    except OSError:
        there = False
    return fine("settings", f"{file}" if there else f"as they are without {file}")


def notes(layout: Layout, image: Path, program: Path) -> Iterator[str]:
    """What is still to be done after the service was installed: a sentence for each."""
    live = image == Path("/")
    if not _in(image, program).is_file():
        yield f"There is no {program} as yet: install Companion there."
    elif layout.own_user and (closed := _closed(image, _way_to(program))):
        yield f"The user {unit.USER} may not enter {closed}: chmod o+rx {closed}"
    if layout.own_user and not live and not _has_user(image):
        yield f"There is no user {unit.USER} in it as yet: {_make_user(image)}."
    if layout.own_user and not _in(image, Path("/etc/group")).is_file():
        yield "It has no /etc/group as yet: install the service again when it has, for the groups that it then needs."
    if not layout.own_user:
        yield "It runs while you are logged in; from switching on with: loginctl enable-linger"
        if mend := _own_groups(image).mend:
            yield mend
    if mend := key(layout, image).mend:
        yield f"It has no key as yet: {mend}."


def groups(image: Path) -> str:
    """The machine's groups, as /etc/group tells them; none where there is no such file."""
    return _text(image, Path("/etc/group"))


def log(layout: Layout) -> str:
    """The command that shows what the service told."""
    return f"journalctl {'' if layout.own_user else '--user '}-u {NAME} -e"


def _own_groups(image: Path) -> Finding:
    """Of whoever asks."""
    mine = []
    for number in os.getgroups():
        with suppress(KeyError):
            mine.append(grp.getgrgid(number).gr_name)
    wanted = unit.groups_of(groups(image))
    lacks = [group for group in wanted if group not in mine] if os.geteuid() else []
    told = ", ".join(group for group in wanted if group not in lacks) or "none"
    mend = f'You are not in {" and ".join(lacks)}: sudo usermod -aG {",".join(lacks)} "$USER", then log in anew'
    return Finding("groups", None, told, mend) if lacks else fine("groups", told)


def _as_ours(layout: Layout, image: Path, program: Path, install: str) -> Finding:
    """Whether all that is installed is what `install` would make of it."""
    listed = unit.places(layout, program, unit.groups_of(groups(image)))
    ours = [place for place in listed if isinstance(place, Ours | Link)]
    try:
        other = [f"{place.path}" for place, change in placing.changes(ours, image) if change is not Change.UNCHANGED]
    except NotPlaced as error:
        return Finding("installed", None, f"not as this version does it: {error}")
    if other:
        return Finding("installed", None, f"not as this version does it: {', '.join(other)}", f"`{install}` renews it")
    return fine("installed", f"{layout.unit}, as this version does it")


def _starts(image: Path, program: Path, install: str) -> Finding:
    """Whether there is what it starts."""
    if not program.is_absolute():
        return Finding("starts", None, f"{program}, which is no whole path", f"`{install}` writes one")
    try:
        if _in(image, program).is_file():
            return fine("starts", f"{program}")
    except PermissionError:
        return Finding("starts", None, *ONLY_ROOT)
    return Finding("starts", False, f"{program}, which is not there", f"install Companion, then `{install}`")


def _way_to(file: Path) -> Sequence[Path]:
    """The folders on the way to a file, from the root."""
    return file.parents[-2::-1]


def _closed(image: Path, way: Sequence[Path]) -> Path | None:
    """The first of these folders that the service's user may not enter, or of these files that it may not read. Raises
    OSError."""
    user, group = _numbers(image)
    for place in (_in(image, path) for path in way):
        status = place.stat()
        whose = 6 if status.st_uid == user else 3 if status.st_gid == group else 0
        needed = 0o1 if stat.S_ISDIR(status.st_mode) else 0o4
        if not status.st_mode >> whose & needed:
            return place
    return None


def _numbers(image: Path) -> tuple[int | None, int | None]:
    """Of the service's user and its group; None, None where there is none as yet."""
    for line in _text(image, Path("/etc/passwd")).splitlines():
        match line.split(":"):
            case [unit.USER, _, user, group, *_] if user.isdecimal() and group.isdecimal():
                return int(user), int(group)
    return None, None


def _has_user(image: Path) -> bool:
    return any(line.startswith(f"{unit.USER}:") for line in _text(image, Path("/etc/passwd")).splitlines())


def _make_user(image: Path) -> str:
    return f"systemd-sysusers{'' if image == Path('/') else f' --root={image}'} {unit.SYSUSERS.name} makes it"


def _text(image: Path, file: Path) -> str:
    with suppress(OSError):
        return _in(image, file).read_text(encoding="utf-8", errors="replace")
    return ""


def _in(image: Path, file: Path) -> Path:
    """Where `file` of the machine lies in its image."""
    return image / file.relative_to("/")
