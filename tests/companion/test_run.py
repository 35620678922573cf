"""The toy on duty: a real process, a real sound server, real engines, gpiozero's mock pins."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from command import companion
from numpy.typing import NDArray
from on_duty import BRIEF, running, small_store, speech
from recording_server import recording_server, streamed
from sound_server import missing
from toy_head import HEAD
from toy_models import toy_piper

from companion.audio import Audio, Samples
from companion.character import load
from device.control_socket import ask, default_path
from device.sound_server import SoundServer, sound_server
from models.piper import Piper

HERE = Path(__file__).parents[1]
SPEECH = HERE / "speech"

WORDS = "hello little fox"
HEAVY = {"openai", "httpx", "httpx2", "faster_whisper", "ctranslate2", "piper", "onnxruntime", "av", "tokenizers"}
"""Libraries that take long to load."""

REPLY = "I am here. And I heard every word of it!"

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a Whisper and a Piper voice, both small, both real."""
    return small_store(tmp_path_factory.mktemp("store"), WORDS)


def order(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened, without when."""
    fields = {
        "state": "state",
        "heard": "text",
        "said": "text",
        "gesture": "text",
        "ready": "part",
        "turn": "event",
        "fault": "text",
    }
    return [(event["event"], event[fields[event["event"]]]) for event in events if event["event"] in fields]


def simulated(folder: Path, environment: dict[str, str], name: str) -> tuple[list[dict[str, Any]], Path]:
    """The journal and the sound of the same conversation in simulation."""
    out, journal = folder / "simulated.wav", folder / "simulated.jsonl"
    words = ["simulate", "--wav", SPEECH / name, "--out", out, "--journal", journal]
    companion = Path(sys.executable).with_name("companion")
    subprocess.run(
        [str(word) for word in (companion, *words)], env=os.environ | BRIEF | environment, check=True, timeout=60
    )
    return [json.loads(line) for line in journal.read_text().splitlines()], out


def spoken(store: Path, text: str) -> Samples:
    """What the voice in the store makes of a text."""

    async def speak() -> Audio:
        voice = Piper(next((store / "piper").glob("*.onnx")))
        return Audio.join([piece async for piece in voice.speak(text)])

    return asyncio.run(speak()).samples


def sounds_alike(recorded: NDArray[np.int16], wanted: NDArray[np.int16]) -> float:
    """The correlation of `wanted` with the best place in `recorded`."""
    one, other = recorded.astype(np.float64), wanted.astype(np.float64)
    size = 1 << (len(one) + len(other)).bit_length()
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    place = int(np.argmax(products[: len(one)]))
    part = one[place : place + len(other)]
    assert len(part) == len(other), "it is complete"
    return float(part @ other / np.sqrt((part @ part) * (other @ other)))


def test_a_whole_conversation_on_a_real_sound_path(tmp_path: Path, store: Path) -> None:
    with (
        recording_server(streamed("(smiles) I am here. And I heard", " every word of it!")) as service,
        sound_server() as sound,
    ):
        environment = dict(sound.environment) | {
            "COMPANION_CHAT__BASE_URL": service.base_url,
            "DASHSCOPE_API_KEY": "sk-secret",
            "COMPANION_MODELS__STORE": str(store),
        }
        expected, out = simulated(tmp_path, environment, "hello-rms.wav")
        with running(tmp_path, environment) as toy, sound.recording() as room:
            toy.state("listening")
            rate, samples = speech("hello-rms.wav")
            sound.say(samples, rate)
            toy.wait_for(lambda event: event["event"] == "turn")
            toy.state("listening")
            took, said = toy.end()
            recorded = room.samples
    assert took < 10
    assert order(toy.events()) == order(expected)
    assert ("heard", WORDS) in order(expected)
    assert ("said", REPLY) in order(expected)
    with wave.open(str(out)) as file:
        rate = file.getframerate()
        played = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    opening = len(spoken(store, load(BRIEF["COMPANION_TOY__CHARACTER"]).opening))
    for part in (played[:opening], played[opening:]):
        assert sounds_alike(recorded, soxr.resample(part, rate, 48_000)) > 0.99
    assert "sk-secret" not in said + json.dumps(toy.events())
    assert WORDS not in said
    assert REPLY not in said
    colours = [tuple(value > max(0.004, 0.45 * max(colour)) for value in colour) for colour in toy.told["shown"]]
    cyan, amber, green, dark = (False, True, True), (True, True, False), (False, True, False), (False, False, False)
    assert first_in_order(colours, cyan, amber, green, cyan)
    assert colours[-1] == dark
    assert toy.told["stood_still"] < 0.1  # 0.05 where nothing else is computed
    early = HEAVY & set(toy.told["at_first_frame"])
    assert not early, "the microphone is open before"
    late = {name for name in toy.told["imported_in_loop"] if name.partition(".")[0] in HEAVY}
    assert not late, "they are imported in threads"


def first_in_order(shown: list[tuple[bool, ...]], *wanted: tuple[bool, ...]) -> bool:
    rest = iter(shown)
    return all(any(colour == one for colour in rest) for one in wanted)


UNREACHABLE = {"DASHSCOPE_API_KEY": "sk-x", "COMPANION_CHAT__BASE_URL": "http://127.0.0.1:9/v1"}


class Ear:
    """What systemd hears."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify")}
        self.lines: list[str] = []

    def until(self, wanted: str, seconds: float = 20.0) -> list[str]:
        """What was said since the last call, up to the line that is wanted. Raises TimeoutError."""
        since = len(self.lines)
        self._socket.settimeout(seconds)
        while wanted not in self.lines[since:]:
            self.lines += self._socket.recv(1000).decode().splitlines()
        return self.lines[since:]

    def drain(self) -> None:
        """Let one more line come, which was on its way, or none."""
        with suppress(TimeoutError):
            self.until("WATCHDOG=1", seconds=0.5)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(tmp_path)
    yield ear
    ear.close()


