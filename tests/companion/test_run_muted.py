"""Mute on duty: a real process and a real sound path, on which one sees whether anybody listens."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest
from command import companion
from on_duty import Running, running
from sound_server import missing
from waiting import until

from device.control_socket import ask, default_path
from device.sound_server import SoundServer, sound_server

RED = [1.0, 0.0, 0.0]

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


def listeners(sound: SoundServer) -> int:
    """How many streams are open on the microphone."""
    done = subprocess.run(
        ["pactl", "list", "short", "source-outputs"],
        env=os.environ | sound.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return len(done.stdout.splitlines())


def ready_again(toy: Running, after: int) -> None:
    """Wait until the toy is ready for another time than in its first `after` events."""
    until(lambda: any(event["event"] == "ready" for event in toy.events()[after:]))


def test_muted_it_is_muted_after_a_restart_and_a_reload_with_red_light_and_closed_stream(tmp_path: Path) -> None:
    (first := tmp_path / "first").mkdir()
    (second := tmp_path / "second").mkdir()
    with sound_server() as sound:
        environment = dict(sound.environment) | {"STATE_DIRECTORY": str(tmp_path / "state")}
        with running(first, environment) as toy:
            toy.state("attention")  # there is no key
            assert listeners(sound) == 1
            assert "unmute" in companion("mute", **environment).stdout
            toy.state("muted")
            assert listeners(sound) == 0
            toy.end()
        with running(second, environment) as toy:
            toy.state("muted")
            ready_again(toy, after=0)
            assert listeners(sound) == 0
            before = len(toy.events())
            toy.process.send_signal(signal.SIGHUP)
            ready_again(toy, after=before)
            assert listeners(sound) == 0
            assert companion("unmute", **environment).returncode == 0
            toy.state("attention")
            assert listeners(sound) == 1
            assert companion("forget", **environment).returncode == 0
            assert companion("stop", **environment).returncode == 0
            toy.end()
    assert next(colour for colour in toy.told["shown"] if any(colour)) == RED
    assert toy.told["at_first_frame"], "and not before it was unmuted"


def test_where_the_mute_cannot_be_kept_it_says_so_once_and_stays_muted_until_the_end(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with sound_server() as sound, running(tmp_path, environment := dict(sound.environment)) as toy:
        toy.state("attention")
        for _ in range(2):
            asyncio.run(ask(default_path(environment), {"do": "unmute"}))
            toy.state("attention")
            asyncio.run(ask(default_path(environment), {"do": "mute"}))
            toy.state("muted")
        before = len(toy.events())
        toy.process.send_signal(signal.SIGHUP)
        ready_again(toy, after=before)
        assert listeners(sound) == 0, "a reload is no reason to listen"
        _, said = toy.end()
    assert said.count("cannot be kept over a restart") == 1
