"""`companion devices`, `mic-test`, `speaker-test` and `light-test`, on a sound server and on mock pins."""

from __future__ import annotations

import os
import signal
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import COMPANION, companion
from in_terminal import in_terminal
from numpy.typing import NDArray
from sound_server import missing

from companion.looks import LOOKS
from device.sound_server import CARD, SPEAKER, SoundServer, sound_server

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

HELLO = Path(__file__).parents[1] / "speech" / "hello-rms.wav"

MOCK_PINS = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin"}
CARDS = {"COMPANION_BODY__MICROPHONE": CARD, "COMPANION_BODY__SPEAKER": CARD}


@pytest.fixture
def server() -> Iterator[SoundServer]:
    with sound_server() as server:
        yield server


def hello(gain: float = 1.0) -> tuple[NDArray[np.int16], int]:
    with wave.open(str(HELLO)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
        return np.clip(samples * gain, -32768, 32767).astype(np.int16), file.getframerate()


def there(server: SoundServer, **more: str) -> dict[str, str]:
    return {**server.environment, **CARDS, **more}


def pactl(server: SoundServer, *words: str) -> None:
    subprocess.run(["pactl", *words], env=os.environ | dict(server.environment), check=True, timeout=10)


def test_the_sound_cards_are_listed_with_what_they_can_do_and_which_are_taken(server: SoundServer) -> None:
    done = companion("devices", **there(server))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    taken = [line for line in done.stdout.splitlines() if line.endswith("taken")]
    assert [line.split()[0] for line in taken] == ["microphone", "speaker"]
    assert all(f" {CARD}, ALSA " in line and "48000" in line and " Hz" in line for line in taken)


STIFF = """
</usr/share/alsa/alsa.conf>
pcm.emulated { type mmap_emul slave.pcm "pulse" }
pcm.stiff {
    type asym
    capture.pcm {
        type share
        slave { pcm "emulated" rate 48000 channels 2 format S16_LE }
        bindings { 0 0 1 1 }
    }
    playback.pcm "pulse"
}
"""
"""A device of ALSA that takes 48 kHz and stereo, and nothing else."""


def test_a_microphone_of_48_khz_and_stereo_only_is_taken_as_it_is(server: SoundServer, tmp_path: Path) -> None:
    (tmp_path / "alsa.conf").write_text(STIFF)
    environment = there(server, COMPANION_BODY__MICROPHONE="stiff", ALSA_CONFIG_PATH=str(tmp_path / "alsa.conf"))
    done = companion("devices", **environment)
    [listed] = [line.split() for line in done.stdout.splitlines() if line.startswith("microphone") and "stiff" in line]
    assert " ".join(listed) == "microphone stiff, ALSA 2 channels, 48000 Hz taken"


def test_without_a_name_the_systems_own_is_taken(server: SoundServer) -> None:
    done = companion("devices", **server.environment)
    taken = [line for line in done.stdout.splitlines() if line.endswith("taken")]
    assert [line.split()[0] for line in taken] == ["microphone", "speaker"]


def test_a_card_that_is_not_there_is_told_beside_those_that_are(server: SoundServer) -> None:
    done = companion("devices", **there(server, COMPANION_BODY__SPEAKER="seeed"))
    assert done.returncode == 1
    [complaint] = [line for line in done.stderr.splitlines() if line.startswith("companion: ")]
    assert 'no speaker: no output device is named "seeed"' in complaint
    assert f"speaker     {CARD}, ALSA" in done.stdout
    assert done.stdout.count("taken") == 1


@pytest.mark.parametrize(("gain", "words"), [(1.0, "It hears you well"), (60.0, "too loud, and distorted")])
def test_the_microphone_is_measured_judged_and_heard_again(server: SoundServer, gain: float, words: str) -> None:
    samples, rate = hello(gain)
    with server.recording() as room, server.saying(np.tile(samples, 12), rate):
        done = companion("mic-test", "--seconds", 2, **there(server))
        heard = room.samples.astype(float)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["1.0", "s"], ["2.0", "s"]]
    assert all("dBFS" in line for line in lines[1:3])
    assert words in lines[3]
    assert np.abs(heard).max() > 1000, "it was played"


