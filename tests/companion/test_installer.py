"""`companion service`, as somebody calls it: into images in folders, and for a user, whose systemd is a program that
notes what it is asked."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command import COMPANION, companion
from powerless import POWERLESS
from read_only import APART
from typer.testing import CliRunner, Result

from companion import installer, settings, standing, systemctl, unit
from companion.errors import CompanionError
from companion.standing import runs
from companion.unit import GROUPS, MACHINES, NoUnit, check, groups_of, places, program, quoted, shipped, started_by

PROGRAM = Path("/opt/companion/.venv/bin/companion")

FILES = {
    "etc/companion/credentials/api_key": "-rw-------",
    "etc/sysusers.d/companion.conf": "-rw-r--r--",
    "etc/systemd/system/companion.service": "-rw-r--r--",
    "etc/systemd/system/companion.service.d/groups.conf": "-rw-r--r--",
    "etc/systemd/system/multi-user.target.wants/companion.service": "lrwxrwxrwx",
}
"""All that there is in an empty image after the service was installed into it."""

USERS_FILES = {
    ".config/companion/credentials/api_key",
    ".config/systemd/user/companion.service",
    ".config/systemd/user/default.target.wants/companion.service",
}


def files(root: Path) -> dict[str, tuple[str, bytes]]:
    """All that is no folder: mode, and what is in it."""
    return {
        str(path.relative_to(root)): (
            stat.filemode(path.lstat().st_mode),
            bytes(path.readlink()) if path.is_symlink() else path.read_bytes(),
        )
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def service(*words: object, **environment: str) -> str:
    """What the command says; it must not fail."""
    done = companion("service", *words, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(*words: object, **environment: str) -> str:
    """The one sentence with which the command fails."""
    done = companion("service", *words, **environment)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_into_an_empty_image_exactly_the_listed_files_are_installed_twice_the_same_and_none_is_left(
    tmp_path: Path,
) -> None:
    said = service("install", "--root", tmp_path, "--program", PROGRAM)
    there = files(tmp_path)
    assert {path: mode for path, (mode, _) in there.items()} == FILES
    assert all(f"new       /{path}" in said for path in FILES)
    again = service("install", "--root", tmp_path, "--program", PROGRAM)
    assert files(tmp_path) == there
    assert all(f"unchanged /{path}" in again for path in FILES)
    gone = service("uninstall", "--root", tmp_path)
    assert all(f"gone      /{path}" in gone for path in FILES)
    assert not any(tmp_path.iterdir())


def test_the_unit_starts_the_program_of_this_installation(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    text = (tmp_path / "etc/systemd/system/companion.service").read_text()
    assert f"\nExecStart={PROGRAM} run\n" in text
    assert program(Path("/"), str(COMPANION)) == COMPANION
    inside = tmp_path / PROGRAM.relative_to("/")
    inside.parent.mkdir(parents=True)
    inside.touch()
    assert program(tmp_path, str(inside)) == PROGRAM, "as the machine of the image sees it"


def test_called_by_a_link_the_unit_starts_what_that_leads_to(tmp_path: Path) -> None:
    link, image = tmp_path / "bin" / "companion", tmp_path / "image"
    link.parent.mkdir()
    link.symlink_to(COMPANION)
    assert program(Path("/"), str(link)) == COMPANION, "the image has no such link"
    words = ["service", "install", "--dry-run", "--root", image]
    told = [
        subprocess.run([called, *words], capture_output=True, text=True, check=False) for called in (COMPANION, link)
    ]
    assert told[0].stdout + told[0].stderr == told[1].stdout + told[1].stderr != ""


@pytest.mark.skipif(not shutil.which("systemctl"), reason="systemctl is not installed")
def test_in_the_image_systemd_will_start_it(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    words = ["systemctl", f"--root={tmp_path}", "is-enabled", "companion.service"]
    asked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert asked.stdout == "enabled\n"


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed")
def test_systemd_makes_the_user_that_the_unit_names(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    words = ["systemd-sysusers", f"--root={tmp_path}", unit.SYSUSERS.name]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (account,) = [line for line in (tmp_path / "etc/passwd").read_text().splitlines() if "companion" in line]
    assert account.startswith(f"{unit.USER}:")
    assert account.split(":")[-2:] == ["/var/lib/companion", "/usr/sbin/nologin"]
    assert f"\nUser={unit.USER}\n" in shipped("companion.service")


@pytest.mark.parametrize(
    ("machine", "groups"),
    [
        ("root:x:0:\naudio:x:29:pulse\ngpio:x:997:\nspi:x:999:pi\n", "audio gpio spi"),
        ("root:x:0:\naudio:x:29:\nvideo:x:44:\n", "audio"),
        ("root:x:0:\nmyaudio:x:29:\n", ""),
    ],
)
def test_it_belongs_to_those_groups_that_the_machine_has(tmp_path: Path, machine: str, groups: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text(machine)
    service("install", "--root", tmp_path, "--program", PROGRAM)
    text = (tmp_path / "etc/systemd/system/companion.service.d/groups.conf").read_text()
    assert text.splitlines()[-2:] == ["[Service]", f"SupplementaryGroups={groups}"]
    assert "SupplementaryGroups" not in (tmp_path / "etc/systemd/system/companion.service").read_text()


def test_told_to_do_nothing_it_tells_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    would = service("install", "--root", tmp_path, "--program", PROGRAM, "--dry-run")
    assert not any(tmp_path.iterdir())
    assert service("install", "--root", tmp_path, "--program", PROGRAM) == would
    there = files(tmp_path)
    would = service("uninstall", "--root", tmp_path, "--dry-run")
    assert files(tmp_path) == there
    assert service("uninstall", "--root", tmp_path) == would


def test_an_upgrade_renews_what_is_ours_and_keeps_what_is_the_owners(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", "/opt/old/bin/companion")
    units = tmp_path / "etc/systemd/system"
    (units / "companion.service.d/override.conf").write_text("[Service]\nNice=0\n")
    (tmp_path / "etc/companion/companion.toml").write_text("[toy]\n")
    (tmp_path / "etc/companion/credentials/api_key").write_text("sk-secret\n")
    said = service("install", "--root", tmp_path, "--program", PROGRAM)
    assert "renewed   /etc/systemd/system/companion.service" in said
    there = files(tmp_path)
    assert set(there) == {
        *FILES,
        "etc/systemd/system/companion.service.d/override.conf",
        "etc/companion/companion.toml",
    }
    assert there["etc/companion/credentials/api_key"][1] == b"sk-secret\n"
    assert f"ExecStart={PROGRAM} run" in (units / "companion.service").read_text()
    said = service("uninstall", "--root", tmp_path)
    for kept in ("etc/systemd/system/companion.service.d", "etc/companion", "etc/companion/credentials/api_key"):
        assert f"kept      /{kept}\n" in said
    assert "--purge" in said
    assert set(files(tmp_path)) == {
        "etc/systemd/system/companion.service.d/override.conf",
        "etc/companion/companion.toml",
        "etc/companion/credentials/api_key",
    }
    said = service("uninstall", "--root", tmp_path, "--purge")
    assert "kept" not in said
    assert files(tmp_path) == {}


def test_purged_not_even_what_the_toy_has_kept_is_left(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    for file in ("var/lib/companion/session", "var/cache/companion/piper/voice.onnx", "etc/companion/companion.toml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("something")
    assert "kept      /var/lib/companion\n" in service("uninstall", "--root", tmp_path)
    service("uninstall", "--root", tmp_path, "--purge")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_the_key_is_never_told(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    (tmp_path / "etc/companion/credentials/api_key").write_text("sk-in-the-file")
    for words in (("install", "--program", PROGRAM), ("status",), ("uninstall", "--dry-run"), ("uninstall",)):
        done = companion("service", *words, "--root", tmp_path, DASHSCOPE_API_KEY="sk-in-the-environment")
        assert "sk-in" not in done.stdout + done.stderr
    assert all(b"sk-in-the-environment" not in inside for _, inside in files(tmp_path).values())


def test_status_tells_what_is_there_and_what_is_not_and_what_to_do(tmp_path: Path) -> None:
    done = companion("service", "status", "--root", tmp_path)
    assert done.returncode == 1
    assert "installed no\n" in done.stdout
    assert "`companion service install` does it" in done.stdout
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/group").write_text("audio:x:29:\n")
    (tmp_path / "etc/passwd").write_text("companion:x:995:995::/var/lib/companion:/usr/sbin/nologin\n")
    service("install", "--root", tmp_path, "--program", PROGRAM)
    done = companion("service", "status", "--root", tmp_path)
    assert done.returncode == 1, "it starts what is not there"
    assert f"{PROGRAM}, which is not there" in done.stdout
    (tmp_path / PROGRAM.relative_to("/")).parent.mkdir(parents=True)
    (tmp_path / PROGRAM.relative_to("/")).touch()
    said = service("status", "--root", tmp_path)
    assert "as this version does it" in said
    assert "groups    audio; this machine has no gpio or spi" in said
    assert "there is none in /etc/companion/credentials/api_key" in said
    (tmp_path / "etc/companion/credentials/api_key").write_text("sk-secret")
    (tmp_path / "etc/systemd/system/companion.service").write_text(f"[Service]\nExecStart={PROGRAM} run\n")
    said = service("status", "--root", tmp_path)
    assert "not as this version does it: /etc/systemd/system/companion.service" in said
    assert "there is one in /etc/companion/credentials/api_key" in said
    assert "sk-secret" not in said


def test_status_tells_of_settings_that_the_services_user_may_not_read(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    (tmp_path / "etc/passwd").write_text("companion:x:995:995::/var/lib/companion:/usr/sbin/nologin\n")
    file = tmp_path / "etc/companion/companion.toml"
    file.write_text("[toy]\n")

    def told(folder: int, mode: int) -> str:
        (tmp_path / "etc/companion").chmod(folder)
        file.chmod(mode)
        said = companion("service", "status", "--root", tmp_path).stdout
        return said[said.index("settings ") :]

    closed = "settings  /etc/companion/companion.toml, which the user companion may not read\n"
    assert told(0o755, 0o600) == f"{closed}          sudo chmod o+r {file}\n"
    assert told(0o700, 0o644) == f"{closed}          sudo chmod o+rx {file.parent}\n"
    assert told(0o755, 0o644) == "settings  /etc/companion/companion.toml\n"
    if os.geteuid() == 0:
        os.chown(file, 995, 0)
        assert told(0o755, 0o600) == "settings  /etc/companion/companion.toml\n", "it is its own"
        os.chown(file, 0, 995)
        assert told(0o755, 0o640) == "settings  /etc/companion/companion.toml\n", "its group may"


def test_a_unit_that_is_a_link_is_told_by_status_and_in_the_summary(tmp_path: Path) -> None:
    for path in (PROGRAM, Path("/etc/mine.service"), MACHINES.unit):
        (tmp_path / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "etc/mine.service").write_text(f"[Service]\nExecStart={PROGRAM} run\n")
    (tmp_path / "etc/systemd/system/companion.service").symlink_to("../../mine.service")
    done = companion("service", "status", "--root", tmp_path)
    assert "is a link to ../../mine.service" in done.stdout
    assert f"starts    {PROGRAM}, which is not there" in done.stdout
    assert not standing.summed_up([MACHINES], tmp_path).ok


def test_where_only_root_may_look_status_says_so(tmp_path: Path) -> None:
    service("install", "--root", tmp_path, "--program", PROGRAM)
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt").chmod(0)
    done = companion("service", "status", "--root", tmp_path, within=POWERLESS)
    (tmp_path / "opt").chmod(0o755)
    assert "starts    only root may look\n" in done.stdout
    assert not done.stderr


def test_an_image_that_is_no_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    assert "is no folder" in refused("install", "--root", tmp_path / "nowhere", "--program", PROGRAM)
    (tmp_path / "file").touch()
    assert "is no folder" in refused("install", "--root", tmp_path / "file", "--program", PROGRAM)


def test_a_program_that_the_service_would_not_see_is_refused(tmp_path: Path) -> None:
    sentence = refused("install", "--root", tmp_path, "--program", "/home/somebody/companion/.venv/bin/companion")
    assert "/opt/companion" in sentence
    assert "no whole path" in refused("install", "--root", tmp_path, "--program", "companion")
    assert not any(tmp_path.iterdir())


def test_a_read_only_image_is_refused_in_a_sentence(tmp_path: Path) -> None:
    apart = [*APART, str(tmp_path)]
    if not shutil.which("unshare") or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("one cannot mount anything here")
    words = [COMPANION, "service", "install", "--root", tmp_path, "--program", PROGRAM]
    done = subprocess.run([*apart, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing has changed" in done.stderr
    assert "Read-only file system" in done.stderr
    assert len(done.stderr.splitlines()) == 1


SYSTEMCTL = """#!/bin/sh
echo "$(basename $0) $*" >> "$TOLD/asked"
env >> "$TOLD/environment"
case "$*" in
  *show*) cat "$TOLD/properties";;
  *restart*) [ ! -e "$TOLD/fails" ] || { echo "Job for companion.service failed." >&2; exit 1; };;
