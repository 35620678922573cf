"""`companion models`, as somebody uses it: a server on this machine plays the hub."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import COMPANION, companion
from hub_here import Fault, HubHere, hub_here
from hub_whisper import hub_whisper
from in_terminal import in_terminal
from toy_models import toy_piper, toy_whisper

from device.control_socket import SERVICE
from models.random_whisper import Shape

HELLO = Path(__file__).parents[1] / "speech" / "hello-rms.wav"

VOICE = "en_US-toy-low"
LONG = "en_US-lessac-high"
"""A voice with a name as long as the real ones have."""
LARGE = np.random.default_rng(0).bytes(3_000_000)

ENTRY = """
[{kind}."{name}"]
repository = "owner/{name}"
revision = "main"
files = {files}
languages = ["en"]
megabytes = 1
licence = "MIT"
good_for = "tests"
board = "any"
"""

AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare, for a disk of its own"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubHere]:
    """A hub with a voice, a Whisper, one to be converted, and a large file that only looks like a model."""
    folder = tmp_path_factory.mktemp("hub")
    for voice in VOICE, LONG:
        toy_piper(folder / voice, voice)
    toy_whisper(folder / "toy", "hello little fox")
    hub_whisper(folder / "toy-acft", ["Ġhello"], Shape(16), spread=0.02)
    (folder / "large").mkdir()
    (folder / "large" / "large.onnx").write_bytes(b"\x08" + LARGE)
    manifest = ""
    with hub_here() as server:
        for model in sorted(folder.iterdir()):
            names = sorted(path.name for path in model.iterdir())
            kind = {VOICE: "piper", LONG: "piper", "large": "smart-turn"}.get(model.name, "whisper")
            manifest += ENTRY.format(kind=kind, name=model.name, files=json.dumps(names))
            for name in names:
                server.add(f"owner/{model.name}", "main", name, (model / name).read_bytes())
        (folder / "manifest.toml").write_text(manifest)
        server.manifest = folder / "manifest.toml"  # type: ignore[attr-defined]
        yield server


@pytest.fixture
def fresh(hub: HubHere, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody with an empty store."""
    hub.requests.clear()
    hub.sent = 0
    yield hub.environment | {
        "COMPANION_MODELS__STORE": str(tmp_path / "store"),
        "COMPANION_MODELS__MANIFEST": str(hub.manifest),  # type: ignore[attr-defined]
    }
    hub.faults.clear()
    hub.stalled.clear()
    hub.go_on.clear()


def store(environment: dict[str, str]) -> Path:
    return Path(environment["COMPANION_MODELS__STORE"])