def test_zeros_are_told_from_quiet_and_nothing_is_played(server: SoundServer) -> None:
    quiet = companion("mic-test", "--seconds", 1, "--no-play", **there(server))
    assert (quiet.returncode, "very quiet" in quiet.stdout) == (0, True)
    pactl(server, "set-source-mute", "micfeed.monitor", "1")
    with server.recording() as room:
        dead = companion("mic-test", "--seconds", 1, **there(server))
        played = int(np.abs(room.samples.astype(int)).max(initial=0))
    assert (dead.returncode, "nothing but zeros, which no room does" in dead.stdout) == (1, True), dead.stdout
    assert played <= 1, "nothing is heard"


def test_without_a_microphone_that_is_one_sentence(server: SoundServer) -> None:
    done = companion("mic-test", **there(server, COMPANION_BODY__MICROPHONE="seeed"))
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("companion: ")


def test_the_speaker_sounds_on_the_left_and_then_on_the_right(server: SoundServer) -> None:
    path = server.folder / "both"
    command = ["pacat", "--record", f"--device={SPEAKER}.monitor", "--rate=16000", "--channels=2", "--format=s16le"]
    with path.open("wb") as file:
        recorder = subprocess.Popen(command, stdout=file, env=os.environ | dict(server.environment))
        try:
            done = companion("speaker-test", **there(server))
        finally:
            recorder.terminate()
            recorder.wait(timeout=5)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [f'Speaker "{CARD}", 2 channels:', "  left", "  right"]
    data = path.read_bytes()
    both = np.frombuffer(data[: len(data) // 4 * 4], np.int16).reshape(-1, 2).astype(float)
    loud = [np.flatnonzero(np.abs(both[:, side]) > 500) for side in (0, 1)]
    assert all(len(each) > 8000 for each in loud), "a tone of half a second, and a word"
    assert loud[0][-1] < loud[1][0], "first the one, then the other"
    assert np.abs(both).max() < 32767


def test_as_loud_as_the_settings_allow_and_no_louder(server: SoundServer) -> None:
    with server.recording() as room:
        done = companion("speaker-test", **there(server, COMPANION_BODY__VOLUME="0.1"))
        loudest = int(np.abs(room.samples.astype(int)).max())
    assert done.returncode == 0
    assert 0 < loudest <= 3300


def test_each_look_of_the_light_is_shown_in_turn() -> None:
    done = companion("light-test", "--seconds", 0.1, **MOCK_PINS)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines()] == [state.value for state in LOOKS]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"COMPANION_BODY__BOARD": "usb"}, "The board usb has no light: [body] board names"),
        ({"COMPANION_BODY__BOARD": "generic-rbg"}, "did you mean generic-rgb?"),
    ],
)
def test_without_a_light_that_is_a_sentence(environment: dict[str, str], words: str) -> None:
    done = companion("light-test", **MOCK_PINS, **environment)
    assert done.returncode in (1, 78)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("columns", [45, 100])
def test_all_of_them_fit_into_a_terminal(server: SoundServer, columns: int) -> None:
    samples, rate = hello()
    with server.saying(np.tile(samples, 12), rate):
        for words in (["devices"], ["mic-test", "--seconds", "1", "--no-play"], ["light-test", "--seconds", "0.1"]):
            code, lines = in_terminal(words, {**there(server), **MOCK_PINS}, columns)
            assert code == 0, lines
            drawn = [line for line in lines if "\N{BLACK SQUARE}" in line or words[0] != "mic-test" or "dBFS" in line]
            assert drawn
            assert all(len(line) <= columns for line in lines if "\N{BLACK SQUARE}" in line or words == ["devices"])


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_ends_the_listening_and_the_judgement_follows(server: SoundServer) -> None:
    running = subprocess.Popen(
        [COMPANION, "mic-test", "--seconds", "60", "--no-play"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | there(server) | {"PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout
    assert "Speak" in running.stdout.readline()
    assert "dBFS" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    said, complaint = running.communicate(timeout=30)
    assert running.returncode == 0, complaint
    assert "very quiet" in said