esac
"""


class Machine:
    """A machine for the commands of this process, below a folder; its systemd only notes what it is asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        programs, booted = folder / "programs", folder / "booted"
        programs.mkdir()
        booted.mkdir()
        for name in ("systemctl", "systemd-sysusers", "userdel"):
            (programs / name).write_text(SYSTEMCTL)
            (programs / name).chmod(0o755)
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        patch.setenv("TOLD", str(folder))
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("DASHSCOPE_API_KEY", "sk-secret")
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "STATE_DIRECTORY"):
            patch.delenv(name, raising=False)
        patch.setattr(systemctl, "BOOTED", booted)
        patch.setattr("os.geteuid", lambda: 0)
        units = folder / "etc/systemd/system"
        units.mkdir(parents=True)
        patch.setattr(unit, "SYSUSERS", folder / "etc/sysusers.d/companion.conf")
        patch.setattr(
            unit,
            "MACHINES",
            replace(
                MACHINES,
                top=folder / "etc",
                units=units,
                settings=folder / "etc/companion",
                state=folder / "var/lib/companion",
                cache=folder / "var/cache/companion",
            ),
        )

    def nobody(self) -> None:
        """Whoever calls is not root."""
        self._patch.setattr("os.geteuid", lambda: 1000)

    def service(self, *words: str) -> Result:
        return CliRunner().invoke(installer.app, words)

    def properties(self, **told: str) -> None:
        (self.folder / "properties").write_text("".join(f"{name}={value}\n" for name, value in told.items()))

    @property
    def asked(self) -> list[str]:
        """What its systemd was asked since the last time."""
        file = self.folder / "asked"
        asked = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return asked


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_on_the_machine_itself_its_user_is_made_and_it_is_started(machine: Machine) -> None:
    done = machine.service("install", "--program", str(PROGRAM))
    assert done.exit_code == 0, done.output
    assert machine.asked == [
        "systemd-sysusers companion.conf",
        "systemctl daemon-reload",
        "systemctl restart companion.service",
    ]
    assert "sk-secret" not in (machine.folder / "environment").read_text(), "no child knows the key"
    done = machine.service("uninstall")
    assert done.exit_code == 0, done.output
    assert machine.asked == [
        "systemctl stop companion.service",
        "systemctl daemon-reload",
        "systemctl reset-failed companion.service",
        "userdel companion",
    ]
    assert not (machine.folder / "etc").exists()


