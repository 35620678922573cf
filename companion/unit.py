"""This file knows what belongs to the service: which files, where, and what is in them."""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from companion import home
from companion.errors import CompanionError
from companion.keeping import state_folder
from companion.placing import Folder, Link, Ours, Owners, Place
from companion.settings import CREDENTIAL, CREDENTIALS, MACHINES_FILE

NAME = "companion.service"

USER = "companion"
"""Whom the service runs as, and who belongs to nobody else."""

GROUPS = ("audio", "gpio", "spi")
"""Who is in these may use sound cards, pins and lamps; they are not on every machine. There are others, such as i2c and
plugdev, which nothing that we do needs."""

HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What the service does not see (ProtectHome)."""


class NoUnit(CompanionError):
    """This installation cannot become a service."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the files of a service lie, as the machine that it runs on sees them."""

    source: str
    """Its unit, in our folder systemd/."""
    top: Path
    """All that is installed lies below it."""
    units: Path
    wanted: str
    """The target that starts it."""
    settings: Path
    """The folder of the owner's settings, and of the key."""
    state: Path
    cache: Path
    own_user: bool
    """Whether it runs as a user made for it, which sees no homes."""

    @property
    def unit(self) -> Path:
        """The unit."""
        return self.units / NAME

    @property
    def changes(self) -> Path:
        """The folder of what is added to the unit, by us and by the owner."""
        return self.units / f"{NAME}.d"

    @property
    def credentials(self) -> Path:
        """The folder of the key."""
        return self.settings / CREDENTIALS

    @property
    def key(self) -> Path:
        """The file of the key."""
        return self.credentials / CREDENTIAL

    @property
    def owned(self) -> tuple[Path, ...]:
        """The folders that hold what the owner or the toy itself has put there."""
        return self.changes, self.settings, self.state, self.cache


MACHINES = Layout(
    source=NAME,
    top=Path("/etc"),
    units=Path("/etc/systemd/system"),
    wanted="multi-user.target",
    settings=MACHINES_FILE.parent,
    state=Path("/var/lib/companion"),
    cache=Path("/var/cache/companion"),
    own_user=True,
)
"""Of a machine that is a toy."""

SYSUSERS = Path("/etc/sysusers.d/companion.conf")
"""Says which user systemd makes for the service. `systemd-sysusers` finds it by its name: a path it takes for one of
this machine, whatever its --root."""


def users(environment: Mapping[str, str]) -> Layout:
    """Of a toy that runs while its user is logged in."""
    config = home.settings(environment)
    return Layout(
        source=f"user/{NAME}",
        top=config,
        units=config / "systemd" / "user",
        wanted="default.target",
        settings=config / "companion",
        state=state_folder({name: value for name, value in environment.items() if name != "STATE_DIRECTORY"}),
        cache=home.cache(environment) / "companion",
        own_user=False,
    )


def places(layout: Layout, program: Path, groups: Sequence[str]) -> list[Place]:
    """All that an installed service consists of, in the order in which it is put there. Raises NoUnit."""
    unit = re.sub(r"(?m)^ExecStart=\S+", lambda _: f"ExecStart={quoted(program)}", shipped(layout.source))
    listed: list[Place] = [Folder(layout.credentials), Owners(layout.key), Ours(layout.unit, unit)]
    if layout.own_user:
        listed.append(Ours(SYSUSERS, shipped("sysusers.conf")))
        listed.append(Ours(layout.changes / "groups.conf", membership(groups)))
    listed.append(Link(layout.units / f"{layout.wanted}.wants" / NAME, layout.unit))
    return listed


def membership(groups: Sequence[str]) -> str:
    """The drop-in that puts the service into these groups: one that does not exist would keep it from starting."""
    return (
        f"# Written by `companion service install`: of {', '.join(GROUPS)} those groups that this machine has.\n"
        f"[Service]\nSupplementaryGroups={' '.join(groups)}\n"
    )


def groups_of(text: str) -> list[str]:
    """Those of `GROUPS` that there are in the `text` of a file /etc/group."""
    there = {line.partition(":")[0] for line in text.splitlines()}
    return [group for group in GROUPS if group in there]


def shipped(name: str) -> str:
    """The text of a file in our folder systemd/, wherever it came to lie. Raises NoUnit."""
    here = Path(__file__).parent
    for folder in (here / "systemd", here.parent / "systemd"):  # installed; in the sources
        file = folder / name
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise NoUnit(f"This installation lacks systemd/{name}: install Companion again")


def program(root: Path, argv: str) -> Path:
    """Where this installation's `companion` lies, as the machine at `root` sees it; `argv` is how it was called: by a
    link, maybe, which other machines do not have. Raises NoUnit."""
    called, scripts = Path(argv).absolute(), Path(sysconfig.get_path("scripts"))
    itself = called.name == "companion" and not called.is_symlink()
    for file in (called if itself else None, scripts / "companion"):
        if file and file.is_file():
            return Path("/", file.relative_to(root)) if file.is_relative_to(root) else file
    raise NoUnit(f"There is no program {scripts / 'companion'} to start: install Companion, and call that one")


def check(layout: Layout, program: Path) -> None:
    """Raise NoUnit where the service could not start `program`, and say what to do."""
    if not program.is_absolute() or not str(program).isprintable():
        raise NoUnit(f"{program} is no whole path of a program")
    if not layout.own_user:
        return
    where = "where a service with a user of its own sees nothing"
    if _hidden(program):
        raise NoUnit(f"{program} lies {where}: install Companion in /opt/companion, or give --user")
    if program.parent == Path(sys.prefix, "bin") and _hidden(Path(sys.base_prefix)):
        mend = "make Companion's environment with another one (make PYTHON=/usr/bin/python3), or give --user"
        raise NoUnit(f"The Python of {program} lies in {sys.base_prefix}, {where}: {mend}")


def _hidden(path: Path) -> bool:
    return any(one.is_relative_to(folder) for one in (path, path.resolve()) for folder in HIDDEN)


def quoted(path: Path) -> str:
    """A path as a unit's command."""
    text = str(path).replace("\\", "\\\\").replace("%", "%%").replace('"', '\\"')
    return f'"{text}"' if re.search(r"[\s\"';\\]", text) else text


def started_by(text: str) -> Path | None:
    """The program that a unit of this text starts, without the signs that systemd.service(5) has before it; None if it
    is none."""
    if not (found := re.search(r'(?m)^ExecStart=[-@:+!|]*(?:"((?:[^"\\]|\\.)*)"|(\S+))', text)):
        return None
    inside, plain = found.groups()
    return Path((re.sub(r"\\(.)", r"\1", inside) if plain is None else plain).replace("%%", "%"))