def models(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    done = companion("models", *words, **environment)
    assert "Traceback" not in done.stderr
    return done


def sentence(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one complaint of a command that failed."""
    assert done.returncode == code, done.stderr
    [complaint] = [line for line in done.stderr.splitlines() if line.startswith("companion: ")]
    return complaint


def in_place(environment: dict[str, str]) -> list[str]:
    """What lies in the store where engines look for it."""
    folder = store(environment)
    return sorted(
        str(path.relative_to(folder))
        for kind in ("whisper", "piper", "smart-turn")
        for path in (folder / kind).rglob("*")
        if path.is_file()
    )


def size_of(hub: HubHere, name: str) -> int:
    return sum(len(content) for key, content in hub.files.items() if key.startswith(f"owner/{name}@"))


def test_models_are_pulled_from_a_pipe_with_plain_lines_and_a_second_time_nothing_is_transferred(
    hub: HubHere, fresh: dict[str, str]
) -> None:
    done = models(fresh, "pull", VOICE, "toy", "toy-acft")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        f"{VOICE} is whole: {store(fresh)}/piper/{VOICE}.onnx",
        f"toy is whole: {store(fresh)}/whisper/toy",
        f"toy-acft is whole: {store(fresh)}/whisper/toy-acft",
    ]
    assert ("No toy is running" in done.stdout) is not SERVICE.exists()
    assert "\x1b" not in done.stderr
    assert "toy-acft: converting" in done.stderr
    assert "toy: model.bin" in done.stderr
    assert hub.sent == sum(size_of(hub, name) for name in (VOICE, "toy", "toy-acft"))

    hub.requests.clear()
    hub.sent = 0
    again = models(fresh, "pull", VOICE, "toy", "toy-acft")
    assert again.returncode == 0
    assert again.stdout.count("and was so already") == 3
    assert (hub.sent, hub.requests) == (0, [])

    listed = models(fresh, "list", "--language", "en").stdout
    assert re.search(rf"^{VOICE} +piper .* here ", listed, re.MULTILINE)
    assert re.search(r"^tiny.en +whisper .* - ", listed, re.MULTILINE)
    assert models(fresh, "path", "toy").stdout == f"{store(fresh)}/whisper/toy\n"
    assert models(fresh, "path").stdout == f"{store(fresh)}\n"
    whole = models(fresh, "verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.count("is whole") == 3

    (store(fresh) / "whisper" / "toy" / "model.bin").write_bytes(b"cut short")
    damaged = models(fresh, "verify")
    assert "model.bin is not what was pulled: companion models pull toy" in sentence(damaged)
    assert damaged.stdout.count("is whole") == 2
    assert models(fresh, "pull", "toy").returncode == 0
    assert models(fresh, "verify", "toy").returncode == 0

    toy_piper(store(fresh) / "piper", "en_US-mine-low")
    assert "en_US-mine-low.onnx is your own" in models(fresh, "verify").stdout
    assert "not pulled with this command" in sentence(models(fresh, "prune", "en_US-mine-low"))
    told = models(fresh, "prune", "--unused", "--dry-run").stdout.splitlines()
    assert [line.partition(":")[0] for line in told[:-1]] == [VOICE, "toy"], "what it takes is smaller, or yours"
    assert told[-1].endswith("would be free")
    assert (store(fresh) / "whisper" / "toy").exists()
    assert models(fresh, "prune", "--unused", "whisper/toy-acft").returncode == 0
    assert in_place(fresh) == ["piper/en_US-mine-low.onnx", "piper/en_US-mine-low.onnx.json"]


def test_what_was_pulled_is_what_the_toy_hears_and_speaks_with(fresh: dict[str, str], tmp_path: Path) -> None:
    assert models(fresh, "pull", VOICE, "toy").returncode == 0
    done = companion("simulate", "--wav", HELLO, "--out", tmp_path / "reply.wav", **fresh)
    assert done.returncode == 0, done.stderr
    assert "faster-whisper" in done.stdout
    assert "Piper" in done.stdout
    assert "hello little fox" in done.stdout


def test_a_cut_connection_is_gone_on_from_within_one_command(hub: HubHere, fresh: dict[str, str]) -> None:
    hub.faults.extend([Fault(cut=1_000_000), Fault(ignore_range=True, cut=1_500_000), Fault(status=416)])
    assert models(fresh, "pull", "large").returncode == 0
    assert (store(fresh) / "smart-turn" / "large.onnx").read_bytes() == b"\x08" + LARGE
    assert hub.ranges == ["", "bytes=1000000-", "bytes=1500000-", ""]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(body=b"\x08" + LARGE[:-1] + b"?"), "arrived damaged"),
        (Fault(location="http://192.0.2.1/large.onnx"), "leads to http://192.0.2.1"),
        (Fault(status=503), "answers 503"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_nothing_is_in_its_place(
    hub: HubHere, fresh: dict[str, str], fault: Fault, words: str
) -> None:
    hub.faults.append(fault)
    assert words in sentence(models(fresh, "pull", "large"))
    assert in_place(fresh) == []
    assert models(fresh, "pull", "large").returncode == 0


def test_a_changed_digest_is_told_and_not_taken_but_anew(hub: HubHere, fresh: dict[str, str]) -> None:
    assert models(fresh, "pull", "large").returncode == 0
    file = store(fresh) / "smart-turn" / "large.onnx"
    file.unlink()
    name = "owner/large@main/large.onnx"
    try:
        hub.files[name] += b"more"
        assert "has changed" in sentence(models(fresh, "pull", "large"))
        assert in_place(fresh) == []
        assert models(fresh, "pull", "--anew", "large").returncode == 0
        assert file.read_bytes() == hub.files[name]
    finally:
        hub.files[name] = b"\x08" + LARGE


def here(listed: str) -> list[str]:
    """The models that `list` says are here, whoever brought them."""
    return re.findall(r"^(\S+) .* MB  here ", listed, re.MULTILINE)


def test_what_is_advised_for_a_damaged_ledger_mends_it(hub: HubHere, fresh: dict[str, str]) -> None:
    everything = [VOICE, "toy", "toy-acft"]
    assert models(fresh, "pull", *everything).returncode == 0
    ledger = store(fresh) / "pulled.json"
    ledger.write_text(ledger.read_text()[:-50])
    advice = (
        f"companion: {ledger} is damaged: remove it, and give `companion models pull --anew NAME` for each model that "
        "you had pulled (`companion models list` has what is here); only what was converted is loaded again"
    )
    for words in ["verify"], ["pull", VOICE], ["prune", "toy"], ["prune", "--unused"]:
        assert sentence(models(fresh, *words)) == advice
    (store(fresh) / ".pulling" / "gone").mkdir(parents=True)
    assert models(fresh, "prune").returncode == 0, "what interrupted pulls have left is no matter of the ledger"
    assert not (store(fresh) / ".pulling").exists()
    listed = models(fresh, "list")
    assert (listed.returncode, listed.stderr.strip()) == (0, advice)
    assert sorted(here(listed.stdout)) == sorted(everything)

    ledger.unlink()
    hub.sent = 0
    for name in here(listed.stdout):
        assert models(fresh, "pull", "--anew", name).returncode == 0
    assert hub.sent == size_of(hub, "toy-acft")
    assert models(fresh, "verify").stdout.count("is whole") == 3
    assert here(models(fresh, "list").stdout) == here(listed.stdout)
    assert models(fresh, "prune", *everything).returncode == 0
    assert in_place(fresh) == []


def stalled_pull(hub: HubHere, fresh: dict[str, str]) -> subprocess.Popen[str]:
    """A pull that has come so far and waits for more."""
    hub.faults.append(Fault(stall=1_000_000))
    running = subprocess.Popen(
        [COMPANION, "models", "pull", "large"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | fresh,
    )
    assert hub.stalled.wait(60)
    return running


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_a_pull_nothing_is_half_in_its_place_and_what_came_is_gone_on_from(
    hub: HubHere, fresh: dict[str, str], how: signal.Signals
) -> None:
    running = stalled_pull(hub, fresh)
    assert in_place(fresh) == []
    running.send_signal(how)
    _, complaint = running.communicate(timeout=60)
    hub.go_on.set()
    if how is signal.SIGINT:
        assert running.returncode == 1
        assert complaint.splitlines()[-1] == (
            "companion: Interrupted: what has arrived is kept, and the same command goes on from there"
        )
    assert in_place(fresh) == []
    part = store(fresh) / ".pulling" / "large" / "large.onnx.part"
    kept = part.stat().st_size if part.exists() else 0
    hub.sent = 0
    assert models(fresh, "pull", "large").returncode == 0
    assert hub.sent == size_of(hub, "large") - kept
    assert in_place(fresh) == ["smart-turn/large.onnx"]


def test_a_second_pull_at_the_same_time_is_told_and_the_first_goes_on(hub: HubHere, fresh: dict[str, str]) -> None:
    running = stalled_pull(hub, fresh)
    assert "another `companion models` is at work" in sentence(models(fresh, "pull", VOICE))
    hub.go_on.set()
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert in_place(fresh) == ["smart-turn/large.onnx"]


def test_a_file_that_may_not_grow_is_told_and_what_came_is_kept(hub: HubHere, fresh: dict[str, str]) -> None:
    limited = ["bash", "-c", f"ulimit -f 1000; exec {shlex.join([str(COMPANION), 'models', 'pull', 'large'])}"]
    done = subprocess.run(limited, capture_output=True, text=True, env=os.environ | fresh, timeout=60, check=False)
    assert "cannot be written (File too large); what has arrived is kept" in sentence(done)
    assert in_place(fresh) == []
    hub.sent = 0
    assert models(fresh, "pull", "large").returncode == 0
    assert hub.sent < size_of(hub, "large")


def disk(script: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A shell script in which the store is a disk of its own, which nobody else sees."""
    store(environment).mkdir(exist_ok=True)
    return subprocess.Popen(
        ["unshare", "-m", "bash", "-ec", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment | {"STORE": str(store(environment)), "COMPANION": str(COMPANION)},
    )


def on_a_disk(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    with disk(script, environment) as running:
        stdout, stderr = running.communicate(timeout=60)
    return subprocess.CompletedProcess([], running.returncode, stdout, stderr)


@AS_ROOT
def test_a_disk_without_room_is_told_before_anything_is_loaded(hub: HubHere, fresh: dict[str, str]) -> None:
    done = on_a_disk('mount -t tmpfs -o size=20m none "$STORE"; exec "$COMPANION" models pull large', fresh)
    assert "has 21 MB free, and large needs 37" in sentence(done)
    assert hub.ranges == []


@AS_ROOT
def test_a_disk_that_fills_up_meanwhile_is_told_and_what_came_is_gone_on_from(
    hub: HubHere, fresh: dict[str, str]
) -> None:
    script = """
        mount -t tmpfs -o size=40m none "$STORE"
        "$COMPANION" models pull large &
        read -r stalled
        dd if=/dev/zero of="$STORE/other" bs=1M count=100 status=none 2>/dev/null || true
        echo full
        wait $! || status=$?
        rm "$STORE/other"
        ls "$STORE/smart-turn" 2>/dev/null && exit 99
        "$COMPANION" models pull large
        exit "$status"
    """
    hub.faults.append(Fault(stall=1_000_000, more=True))
    with disk(script, fresh) as running:
        assert hub.stalled.wait(60)
        assert running.stdin
        running.stdin.write("stalled\n")
        running.stdin.flush()
        assert running.stdout
        assert running.stdout.readline() == "full\n"
        hub.go_on.set()
        stdout, stderr = running.communicate(timeout=60)
    done = subprocess.CompletedProcess([], running.returncode, stdout, stderr)
    assert "cannot be written (No space left on device); what has arrived is kept" in sentence(done)
    assert "large is whole" in done.stdout
    assert hub.sent < 2 * size_of(hub, "large")


@AS_ROOT
def test_a_store_on_a_read_only_disk_is_told(hub: HubHere, fresh: dict[str, str]) -> None:
    done = on_a_disk('mount -t tmpfs -o ro none "$STORE"; exec "$COMPANION" models pull large', fresh)
    assert f"{store(fresh)}: cannot be written (Read-only file system)" in sentence(done)
    assert hub.requests == []
    listed = on_a_disk('mount -t tmpfs -o ro none "$STORE"; exec "$COMPANION" models list', fresh)
    assert listed.returncode == 0, "looking needs no writing"


@AS_ROOT
@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://huggingface.co"])
def test_without_a_network_that_is_one_sentence(fresh: dict[str, str], address: str) -> None:
    done = subprocess.run(
        ["unshare", "-n", COMPANION, "models", "pull", "large"],
        capture_output=True,
        text=True,
        env=os.environ | fresh | {"HF_ENDPOINT": address},
        timeout=60,
        check=False,
    )
    assert "cannot be reached" in sentence(done)
    assert "is there a network?" in done.stderr
    assert in_place(fresh) == []


def test_offline_nothing_is_asked_for(hub: HubHere, fresh: dict[str, str]) -> None:
    assert "HF_HUB_OFFLINE is set" in sentence(models(fresh | {"HF_HUB_OFFLINE": "1"}, "pull", "large"))
    assert hub.requests == []


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["pull", "tiny-en"], 78, "There is no model 'tiny-en'; did you mean tiny.en"),
        (["path", "large"], 1, "large is not here: companion models pull large"),
        (["path", "larg"], 78, "did you mean large"),
        (["verify", "large"], 1, "large was not pulled"),
        (["verify", "tiny-en"], 78, "There is no model 'tiny-en'; did you mean tiny.en"),
        (["prune", "tinny"], 78, "There is no model 'tinny'; did you mean tiny"),
        (["pull", "--language", "tlh"], 1, "There is none for tlh yet; `companion models list` has those there are"),
        (["prune", "large"], 1, "not pulled with this command"),
    ],
)
def test_each_mistake_gets_a_sentence_and_its_exit_code(
    fresh: dict[str, str], words: list[str], code: int, complaint: str
) -> None:
    assert complaint in sentence(models(fresh, *words), code)
    assert not store(fresh).exists()


def test_all_mistakes_in_the_owners_manifest_are_told_at_once(fresh: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[whisper.mine]\nrevision = 3\n[piper."..."]\n[wisper.x]\n')
    done = models(fresh | {"COMPANION_MODELS__MANIFEST": str(tmp_path / "mine.toml")}, "list")
    assert done.returncode == 78
    assert len(done.stderr.splitlines()) > 5
    assert all(line.startswith(f"companion: {tmp_path}/mine.toml: ") for line in done.stderr.splitlines())
    gone = models(fresh | {"COMPANION_MODELS__MANIFEST": str(tmp_path / "gone.toml")}, "pull", "tiny")
    assert "gone.toml: cannot be read" in sentence(gone, 78)


def test_a_mirror_over_plain_http_is_a_mistake(fresh: dict[str, str]) -> None:
    done = models(fresh | {"HF_ENDPOINT": "http://mirror.example"}, "pull", "large")
    assert "HF_ENDPOINT should begin with https" in sentence(done, 78)


def test_without_names_it_is_what_one_begins_with_in_the_characters_language(
    hub: HubHere, fresh: dict[str, str]
) -> None:
    done = models(fresh, "pull")
    assert "For en: base.en (148 MB), en_US-lessac-medium (63 MB), smart-turn-v3.2-cpu (9 MB)" in done.stderr
    assert "has no Systran/faster-whisper-base.en@" in sentence(done), "this hub has none of them"
    told = models(fresh, "pull", "--language", "zh-CN").stderr
    assert "For zh-CN: base (148 MB), zh_CN-huayan-medium (63 MB), smart-turn-v3.2-cpu (9 MB)" in told


def test_what_is_known_only_by_having_been_pulled_or_put_there_is_known_all_the_same(
    fresh: dict[str, str], tmp_path: Path
) -> None:
    assert models(fresh, "pull", VOICE).returncode == 0
    toy_piper(store(fresh) / "piper", "en_US-mine-low")
    fresh["COMPANION_MODELS__MANIFEST"] = str(tmp_path / "another.toml")
    (tmp_path / "another.toml").write_text("")
    assert models(fresh, "verify", VOICE).stdout == f"{VOICE} is whole\n"
    own = models(fresh, "verify", "en_US-mine-low")
    assert (own.returncode, own.stdout) == (
        0,
        f"{store(fresh)}/piper/en_US-mine-low.onnx is your own: there is nothing to compare it with\n",
    )
    for command in "verify", "prune":
        assert f"did you mean {VOICE}" in sentence(models(fresh, command, "en_US-toi-low"), 78)
    assert models(fresh, "prune", VOICE).returncode == 0


@pytest.mark.usefixtures("hub")
def test_a_language_that_nobody_knows_is_told(fresh: dict[str, str]) -> None:
    listed = models(fresh, "list", "--language", "tlh")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert listed.stderr == "companion: there is none for tlh yet\n"


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ja_JP", "No Piper voice is listed for ja_JP: espeak-ng will speak it"),
        ("yo", "No Piper voice is listed for yo, and espeak-ng does not speak it either"),
    ],
)
def test_a_language_without_a_voice_gets_its_ears_and_a_sentence(
    fresh: dict[str, str], language: str, told: str
) -> None:
    said = models(fresh, "pull", "--language", language).stderr.splitlines()
    assert said[0].startswith(f"For {language}: base (148 MB)")
    assert told in said
    german = models(fresh, "pull", "--language", "de").stderr
    assert "No Piper voice" not in german
    toy_piper(store(fresh) / "piper", f"{language[:2]}_XX-mine-low")
    assert "No Piper voice" not in models(fresh, "pull", "--language", language).stderr, "it has one of its own"


@pytest.mark.parametrize("columns", [40, 120])
def test_in_a_terminal_there_is_a_table_that_fits(fresh: dict[str, str], columns: int) -> None:
    code, lines = in_terminal(["models", "list", "--language", "zh"], fresh, columns)
    assert code == 0
    assert any("huayan" in line for line in lines)
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize(("name", "shown"), [(LONG, "en_US-lessac"), ("large", "large.onnx"), ("toy", "toy model")])
@pytest.mark.usefixtures("hub")
def test_a_pull_in_a_terminal_shows_name_bar_and_amount_on_one_line_that_fits(
    fresh: dict[str, str], columns: int, name: str, shown: str
) -> None:
    code, lines = in_terminal(["models", "pull", name], fresh, columns)
    assert code == 0
    drawn = [line for line in lines if "━" in line or "╸" in line]
    assert drawn
    assert all(re.search(r"^\S.* [━╸╺]+ +[\d.]+/[\d.]+ (bytes|[kM]B)", line) for line in drawn), drawn
    assert any(line.startswith(shown) for line in drawn), drawn
    assert max(map(len, drawn)) <= columns
    assert not [line for line in lines if re.match(r" *([\d.]+[ /:]|[?-])", line)], "no bar goes over to the next line"