def test_its_user_stays_as_long_as_something_belongs_to_it(machine: Machine) -> None:
    machine.service("install", "--program", str(PROGRAM))
    state = machine.folder / "var/lib/companion"
    state.mkdir(parents=True)
    (state / "session").touch()
    machine.service("uninstall")
    assert "userdel companion" not in machine.asked
    machine.service("uninstall", "--purge")
    assert "userdel companion" in machine.asked
    assert not state.exists()


def test_a_dry_run_asks_systemd_for_nothing_and_needs_no_root(machine: Machine) -> None:
    machine.nobody()
    done = machine.service("install", "--program", str(PROGRAM), "--dry-run")
    assert done.exit_code == 0, done.output
    assert "run       systemctl restart companion.service" in done.output
    assert machine.asked == []
    assert not (machine.folder / "etc/companion").exists()


def test_what_does_not_start_is_told_with_where_to_look(machine: Machine) -> None:
    (machine.folder / "fails").touch()
    done = machine.service("install", "--program", str(PROGRAM))
    assert isinstance(done.exception, CompanionError)
    assert "journalctl -u companion.service -e" in str(done.exception)
    assert (machine.folder / "etc/systemd/system/companion.service").exists()


def test_without_root_it_is_refused_and_nothing_is_changed(machine: Machine) -> None:
    machine.nobody()
    for command in ("install", "uninstall"):
        done = machine.service(command)
        assert isinstance(done.exception, CompanionError)
        assert "sudo" in str(done.exception)
    assert machine.asked == []
    assert not (machine.folder / "etc/companion").exists()


