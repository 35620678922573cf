"""`companion setup`, by flags and by questions, up to a toy that talks."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import tomllib
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import COMPANION, companion
from healthy import CARDS, MOCK_PINS, away_from_this_user, models, room
from hub_first import add_first
from hub_here import Fault, HubHere, hub_here
from in_terminal import CTRL_C, answered_in_terminal
from on_duty import BRIEF, running
from recording_server import recording_server, streamed
from sound_server import missing
from waiting import until

from companion import pulling, setting_up, settings, settings_text, unit
from companion.checks_engines import BEIJING
from device.sound_server import CARD, SoundServer, sound_server

pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

HELLO = Path(__file__).parents[1] / "speech" / "hello-rms.wav"
KEY = "sk-canary-0123456789abcdef"


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as server, server.saying(room(60.0, 600.0), 16_000):
        yield server


@pytest.fixture
def bare(server: SoundServer, tmp_path: Path) -> dict[str, str]:
    """A computer on which nobody has set up anything."""
    (tmp_path / "home").mkdir()
    home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "home" / "config")}
    return {**server.environment, **MOCK_PINS, **home, "COMPANION_MODELS__STORE": str(tmp_path / "store")}


def everything(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """What lies in a folder: content, mode and time of each file."""
    return {
        str(path): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_by_flags_it_ends_with_a_toy_that_talks_and_run_twice_it_changes_nothing(tmp_path: Path) -> None:
    key, toy = tmp_path / "key", tmp_path / "toy"
    key.write_text(f"{KEY}\n")
    file = toy / "companion.toml"
    store = models(tmp_path / "store")
    words = ["setup", "--yes", "--config", file, "--board", "generic-rgb", "--microphone", CARD, "--speaker", CARD]
    words += ["--character", BRIEF["COMPANION_TOY__CHARACTER"], "--called", "open", "--key-file", key, "--no-models"]
    with recording_server(streamed("I heard", " you well.")) as service, sound_server() as sound:
        environment = {**sound.environment, **MOCK_PINS, "COMPANION_MODELS__STORE": str(store)}
        environment |= {"COMPANION_CHAT__BASE_URL": service.base_url, "HOME": str(tmp_path)}
        first = companion(*words, **environment)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "ok       network" in first.stdout
        before = everything(toy)
        assert stat.S_IMODE((toy / "credentials" / "api_key").stat().st_mode) == 0o600
        assert stat.S_IMODE((toy / "credentials").stat().st_mode) == 0o700
        second = companion(*words, "--no-test", **environment)
        assert (second.returncode, second.stderr, everything(toy)) == (0, "", before)
        assert "as it should be" in second.stdout
        assert KEY not in first.stdout + first.stderr + second.stdout + file.read_text()
        with running(tmp_path, environment, "--config", str(file)) as on_duty:
            on_duty.state("listening")
            with wave.open(str(HELLO)) as recording:
                samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
                sound.say(samples, recording.getframerate())
            said = on_duty.wait_for(lambda event: event["event"] == "said" and event["kind"] == "reply")
            on_duty.end()
    assert said["text"] == "I heard you well."
    assert service.requests[-1][1]["authorization"] == f"Bearer {KEY}"


def test_what_is_written_is_explained_and_means_what_was_said(tmp_path: Path) -> None:
    table = {
        "toy": {"character": 'a "b" \\ \x7f ü\n.toml', "nudge": False},
        "ears": {"names": ["hey bunny", "hi"], "longest": 12.5},
        "chat": {"spoken_bias": {"12": -5.0}, "candidates": 2},
    }
    text = settings_text.text(table)
    assert {section: keys for section, keys in tomllib.loads(text).items() if keys} == table
    for dotted in settings.known_keys():
        name = dotted.partition(".")[2]
        [line] = [each for each in _section(text, dotted) if each.removeprefix("# ").startswith(f"{name} =")]
        above = text.splitlines()[text.splitlines().index(line) - 1]
        assert (above[:2], len(above) > 10) == ("# ", True), dotted
    (tmp_path / "companion.toml").write_text(settings_text.text({}))
    assert settings.load(tmp_path / "companion.toml", {}) == settings.Settings()


def _section(text: str, dotted: str) -> list[str]:
    return text.partition(f"[{dotted.partition('.')[0]}]\n")[2].partition("\n[")[0].splitlines()


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--board", "generic-rbg"], 78, "did you mean generic-rgb?"),
        (["--called", "wakes"], 78, "did you mean wake?"),
        (["--called", "hold", "--board", "usb"], 78, "the board usb has none"),
        (["--called", "wake", "--language", "zh"], 78, 'companion wake add "团团" --language zh'),
        (["--region", "bejing"], 78, "did you mean beijing?"),
        (["--region", "http://example.org/v1"], 78, "over http everybody on the way could read the key"),
        (["--service"], 78, "--service: it reads /etc/companion/companion.toml"),
        (["--character", "pipp"], 78, "did you mean pip?"),
        (["--language", "tlh"], 78, "no character that comes with Companion speaks 'tlh'"),
        (["--language", "tlh", "--character", "pip"], 78, "Pip speaks en, not tlh"),
        (["--microphone", "seeed"], 1, 'no input device is named "seeed"; there is'),
        (["--speaker", "seeed"], 1, 'no output device is named "seeed"; there is'),
        (["--key-file", "/nowhere"], 78, "--key-file: /nowhere cannot be read"),
        (["--key-file", str(HELLO)], 78, "it is not text"),
    ],
)
def test_a_flag_that_cannot_be_is_told_and_nothing_is_written(
    bare: dict[str, str], tmp_path: Path, words: list[str], code: int, complaint: str
) -> None:
    file = tmp_path / "toy" / "companion.toml"
    done = companion("setup", "--yes", "--no-models", "--config", file, *words, **bare)
    assert (done.returncode, complaint in done.stderr, file.parent.exists()) == (code, True, False), done.stderr


def test_settings_that_are_there_are_kept_until_told_and_then_nothing_of_them_is_lost(
    bare: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "companion.toml"
    file.write_text('# mine\n[chat]\ntemperature = 0.5\n[body]\nboard = "usb"\n')
    old = file.read_text()
    words = ["setup", "--no-models", "--no-test", "--config", file, "--called", "open"]
    kept = companion(*words, **bare)
    assert (kept.returncode, "give --replace" in kept.stderr, file.read_text()) == (1, True, old)
    done = companion(*words, "--replace", **bare)
    assert done.returncode == 0, done.stderr
    chosen = settings.load(file, {})
    assert (chosen.chat.temperature, chosen.body.board, chosen.ears.called) == (0.5, "usb", "open")
    assert (tmp_path / "companion.toml.old").read_text() == old


def test_a_language_brings_a_character_and_what_it_still_lacks_is_told(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    done = companion("setup", "--yes", "--no-models", "--language", "zh", "--config", file, **bare)
    chosen = settings.load(file, {})
    assert (chosen.toy.character, chosen.ears.called) == ("tuantuan", "hold")
    assert 'does not know the word "团团"' in done.stdout
    assert "the embedded ears hear English only" in done.stdout
    assert "companion models pull --language zh" in done.stdout


def test_back_to_english_it_is_called_and_is_who_it_usually_is(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    words = ["setup", "--yes", "--no-models", "--no-test", "--replace", "--config", file]
    companion(*words, "--language", "zh", **bare)
    companion(*words, "--language", "en", "--called", "wake", **bare)
    chosen = settings.load(file, {})
    assert (chosen.toy.character, chosen.ears.called) == ("pip", "wake")


def test_a_toy_without_a_button_that_nobody_can_call_by_its_name_hears_whoever_speaks(
    bare: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "companion.toml"
    words = ["setup", "--yes", "--no-models", "--no-test", "--config", file, "--board", "usb", "--language", "zh"]
    done = companion(*words, **bare)
    assert (done.returncode, settings.load(file, {}).ears.called) == (0, "open"), done.stderr


def test_a_key_that_comes_later_is_the_one_that_is_used(bare: dict[str, str], tmp_path: Path) -> None:
    file, old, new = tmp_path / "toy" / "companion.toml", tmp_path / "old", tmp_path / "new"
    file.parent.mkdir()
    old.write_text("sk-old\n")
    new.write_text(f"{KEY}\n")
    file.write_text(f'[chat]\nkey_file = "{old}"\n')
    words = ["setup", "--yes", "--no-models", "--no-test", "--config", file, "--key-file", new]
    kept = companion(*words, **bare)
    assert (kept.returncode, "the key was not taken" in kept.stderr) == (1, True), kept.stderr
    assert not (file.parent / "credentials").exists()
    done = companion(*words, "--replace", **bare)
    assert (done.returncode, settings.key(settings.load(file, {}), {})) == (0, KEY), done.stderr


def test_a_character_beside_the_settings_is_found_wherever_one_is(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    shutil.copy(Path(__file__).parents[1] / "brief.toml", tmp_path / "mine.toml")
    file.write_text('[toy]\ncharacter = "mine.toml"\n')
    done = companion(
        "setup", "--yes", "--replace", "--no-test", "--no-models", "--language", "en", "--config", file, **bare
    )
    assert done.returncode == 0, done.stderr
    assert settings.load(file, {}).toy.character == str(tmp_path / "mine.toml")


def test_settings_with_mistakes_are_not_written_over(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    file.write_text('[ears]\nengin = "auto"\n')
    done = companion("setup", "--yes", "--replace", "--no-test", "--no-models", "--config", file, **bare)
    assert (done.returncode, "did you mean ears.engine?" in done.stderr) == (78, True)
    assert file.read_text() == '[ears]\nengin = "auto"\n'


def test_models_that_cannot_be_pulled_are_told_and_the_settings_are_there(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    done = companion("setup", "--yes", "--no-test", "--config", file, **bare, HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True), done.stderr
    assert settings.load(file, {}).ears.called == "wake"


def test_a_character_for_whose_language_there_is_no_voice_is_told_so(bare: dict[str, str], tmp_path: Path) -> None:
    brief = Path(__file__).parents[1].joinpath("brief.toml").read_text()
    (tmp_path / "japanese.toml").write_text(brief.replace('name = "Bo"', 'name = "Bo"\nlanguage = "ja"'))
    words = ["setup", "--yes", "--no-test", "--character", tmp_path / "japanese.toml"]
    done = companion(*words, "--config", tmp_path / "companion.toml", **bare, HF_HUB_OFFLINE="1")
    assert "No Piper voice is listed for ja: espeak-ng will speak it" in done.stdout.splitlines()
    assert "nothing is pulled" in done.stderr


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubHere]:
    """A hub that has what one begins with in English."""
    with hub_here() as server:
        add_first(server, tmp_path)
        yield server


def test_what_one_begins_with_is_pulled_and_a_second_time_nothing_is(
    bare: dict[str, str], tmp_path: Path, hub: HubHere
) -> None:
    words = ["setup", "--yes", "--config", tmp_path / "companion.toml"]
    first = companion(*words, **bare, **hub.environment)
    assert "ok       models" in first.stdout, first.stdout + first.stderr
    assert "Whisper base.en hears en" in first.stdout
    before = everything(tmp_path / "store"), hub.sent
    companion(*words, "--no-test", **bare, **hub.environment)
    assert (everything(tmp_path / "store"), hub.sent) == before


@pytest.mark.usefixtures("heeded")
def test_ctrl_c_while_models_come_leaves_the_settings_and_what_has_arrived(
    bare: dict[str, str], tmp_path: Path, hub: HubHere
) -> None:
    file = tmp_path / "companion.toml"
    words = [str(COMPANION), "setup", "--yes", "--no-test", "--config", str(file)]
    hub.faults.append(Fault(stall=40))
    with subprocess.Popen(
        words, env=away_from_this_user(bare | hub.environment), stderr=subprocess.PIPE, text=True
    ) as running_setup:
        assert hub.stalled.wait(30)
        until(lambda: [part for part in (tmp_path / "store").rglob("*.part") if part.stat().st_size == 40])
        running_setup.send_signal(signal.SIGINT)
        _, said = running_setup.communicate(timeout=30)
        hub.go_on.set()
    assert (running_setup.returncode, "goes on from what has arrived" in said) == (1, True), said
    assert settings.load(file, {}).ears.called == "wake"
    done = companion(*words[1:], **bare, **hub.environment)
    assert done.returncode == 0, done.stderr
    assert "bytes=40-" in hub.ranges


QUESTIONS = [
    ("Which language shall it speak?", "tlh"),
    ("no character that comes with Companion speaks 'tlh'", "en"),
    ("Whom do you want to talk to?", "otto"),
    ("How are light and button wired?", "genric-rgb"),
    ("did you mean generic-rgb?", "generic-rgb"),
    ("Which microphone?", "seeed"),
    ('no input device is named "seeed"', CARD),
    ("Which speaker?", "1"),
    ("How is it called", "hodl"),
    ("did you mean hold?", ""),
    ("it is not shown.", "a b"),
    ("That is no key", KEY),
    ("Of which region is the key?", "beijng"),
    ("did you mean beijing?", "2"),
    ("Pull base.en", "n"),
]


@pytest.mark.parametrize("columns", [50, 100])
def test_asked_in_a_terminal_wrong_answers_are_asked_again_and_the_key_is_not_shown(
    bare: dict[str, str], tmp_path: Path, columns: int
) -> None:
    file = tmp_path / "toy" / "companion.toml"
    words = ["setup", "--no-test", "--config", str(file)]
    questions = [(asked.partition(" base.en")[0], said) for asked, said in QUESTIONS]
    code, shown = answered_in_terminal(words, bare, questions, columns)
    assert code == 0, shown
    chosen = settings.load(file, {})
    assert (chosen.body.board, chosen.body.microphone, chosen.body.speaker) == ("generic-rgb", CARD, None)
    assert (chosen.toy.character, chosen.ears.called) == ("otto", "wake")
    assert KEY not in shown + file.read_text()
    assert chosen.chat.key_file is not None
    assert chosen.chat.key_file.read_text() == f"{KEY}\n"
    assert chosen.chat.base_url == BEIJING


def test_ctrl_c_before_settings_are_written_over_keeps_them(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    file.write_text('[toy]\nperson = "Ada"\n')
    usual = [(asked, "") for asked in ("language", "Whom", "wired", "microphone", "speaker", "called", "not shown")]
    answers = [*usual, ("Pull", "n"), ("Write over it?", CTRL_C)]
    code, shown = answered_in_terminal(["setup", "--no-test", "--config", str(file)], bare, answers, 100)
    assert (code, "Interrupted: nothing was written" in shown) == (1, True), shown
    assert file.read_text() == '[toy]\nperson = "Ada"\n'


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_ctrl_c_at_any_question_leaves_nothing_written(bare: dict[str, str], tmp_path: Path, number: int) -> None:
    file = tmp_path / "toy" / "companion.toml"
    answers = [*QUESTIONS[:number], (QUESTIONS[number][0], CTRL_C)]
    code, shown = answered_in_terminal(["setup", "--no-test", "--config", str(file)], bare, answers, 100)
    assert (code, "Interrupted: nothing was written" in shown) == (1, True), shown
    assert not file.parent.exists()


def test_without_a_terminal_nothing_is_asked_and_a_key_may_come_from_a_pipe(
    bare: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "companion.toml"
    words = ["setup", "--no-models", "--no-test", "--config", file, "--key-file", "-"]
    done = companion(*words, stdin=f"{KEY}\n", **bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "credentials" / "api_key").read_text() == f"{KEY}\n"
    assert all(len(line) > 0 for line in done.stdout.splitlines())


def test_a_place_that_cannot_be_written_is_one_sentence(bare: dict[str, str]) -> None:
    done = companion("setup", "--yes", "--no-models", "--no-test", "--config", "/proc/companion.toml", **bare)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_sound_cards_are_taken_by_flags_as_they_are_listed(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "companion.toml"
    words = ["setup", "--yes", "--no-models", "--config", file, "--microphone", CARD, "--speaker", CARD]
    done = companion(*words, **bare)
    assert done.returncode == 0, done.stderr
    chosen = settings.load(file, {})
    assert {
        "COMPANION_BODY__MICROPHONE": chosen.body.microphone,
        "COMPANION_BODY__SPEAKER": chosen.body.speaker,
    } == CARDS
    assert "ok       microphone" in done.stdout
    assert "WRONG    key" in done.stdout


def test_who_talks_with_the_machines_own_toy_has_to_be_root_as_its_key_is(tmp_path: Path) -> None:
    assert setting_up.to_talk(settings.MACHINES_FILE) == "Let it talk: sudo companion run"
    assert setting_up.to_talk(tmp_path / "mine.toml") == f"Let it talk: companion run --config {tmp_path}/mine.toml"


def test_the_machines_toy_has_its_models_where_its_service_finds_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, cache = tmp_path / "companion.toml", tmp_path / "cache" / "companion"
    monkeypatch.setattr(settings, "MACHINES_FILE", file)
    monkeypatch.setattr(unit, "MACHINES", replace(unit.MACHINES, cache=cache))
    seen = []
    monkeypatch.setattr(pulling, "bring", lambda chosen, wanted: seen.append(cache.is_dir()))
    assert setting_up._pull(file, settings.Settings(), ["tiny"])
    assert setting_up._pull(tmp_path / "other.toml", settings.Settings(), ["tiny"])
    assert (seen, stat.S_IMODE(cache.stat().st_mode)) == ([True, True], 0o755)
    cache.rmdir()
    cache.parent.rmdir()
    cache.parent.write_text("a file where the folder should be")
    assert not setting_up._pull(file, settings.Settings(), ["tiny"])
