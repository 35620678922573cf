"""A model is in its place whole, or not at all; and what is there is not asked for again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_here import COMMIT, Fault, HubHere, hub_here, sha256
from hub_whisper import hub_whisper
from toy_models import toy_piper, toy_smart_turn, toy_whisper

from companion.errors import NotPulled
from models import ledger
from models.hub import Hub
from models.manifest import Kind, Model, Remote
from models.pull import UNFINISHED, alone, forget, leftovers, missing, places, pull, remove, store_path
from models.random_whisper import Shape
from models.store import find_piper, find_smart_turn, find_whisper

VOICE = "en_US-toy-low"


def model(kind: Kind, name: str, *files: str, repository: str = "owner/name") -> Model:
    remotes = tuple(Remote(repository, "main", file) for file in files)
    return Model(kind, name, remotes, ("en",), 1, "MIT", "tests", "any", first=False)


def offered(server: HubHere, wanted: Model, folder: Path) -> Model:
    """The hub has the model's files, which lie in `folder`."""
    for remote in wanted.files:
        server.add(remote.repository, remote.revision, remote.path, (folder / remote.name).read_bytes())
    return wanted


@pytest.fixture
def server() -> Iterator[HubHere]:
    with hub_here() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def voice(server: HubHere, tmp_path: Path) -> Model:
    toy_piper(tmp_path / "hub")
    return offered(server, model(Kind.PIPER, VOICE, f"en/{VOICE}.onnx", f"en/{VOICE}.onnx.json"), tmp_path / "hub")


@pytest.fixture
def whisper(server: HubHere, tmp_path: Path) -> Model:
    toy_whisper(tmp_path / "hub-whisper", "hello little fox")
    files = "config.json", "model.bin", "tokenizer.json", "vocabulary.json"
    return offered(server, model(Kind.WHISPER, "toy", *files), tmp_path / "hub-whisper")


@pytest.fixture
def acft(server: HubHere, tmp_path: Path) -> Model:
    hub_whisper(tmp_path / "hub-acft", ["Ġhello"], Shape(16), spread=0.02)
    files = "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"
    return offered(server, model(Kind.WHISPER, "toy-acft", *files), tmp_path / "hub-acft")


def brought(server: HubHere, store: Path, wanted: Model, *, anew: bool = False) -> bool:
    with alone(store):
        return pull(wanted, store, lambda: Hub(server.environment), lambda *_: None, lambda _: None, anew=anew)


def refusal(server: HubHere, store: Path, wanted: Model) -> str:
    with pytest.raises(NotPulled) as caught:
        brought(server, store, wanted)
    return str(caught.value)