def test_a_dry_run_tells_all_without_systemd_too_and_that_it_would_be_refused(machine: Machine) -> None:
    machine.service("install", "--program", str(PROGRAM))
    (machine.folder / "booted").rmdir()
    assert machine.asked
    for words in (("install", "--program", str(PROGRAM)), ("uninstall",)):
        done = machine.service(*words, "--dry-run")
        assert done.exit_code == 0, done.output
        assert "It would be refused here: systemd does not run this machine" in done.output
        assert "etc/systemd/system/companion.service\n" in done.output
        assert "run       systemctl daemon-reload" in done.output
    assert machine.asked == []


def test_without_systemd_it_is_refused(machine: Machine) -> None:
    (machine.folder / "booted").rmdir()
    done = machine.service("install")
    assert isinstance(done.exception, CompanionError)
    assert "systemd does not run this machine" in str(done.exception)
    assert "--root" in str(done.exception)


def test_without_a_folder_for_units_it_is_refused(machine: Machine) -> None:
    shutil.rmtree(machine.folder / "etc")
    done = machine.service("install", "--program", str(PROGRAM))
    assert isinstance(done.exception, CompanionError)
    assert "no folder" in str(done.exception)
    assert not (machine.folder / "etc").exists()


def test_a_user_gets_one_without_root_and_without_anything_outside_of_home(machine: Machine) -> None:
    machine.nobody()
    home = machine.folder / "home"
    home.mkdir()
    done = machine.service("install", "--user", "--program", "/home/somebody/bin/companion")
    assert done.exit_code == 0, done.output
    assert set(files(home)) == USERS_FILES
    assert machine.asked == ["systemctl --user daemon-reload", "systemctl --user restart companion.service"]
    assert "loginctl enable-linger" in done.output
    text = (home / ".config/systemd/user/companion.service").read_text()
    for refused_to_users in ("User=", "CapabilityBoundingSet", "ProtectSystem", "DeviceAllow", "StateDirectory"):
        assert f"\n{refused_to_users}" not in text
    done = machine.service("uninstall", "--user")
    assert done.exit_code == 0, done.output
    assert not any(home.iterdir())
    assert "userdel companion" not in machine.asked


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("-/opt/companion/.venv/bin/companion run", "starts    /opt/companion/.venv/bin/companion\n"),
        ('!"/opt/companion/.venv/bin/companion" run', "starts    /opt/companion/.venv/bin/companion\n"),
        ("companion run", "starts    companion, which is no whole path\n"),
        ("%h/bin/companion run", "starts    %h/bin/companion, which is no whole path\n"),
        ('"" run', "starts    ., which is no whole path\n"),
    ],
)
def test_whatever_an_installed_unit_starts_is_told(tmp_path: Path, start: str, sentence: str) -> None:
    for path in (PROGRAM, MACHINES.unit):
        (file := tmp_path / path.relative_to("/")).parent.mkdir(parents=True)
        file.write_text(f"[Service]\nExecStart={start}\n")
    done = companion("service", "status", "--root", tmp_path)
    assert sentence in done.stdout
    assert not done.stderr
    assert standing.summed_up([MACHINES], tmp_path).mend == "`companion service install` renews it"


