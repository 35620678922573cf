"""What was said to a toy, kept as files that replay."""

from __future__ import annotations

import asyncio
import io
import json
import wave
import zipfile

import numpy as np
import pytest

from companion import scenario as kept_by
from companion.audio import RATE, Audio, Utterance
from companion.ports import Event
from companion.scenario import MOST_LINES, Part, Scenario
from models.scripted import ScriptedTranscriber


def utterance(ended: float) -> Utterance:
    return Utterance(Audio(np.full(RATE, round(ended), np.int16)), ended - 1.0, ended)


def heard(ended: float, text: str, engine: str = "scripted") -> Event:
    return Event(ended, "heard", {"text": text, "engine": engine, "speaker": "user"})


def said(scenario: Scenario, *utterances: Utterance) -> None:
    transcriber = scenario.keeping(ScriptedTranscriber(["x"] * len(utterances)))

    async def transcribe() -> None:
        for one in utterances:
            await transcriber.transcribe(one)

    asyncio.run(transcribe())


def files(scenario: Scenario) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(asyncio.run(scenario.zip()))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_only_what_was_heard_is_kept_and_of_its_drafts_the_last() -> None:
    scenario = Scenario()
    said(scenario, utterance(3.0), utterance(5.0), utterance(5.0))
    scenario.observe(heard(5.0, "hello"))
    said(scenario, utterance(9.0))
    kept = files(scenario)
    assert [name for name in kept if name.endswith(".wav")] == ["001.wav"]
    with wave.open(io.BytesIO(kept["001.wav"])) as file:
        assert (file.getframerate(), file.getnframes()) == (RATE, RATE)
        assert np.frombuffer(file.readframes(1), np.int16)[0] == 5


def test_the_command_says_all_in_its_order() -> None:
    scenario = Scenario()
    scenario.part = Part(["--character", "my fox.toml"])
    scenario.observe(heard(1.0, "it's me; rm -rf", engine="typed"))
    for ended in (5.0, 9.0):
        said(scenario, utterance(ended))
        scenario.observe(heard(ended, "x"))
    kept = files(scenario)
    assert kept["replay.sh"].decode() == (
        "companion simulate --character 'my fox.toml' --wav 001.txt --wav 002.wav --wav 003.wav "
        "--journal replayed.jsonl\n"
    )
    assert kept["001.txt"].decode() == "it's me; rm -rf"


def test_the_journal_is_in_it_whatever_its_words() -> None:
    scenario = Scenario()
    scenario.observe(Event(1.23456, "said", {"text": "half a \ud83d pair", "complete": True}))
    assert json.loads(files(scenario)["journal.jsonl"])["at"] == 1.235


def test_of_a_long_conversation_the_oldest_is_dropped() -> None:
    scenario = Scenario()
    for number in range(MOST_LINES + 3):
        scenario.observe(heard(float(number), f"line {number}", engine="typed"))
    written = [text.decode() for name, text in files(scenario).items() if name.endswith(".txt")]
    assert written == [f"line {number}" for number in range(3, MOST_LINES + 3)]


def test_what_is_forgotten_is_nowhere() -> None:
    scenario = Scenario()
    said(scenario, utterance(5.0))
    scenario.observe(heard(5.0, "a secret"))
    scenario.forget()
    kept = files(scenario)
    assert set(kept) == {"journal.jsonl", "replay.sh"}
    assert b"secret" not in b"".join(kept.values())
    assert kept["replay.sh"] == b"# Nothing was said.\n", "and nothing that waits for somebody to speak"


def test_each_toy_that_was_there_has_a_command_and_the_files_it_needs() -> None:
    scenario = Scenario()
    fox = Part(["--character", "character-1.toml"], {"character-1.toml": b"name"}, ["It ran on\nrm -rf."])
    for part in (fox, Part(["--character", "otto"]), Part(["--character", "otto"]), Part()):
        scenario.part = part
        scenario.observe(heard(1.0, "x", engine="typed"))
    scenario.part = Part(files={"of nobody.toml": b"nobody has spoken to it"})
    kept = files(scenario)
    assert kept["replay.sh"].decode().splitlines() == [
        "# It ran on rm -rf.",
        "companion simulate --character character-1.toml --wav 001.txt --journal replayed.jsonl &&",
        "companion simulate --character otto --wav 002.txt --journal replayed-2.jsonl &&",
        "companion simulate --character otto --wav 003.txt --journal replayed-3.jsonl &&",
        "companion simulate --wav 004.txt --journal replayed-4.jsonl",
    ]
    assert kept["character-1.toml"] == b"name"
    assert "of nobody.toml" not in kept


def test_so_much_speech_is_kept_and_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_by, "MOST_SECONDS", 2.5)
    scenario = Scenario()
    for ended in (2.0, 4.0, 6.0):
        said(scenario, utterance(ended))
        scenario.observe(heard(ended, f"{ended}"))
    kept = files(scenario)
    assert [name for name in kept if name.endswith(".wav")] == ["001.wav", "002.wav"]
    assert "what was said before this is missing" in kept["replay.sh"].decode()
