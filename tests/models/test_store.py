from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_models import toy_piper, toy_smart_turn, toy_whisper

from models.store import Found, default_store, find_piper, find_smart_turn, find_whisper


def whispers(store: Path, *names: str, words: int = 1) -> None:
    for name in names:
        toy_whisper(store / "whisper" / name, "hello " * words, multilingual=not name.endswith(".en"))


def voices(store: Path, *names: str) -> None:
    for name in names:
        toy_piper(store / "piper", name)


def named(found: Found) -> str:
    assert found.path is not None
    return found.path.name


@pytest.mark.parametrize("find", [find_whisper, find_piper])
def test_an_empty_store_holds_nothing_and_that_is_no_fault(tmp_path: Path, find: object) -> None:
    assert callable(find)
    assert find(tmp_path, "en") == find(tmp_path / "nowhere", "en") == Found(None, ())


def test_a_whisper_and_a_voice_are_found(tmp_path: Path) -> None:
    whispers(tmp_path, "tiny")
    voices(tmp_path, "en_US-toy-low")
    assert find_whisper(tmp_path, "en") == Found(tmp_path / "whisper" / "tiny", ())
    assert find_piper(tmp_path, "en") == Found(tmp_path / "piper" / "en_US-toy-low.onnx", ())


def test_for_english_a_whisper_that_hears_nothing_else_is_better(tmp_path: Path) -> None:
    whispers(tmp_path, "a", "z")
    whispers(tmp_path, "tiny.en", words=100)
    assert named(find_whisper(tmp_path, "en-GB")) == "tiny.en"
    assert named(find_whisper(tmp_path, "de")) == "a"


def test_of_several_whispers_the_smaller_is_taken_and_then_the_first_by_name(tmp_path: Path) -> None:
    whispers(tmp_path, "b-small", "c-small")
    whispers(tmp_path, "a-large", words=100)
    assert named(find_whisper(tmp_path, "en")) == "b-small"


def test_a_whisper_that_cannot_be_used_is_skipped_with_the_reason(tmp_path: Path) -> None:
    whispers(tmp_path, "broken", "tiny", "tiny.en")
    (tmp_path / "whisper" / "broken" / "model.bin").unlink()
    (tmp_path / "whisper" / "README.txt").touch()
    (tmp_path / "whisper" / ".partial").mkdir()
    found = find_whisper(tmp_path, "de")
    assert named(found) == "tiny"
    broken, english = found.skipped
    assert "broken lacks model.bin" in broken
    assert "tiny.en hears English only" in english


def test_when_no_whisper_can_be_used_the_reasons_are_told(tmp_path: Path) -> None:
    whispers(tmp_path, "tiny.en")
    found = find_whisper(tmp_path, "zh")
    assert found.path is None
    assert len(found.skipped) == 1


def test_a_voice_of_the_right_country_is_better_and_then_the_first_by_name(tmp_path: Path) -> None:
    voices(tmp_path, "en_US-b-low", "en_US-a-low", "en_GB-c-low")
    assert named(find_piper(tmp_path, "en-US")) == "en_US-a-low.onnx"
    assert named(find_piper(tmp_path, "en-GB")) == "en_GB-c-low.onnx"
    assert named(find_piper(tmp_path, "en")) == "en_GB-c-low.onnx"


def test_a_voice_for_another_language_is_skipped_with_the_reason(tmp_path: Path) -> None:
    voices(tmp_path, "de_DE-a-low", "zh_CN-b-low")
    found = find_piper(tmp_path, "zh")
    assert named(found) == "zh_CN-b-low.onnx"
    assert [reason.partition("speaks")[2] for reason in found.skipped] == [" de-de, not zh"]
    assert find_piper(tmp_path, "en").path is None


def test_a_voice_that_cannot_be_used_is_skipped_with_the_reason(tmp_path: Path) -> None:
    voices(tmp_path, "en_US-a-low", "en_US-b-low")
    (tmp_path / "piper" / "en_US-a-low.onnx.json").unlink()
    found = find_piper(tmp_path, "en")
    assert named(found) == "en_US-b-low.onnx"
    assert ["lacks en_US-a-low.onnx.json" in reason for reason in found.skipped] == [True]


@pytest.mark.parametrize("find", [find_whisper, find_piper])
def test_a_store_that_cannot_be_read_is_told_and_no_crash(tmp_path: Path, find: object) -> None:
    assert callable(find)
    for part in "whisper", "piper":
        (tmp_path / part).write_text("a file where a folder should be")
    found = find(tmp_path, "en")
    assert found.path is None
    assert "cannot be read" in found.skipped[0]


def test_looking_for_models_imports_no_engine() -> None:
    script = (
        "import sys; from pathlib import Path; from models.store import *; find_whisper(Path('x'), 'en');"
        "print(*{'piper', 'onnxruntime', 'faster_whisper', 'ctranslate2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_the_store_of_the_service_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.store.SYSTEM", tmp_path)
    assert default_store({"XDG_CACHE_HOME": "/elsewhere"}) == tmp_path


@pytest.mark.parametrize(
    ("environment", "store"),
    [
        ({"XDG_CACHE_HOME": "/xdg", "HOME": "/home/me"}, "/xdg/companion"),
        ({"HOME": "/home/me"}, "/home/me/.cache/companion"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/companion"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.cache/companion"),
        ({}, str(Path.home() / ".cache" / "companion")),
    ],
)
def test_else_it_is_the_users(
    environment: dict[str, str], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.SYSTEM", tmp_path / "nowhere")
    assert default_store(environment) == Path(store)


def test_a_store_of_the_service_that_may_not_be_read_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.store.SYSTEM", tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert default_store({"XDG_CACHE_HOME": "/xdg"}) == Path("/xdg/companion")


def test_of_several_smart_turns_the_smallest_is_taken_and_then_the_newest(tmp_path: Path) -> None:
    folder = tmp_path / "smart-turn"
    assert find_smart_turn(tmp_path) == Found(None, ())
    for name in "smart-turn-v3.0", "smart-turn-v3.2-cpu":
        toy_smart_turn(folder / f"{name}.onnx")
    (folder / "smart-turn-v3.3-gpu.onnx").write_bytes((folder / "smart-turn-v3.0.onnx").read_bytes() + bytes(100))
    (folder / "README.md").touch()
    assert named(find_smart_turn(tmp_path)) == "smart-turn-v3.2-cpu.onnx"


def test_a_smart_turn_that_cannot_be_used_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "smart-turn").mkdir()
    (tmp_path / "smart-turn" / "page.onnx").write_text("<html>")
    found = find_smart_turn(tmp_path)
    assert found.path is None
    assert "not a model in ONNX's format" in found.skipped[0]