def test_folders_of_a_users_own_that_are_no_whole_paths_are_ignored_as_their_specification_has_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.nobody()
    (home := machine.folder / "home").mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "relative")
    done = machine.service("install", "--user", "--program", "/home/somebody/bin/companion")
    assert done.exit_code == 0, done.output
    assert set(files(home)) == USERS_FILES
    layout = unit.users(os.environ)
    assert [layout.settings, layout.state, layout.cache] == [
        home / folder / "companion" for folder in (".config", ".local/state", ".cache")
    ]
    assert settings.users_file(os.environ) == home / ".config/companion/companion.toml"


def test_status_tells_what_systemd_knows(machine: Machine) -> None:
    machine.service("install", "--program", str(PROGRAM))
    machine.properties(ActiveState="active", SubState="running", StatusText="Waits to be called", NRestarts="0")
    done = machine.service("status")
    assert "runs      yes\n" in done.output
    assert "says      Waits to be called\n" in done.output


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"ActiveState": "active", "SubState": "running"}, "yes"),
        ({"ActiveState": "activating", "SubState": "start"}, "it gets ready"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "7"}, "(7 times so far)"),
        ({"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": "78"}, "mistake in its settings"),
        ({"ActiveState": "failed", "SubState": "failed", "ExecMainStatus": "1"}, "it has failed"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "no"),
        ({}, "no"),
    ],
)
def test_whether_it_runs_is_told_in_words_and_if_not_with_what_to_do(told: dict[str, str], sentence: str) -> None:
    finding = runs(told, "systemctl", "journalctl -u companion.service -e")
    assert sentence in finding.what
    assert (finding.ok is True) != bool(finding.mend)