def contents(store: Path) -> dict[str, bytes]:
    """What is in the store, but for locks and the ledger."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.parent != store
    }


def test_a_voice_is_pulled_and_found(server: HubHere, store: Path, voice: Model) -> None:
    assert brought(server, store, voice)
    assert find_piper(store, "en").path == store / store_path(voice) == store / "piper" / f"{VOICE}.onnx"
    assert sorted(contents(store)) == [f"piper/{VOICE}.onnx", f"piper/{VOICE}.onnx.json"]


def test_a_whisper_is_pulled_and_found(server: HubHere, store: Path, whisper: Model) -> None:
    assert brought(server, store, whisper)
    assert find_whisper(store, "en").path == store / store_path(whisper) == store / "whisper" / "toy"
    assert not (store / UNFINISHED).exists()


def test_what_hears_the_end_of_a_turn_is_pulled_and_found(server: HubHere, store: Path, tmp_path: Path) -> None:
    toy_smart_turn(tmp_path / "hub" / "smart.onnx")
    brought(server, store, offered(server, model(Kind.SMART_TURN, "smart", "smart.onnx"), tmp_path / "hub"))
    assert find_smart_turn(store).path == store / "smart-turn" / "smart.onnx"


def test_safetensors_are_pulled_and_converted_and_not_kept(server: HubHere, store: Path, acft: Model) -> None:
    brought(server, store, acft)
    assert find_whisper(store, "en").path == store / "whisper" / "toy-acft"
    assert sorted(Path(name).name for name in contents(store)) == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.json",
    ]


@pytest.mark.parametrize("which", ["voice", "whisper", "acft"])
def test_a_second_pull_transfers_nothing_and_asks_nobody(
    server: HubHere, store: Path, which: str, request: pytest.FixtureRequest
) -> None:
    wanted = request.getfixturevalue(which)
    assert brought(server, store, wanted)
    assert server.sent == sum(map(len, server.files.values()))
    server.requests.clear()
    before = contents(store)
    server.sent = 0
    server.status = 500
    assert not brought(server, store, wanted)
    assert (server.sent, server.requests) == (0, [])
    assert contents(store) == before


def test_nothing_is_in_its_place_while_it_is_pulled(server: HubHere, store: Path, voice: Model, whisper: Model) -> None:
    seen: list[bool] = []
    for wanted in voice, whisper:
        server.seen = lambda wanted=wanted: seen.append(missing(store, wanted))  # type: ignore[misc]
        brought(server, store, wanted)
        assert not missing(store, wanted)
    assert seen
    assert all(seen)


def test_what_was_cut_off_is_gone_on_from_the_next_time(server: HubHere, store: Path, whisper: Model) -> None:
    server.faults.extend([None, Fault(cut=20_000), *[Fault(cut=0)] * 3])
    assert "the same command goes on from there" in refusal(server, store, whisper)
    assert missing(store, whisper)
    assert find_whisper(store, "en").path is None
    sent = server.sent
    brought(server, store, whisper)
    assert server.sent == sum(map(len, server.files.values())), "no byte came twice"
    assert sent > 20_000
    assert not missing(store, whisper)


def test_the_digests_that_the_hub_told_are_kept(server: HubHere, store: Path, voice: Model) -> None:
    brought(server, store, voice)
    kept = ledger.read(store)[VOICE]
    onnx, described = voice.files
    assert kept.sources[str(onnx)] == f"sha256:{sha256(server.files[str(onnx)])}"
    assert kept.files == {f"piper/{remote.name}": kept.sources[str(remote)] for remote in (onnx, described)}
    assert set(kept.commits.values()) == {COMMIT}
    assert ledger.faults(store, kept) == []


def test_of_a_converted_model_the_digests_of_both_are_kept(server: HubHere, store: Path, acft: Model) -> None:
    brought(server, store, acft)
    kept = ledger.read(store)["toy-acft"]
    assert set(kept.sources) == {str(remote) for remote in acft.files}
    assert "whisper/toy-acft/model.bin" in kept.files
    assert ledger.faults(store, kept) == []


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_only_what_was_damaged_since_is_loaded_again(server: HubHere, store: Path, voice: Model, damage: str) -> None:
    brought(server, store, voice)
    file = store / "piper" / f"{VOICE}.onnx"
    content = file.read_bytes()
    match damage:
        case "flip":
            file.write_bytes(content[:-1] + b"?")
        case "cut":
            file.write_bytes(content[:100])
        case "remove":
            file.unlink()
    [fault] = ledger.faults(store, ledger.read(store)[VOICE])
    assert str(file) in fault
    server.sent = 0
    assert brought(server, store, voice)
    assert server.sent == len(content)
    assert file.read_bytes() == content


def test_a_damaged_whisper_is_loaded_again_but_for_what_is_whole(server: HubHere, store: Path, whisper: Model) -> None:
    brought(server, store, whisper)
    before = contents(store)
    (store / "whisper" / "toy" / "vocabulary.json").write_text("[]")
    server.sent = 0
    assert brought(server, store, whisper)
    assert contents(store) == before
    assert server.sent == len(before["whisper/toy/vocabulary.json"])


def test_what_has_changed_at_the_hub_since_is_not_taken_unless_the_owner_says_so(
    server: HubHere, store: Path, voice: Model
) -> None:
    brought(server, store, voice)
    file = store / "piper" / f"{VOICE}.onnx"
    other = server.files[str(voice.files[0])] + b"more"
    server.files[str(voice.files[0])] = other
    assert not brought(server, store, voice), "what is whole stays, and nobody is asked"
    file.unlink()
    server.sent = 0
    said = refusal(server, store, voice)
    assert "has changed" in said
    assert "--anew" in said
    assert (server.sent, file.exists()) == (0, False)
    assert brought(server, store, voice, anew=True)
    assert file.read_bytes() == other
    assert ledger.read(store)[VOICE].files[f"piper/{VOICE}.onnx"] == f"sha256:{sha256(other)}"


def test_what_was_removed_and_has_changed_at_the_hub_since_is_not_taken_either(
    server: HubHere, store: Path, voice: Model
) -> None:
    brought(server, store, voice)
    first = server.files[str(voice.files[0])]
    forget(store, VOICE)
    server.files[str(voice.files[0])] = first + b"more"
    said = refusal(server, store, voice)
    assert f"{voice.files[0]} has changed: it was sha256:{sha256(first)} when it was pulled first" in said
    assert missing(store, voice)
    server.files[str(voice.files[0])] = first
    assert brought(server, store, voice), "as it was it is taken"
    forget(store, VOICE)
    server.files[str(voice.files[0])] = first + b"more"
    assert brought(server, store, voice, anew=True)
    forget(store, VOICE)
    assert brought(server, store, voice), "what was taken anew is believed from then on"
    server.files[str(voice.files[0])] = first
    forget(store, VOICE)
    assert "has changed" in refusal(server, store, voice)


def test_a_file_that_two_models_share_is_the_same_for_both(
    server: HubHere, store: Path, voice: Model, whisper: Model
) -> None:
    brought(server, store, whisper)
    server.files[str(whisper.files[2])] += b" "
    acft = Model(voice.kind, voice.name, (*voice.files, whisper.files[2]), ("en",), 1, "", "", "", first=False)
    assert f"{whisper.files[2]} has changed" in refusal(server, store, acft)
    assert missing(store, acft)


def test_a_ledger_of_before_is_read_and_what_it_holds_is_believed_after_the_model_is_gone(
    server: HubHere, store: Path, voice: Model
) -> None:
    brought(server, store, voice)
    kept = json.loads((store / ledger.NAME).read_bytes())
    assert kept.pop("told").keys() == {str(remote) for remote in voice.files}
    (store / ledger.NAME).write_text(json.dumps(kept))
    forget(store, VOICE)
    server.files[str(voice.files[1])] += b" "
    assert "has changed" in refusal(server, store, voice)


def test_another_revision_is_another_model_and_takes_the_place_of_the_first(
    server: HubHere, store: Path, voice: Model
) -> None:
    brought(server, store, voice)
    later = Model(
        voice.kind,
        voice.name,
        tuple(Remote(remote.repository, "later", remote.path) for remote in voice.files),
        voice.languages,
        1,
        "MIT",
        "",
        "",
        first=False,
    )
    for remote, other in zip(later.files, (b"\x08" + bytes(2000), b"{}"), strict=True):
        server.add(remote.repository, remote.revision, remote.path, other)
    assert brought(server, store, later)
    assert (store / store_path(voice)).read_bytes() == b"\x08" + bytes(2000)


def test_what_the_owner_loaded_by_other_means_is_taken_over_if_it_is_the_same(
    server: HubHere, store: Path, whisper: Model, tmp_path: Path
) -> None:
    (store / "whisper").mkdir(parents=True)
    (tmp_path / "hub-whisper").rename(store / "whisper" / "toy")
    assert brought(server, store, whisper)
    assert server.sent == 0
    assert ledger.faults(store, ledger.read(store)["toy"]) == []


def test_what_the_owner_has_put_there_is_not_replaced_unasked(
    server: HubHere, store: Path, whisper: Model, acft: Model
) -> None:
    for wanted in whisper, acft:
        mine = store / "whisper" / wanted.name / "model.bin"
        mine.parent.mkdir(parents=True)
        mine.write_bytes(b"mine")
        assert "move it away, or give --anew" in refusal(server, store, wanted)
        assert mine.read_bytes() == b"mine"
        assert brought(server, store, wanted, anew=True)
        assert mine.read_bytes() != b"mine"


def test_two_pulls_at_once_are_one_too_many(server: HubHere, store: Path, voice: Model) -> None:
    with alone(store):
        assert "another `companion models` is at work" in refusal(server, store, voice)
    assert brought(server, store, voice)


def test_what_cannot_be_converted_leaves_nothing_in_its_place(server: HubHere, store: Path, acft: Model) -> None:
    server.files[str(acft.files[0])] = b'{"model_type": "bert"}'
    assert "something else than a Whisper" in refusal(server, store, acft)
    assert missing(store, acft)
    assert ledger.read(store) == {}


@pytest.mark.parametrize("which", ["voice", "whisper", "acft"])
def test_whoever_fails_at_the_last_step_need_not_load_anything_again(
    server: HubHere, store: Path, which: str, request: pytest.FixtureRequest
) -> None:
    wanted: Model = request.getfixturevalue(which)
    store.mkdir()
    in_the_way = store / wanted.kind.value
    in_the_way.write_text("a file where a folder should be")
    assert "cannot be written" in refusal(server, store, wanted)
    in_the_way.unlink()
    server.sent = 0
    assert brought(server, store, wanted)
    assert server.sent == 0
    assert not missing(store, wanted)


def test_a_damaged_ledger_is_told_and_what_is_whole_need_not_be_loaded_again(
    server: HubHere, store: Path, voice: Model
) -> None:
    brought(server, store, voice)
    odd = '{"version": 1, "models": {"a": {}}}', '{"version": 1, "models": {}, "told": [3]}'
    for text in ("{", "[]", *odd, json.dumps({"version": 99, "models": {}})):
        (store / ledger.NAME).write_text(text)
        assert str(store / ledger.NAME) in refusal(server, store, voice)
    (store / ledger.NAME).unlink()
    server.sent = 0
    brought(server, store, voice)
    assert server.sent == 0


def test_a_ledger_whose_paths_lead_out_of_the_store_is_not_believed(server: HubHere, store: Path, voice: Model) -> None:
    brought(server, store, voice)
    for path in "/etc/passwd", "piper/../../outside":
        kept = json.loads((store / ledger.NAME).read_bytes())
        kept["models"][VOICE]["files"] = {path: "sha256:0"}
        (store / ledger.NAME).write_text(json.dumps(kept))
        with pytest.raises(NotPulled, match="damaged"):
            ledger.read(store)


def test_what_was_pulled_is_removed_whole_and_what_is_the_owners_stays(
    server: HubHere, store: Path, voice: Model, whisper: Model
) -> None:
    for wanted in voice, whisper:
        brought(server, store, wanted)
    toy_piper(store / "piper", "en_US-mine-low")
    assert set(places(store)) == {VOICE, "toy"}
    for name in VOICE, "toy":
        forget(store, name)
    assert sorted(contents(store)) == ["piper/en_US-mine-low.onnx", "piper/en_US-mine-low.onnx.json"]
    assert ledger.read(store) == {}


def test_what_interrupted_pulls_and_gone_voices_have_left_can_go(server: HubHere, store: Path, voice: Model) -> None:
    server.faults.extend([Fault(cut=100), *[Fault(cut=0)] * 3])
    refusal(server, store, voice)
    cuts = store / "piper-cut"
    cuts.mkdir()
    toy_piper(store / "piper", "en_US-mine-low")
    for name in "en_US-mine-low-0a1b.json", "en_US-mine-low-0a1b.0.onnx", "de_DE-gone-low-2c3d.1.onnx":
        (cuts / name).touch()
    found = leftovers(store)
    assert [path.name for path in found] == [VOICE, "de_DE-gone-low-2c3d.1.onnx"]
    for path in found:
        remove(store, path)
    assert leftovers(store) == []
    assert not (store / UNFINISHED).exists()
    assert len(list(cuts.iterdir())) == 2
