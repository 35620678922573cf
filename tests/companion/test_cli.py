"""The command line as somebody uses it: real processes, real recordings, the embedded engines."""

import re
import subprocess
import sys
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import COMPANION, companion, journal
from numpy.typing import NDArray
from recording_server import recording_server, streamed
from typer.testing import CliRunner

from companion.audio import Samples
from companion.character import Espeak, load
from companion.cli import COMMANDS, program

SPEECH = Path(__file__).parents[1] / "speech"
SPOKEN: dict[str, str] = tomllib.loads((SPEECH / "transcripts.toml").read_text())
DEMO = list(SPOKEN)[:4]


def samples(path: Path) -> tuple[int, Samples]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The conversation of `make demo`, and the folder with what it left."""
    folder = tmp_path_factory.mktemp("demo")
    files: list[object] = [word for name in DEMO for word in ("--wav", SPEECH / name)]
    saved = (
        "--out",
        folder / "reply.wav",
        "--timeline",
        folder / "timeline.wav",
        "--journal",
        folder / "journal.jsonl",
    )
    return companion("simulate", *files, *saved), folder


def test_a_recorded_conversation_is_heard_answered_and_summed_up(demo: Any) -> None:
    done, _ = demo
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("hello how are you this morning", "breakfast", "pocketsphinx", "rehearsal", "espeak-ng"):
        assert words in done.stdout
    assert len(re.findall(r"\d\.\d\d s to the first sound", done.stdout)) == len(DEMO)


def test_what_was_heard_is_what_was_said(demo: Any) -> None:
    _, folder = demo
    heard = [event["text"].split() for event in journal(folder / "journal.jsonl") if event["event"] == "heard"]
    said = [re.sub(r"[^a-z ]", "", SPOKEN[name].lower()).split() for name in DEMO]
    wrong = sum(word_errors(one, other) for one, other in zip(said, heard, strict=True))
    assert wrong / sum(map(len, said)) <= 0.2


def word_errors(said: list[str], heard: list[str]) -> int:
    """Levenshtein's distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        row, before = [i], row
        for j, other in enumerate(heard, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other)))
    return row[-1]


def test_every_reply_takes_up_what_was_said(demo: Any) -> None:
    _, folder = demo
    events = journal(folder / "journal.jsonl")
    heard = [event["text"] for event in events if event["event"] == "heard"]
    said = [event["text"] for event in events if event["event"] == "said" and event["kind"] == "reply"]
    little = {
        "a",
        "about",
        "am",
        "are",
        "can",
        "do",
        "good",
        "how",
        "i",
        "me",
        "my",
        "the",
        "this",
        "to",
        "what",
        "you",
    }
    for words, reply in zip(heard, said, strict=True):
        telling = set(words.split()) - little
        assert telling & set(re.findall(r"[a-z]+", reply.lower())), (words, reply)


def test_what_was_played_is_the_voice_sample_for_sample(demo: Any) -> None:
    from companion.phrases import Phrases

    _, folder = demo
    rate, played = samples(folder / "reply.wav")
    said = [event for event in journal(folder / "journal.jsonl") if event["event"] == "said"]
    assert all(event["complete"] for event in said)
    phrases = [
        phrase.text
        for event in said
        for cutter in [Phrases()]
        for phrase in ([*cutter.feed(event["text"]), *cutter.finish()] if event["kind"] == "reply" else [cutter])
        if hasattr(phrase, "text")
    ]
    assert rate == 22_050
    opening, *replies = said
    expected = np.concatenate([spoken(text, load("pip").espeak) for text in [opening["text"], *phrases]])
    assert len(replies) == len(DEMO)
    assert np.array_equal(played, expected)


def spoken(text: str, parameters: Espeak) -> NDArray[np.int16]:
    import asyncio

    from models.espeak import EspeakVoice

    async def speak() -> list[NDArray[np.int16]]:
        return [piece.samples async for piece in EspeakVoice(parameters).speak(text)]

    return np.concatenate(asyncio.run(speak()))


def test_the_timeline_is_the_same_sound_with_its_silences(demo: Any) -> None:
    _, folder = demo
    rate, played = samples(folder / "reply.wav")
    _, timeline = samples(folder / "timeline.wav")
    end = journal(folder / "journal.jsonl")[-1]["at"]
    assert len(timeline) / rate > end
    assert np.array_equal(timeline[timeline != 0], played[played != 0])


