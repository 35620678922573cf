"""`companion doctor --bundle`: what somebody who helps needs, and nothing that is anybody's own."""

from __future__ import annotations

import json
import stat
import tarfile
from pathlib import Path

import pytest
from command import companion
from healthy import MOCK_PINS, models

KEY = "sk-canary-key-0123456789"
CANARIES = [KEY, "canary-person", "canary-supplement", "hey canary", "canary-journal", "canary-comment"]


def unpacked(file: Path) -> dict[str, str]:
    found = {}
    with tarfile.open(file) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content
            found[member.name.partition("/")[2]] = content.read().decode()
    return found


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, str]:
    """A toy that knows much that is nobody else's business."""
    home = tmp_path / "home"
    (home / "state").mkdir(parents=True)
    (home / "state" / "journal.jsonl").write_text("canary-journal\n")
    (home / "key").write_text(f"{KEY}\n")
    (home / "companion.toml").write_text(
        f"# canary-comment\n[toy]\nperson = 'canary-person'\n[ears]\nnames = ['hey canary']\n"
        f"[chat]\nsupplement = 'canary-supplement'\nkey_file = '{home}/key'\nbase_url = 'http://127.0.0.1:9/v1'\n"
        f"engin = '{KEY}'\n[body]\nvolume = '{KEY}'\n[memory]\nstate = '{home}/state'\n"
    )
    store = models(tmp_path / "store")
    (store / "wake").mkdir()
    (store / "wake" / "hey-canary.wake").write_bytes(b"damaged")
    return {**MOCK_PINS, "HOME": str(home), "COMPANION_MODELS__STORE": str(store), "DASHSCOPE_API_KEY": KEY}


def test_it_holds_what_helps_and_neither_key_nor_words(toy: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    done = companion("doctor", "--json", "--bundle", file, "--config", tmp_path / "home" / "companion.toml", **toy)
    files = unpacked(file)
    assert set(files) == {
        "README.txt",
        "doctor.json",
        "versions.json",
        "machine.json",
        "settings.json",
        "models.json",
    }
    for text in files.values():
        assert not [canary for canary in CANARIES if canary in text or canary.replace(" ", "-") in text]
    assert KEY not in done.stdout + done.stderr
    assert str(tmp_path / "home") not in "".join(files.values())
    assert json.loads(files["doctor.json"])["checks"][0]["name"] == "settings"
    assert "openai" in json.loads(files["versions.json"])
    assert json.loads(files["models.json"])["whisper/toy/model.bin"] > 1000
    chosen = json.loads(files["settings.json"])
    assert (chosen["toy"]["person"], chosen["chat"]["supplement"]) == ("(left out)", "(left out)")
    assert chosen["ears"]["engine"] == "auto"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_place_that_cannot_be_written_is_one_sentence(toy: dict[str, str]) -> None:
    done = companion("doctor", "--bundle", "/proc/bundle.tar.gz", **toy)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "/proc/bundle.tar.gz: cannot be written" in done.stderr
