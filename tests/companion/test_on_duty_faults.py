"""What can go wrong around a toy on duty, done to a real process on a real sound server: it notices, tells, and mends
itself."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soxr
from alsa_card import NAME, Card, alsa_card
from command import companion
from on_duty import Running, running, small_store, speech
from read_only import APART, FILLED
from recording_server import RecordingServer, recording_server, streamed
from sound_server import missing
from waiting import until

from device.sound_server import SoundServer, sound_server

TIMES = 20 if os.environ.get("COMPANION_SOAK") else 3

NOTICED_SECONDS, BACK_SECONDS = 2.0, 5.0
"""How long a lost device may go unnoticed, and how long after its return the toy may need."""

REACHED_SECONDS = 15.0
"""So long it may take until it is noticed that there is a network again."""

LOOK_SECONDS = 0.5
"""How late a busy computer may tell us what it has noticed."""

REPLY = (
    "I was just going to tell you a story that is long enough to be interrupted in the very middle of it, was I not?"
)

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_store(tmp_path_factory.mktemp("store"), "hello little fox")


Sound = SoundServer | Card


@pytest.fixture(params=["sound server", "sound card"])
def sound(request: pytest.FixtureRequest) -> Iterator[Sound]:
    if request.param == "sound card":
        with alsa_card() as card:
            yield card
    else:
        with sound_server() as server:
            yield server


@contextmanager
def on_duty(
    folder: Path, store: Path, sound: Sound, rests: str = "listening", **more: str
) -> Iterator[tuple[Running, RecordingServer]]:
    """A toy with all it needs, and the service it asks. `rests`: what it shows when it has said its first words."""
    with (
        recording_server(streamed(REPLY)) as service,
        running(folder, connected(sound, service, store) | more) as toy,
    ):
        toy.state(rests)
        yield toy, service


def connected(sound: Sound, service: RecordingServer, store: Path) -> dict[str, str]:
    """The environment of a toy that has all it needs."""
    return dict(sound.environment) | asking(service, store)


def asking(service: RecordingServer, store: Path) -> dict[str, str]:
    return {
        "COMPANION_CHAT__BASE_URL": service.base_url,
        "DASHSCOPE_API_KEY": "sk-secret",
        "COMPANION_MODELS__STORE": str(store),
    }


def count(toy: Running, name: str) -> int:
    return sum(event["event"] == name for event in toy.events())


def ask(sound: Sound) -> None:
    rate, samples = speech("hello-rms.wav")
    sound.say(samples, rate)


def a_turn_works(toy: Running, sound: Sound) -> None:
    before = count(toy, "turn")
    ask(sound)
    until(lambda: count(toy, "turn") > before, 20)
    toy.state("listening")


def times(sound: Sound) -> range:
    """As often as is asked for on a sound server; now and then on a card, too."""
    return range(TIMES if isinstance(sound, SoundServer) else TIMES // 3)


def pulled_out_and_back(toy: Running, sound: Sound) -> None:
    sound.kill()
    toy.state("attention", NOTICED_SECONDS + LOOK_SECONDS)
    sound.start()
    toy.state("idle", BACK_SECONDS)


def test_cards_that_are_pulled_out_while_it_listens_are_missed_and_it_talks_when_they_are_back(
    tmp_path: Path, store: Path, sound: Sound
) -> None:
    with on_duty(tmp_path, store, sound) as (toy, _):
        for _ in times(sound):
            pulled_out_and_back(toy, sound)
            a_turn_works(toy, sound)
        _, said = toy.end()
    assert "Traceback" not in said


def test_cards_that_are_pulled_out_in_the_middle_of_a_reply_are_missed_and_it_talks_when_they_are_back(
    tmp_path: Path, store: Path, sound: Sound
) -> None:
    with on_duty(tmp_path, store, sound) as (toy, _):
        for _ in times(sound):
            ask(sound)
            toy.state("speaking")
            pulled_out_and_back(toy, sound)
            assert toy.events()[-1]["event"] != "turn"
            a_turn_works(toy, sound)
        said = [event for event in toy.events() if event["event"] == "said" and event["kind"] == "reply"]
        _, told = toy.end()
    assert sum(event["complete"] for event in said) == len(times(sound))
    assert "Traceback" not in told


def test_a_sound_server_that_hangs_is_missed_and_it_talks_when_it_is_back(tmp_path: Path, store: Path) -> None:
    with sound_server() as sound, on_duty(tmp_path, store, sound) as (toy, _):
        sound.hang()
        toy.state("attention", NOTICED_SECONDS + LOOK_SECONDS)
        pulled_out_and_back(toy, sound)
        a_turn_works(toy, sound)
        toy.end()


def test_a_sound_server_that_hangs_from_the_beginning_is_missed_as_soon_as_all_else_is_ready(
    tmp_path: Path, store: Path
) -> None:
    with sound_server() as sound, recording_server(streamed(REPLY)) as service:
        sound.hang()
        with running(tmp_path, connected(sound, service, store)) as toy:
            fault = toy.wait_for(lambda event: event["event"] == "fault")
            [*_, ready] = [event["at"] for event in toy.events() if event["event"] == "ready"]
            toy.state("attention", LOOK_SECONDS)
            sound.kill()
            sound.start()
            toy.state("listening")
            a_turn_works(toy, sound)
            toy.end()
    assert fault["at"] - ready < 1.0
    assert "does not answer" in fault["text"]


def test_told_to_end_while_the_sound_server_hangs_it_is_gone_soon_and_dark(tmp_path: Path, store: Path) -> None:
    with sound_server() as sound, on_duty(tmp_path, store, sound) as (toy, _):
        sound.hang()
        toy.state("attention", NOTICED_SECONDS + LOOK_SECONDS)
        took, said = toy.end()
    assert took < 10
    assert toy.told["shown"][-1] == [0.0, 0.0, 0.0]
    assert "Traceback" not in said


def test_a_microphone_that_gives_zeros_is_told_from_a_quiet_room_and_nothing_is_read(
    tmp_path: Path, store: Path
) -> None:
    with sound_server() as sound, on_duty(tmp_path, store, sound) as (toy, service):
        sound.hum(on=False)
        fault = toy.wait_for(lambda event: event["event"] == "fault")
        toy.state("attention")
        sound.hum(on=True)
        toy.state("idle")
        assert count(toy, "heard") == 0
        assert not service.requests
        a_turn_works(toy, sound)
        toy.end()
    assert "zeros" in fault["text"]


def test_a_card_that_only_does_stereo_and_is_busy_when_it_starts_is_named_and_then_it_talks(
    tmp_path: Path, store: Path
) -> None:
    rate, samples = speech("hello-rms.wav")
    said = soxr.resample(samples, rate, 48_000)
    room = np.random.default_rng(0).integers(-2, 3, (48_000 * 30, 2), np.int16)
    room[48_000 * 3 : 48_000 * 3 + len(said), 1] += said  # the microphone is wired as the right one
    with alsa_card(48_000, 2) as card, recording_server(streamed(REPLY)) as service:
        card.start(room)
        environment = asking(service, store) | card.environment
        with ExitStack() as other:
            other.enter_context(card.used_by_another("hears"))
            with running(tmp_path, environment) as toy:
                fault = toy.wait_for(lambda event: event["event"] == "fault")
                toy.state("attention")
                other.close()
                until(lambda: count(toy, "turn") > 0, 30)
                _, told = toy.end()
        played = card.played
    assert NAME in fault["text"]
    assert "another program uses" in fault["text"]
    assert (np.abs(played).max(axis=0) > 1_000).all(), "on both sides"
    assert "Traceback" not in told


@pytest.mark.parametrize("state", ["listening", "thinking", "speaking"])
def test_told_to_end_in_the_middle_of_anything_it_is_gone_soon_and_dark(
    tmp_path: Path, store: Path, state: str
) -> None:
    with socket.socket() as silent, sound_server() as sound:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # whoever connects waits for an answer
        address = {"COMPANION_CHAT__BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v1"}
        with on_duty(tmp_path, store, sound, **(address if state == "thinking" else {})) as (toy, _):
            if state != "listening":
                ask(sound)
            toy.state(state)
            took, said = toy.end()
    assert took < 5
    assert toy.told["shown"][-1] == [0.0, 0.0, 0.0]
    assert "Traceback" not in said


def test_a_journal_on_a_full_disk_ends_with_one_warning_and_the_toy_talks_on(tmp_path: Path, store: Path) -> None:
    (tmp_path / "journal.jsonl").symlink_to("/dev/full")
    with (
        recording_server(streamed(REPLY)) as service,
        sound_server() as sound,
        running(tmp_path, connected(sound, service, store)) as toy,
    ):
        deadline = time.monotonic() + 30
        while len(service.requests) < 2 and time.monotonic() < deadline:
            ask(sound)
            time.sleep(1)
        assert len(service.requests) >= 2
        _, said = toy.end()
    assert said.count("cannot be written") == 1
    assert "No space left on device" in said
    assert "Traceback" not in said


@contextmanager
def over_tls(folder: Path) -> Iterator[str]:
    """A service whose certificate nobody knows; its address."""
    certificate = folder / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", *subject]
    made = ["-keyout", str(folder / "key.pem"), "-out", str(certificate)]
    subprocess.run(["openssl", *words, *made], check=True, capture_output=True, timeout=30)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("year", ["1999", "2027"])
def test_a_clock_that_was_never_set_is_told_from_a_network_that_is_not_there(
    tmp_path: Path, store: Path, year: str
) -> None:
    with over_tls(tmp_path) as address, sound_server() as sound:
        more = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"@{year}-01-01 00:00:00", "DONT_FAKE_MONOTONIC": "1"}
        with on_duty(tmp_path, store, sound, "offline", COMPANION_CHAT__BASE_URL=address, **more) as (toy, _):
            ask(sound)
            fault = toy.wait_for(lambda event: event["event"] == "fault" and event["kind"] != "warning")
            toy.wait_for(lambda event: event["event"] == "said" and event["kind"] == "apology")
            toy.end()
    assert fault["kind"] == ("clock" if year == "1999" else "unreachable")
    assert ("1 January 1999" in fault["text"]) is (year == "1999")


def test_without_a_network_it_says_so_soon_and_its_light_tells_when_there_is_one_again(
    tmp_path: Path, store: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    address = {"COMPANION_CHAT__BASE_URL": f"http://127.0.0.1:{port}/v1"}
    with sound_server() as sound, on_duty(tmp_path, store, sound, "offline", **address) as (toy, _):
        ask(sound)
        heard = toy.wait_for(lambda event: event["event"] == "heard")
        toy.wait_for(lambda event: event["event"] == "said" and event["kind"] == "apology")
        spoke = toy.wait_for(lambda event: event["event"] == "state" and event["state"] == "speaking")
        toy.state("offline")
        with recording_server(streamed(REPLY), port=port) as service:
            toy.state("listening", REACHED_SECONDS)
            assert not service.requests, "it has asked for nothing"
            a_turn_works(toy, sound)
        toy.end()
    assert spoke["at"] - heard["at"] < 3.0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
@pytest.mark.parametrize(
    ("disk", "complaint"), [(APART, "Read-only file system"), (FILLED, "No space left on device")], ids=["read", "full"]
)
def test_on_a_disk_for_reading_only_or_a_full_one_it_talks_and_tells_once_that_a_mute_cannot_be_kept(
    tmp_path: Path, store: Path, disk: Sequence[str], complaint: str
) -> None:
    (state := tmp_path / "state").mkdir()
    (tmp_path / "run").mkdir()
    with recording_server(streamed("I am here.")) as service, sound_server() as sound:
        environment = connected(sound, service, store) | {"RUNTIME_DIRECTORY": str(tmp_path / "run")}
        with running(tmp_path, environment, within=[*disk, str(state)]) as toy:
            toy.state("listening")
            a_turn_works(toy, sound)
            for what in ("mute", "unmute", "mute"):
                assert companion(what, **environment).returncode == 0
            toy.state("muted")
            seen = len(toy.events())
            ask(sound)
            assert companion("unmute", **environment).returncode == 0
            a_turn_works(toy, sound)
            assert [event["event"] for event in toy.events()[seen:]].count("heard") == 1, "muted it heard nothing"
            assert companion("mute", **environment).returncode == 0
            toy.state("muted")
            _, said = toy.end()
    assert said.count(complaint) == 1
    assert "Traceback" not in said