def test_the_journal_tells_the_whole_turn_in_order(demo: Any) -> None:
    _, folder = demo
    events = journal(folder / "journal.jsonl")
    states = [event["state"] for event in events if event["event"] == "state"]
    assert states == ["booting", "speaking", "listening"] + ["thinking", "speaking", "listening"] * len(DEMO)
    for turn in (event for event in events if event["event"] == "turn"):
        assert 0.7 <= turn["voice_to_voice"] < 30
        assert set(turn["usage"]) == {"prompt_tokens", "completion_tokens", "cached_tokens", "cost_usd"}


def test_what_is_written_in_a_file_is_said_in_its_turn(tmp_path: Path) -> None:
    (tmp_path / "first.txt").write_text("What about dragons?\n")
    words = ("--wav", tmp_path / "first.txt", "--wav", SPEECH / DEMO[1])
    assert companion("simulate", *words, "--journal", tmp_path / "journal.jsonl").returncode == 0
    heard = [event for event in journal(tmp_path / "journal.jsonl") if event["event"] == "heard"]
    assert [event["engine"] for event in heard] == ["typed", "sphinx"]
    assert heard[0]["text"] == "What about dragons?"


@pytest.mark.parametrize(
    ("content", "complaint"), [(b" \n", "holds no"), (b"x" * 501, "more than 500"), (b"\xff\xfe", "it is not text")]
)
def test_a_file_with_nothing_to_say_is_told(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "said.txt").write_bytes(content)
    done = companion("simulate", "--wav", tmp_path / "said.txt")
    assert (done.returncode, complaint in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_the_same_command_twice_gives_the_same_journal(tmp_path: Path) -> None:
    def run(name: str) -> list[dict[str, Any]]:
        path = tmp_path / name
        done = companion("simulate", "--wav", SPEECH / DEMO[1], "--say", "What about dragons?", "--journal", path)
        assert done.returncode == 0
        timed = {"stages", "voice_to_voice", "usage"}
        return [{key: value for key, value in event.items() if key not in timed} for event in journal(path)]

    first = run("first.jsonl")
    assert [event["engine"] for event in first if event["event"] == "heard"] == ["sphinx", "typed"]
    assert first == run("second.jsonl")


def test_a_conversation_in_a_room_that_is_interrupted_is_the_same_every_time_too(tmp_path: Path) -> None:
    def run(name: str) -> list[dict[str, Any]]:
        path = tmp_path / name
        room = ("--room", "echo=-12,delay=40,noise=-65,drift=20", "--interrupt", f"1.5={SPEECH / 'dog-rms.wav'}")
        done = companion("simulate", "--say", "What about dragons?", *room, "--seed", 3, "--journal", path)
        assert (done.returncode, done.stderr) == (0, "")
        timed = {"stages", "voice_to_voice", "usage"}
        return [{key: value for key, value in event.items() if key not in timed} for event in journal(path)]

    first = run("first.jsonl")
    assert next(event["text"] for event in first if event["event"] == "heard") == "What about dragons?"
    assert first == run("second.jsonl")


def test_another_seed_may_answer_differently_but_hears_the_same(tmp_path: Path) -> None:
    replies = set()
    for seed in range(3):
        path = tmp_path / f"{seed}.jsonl"
        assert companion("simulate", "--say", "Hello!", "--seed", seed, "--journal", path).returncode == 0
        events = journal(path)
        assert [event["text"] for event in events if event["event"] == "heard"] == ["Hello!"]
        replies.add(next(event["text"] for event in events if event.get("kind") == "reply"))
    assert len(replies) > 1


def test_key_and_address_alone_switch_from_the_rehearsal_to_the_service() -> None:
    with recording_server(streamed("(smiles) It is ", "a fine day.")) as server:
        done = companion(
            "simulate", "--say", "How are you?", DASHSCOPE_API_KEY="sk-secret", COMPANION_CHAT__BASE_URL=server.base_url
        )
    assert done.returncode == 0
    assert "It is a fine day." in done.stdout
    assert "* smiles *" in done.stdout
    assert "sk-secret" not in done.stdout + done.stderr
    ((_, headers, body),) = server.requests
    assert headers["authorization"] == "Bearer sk-secret"
    assert [message["role"] for message in body["messages"]] == ["system", "assistant", "user"]
    assert body["messages"][0]["content"] == load("pip").system_message()
    assert body["messages"][1]["content"] == load("pip").opening
    assert body["messages"][2]["content"] == "How are you?"


def test_a_service_that_cannot_be_reached_is_named_and_apologised_for() -> None:
    done = companion(
        "simulate", "--say", "Hello", DASHSCOPE_API_KEY="sk-x", COMPANION_CHAT__BASE_URL="http://127.0.0.1:9/v1"
    )
    assert done.returncode == 0
    assert "Cannot reach 127.0.0.1:9" in done.stderr
    assert load("pip").apology("unreachable") in done.stdout


def test_a_simulation_ends_although_the_service_refuses_the_key() -> None:
    answer = (401, {}, {"error": {"message": "no such key", "code": "invalid_api_key"}})
    with recording_server(answer, answer) as server:
        done = companion(
            "simulate", "--say", "A", "--say", "B", DASHSCOPE_API_KEY="sk-x", COMPANION_CHAT__BASE_URL=server.base_url
        )
    assert done.returncode == 0
    assert len(server.requests) == 2
    assert "does not accept the key" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--out", "a", "--journal", "a"],
        ["--out", "a", "--timeline", "./a"],
        ["--wav", "hello.wav", "--out", "hello.wav"],
        ["--interrupt", "1=hello.wav", "--out", "hello.wav"],
        ["--character", "pip.toml", "--journal", "pip.toml"],
    ],
)
def test_nothing_is_written_over_what_is_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("hello.wav", "pip.toml"):
        Path(name).write_bytes(b"kept")
    done = companion("simulate", "--say", "Hi", *words)
    assert done.returncode == 2
    assert "named twice" in done.stderr
    assert not Path("a").exists()
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"kept"}


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a disk that is always full")
def test_a_full_disk_below_the_journal_ends_it_in_one_sentence() -> None:
    done = companion("simulate", "--say", "Hi", "--journal", "/dev/full")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_chat_takes_what_is_no_utf8_as_far_as_it_is() -> None:
    done = subprocess.run([str(COMPANION), "chat"], input=b"hello \xff\n", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert b"cannot be used" not in done.stderr
    assert done.stdout.count(b"Pip:") == 2


@pytest.mark.parametrize(
    ("sound", "complaint"),
    [
        (None, "no such file"),
        (b"", "not a recording"),
        (b"Dear diary, today I spoke with a fox.", "not a recording"),
        ((SPEECH / DEMO[0]).read_bytes()[:44], "holds no sound"),
    ],
)
def test_a_recording_that_is_none_is_named_and_nothing_is_written(
    tmp_path: Path, sound: bytes | None, complaint: str
) -> None:
    path = tmp_path / "heard.wav"
    if sound is not None:
        path.write_bytes(sound)
    out, lines = tmp_path / "reply.wav", tmp_path / "journal.jsonl"
    done = companion("simulate", "--wav", path, "--out", out, "--journal", lines)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
    assert not lines.exists()


def test_a_recording_cut_short_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = (SPEECH / "morning-awb.wav").read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: len(whole) // 2])
    done = companion("simulate", "--wav", path)
    assert done.returncode == 0
    assert "cut short" in done.stderr
    assert "good morning" in done.stdout


@pytest.mark.parametrize("kind", ["silence", "noise"])
def test_where_nobody_speaks_nothing_is_asked_and_it_says_so(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "nobody.wav"
    level = 0 if kind == "silence" else 5_000
    noise = np.random.default_rng(1).integers(-level, level, 16_000 * 6, endpoint=True, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(noise.tobytes())
    with recording_server() as server:
        done = companion("simulate", "--wav", path, DASHSCOPE_API_KEY="sk-x", COMPANION_CHAT__BASE_URL=server.base_url)
    assert done.returncode == 0
    assert "nothing was said" in done.stdout
    assert server.requests == []


def test_all_mistakes_in_the_settings_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[chat]\nbas_url = "x"\n[ears]\nlongest = "soon"\nengine = "sphynx"\n')
    done = companion("simulate", "--say", "Hello", "--config", path, COMPANION_VOICE__ENGINE="parrot")
    assert done.returncode == 78
    assert "did you mean chat.base_url?" in done.stderr
    for key in ("ears.longest", "ears.engine", "voice.engine"):
        assert key in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["simulate", "--out", "reply.wav"], 2, "--say"),
        (["simulate", "--say", "Hi", "--port", "8000"], 2, "only without --wav, --say and --terminal"),
        (["simulate", "--terminal", "--no-open"], 2, "only without --wav, --say and --terminal"),
        (["simulate", "--wave", "x"], 2, "--wav"),
        (["simulate", "--say", "Hi", "--character", "pipp"], 78, "did you mean pip?"),
        (["simulate", "--say", "Hi", "--out", "/nowhere/at/all.wav"], 1, "/nowhere/at/all.wav"),
        (["simulate", "--say", "Hi", "--room", "ecko=-6"], 2, "did you mean echo?"),
        (["simulate", "--say", "Hi", "--room", "delay=900"], 2, "from 5 to 500 (ms)"),
        (["simulate", "--say", "Hi", "--room", ""], 2, "there are echo, delay, noise and drift"),
        (["simulate", "--terminal", "--room", "echo=-6"], 2, "--terminal alone"),
        (["simulate", "--say", "Hi", "--interrupt", "stop.wav"], 2, "SECONDS=FILE, such as 1.5=stop.wav"),
        (["simulate", "--say", "Hi", "--interrupt", "-1=stop.wav"], 2, "with 0 seconds or more, not '-1=stop.wav'"),
        (["simulate", "--say", "Hi", "--interrupt", "nan=stop.wav"], 2, "not 'nan=stop.wav'"),
        (["simulate", "--say", "Hi", "--interrupt", "1.5="], 2, "not '1.5='"),
        (["simulate", "--say", "Hi", "--interrupt", "1=/nowhere/stop.wav"], 1, "/nowhere/stop.wav: there is no such"),
        (["characters", "show", "ottо.toml"], 78, "cannot be read"),
        (["chat", "--character", "nobody"], 78, "otto, pip"),
    ],
)
def test_each_mistake_gets_a_sentence_and_its_exit_code(words: list[str], code: int, complaint: str) -> None:
    done = companion(*words)
    assert done.returncode == code
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_chat_reads_lines_from_a_pipe_and_answers_each() -> None:
    done = companion("chat", "--character", "otto", stdin="What do you know about the sea?\nAnd whales?\n")
    assert done.returncode == 0
    opening, first, second = done.stdout.splitlines()
    assert opening == f"Otto: {load('otto').opening}"
    assert "sea" in first.lower()
    assert "whales" in second.lower()
    assert "(" not in done.stdout


