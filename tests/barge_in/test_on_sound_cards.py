"""The toy on duty, on real sound paths on which its microphone hears its own speaker: it never interrupts itself, and
whoever talks over it is heard."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from alsa_card import Card, alsa_card
from on_duty import Running, running
from recording_server import recording_server, streamed
from sound_server import missing

from companion.audio import Samples
from device.sound_server import ECHO, SoundServer, sound_server

SPEECH = Path(__file__).parents[1] / "speech"
LINES = ("story-moon-awb.wav", "dinosaurs-awb.wav", "hello-rms.wav", "breakfast-awb.wav", "school-rms.wav")

REPLY = "Once upon a time there was a small rabbit. Every morning it looked at the sky, and then it counted the clouds."

REPLIES = 50 if os.environ.get("COMPANION_SOAK") else 3


Sound = SoundServer | Card


@contextmanager
def on_a_server() -> Iterator[Sound]:
    if missing:
        pytest.skip(missing)
    with sound_server(ECHO) as sound:
        yield sound


@contextmanager
def on_a_card() -> Iterator[Sound]:
    """Without a sound server in between: of 48 kHz and stereo only."""
    with alsa_card(48_000, 2, echo=0.5, delay=0.03) as card:
        yield card


@pytest.fixture(params=[on_a_server, on_a_card])
def sound(request: pytest.FixtureRequest) -> Iterator[Sound]:
    with request.param() as made:
        yield made


def speech(name: str) -> tuple[Samples, int]:
    with wave.open(str(SPEECH / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """Settings of a toy with the embedded ears and voice."""
    (tmp_path / "store").mkdir()
    return {"COMPANION_MODELS__STORE": str(tmp_path / "store"), "DASHSCOPE_API_KEY": "sk-x"}


def told(toy: Running, *names: str) -> list[str]:
    return [event["event"] for event in toy.events() if event["event"] in names]


def ask(toy: Running, sound: Sound, number: int) -> None:
    """Say something; returns when it is being answered."""
    toy.state("listening")
    sound.say(*speech(LINES[number % len(LINES)]))
    toy.state("speaking")


def test_in_reply_after_reply_it_never_interrupts_itself(
    tmp_path: Path, embedded: dict[str, str], sound: Sound
) -> None:
    with recording_server(streamed(REPLY)) as service:
        environment = dict(sound.environment) | embedded | {"COMPANION_CHAT__BASE_URL": service.base_url}
        with running(tmp_path, environment) as toy:
            for number in range(REPLIES):
                ask(toy, sound, number)
                toy.state("listening")
            _, log = toy.end()
    verdicts = [(event["barge_in"], event["text"]) for event in toy.events() if event["event"] == "echo"]
    print(verdicts, told(toy, "duck", "pause", "resume", "interrupted"))
    assert "interrupted by" in log
    assert verdicts[-1][0] in ("full", "guarded")
    assert told(toy, "interrupted") == []
    assert len(told(toy, "heard")) == REPLIES
    assert all(event["complete"] for event in toy.events() if event["event"] == "said")


def test_whoever_talks_over_it_is_heard_and_it_is_silent_soon(
    tmp_path: Path, embedded: dict[str, str], sound: Sound
) -> None:
    """As people do, they say it again where it talks on. In one run of eight it does: of the first words too little is
    left."""
    long = f"{REPLY} {REPLY}"
    with recording_server(streamed(long)) as service:
        environment = dict(sound.environment) | embedded | {"COMPANION_CHAT__BASE_URL": service.base_url}
        with running(tmp_path, environment) as toy:
            ask(toy, sound, 0)  # this is where it learns its echo
            ask(toy, sound, 1)
            for _ in range(3):
                if not told(toy, "interrupted"):
                    sound.say(*speech("birthday-rms.wav"))
            toy.wait_for(lambda event: event["event"] == "interrupted")
            toy.end()
    print(
        [(event["at"], event["event"]) for event in toy.events() if event["event"] in ("duck", "pause", "interrupted")]
    )
    [first, second] = [event for event in toy.events() if event["event"] == "said" and event["kind"] == "reply"][:2]
    assert first["complete"]
    assert not second["complete"]
    assert long.startswith(second["text"])