def test_it_tells_systemd_that_it_is_ready_what_it_does_that_it_reloads_and_that_it_ends(
    tmp_path: Path, store: Path, ear: Ear
) -> None:
    with sound_server() as sound:
        environment = dict(sound.environment) | ear.environment | UNREACHABLE | {"COMPANION_MODELS__STORE": str(store)}
        with running(tmp_path, environment) as toy:
            assert ear.until("READY=1") == ["STATUS=Gets ready", "STATUS=Speaks", "READY=1"]
            ear.until("STATUS=Cannot reach the service of its character")
            before = time.monotonic()
            toy.process.send_signal(signal.SIGHUP)
            word, moment, *rest = ear.until("READY=1")
            assert word == "RELOADING=1"
            assert before < int(moment.removeprefix("MONOTONIC_USEC=")) / 1e6 < time.monotonic()
            assert rest == ["STATUS=Gets ready", "STATUS=Speaks", "READY=1"]
            toy.end()
            assert ear.until("STOPPING=1")[-1] == "STOPPING=1"
    assert "WATCHDOG=1" not in ear.lines, "nobody has asked for that"


WATCHDOG_SECONDS = 1.5


def test_the_watchdog_is_fed_until_the_loop_hangs_and_then_the_log_tells_where(
    tmp_path: Path, store: Path, ear: Ear
) -> None:
    with sound_server() as sound:
        environment = dict(sound.environment) | ear.environment | UNREACHABLE | {"COMPANION_MODELS__STORE": str(store)}
        with running(tmp_path, environment | {"WATCHDOG_USEC": f"{WATCHDOG_SECONDS * 1e6:.0f}"}) as toy:
            ear.until("READY=1")
            for _ in range(4):
                ear.until("WATCHDOG=1")
            toy.process.send_signal(signal.SIGUSR1)
            ear.drain()
            with pytest.raises(TimeoutError):
                ear.until("WATCHDOG=1", seconds=2 * WATCHDOG_SECONDS)
            said = toy.ended(signal.SIGABRT)  # so does systemd
    assert toy.process.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in said
    assert "run_on_mock_pins.py" in said