def test_the_mock_server_prints_its_address_alone_and_answers_there() -> None:
    process = subprocess.Popen([str(COMPANION), "mock-qwen"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        done = companion("chat", stdin="Dragons?\n", DASHSCOPE_API_KEY="sk-x", COMPANION_CHAT__BASE_URL=base_url)
        assert "ragons" in done.stdout
        port = base_url.removeprefix("http://127.0.0.1:").removesuffix("/v1")
        second = companion("mock-qwen", "--port", port)
        assert second.returncode == 1
        assert f"port {port}" in second.stderr
        assert second.stdout == ""
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=10)
    assert (rest, process.returncode) == ("", 0)


def test_help_is_neither_wrapped_nor_boxed_in_a_pipe() -> None:
    done = companion("simulate", "--help")
    assert "╭" not in done.stdout
    assert any(len(line) > 100 for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_known_by_itself_and_tells_how_it_is_used(name: str) -> None:
    told = CliRunner().invoke(program([name]), [name, "--help"])
    assert (told.exit_code, f"Usage: root {name}" in told.output) == (0, True), told.output


def test_all_commands_are_listed_and_one_that_is_misspelt_is_guessed() -> None:
    listed = companion("--help").stdout
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    assert "Did you mean 'doctor'?" in companion("docter").stderr


def test_until_the_microphone_is_open_nothing_is_imported_that_is_needed_later() -> None:
    script = (
        "import sys; from companion.cli import program; program(['run']);"
        "from companion import bodies, service; bodies.prepare(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert {"companion.running", "device.microphone"} < imported
    later = ["build", "conversation", "engines", "hearing", "doctor", "installer", "pulling", "terminal"]
    assert not imported & {*(f"companion.{name}" for name in later), "openai", "onnxruntime"}


def test_it_runs_in_real_time_too(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    brief = tmp_path / "brief.toml"
    brief.write_text(
        'name = "Bo"\nsummary = "Brief."\nopening = "Yes."\n[persona]\ndetails = "Brief."\nstyle = "Brief."\n'
        '[apologies]\nlost = ["Oh."]\n[[rehearsal]]\nsays = ["{topic}."]\n'
    )
    done = companion("simulate", "--realtime", "--say", "Cake", "--character", brief, "--journal", path)
    assert done.returncode == 0
    assert [event["text"] for event in journal(path) if event["event"] == "said"] == ["Yes.", "Cake."]


def test_no_library_leaves_anything_behind_at_home_or_counts_who_uses_it(tmp_path: Path) -> None:
    """onnxruntime, left alone, makes an id of the machine, and tells its maker what it does."""
    home = tmp_path / "home"
    home.mkdir()
    folders = {f"XDG_{name}_HOME": "" for name in ("CACHE", "CONFIG", "DATA", "STATE")}
    done = companion("simulate", "--wav", SPEECH / DEMO[0], "--out", tmp_path / "reply.wav", HOME=str(home), **folders)
    assert done.returncode == 0, done.stderr
    assert [path for path in home.rglob("*") if path.is_file()] == []
