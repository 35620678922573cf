"""`companion doctor` on a machine that is healthy, and on the same machine with one fault after the other, each really
caused: a real sound server, real models, a real HTTP server, real files and disks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alsa_card import Card, alsa_card
from command import COMPANION, companion
from healthy import VOICE, away_from_this_user, faked_clock, healthy, mock_qwen, models, room
from in_terminal import in_terminal
from recording_server import recording_server, streamed
from sound_server import missing
from toy_head import HEAD
from toy_models import toy_piper, toy_whisper

from companion.examining import ORDER
from device.sound_server import ECHO, SoundServer, sound_server
from models import ledger
from models.hub import digest
from models.manifest import Kind

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0,
    reason="needs to mount a disk of its own",
)

KEY = "sk-canary-0123456789abcdef"

Checks = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    """A room with some noise in it, for as long as these tests may take."""
    with sound_server() as server, server.saying(room(60.0, 900.0), 16_000):
        yield server


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with mock_qwen() as base_url:
        yield base_url


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models(tmp_path_factory.mktemp("models") / "store")


@pytest.fixture
def toy(server: SoundServer, service: str, made: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a healthy toy, with models that a test may damage."""
    store = tmp_path / "store"
    shutil.copytree(made, store)
    (tmp_path / "home").mkdir()
    return healthy(server, store, service, tmp_path / "home")


def store(toy: Mapping[str, str]) -> Path:
    return Path(toy["COMPANION_MODELS__STORE"])


def read(done: subprocess.CompletedProcess[str]) -> Checks:
    found = json.loads(done.stdout)
    assert list(found) == ["checks"]
    assert [list(check) for check in found["checks"]] == [["name", "ok", "what", "mend"]] * len(ORDER)
    assert [check["name"] for check in found["checks"]] == list(ORDER)
    checks = {check["name"]: check for check in found["checks"]}
    assert done.returncode == (1 if any(check["ok"] is False for check in checks.values()) else 0)
    return checks


def doctor(toy: Mapping[str, str], *words: object) -> Checks:
    began = time.monotonic()
    done = companion("doctor", "--json", *words, **toy)
    assert "--deep" in words or time.monotonic() - began < 15
    return read(done)


def only(checks: Checks, *names: str) -> None:
    """Nothing else is found to be wrong, or worth a mend."""
    assert {name for name, check in checks.items() if check["ok"] is False or check["mend"]} == set(names), checks


def test_on_a_healthy_machine_there_is_nothing_to_be_mended(toy: dict[str, str]) -> None:
    checks = doctor(toy)
    only(checks)
    well = {name for name, check in checks.items() if check["ok"] is True}
    assert well >= {"microphone", "speaker", "light", "button", "ears", "voice", "key", "network", "clock", "disk"}
    assert "the first words came after" in checks["network"]["what"]


def test_the_report_is_the_same_every_time_but_for_what_is_measured(toy: dict[str, str]) -> None:
    def same(checks: Checks) -> Checks:
        measured = {"microphone", "network", "clock", "temperature", "disk"}
        return {name: {**check, "what": ""} if name in measured else check for name, check in checks.items()}

    assert same(doctor(toy)) == same(doctor(toy))


