"""`companion wake`, as somebody uses it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from command import COMPANION, companion
from toy_head import HEAD

from companion import naming
from companion.settings import Settings
from device.control_socket import SERVICE
from models.store import find_wake

BREAKFAST = HEAD.parents[1] / "speech" / "breakfast-awb.wav"
CALLED = HEAD.with_name("hey-bunny-slt.wav")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def learnt(store: Path) -> Path:
    (store / "wake").mkdir(parents=True)
    return Path(shutil.copy(HEAD, store / "wake"))


def wav(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    store = tmp_path_factory.mktemp("store")
    done = companion("wake", "add", "Hey  Bunny", "--quick", "--wav", CALLED, COMPANION_MODELS__STORE=str(store))
    return store, done


def test_a_name_is_learnt_measured_and_saved_in_one_file(
    added: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    store, done = added
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("'hey bunny' is learnt", "1 recordings", "false accepts", "near misses", "h of other speech"):
        assert words in done.stdout
    assert files(store) == ["hey-bunny.wake"]
    assert ("No toy is running" in done.stdout) is not SERVICE.exists()


def test_a_learnt_name_is_listed_tried_and_removed(added: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    store, _ = added
    environment = {"COMPANION_MODELS__STORE": str(store)}
    assert "hey bunny" in companion("wake", "list", **environment).stdout
    there = companion("wake", "test", "hey bunny", "--wav", CALLED, **environment)
    assert (there.returncode, "heard at" in there.stdout) == (0, True)
    elsewhere = companion("wake", "test", "hey bunny", "--wav", BREAKFAST, **environment)
    assert (elsewhere.returncode, "not heard" in elsewhere.stdout) == (1, True)
    again = companion("wake", "add", "hey bunny", **environment)
    assert again.returncode == 78
    assert "--replace" in again.stderr
    assert companion("wake", "remove", "hey bunny", **environment).returncode == 0
    assert files(store) == []
    assert companion("wake", "remove", "hey bunny", **environment).returncode == 78


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["add", ""], 78, "no name at all"),
        (["add", "b"], 78, "a single letter"),
        (["add", "小兔"], 78, "Latin"),
        (["add", "good morning"], 78, "all day"),
        (["add", "hey bunny", "--language", "xx"], 78, "no voice speaks it"),
        (["add", "hey bunny", "--wav", "nowhere.wav"], 1, "no such file"),
        (["add", "hey bunny", "--record", "-1"], 2, "--record"),
        (["test", "hey bunny", "--wav", "nowhere.wav"], 78, "was not learnt"),
    ],
)
def test_each_mistake_gets_a_sentence_and_its_exit_code_at_once(
    tmp_path: Path, words: list[str], code: int, complaint: str
) -> None:
    done = companion("wake", *words, COMPANION_MODELS__STORE=str(tmp_path))
    assert done.returncode == code
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.parametrize(("made", "complaint"), [("silence", "nothing but silence"), ("speech", "s of sound, where")])
def test_a_recording_of_something_else_is_named_and_nothing_is_saved(tmp_path: Path, made: str, complaint: str) -> None:
    other = wav(tmp_path / "mine.wav", np.zeros(32_000, dtype=np.int16)) if made == "silence" else BREAKFAST
    store = tmp_path / "store"
    done = companion("wake", "add", "hey bunny", "--quick", "--wav", other, COMPANION_MODELS__STORE=str(store))
    assert done.returncode == 1
    assert str(other) in done.stderr
    assert complaint in done.stderr
    assert files(store) == []


@pytest.mark.skipif(os.getuid() == 0 and not Path("/proc/self").exists(), reason="needs a folder nobody can write to")
def test_a_place_that_cannot_be_written_is_told_before_the_work() -> None:
    done = companion("wake", "add", "hey bunny", COMPANION_MODELS__STORE="/proc/self/nowhere")
    assert done.returncode == 1
    assert "could not be saved" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_disk_that_fills_up_during_the_work_ends_in_one_sentence(tmp_path: Path) -> None:
    script = (
        "import errno, os, sys\n"
        "def full(*_): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "os.fsync = full\n"
        "from companion.cli import main\n"
        "sys.argv[1:] = ['wake', 'add', 'hey bunny', '--quick']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"COMPANION_MODELS__STORE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert files(tmp_path) == []


@pytest.mark.usefixtures("heeded")
def test_interrupted_it_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [str(COMPANION), "wake", "add", "hey bunny"],
        env=os.environ | {"COMPANION_MODELS__STORE": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=6)  # it is at work
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told == "companion: Interrupted: nothing was saved\n"
    assert files(tmp_path) == []


def test_a_file_of_the_wrong_kind_is_passed_over_and_named(tmp_path: Path) -> None:
    good = learnt(tmp_path)
    bad = good.with_name("bad.wake")
    bad.write_bytes(b"GIF89a")
    found = find_wake(tmp_path)
    assert [(path, head.phrase) for path, head in found.heads] == [(good, "hey bunny")]
    assert len(found.skipped) == 1
    assert str(bad) in found.skipped[0]
    done = companion("wake", "list", COMPANION_MODELS__STORE=str(tmp_path))
    assert str(bad) in done.stderr
    trial = companion("wake", "test", "bad", "--wav", CALLED, COMPANION_MODELS__STORE=str(tmp_path))
    assert trial.returncode == 78
    assert "is no name that Companion learnt" in trial.stderr


@pytest.mark.parametrize("answer", [{"done": True}, {"mistake": "tell was expected"}])
def test_a_running_toy_is_asked_to_take_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    asked: list[object] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(await reader.readline()))
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def ask() -> naming.Named:
        async with await asyncio.start_unix_server(serve, tmp_path / "control.sock"):
            return await naming.reload()

    named = asyncio.run(ask())
    assert asked == [{"do": "reload"}]
    assert named.live is ("done" in answer)
    assert ("has taken it up" in named.sentence) is named.live


def test_every_voice_at_hand_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from toy_models import toy_piper

    toy_piper(tmp_path / "piper", speakers=2)
    toy_piper(tmp_path / "piper", "de_DE-toy-low")
    monkeypatch.setenv("PATH", "")
    settings = Settings.model_validate({"models": {"store": tmp_path}})
    kinds = [type(voice).__name__ for voice in asyncio.run(naming.voices(settings, "en", 0))]
    assert kinds == ["EspeakVoice"] * naming.EMBEDDED_VOICES + ["Piper"] * 2
