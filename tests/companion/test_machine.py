"""What is read of a computer, from files like those of a Raspberry Pi; and what is made of it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from gpiozero import LED, Device
from gpiozero.pins.mock import MockFactory, MockPWMPin
from healthy import room

from companion import bodies, checks_machine, machine, standing, systemctl, unit
from companion.audio import Audio
from companion.checks_sound import Microphone, Speaker, check_button, check_light, check_microphone, check_speaker
from companion.errors import SettingsError
from companion.finding import Finding
from companion.machine import Computer
from companion.settings import Body, Settings
from companion.trial import button, light
from device.boards import BOARDS, Board


def put(root: Path, path: str, text: str = "") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_raspberry_pi_is_known_by_its_files(tmp_path: Path) -> None:
    put(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    put(tmp_path, "dev/gpiochip0")
    put(tmp_path, "proc/asound/card1/id", "seeed2micvoicec\n")
    here = machine.computer(tmp_path, {})
    assert here == Computer("Raspberry Pi 5 Model B Rev 1.0", gpio=True, spi=False, cards=("seeed2micvoicec",))
    assert machine.computer(tmp_path / "none", {}) == Computer()


@pytest.mark.parametrize(
    ("board", "here", "what", "mend"),
    [
        (
            "generic-rgb",
            Computer(gpio=True, cards=("seeed2micvoicec",)),
            "sound card of respeaker-2mic",
            "respeaker-2mic",
        ),
        ("respeaker-2mic", Computer(gpio=True), "there is no SPI", "raspi-config"),
        ("generic-rgb", Computer(), "this computer has none", "usb"),
        ("generic-rgb", Computer(bits=32, gpio=True), "32 bits", "64-bit"),
    ],
)
def test_a_board_that_does_not_fit_the_computer_is_told(board: str, here: Computer, what: str, mend: str) -> None:
    cards = {known.card: known.name for known in BOARDS.values() if known.card}
    known = BOARDS[board]
    found = checks_machine.check_board(board, (), True, known.light == "apa102", here, cards)
    assert (found.ok is not True, what in found.what, mend in found.mend) == (True, True, True), found


def test_a_pin_that_belongs_to_a_bus_is_told() -> None:
    with pytest.raises(SettingsError) as raised:
        Board("mine", button=2)
    found = checks_machine.check_board("mine", raised.value.mistakes, True, False, Computer(gpio=True), {})
    assert (found.ok, found.what) == (False, "Board mine: GPIO pin 2 belongs to I2C and cannot be the button")
    assert found.mend == "choose another pin in [board], or another profile in [body] board"
    taken = check_button(True, ["GPIO pin 2 cannot be used"], needed=True)
    assert taken.mend.startswith("choose another pin for the button in [board], or another profile in [body] board")


AS_NOBODY = """
import json, os, sys
from pathlib import Path
from companion import checks_machine, machine, standing, systemctl, unit
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
found = checks_machine.check_groups(machine.user(), machine.closed(Path(sys.argv[1])))
print(json.dumps(found.as_json()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_devices_that_are_for_a_group_only_are_told() -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        for path in ("dev/snd/pcmC0D0p", "dev/gpiochip0"):
            device = put(root, path)
            shutil.chown(device, "root", "audio")
            device.chmod(0o660)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder], capture_output=True, text=True, check=True, timeout=60
        )
        assert checks_machine.check_groups(machine.user(), machine.closed(root)).ok is True, "root may"
    found = Finding(**json.loads(done.stdout))
    assert (found.ok, "pcmC0D0p (sound) is for the group audio only" in found.what) == (False, True), found
    assert found.mend.startswith("sudo usermod -aG audio nobody")


@pytest.mark.parametrize(
    ("bits", "ok", "what"),
    [
        ("0", True, "high enough"),
        ("50005", False, "too low"),
        ("50000", None, "was too low"),
        ("40004", None, "too hot"),
    ],
)
def test_what_the_firmware_says_of_the_power_supply_is_told(
    tmp_path: Path, bits: str, ok: bool | None, what: str
) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", f"{bits}\n")
    found = checks_machine.check_power(machine.throttled(tmp_path))
    assert (found.ok, what in found.what, bool(found.mend)) == (ok, True, ok is not True), found


