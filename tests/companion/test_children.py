"""The key is nobody else's business: no program that we start finds it in its environment."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from companion import children, simulating

SOURCES = Path(__file__).parents[2]
STARTS = ("subprocess.run", "subprocess.Popen", "asyncio.create_subprocess_exec")


def test_a_child_knows_all_that_we_know_but_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    monkeypatch.setenv("LC_TELEPHONE", "C")
    done = subprocess.run(["env"], env=children.environment(), capture_output=True, text=True, check=True)
    assert "LC_TELEPHONE=C" in done.stdout
    assert "sk-secret" not in done.stdout


def test_whatever_starts_a_program_says_what_that_finds_in_its_environment() -> None:
    """And it is not ours: a call without `env` would hand on all of it."""
    calls = [call for folder in ("companion", "device", "models") for call in started(SOURCES / folder)]
    assert len(calls) >= 5
    for place, call in calls:
        (given,) = [ast.unparse(word.value) for word in call.keywords if word.arg == "env"] or ["nothing"]
        assert given != "nothing", place
        assert "os.environ" not in given, place


def started(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    """All calls in the sources that start a program, and where."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS:
                yield f"{file}:{node.lineno}", node


def test_the_browser_that_shows_the_page_does_not_learn_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    (browser := tmp_path / "browser").write_text(
        f'#!/bin/sh\nenv > {told}.new\necho "$1" >> {told}.new\nmv {told}.new {told}\n'
    )
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret")
    simulating._open("http://127.0.0.1:1/")
    until(told.exists)
    assert "http://127.0.0.1:1/" in told.read_text()
    assert "sk-secret" not in told.read_text()