@pytest.mark.parametrize("path", ["/opt/a b/companion", '/opt/a"b/c%d', "/opt/plain", "/opt/back\\slash/x"])
def test_any_path_of_a_program_stands_in_the_unit_as_systemd_reads_it(path: str) -> None:
    assert started_by(f"[Service]\nExecStart={quoted(Path(path))} run\n") == Path(path)


def test_a_text_that_starts_nothing_is_no_unit() -> None:
    assert started_by("") is None


def test_whatever_the_installation_lacks_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NoUnit, match="install Companion again"):
        shipped("nothing.service")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(NoUnit, match="install Companion"):
        program(Path("/"), "/usr/bin/pytest")


def test_a_program_anywhere_will_do_for_a_user() -> None:
    check(unit.users({"HOME": "/home/somebody"}), Path("/home/somebody/.venv/bin/companion"))
    with pytest.raises(NoUnit):
        check(MACHINES, Path("/root/companion/.venv/bin/companion"))


def test_neither_the_program_nor_its_python_may_lie_where_the_service_sees_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = Path(sys.prefix, "bin", "companion")
    monkeypatch.setattr("sys.base_prefix", "/usr")
    monkeypatch.setattr(unit, "HIDDEN", (tmp_path / "home",))
    check(MACHINES, here)
    monkeypatch.setattr("sys.base_prefix", str(tmp_path / "home/python"))
    with pytest.raises(NoUnit, match="make PYTHON=/usr/bin/python3"):
        check(MACHINES, here)
    (tmp_path / "home").mkdir()
    (tmp_path / "opt").symlink_to(tmp_path / "home")
    with pytest.raises(NoUnit, match="install Companion in /opt/companion"):
        check(MACHINES, tmp_path / "opt/bin/companion")


def test_a_folder_that_the_user_of_the_service_may_not_enter_is_named(tmp_path: Path) -> None:
    program = tmp_path / PROGRAM.relative_to("/")
    program.parent.mkdir(parents=True)
    program.touch()
    for folder in program.relative_to(tmp_path).parents[:-1]:
        (tmp_path / folder).chmod(0o755)
    assert "may not enter" not in service("install", "--root", tmp_path, "--program", PROGRAM)
    (tmp_path / "opt/companion").chmod(0o700)
    assert f"chmod o+rx {tmp_path}/opt/companion\n" in service("install", "--root", tmp_path, "--program", PROGRAM)


def test_only_groups_that_are_of_use_are_asked_for() -> None:
    assert groups_of("audio:x:1:\nsudo:x:2:\nspi:x:3:\n") == ["audio", "spi"]
    assert set(groups_of("\n".join(f"{group}:x:1:" for group in GROUPS))) == set(GROUPS)


def test_the_places_of_a_service_are_all_different() -> None:
    paths = [place.path for place in places(MACHINES, PROGRAM, ())]
    assert len(paths) == len(set(paths))