def test_without_such_a_file_the_firmwares_own_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "environment"
    put(tmp_path, "bin/vcgencmd", f"#!/bin/sh\nenv > {told}\necho throttled=0x50005\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    assert machine.throttled(tmp_path) == 0x50005
    assert "PATH=" in told.read_text()
    assert "sk-secret" not in told.read_text(), "no child knows the key"


@pytest.mark.parametrize(
    ("milli", "ok", "mended"), [("48312", True, False), ("77000", None, True), ("83000", None, True)]
)
def test_heat_is_told(tmp_path: Path, milli: str, ok: bool | None, mended: bool) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", milli)
    found = checks_machine.check_temperature(machine.celsius(tmp_path))
    assert (found.ok, bool(found.mend)) == (ok, mended)


@pytest.mark.parametrize(
    ("state", "ok", "what", "mend"),
    [
        ("active\nSubState=running", None, "not as this version does it", "companion service install"),
        ("failed\nSubState=failed", False, "it has failed", "journalctl -u companion"),
        ("inactive\nSubState=dead", False, "no", "systemctl start companion"),
    ],
)
def test_of_the_service_is_told_what_matters_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, ok: bool | None, what: str, mend: str
) -> None:
    assert not standing.summed_up([unit.MACHINES], tmp_path).mend
    program = put(tmp_path, "opt/companion")
    put(tmp_path, "etc/systemd/system/companion.service", "[Service]\nExecStart=/opt/companion run\n")
    put(tmp_path, "bin/systemctl", f"#!/bin/sh\nprintf '%s\\n' 'ActiveState={state}'\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(systemctl, "BOOTED", tmp_path)
    found = standing.summed_up([unit.MACHINES], tmp_path)
    assert (found.ok, what in found.what, mend in found.mend) == (ok, True, True), found
    program.unlink()
    assert "is not there" in standing.summed_up([unit.MACHINES], tmp_path).what


def test_a_clock_that_is_set_is_well() -> None:
    assert checks_machine.check_clock(datetime(2026, 11, 25, tzinfo=UTC)).ok is True
    assert checks_machine.check_clock(datetime(1970, 1, 1, tzinfo=UTC)).ok is False


def test_a_pin_that_somebody_else_has_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pin_factory", MockFactory(pin_class=MockPWMPin))
    chosen = Settings(body=Body(board="generic-rgb"))
    with LED(25), LED(17):
        lit, pressed = asyncio.run(light(chosen, deep=False)), asyncio.run(button(chosen))
    found = check_light("rgb", lit, shown=False)
    assert ("GPIO pin 25 is in use" in found.what, "config.txt" in found.mend) == (True, True), found
    held = check_button(True, pressed, needed=True)
    assert (held.ok, "GPIO pin 17 is in use" in held.what) == (False, True), held
    assert asyncio.run(light(chosen, deep=False)) == asyncio.run(button(chosen)) == []
    assert bodies.wired(chosen) == BOARDS["generic-rgb"]


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        ('input device "x" takes none of 8000 Hz x 1: Invalid sample rate', "a sound server"),
        ("the microphone cannot be used: another program uses it", "another program has it"),
        ("the microphone has stopped giving sound", "unplug it"),
        ("no sound: PortAudio library not found; install libportaudio2", "apt install libportaudio2"),
        ('"usb" means more than one input device: "usb a", "usb b"; give more of the name', "[body] microphone"),
    ],
)
def test_what_a_sound_card_complains_of_has_its_mend(error: str, mend: str) -> None:
    found = check_microphone(Microphone(error=error))
    assert (found.ok, mend in found.mend) == (False, True)
    assert check_speaker(Speaker(error=error), own_sound_removed=False).ok is False


@pytest.mark.parametrize(
    ("hertz", "ok", "what", "mend"), [(8_000, None, "8000 Hz", "16000 Hz or more"), (16_000, True, "", "")]
)
def test_a_microphone_that_gives_no_more_than_a_telephone_is_told(
    hertz: int, ok: bool | None, what: str, mend: str
) -> None:
    """Judged from facts: a sound server resamples, and what ALSA has to keep a device at 8 kHz gives no sound here."""
    found = check_microphone(Microphone(Audio(room(60.0, 1.0), 16_000), rate=hertz))
    assert (found.ok, what in found.what, mend in found.mend) == (ok, True, True), found
    assert bool(found.mend) is bool(mend)