@pytest.fixture
def echoing(service: str, made: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A healthy toy whose microphone hears its speaker."""
    (tmp_path / "home").mkdir()
    with sound_server(ECHO) as server, server.saying(room(20.0), 16_000):
        yield healthy(server, made, service, tmp_path / "home")


def test_looked_at_deeply_it_hears_its_own_speaker_and_tells_how_it_may_be_interrupted(
    echoing: dict[str, str],
) -> None:
    checks = doctor(echoing, "--deep")
    assert "Its own microphone hears it" in checks["speaker"]["what"]
    assert "its own sound comes back" in checks["echo"]["what"]
    assert checks["light"]["what"].startswith("It was lit")
    assert checks["voice"]["ok"] is True


SETTINGS: list[tuple[str, dict[str, str], str, bool | None, str, str]] = [
    ("a key misspelt", {"COMPANION_EARS__ENGIN": "auto"}, "settings", False, "did you mean ears.engine", "correct"),
    ("a bad value", {"COMPANION_BODY__VOLUME": "2"}, "settings", False, "body.volume", "correct"),
    ("no such character", {"COMPANION_TOY__CHARACTER": "pipp"}, "character", False, "did you mean pip?", "list"),
    ("no such board", {"COMPANION_BODY__BOARD": "generic-rbg"}, "board", False, "did you mean generic-rgb?", "[body]"),
    ("a pin of a bus", {"COMPANION_BOARD__BUTTON": "2"}, "board", False, "and cannot be the button", "in [board]"),
    ("no GPIO", {"GPIOZERO_PIN_FACTORY": "lgpio"}, "light", None, "There is no GPIO here", "python3-lgpio"),
    ("no GPIO, seen at the board", {"GPIOZERO_PIN_FACTORY": "lgpio"}, "board", None, "this computer has none", "usb"),
    (
        "called by a button that is not there",
        {"COMPANION_BODY__BOARD": "usb", "COMPANION_EARS__CALLED": "hold"},
        "button",
        False,
        "it is called by it",
        'called = "wake"',
    ),
    (
        "no such microphone",
        {"COMPANION_BODY__MICROPHONE": "seeed"},
        "microphone",
        False,
        '"seeed"',
        "companion devices",
    ),
    ("no such speaker", {"COMPANION_BODY__SPEAKER": "seeed"}, "speaker", False, '"seeed"', "[body] speaker"),
    ("no sound allowed", {"COMPANION_BODY__VOLUME": "0"}, "speaker", False, "no sound at all", "volume = 1.0"),
    (
        "a Whisper that is not there",
        {"COMPANION_EARS__MODEL": "/nowhere"},
        "ears",
        False,
        "no folder /nowhere",
        "models pull",
    ),
    ("a voice that is not there", {"COMPANION_VOICE__MODEL": "/no.onnx"}, "voice", False, "/no.onnx", "models pull"),
    (
        "a name nobody can spell",
        {"COMPANION_EARS__NAMES": "hey xqzrt"},
        "name",
        False,
        "xqzrt",
        'companion wake add NAME; or [ears] called = "hold" (its button) or "open" (whoever speaks)',
    ),
    ("no key", {"DASHSCOPE_API_KEY": ""}, "key", False, "There is no key", "companion setup"),
    ("the manual's key", {"DASHSCOPE_API_KEY": "sk-..."}, "key", False, "what manuals write", "real one"),
    ("a key with a line break", {"DASHSCOPE_API_KEY": "sk-a b"}, "key", False, "holds spaces", "copy it again"),
    ("another vendor's key", {"DASHSCOPE_API_KEY": "AKIA123"}, "key", None, "does not begin with sk-", "right one"),
    ("a wrong key", {"DASHSCOPE_API_KEY": "sk-invalid"}, "network", False, "does not accept the key", "region"),
    (
        "no such host",
        {"COMPANION_CHAT__BASE_URL": "http://127.0.0.1:9/v1"},
        "network",
        False,
        "Cannot reach 127.0.0.1:9",
        "is it on the network",
    ),
]


@pytest.mark.parametrize(
    ("cause", "name", "ok", "what", "mend"), [row[1:] for row in SETTINGS], ids=[r[0] for r in SETTINGS]
)
def test_a_fault_in_the_settings_is_named_with_its_mend(
    toy: dict[str, str], cause: dict[str, str], name: str, ok: bool | None, what: str, mend: str
) -> None:
    check = doctor(toy | cause)[name]
    assert (check["ok"], what in check["what"], mend in check["mend"]) == (ok, True, True), check


def test_a_mistake_in_the_settings_hides_nothing_else(toy: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    file.write_text('[body]\nspeaker = "seeed"\nvolume = 3\n[ears]\nengin = "auto"\n')
    del toy["COMPANION_BODY__SPEAKER"]
    checks = doctor(toy, "--config", file)
    only(checks, "settings", "speaker")
    assert checks["settings"]["what"].count(str(file)) == 2
    file.write_text("[body\n")
    only(doctor(toy, "--config", file), "settings")


def pactl(server: SoundServer, *words: str) -> None:
    subprocess.run(["pactl", *words], env=os.environ | dict(server.environment), check=True, timeout=10)


def test_zeros_are_told_from_a_quiet_room(toy: dict[str, str], server: SoundServer) -> None:
    pactl(server, "set-source-mute", "micfeed.monitor", "1")
    try:
        checks = doctor(toy)
    finally:
        pactl(server, "set-source-mute", "micfeed.monitor", "0")
    only(checks, "microphone")
    assert "nothing but zeros" in checks["microphone"]["what"]
    assert "unmute it" in checks["microphone"]["mend"]


@contextmanager
def another_room(toy: dict[str, str], amplitude: float) -> Iterator[tuple[SoundServer, dict[str, str]]]:
    with sound_server() as server, server.saying(room(amplitude), 16_000):
        yield server, toy | dict(server.environment) | {"HOME": toy["HOME"]}


def test_a_microphone_turned_down_is_told(toy: dict[str, str]) -> None:
    with another_room(toy, 0.0) as (_, quiet):
        checks = doctor(quiet)
    only(checks, "microphone")
    assert (checks["microphone"]["ok"], "next to none" in checks["microphone"]["what"]) == (None, True)
    assert "turn it up" in checks["microphone"]["mend"]


def test_a_microphone_turned_up_too_far_is_told(toy: dict[str, str]) -> None:
    with another_room(toy, 40_000.0) as (_, loud):
        checks = doctor(loud)
    only(checks, "microphone")
    assert "too loud, and distorted" in checks["microphone"]["what"]
    assert "turn it down" in checks["microphone"]["mend"]


def test_a_sound_server_that_hangs_is_told_in_time(toy: dict[str, str]) -> None:
    with another_room(toy, 60.0) as (server, hanging):
        server.hang()
        checks = doctor(hanging)
    only(checks, "microphone", "speaker")
    assert "does not answer" in checks["microphone"]["what"]
    assert "restart the sound server" in checks["speaker"]["mend"]


@contextmanager
def on_a_card(toy: dict[str, str], rate: int, channels: int) -> Iterator[tuple[Card, dict[str, str]]]:
    """The same toy on a sound card that no sound server shares, in a room with some noise."""
    noise = np.random.default_rng(1).normal(0.0, 900.0, (4 * rate, channels)).astype(np.int16)
    with alsa_card(rate, channels) as card:
        card.start(noise)
        yield card, toy | card.environment


def test_a_card_that_does_nothing_but_48_khz_and_stereo_is_healthy(toy: dict[str, str]) -> None:
    with on_a_card(toy, 48_000, 2) as (_, stereo):
        only(doctor(stereo))


def test_a_card_of_a_telephones_rate_is_told(toy: dict[str, str]) -> None:
    with on_a_card(toy, 8_000, 1) as (_, telephone):
        checks = doctor(telephone)
    only(checks, "microphone")
    assert (checks["microphone"]["ok"], "8000 Hz, as a telephone" in checks["microphone"]["what"]) == (None, True)
    assert "16000 Hz or more" in checks["microphone"]["mend"]


@pytest.mark.parametrize(("side", "part"), [("hears", "microphone"), ("plays", "speaker")])
def test_a_card_that_another_program_has_is_told(toy: dict[str, str], side: str, part: str) -> None:
    with on_a_card(toy, 48_000, 2) as (card, busy), card.used_by_another(side):
        checks = doctor(busy)
    only(checks, part)
    assert "another program" in checks[part]["what"]
    assert "stop that one" in checks[part]["mend"]


def test_without_any_sound_card_that_is_told(toy: dict[str, str], tmp_path: Path) -> None:
    for name in ("COMPANION_BODY__MICROPHONE", "COMPANION_BODY__SPEAKER"):
        del toy[name]
    gone = {
        "PULSE_SERVER": f"unix:{tmp_path}/gone",
        "PULSE_RUNTIME_PATH": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    checks = doctor(toy | gone)
    only(checks, "microphone", "speaker")
    assert "plug one in" in checks["microphone"]["mend"]


def test_a_speaker_that_nobody_hears_is_found_out_by_its_own_microphone(toy: dict[str, str]) -> None:
    checks = doctor(toy, "--deep")
    only(checks, "speaker")
    assert "its own microphone does not hear it" in checks["speaker"]["what"]
    assert "turned up" in checks["speaker"]["mend"]


def test_a_whisper_cut_short_is_found_out(toy: dict[str, str]) -> None:
    weights = store(toy) / "whisper" / "toy" / "model.bin"
    os.truncate(weights, weights.stat().st_size // 2)
    deep = doctor(toy, "--deep")["ears"]
    assert (deep["ok"], "models pull" in deep["mend"]) == (False, True), deep
    os.truncate(weights, 3)
    at_once = doctor(toy)["ears"]
    assert (at_once["ok"], "is not a Whisper model" in at_once["what"]) == (None, True), at_once


def test_ears_for_another_language_than_the_character_are_told(toy: dict[str, str], tmp_path: Path) -> None:
    shutil.rmtree(store(toy) / "whisper" / "toy")
    toy_whisper(store(toy) / "whisper" / "toy.en", "hello", multilingual=False)
    chinese = tmp_path / "chinese.toml"
    words = Path(__file__).parents[1].joinpath("brief.toml").read_text()
    chinese.write_text(words.replace('name = "Bo"', 'name = "Bo"\nlanguage = "zh"'))
    checks = doctor(toy | {"COMPANION_TOY__CHARACTER": str(chinese)})
    assert "hears English only, not zh" in checks["ears"]["what"]
    assert (checks["ears"]["ok"], "--language zh" in checks["ears"]["mend"]) == (False, True)
    assert "speaks en-us, not zh" in checks["voice"]["what"]


def test_a_voice_for_another_language_than_the_ears_is_told(toy: dict[str, str]) -> None:
    german = toy_piper(store(toy) / "piper", "de_DE-toy-low")
    check = doctor(toy | {"COMPANION_VOICE__MODEL": str(german)})["voice"]
    assert (check["ok"], "speaks de-de, and the character en" in check["what"]) == (False, True), check
    assert "--language en" in check["mend"]


def test_a_voice_that_lacks_its_description_is_told(toy: dict[str, str]) -> None:
    (store(toy) / "piper" / f"{VOICE}.onnx.json").unlink()
    check = doctor(toy)["voice"]
    assert "lacks en_US-toy-low.onnx.json" in check["what"]
    assert "models pull" in check["mend"]


def test_a_name_whose_file_is_damaged_is_told(toy: dict[str, str]) -> None:
    (store(toy) / "wake").mkdir()
    (store(toy) / "wake" / "hey-bunny.wake").write_bytes(HEAD.read_bytes()[:-10])
    check = doctor(toy)["name"]
    assert "hey-bunny.wake" in check["what"]
    assert "wake add" in check["mend"]


def pulled(toy: Mapping[str, str]) -> Path:
    """Note the voice as pulled, as it is; where it lies."""
    folder = store(toy)
    files = [f"piper/{VOICE}.onnx", f"piper/{VOICE}.onnx.json"]
    digests = {path: digest(folder / path, "sha256:") for path in files}
    ledger.write(folder, VOICE, ledger.Pulled(Kind.PIPER, {}, {}, digests))
    return folder / files[0]


def test_what_was_pulled_is_compared_to_the_byte(toy: dict[str, str]) -> None:
    voice = pulled(toy)
    only(checks := doctor(toy))
    assert checks["models"]["what"] == "1 pulled, each whole to the byte"
    content = voice.read_bytes()
    voice.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    checks = doctor(toy)
    only(checks, "models")
    assert f"{voice} is not what was pulled" in checks["models"]["what"]
    assert "models pull" in checks["models"]["mend"]
    os.truncate(voice, len(content) // 2)
    assert "is not what was pulled" in doctor(toy)["models"]["what"]
    voice.unlink()
    assert "is missing" in doctor(toy)["models"]["what"]


def test_mistakes_in_the_owners_manifest_are_told_and_the_mend_is_to_correct_them(
    toy: dict[str, str], tmp_path: Path
) -> None:
    manifest = tmp_path / "mine.toml"
    manifest.write_text("[whisper.mine]\nrevision = 3\n[wisper.x]\n")
    checks = doctor(toy | {"COMPANION_MODELS__MANIFEST": str(manifest)})
    only(checks, "models")
    assert checks["models"]["ok"] is None, "it hears and speaks all the same"
    assert f"{manifest}: whisper.mine.repository is missing; " in checks["models"]["what"]
    assert "did you mean whisper?" in checks["models"]["what"]
    assert checks["models"]["mend"] == "correct that; until then `companion models` neither lists nor pulls any"
    pulled(toy).unlink()
    both = doctor(toy | {"COMPANION_MODELS__MANIFEST": str(tmp_path / "gone.toml")})["models"]
    assert both["ok"] is False
    assert "gone.toml: cannot be read" in both["what"]
    assert f"{VOICE}.onnx is missing" in both["what"]
    assert both["mend"].startswith("correct that")


def test_a_ledger_that_is_damaged_is_told(toy: dict[str, str]) -> None:
    (store(toy) / "pulled.json").write_text("{")
    check = doctor(toy)["models"]
    assert (check["ok"], check["what"]) == (False, f"{store(toy)}/pulled.json is damaged")
    assert check["mend"].startswith("remove it, and give `companion models pull --anew NAME`")


@pytest.mark.parametrize(("mode", "told"), [(0o644, True), (0o640, True), (0o600, False)])
def test_a_key_that_others_can_read_is_told_and_never_shown(
    toy: dict[str, str], tmp_path: Path, mode: int, told: bool
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(mode)
    del toy["DASHSCOPE_API_KEY"]
    done = companion("doctor", "--json", **toy, COMPANION_CHAT__KEY_FILE=str(file))
    checks = read(done)
    assert KEY not in done.stdout + done.stderr
    only(checks, *(["secrets"] if told else []))
    assert checks["secrets"]["mend"] == (f"chmod 600 {file}" if told else "")
    assert checks["network"]["ok"] is True


ANSWERS: list[tuple[str, Any, str, str]] = [
    ("401", (401, {}, {"error": {"code": "invalid_api_key", "message": f"Incorrect {KEY}"}}), "status 401", "region"),
    (
        "403",
        (403, {}, {"error": {"code": "access_denied", "message": "no"}}),
        "status 403",
        "the right to use the model",
    ),
    ("404", (404, {}, {"error": {"code": "model_not_found", "message": "no"}}), "status 404", "[chat] model"),
    ("overdue", (400, {}, {"code": "Arrearage", "message": "pay"}), "nothing left to pay with", "console"),
    (
        "throttled",
        (429, {"retry-after": "60"}, {"code": "Throttling", "message": "no"}),
        "takes no more",
        "wait a minute",
    ),
    ("trouble", (503, {}, {"error": {"code": "x", "message": "no"}}), "trouble of its own", "try again"),
    ("a page to log in on", (302, {"location": "http://127.0.0.1:9/"}, {}), "", "base_url"),
    ("nothing", streamed(), "", "try again"),
]


@pytest.mark.parametrize(("answer", "what", "mend"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_what_the_service_answers_is_told_with_its_mend_and_without_the_key(
    toy: dict[str, str], answer: Any, what: str, mend: str
) -> None:
    with recording_server(answer) as service:
        done = companion(
            "doctor", "--json", **toy | {"COMPANION_CHAT__BASE_URL": service.base_url, "DASHSCOPE_API_KEY": KEY}
        )
    checks = read(done)
    only(checks, "network")
    assert (checks["network"]["ok"], what in checks["network"]["what"]) == (False, True), checks["network"]
    assert mend in checks["network"]["mend"], checks["network"]
    assert KEY not in done.stdout + done.stderr


def test_a_service_that_never_answers_is_given_up_in_time(toy: dict[str, str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        checks = doctor(toy | {"COMPANION_CHAT__BASE_URL": address})
    only(checks, "network")
    assert "too slow to answer" in checks["network"]["what"]


@AS_ROOT
def test_without_any_network_all_that_is_local_is_found_all_the_same(toy: dict[str, str]) -> None:
    done = subprocess.run(
        ["unshare", "-n", COMPANION, "doctor", "--json"],
        capture_output=True,
        text=True,
        env=away_from_this_user(toy | {"COMPANION_CHAT__BASE_URL": "https://dashscope-intl.aliyuncs.com/v1"}),
        timeout=60,
        check=False,
    )
    checks = read(done)
    only(checks, "network")
    assert "Cannot reach dashscope-intl.aliyuncs.com" in checks["network"]["what"]
    assert "is it on the network" in checks["network"]["mend"]


def test_a_clock_in_1999_is_told_and_is_the_mend_of_what_it_breaks(toy: dict[str, str]) -> None:
    faked = faked_clock("1999-12-31 23:00:00")
    if not faked:
        pytest.skip("libfaketime is not installed")
    checks = doctor(toy | dict(faked) | {"COMPANION_CHAT__BASE_URL": "http://127.0.0.1:9/v1"})
    assert "31 December 1999: it is not set" in checks["clock"]["what"]
    assert "timedatectl" in checks["clock"]["mend"]
    assert "set the clock first" in checks["network"]["mend"]


def on_a_disk(script: str, toy: Mapping[str, str]) -> Checks:
    done = subprocess.run(
        ["unshare", "-m", "bash", "-ec", f'{script}; exec "{COMPANION}" doctor --json'],
        capture_output=True,
        text=True,
        env=away_from_this_user(toy) | {"STORE": str(store(toy))},
        timeout=60,
        check=False,
    )
    return read(done)


@AS_ROOT
@pytest.mark.parametrize(
    ("script", "ok", "what", "mend"),
    [
        (
            "mount -t tmpfs -o size=20m none $STORE; dd if=/dev/zero of=$STORE/x bs=1M count=10",
            False,
            "MB left",
            "prune",
        ),
        ("mount -t tmpfs -o size=200m none $STORE", None, "MB left", "before you pull"),
        ("mount -t tmpfs -o ro none $STORE", None, "for reading only", "mount it for writing"),
    ],
)
def test_a_disk_that_is_full_or_for_reading_only_is_told(
    toy: dict[str, str], script: str, ok: bool | None, what: str, mend: str
) -> None:
    check = on_a_disk(script, toy)["disk"]
    assert (check["ok"], what in check["what"], mend in check["mend"]) == (ok, True, True), check


def test_in_a_pipe_each_finding_is_one_plain_line(toy: dict[str, str]) -> None:
    done = companion("doctor", **toy | {"COMPANION_BODY__SPEAKER": "seeed"})
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines), done.stderr) == (1, len(ORDER), "")
    assert [line.split()[1] for line in lines] == list(ORDER)
    [wrong] = [line for line in lines if line.startswith("WRONG")]
    assert ". Mend: [body] speaker takes a name" in wrong


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_in_a_terminal_it_fits(toy: dict[str, str], columns: int) -> None:
    code, lines = in_terminal(["doctor"], toy | {"COMPANION_BODY__SPEAKER": "seeed"}, columns)
    assert code == 1
    shown = [line for line in lines if "Listening" not in line]
    assert max(map(len, shown)) <= columns
    assert any(line.startswith("✗ speaker") for line in shown)
    assert any(line.startswith("1 to be mended") for line in shown)


def test_the_noise_of_the_room_is_no_tone() -> None:
    from companion.audio import Audio
    from companion.checks_sound import tone_over
    from companion.trial import HERTZ, tone

    noise = np.random.default_rng(1).normal(0, 60, 22_050 * 2).astype(np.int16)
    assert abs(tone_over(Audio(noise, 22_050), Audio(noise[::-1].copy(), 22_050), HERTZ)) < 6
    soft = tone().samples // 100
    heard = noise.copy()
    heard[5000 : 5000 + len(soft)] += soft
    assert tone_over(Audio(noise, 22_050), Audio(heard, 22_050), HERTZ) > 10