def test_without_a_microphone_the_watchdog_is_fed_all_the_same(tmp_path: Path, store: Path, ear: Ear) -> None:
    (tmp_path / "run").mkdir()
    sound = SoundServer(tmp_path / "run")  # which is never started
    environment = dict(sound.environment) | ear.environment | UNREACHABLE | {"COMPANION_MODELS__STORE": str(store)}
    with running(tmp_path, environment | {"WATCHDOG_USEC": "300000"}) as toy:
        ear.until("READY=1")
        for _ in range(20):
            ear.until("WATCHDOG=1")
        toy.end()
    assert any(line.startswith("STATUS=Needs its owner: ") for line in ear.lines)


OFFLINE = ("unshare", "--net", *(() if os.geteuid() == 0 else ("--map-root-user",)))
"""Runs a command without any network, not even a loopback."""


def test_without_any_network_it_starts_and_its_light_says_so(tmp_path: Path, store: Path, ear: Ear) -> None:
    if not shutil.which(OFFLINE[0]) or subprocess.run([*OFFLINE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("one cannot go without a network here")
    with sound_server() as sound:
        environment = dict(sound.environment) | ear.environment | {"DASHSCOPE_API_KEY": "sk-x"}
        with running(tmp_path, environment | {"COMPANION_MODELS__STORE": str(store)}, within=OFFLINE) as toy:
            ear.until("READY=1")
            toy.state("offline")
            _, said = toy.end()
    assert "Traceback" not in said


def test_without_a_key_it_lives_says_why_asks_for_attention_and_recovers_at_the_next_reload(
    tmp_path: Path, store: Path
) -> None:
    settings, key = tmp_path / "companion.toml", tmp_path / "key"
    key.touch()
    with recording_server(streamed(REPLY)) as service, sound_server() as sound:
        settings.write_text(
            f'[chat]\nbase_url = "{service.base_url}"\nkey_file = "{key}"\n[models]\nstore = "{store}"\n'
        )
        with running(tmp_path, dict(sound.environment), "--config", str(settings)) as toy:
            toy.state("attention")
            fault = toy.wait_for(lambda event: event["event"] == "fault")
            key.write_text("sk-secret\n")
            toy.process.send_signal(signal.SIGHUP)
            toy.state("listening")
            rate, samples = speech("hello-rms.wav")
            sound.say(samples, rate)
            toy.wait_for(lambda event: event["event"] == "said" and event["kind"] == "reply")
            _, said = toy.end()
    assert fault["text"].startswith("There is no key")
    assert "There is no key" in said


def test_settings_broken_while_it_runs_are_told_and_not_even_the_conversation_ends(
    tmp_path: Path, store: Path, ear: Ear
) -> None:
    settings = tmp_path / "companion.toml"
    settings.write_text(f'[models]\nstore = "{store}"\n')
    with sound_server() as sound:
        environment = dict(sound.environment) | ear.environment
        with running(tmp_path, environment, "--config", str(settings)) as toy:
            toy.state("attention")
            ear.until("READY=1")
            settings.write_text("[models\n")
            before = toy.events()
            toy.process.send_signal(signal.SIGHUP)
            ear.until("RELOADING=1")
            ear.until("READY=1")
            assert toy.events() == before
            settings.write_text(f'[models]\nstore = "{store}"\n')
            toy.process.send_signal(signal.SIGHUP)
            assert ear.until("READY=1")[2] == "STATUS=Gets ready"
            _, said = toy.end()
    assert "not valid TOML" in said


def test_settings_of_a_toy_that_cannot_be_built_are_told_and_the_old_one_lives_on(tmp_path: Path, store: Path) -> None:
    settings = tmp_path / "companion.toml"
    settings.write_text(f'[models]\nstore = "{store}"\n')
    with sound_server() as sound, running(tmp_path, dict(sound.environment), "--config", str(settings)) as toy:
        toy.state("attention")
        for mistake in ('[body]\nboard = "generic-rbg"', '[ears]\nengine = "whisper"\nmodel = "/nowhere"'):
            settings.write_text(mistake)
            before = len(toy.events())
            for _ in range(3):
                toy.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 20
            while "attention" not in [event.get("state") for event in toy.events()[before:]]:
                assert time.monotonic() < deadline
                assert toy.process.poll() is None, toy.process.communicate()[1]
                time.sleep(0.05)
        _, said = toy.end()
    assert "did you mean generic-rgb?" in said
    assert "/nowhere" in said


def test_a_model_that_is_passed_over_is_named(tmp_path: Path) -> None:
    (tmp_path / "store" / "whisper" / "foreign").mkdir(parents=True)
    (tmp_path / "store" / "whisper" / "foreign" / "model.safetensors").touch()
    toy_piper(tmp_path / "store" / "piper").with_suffix(".onnx.json").unlink()
    with sound_server() as sound:
        environment = dict(sound.environment) | {"COMPANION_MODELS__STORE": str(tmp_path / "store")}
        with running(tmp_path, environment) as toy:
            toy.state("attention")
            _, said = toy.end()
    assert "holds a model for another library" in said
    assert "lacks en_US-toy-low.onnx.json" in said


def test_without_a_sound_server_it_lives_and_wakes_when_one_comes(tmp_path: Path, store: Path) -> None:
    sound = SoundServer(tmp_path / "run")
    (tmp_path / "run").mkdir()
    environment = dict(sound.environment) | {
        "DASHSCOPE_API_KEY": "sk-x",
        "COMPANION_CHAT__BASE_URL": "http://127.0.0.1:9/v1",
        "COMPANION_MODELS__STORE": str(store),
    }
    try:
        with running(tmp_path, environment) as toy:
            toy.state("attention")
            sound.start()
            toy.state("offline")
            took, said = toy.end()
    finally:
        sound.kill()
    assert took < 10
    assert "fault:" in said
    assert "Traceback" not in said


def test_a_second_one_is_refused_in_a_sentence_and_the_first_lives_on(tmp_path: Path, store: Path) -> None:
    with sound_server() as sound:
        environment = dict(sound.environment) | {"COMPANION_MODELS__STORE": str(store)}
        with running(tmp_path, environment) as toy:
            toy.state("attention")  # there is no key
            journal = toy.events()
            done = companion("run", "--journal", tmp_path / "journal.jsonl", **environment)
            place = default_path(environment)
            sentence = f"A toy runs here already, and answers at {place}: end that one first"
            assert (done.returncode, done.stderr) == (1, f"companion: {sentence}\n")
            assert toy.events()[: len(journal)] == journal
            assert companion("mute", **environment).returncode == 0
            toy.state("muted")
            toy.process.kill()
        assert place.exists(), "it could not clean up"
        (again := tmp_path / "again").mkdir()
        with running(again, environment | {"STATE_DIRECTORY": str(again / "state")}) as toy:
            toy.state("attention")
            assert companion("mute", **environment).returncode == 0
            toy.end()
        assert not place.exists()


def test_a_name_that_is_learnt_while_it_runs_is_live_at_once(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "wake").mkdir(parents=True)
    with sound_server() as sound, recording_server(streamed("It is late.")) as service:
        environment = dict(sound.environment) | {
            "COMPANION_MODELS__STORE": str(store),
            "COMPANION_EARS__CALLED": "wake",
            "DASHSCOPE_API_KEY": "sk-x",
            "COMPANION_CHAT__BASE_URL": service.base_url,
        }
        with running(tmp_path, environment) as toy:
            toy.state("listening")
            shutil.copy(HEAD, store / "wake")
            asyncio.run(ask(default_path(environment), {"do": "reload"}))
            toy.state("idle")
            rate, samples = speech("called/hey-bunny-time-rms.wav")
            sound.say(samples, rate)
            toy.wait_for(lambda event: event["event"] == "called" and event["by"] == "hey bunny")
            toy.wait_for(lambda event: event["event"] == "heard" and event["text"] == "what time is it")
            toy.end()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('[body]\nboard = "generic-rbg"', "did you mean generic-rgb?"),
        ('[ears]\nengine = "whisper"\nmodel = "/nowhere"', "/nowhere"),
        ('[voice]\nengine = "piper"\nmodel = "/nowhere.onnx"', "/nowhere.onnx"),
        ('[voice]\nengine = "piper"\n[models]\nstore = "/nowhere"', "/nowhere/piper"),
    ],
)
def test_settings_that_cannot_be_are_told_and_it_ends_for_good(tmp_path: Path, settings: str, complaint: str) -> None:
    file = tmp_path / "companion.toml"
    file.write_text(settings)
    done = companion("run", "--config", file)
    assert done.returncode == 78
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
