"""A Whisper of the hub's becomes one of CTranslate2's, without torch, and says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import pytest
from hub_whisper import hub_whisper
from safetensors.numpy import load_file, save_file

from companion.errors import NotPulled
from models.random_whisper import Shape
from models.whisper import check, english_only
from models.whisper_weights import convert

SHAPE = Shape(64, heads=2, layers=2, hidden=96)
WORDS = ["Ġhello", "Ġlittle", "Ġfox", "?"]
SOUNDS = [np.random.default_rng(seed).normal(0, 0.03, 16_000 * (seed + 1)).astype(np.float32) for seed in range(3)]


def tokens(folder: Path) -> list[list[int]]:
    """What it hears in the sounds."""
    model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
    return [
        [token for segment in segments for token in segment.tokens]
        for segments in (
            model.transcribe(
                sound, language="en", beam_size=1, temperature=0.0, without_timestamps=True, max_new_tokens=30
            )[0]
            for sound in SOUNDS
        )
    ]


def built(folder: Path, spec: Any, tokenizer: Path) -> Path:
    """The same weights, as CTranslate2 takes them."""
    spec.validate()
    spec.optimize("int8")
    folder.mkdir()
    spec.save(str(folder))
    (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    return folder


@pytest.mark.parametrize("words", [None, WORDS], ids=["random", "words"])
def test_it_says_the_same_tokens_as_the_same_weights_built_directly(tmp_path: Path, words: list[str] | None) -> None:
    spec = hub_whisper(tmp_path / "hub", words, SHAPE, spread=0.3)
    direct = built(tmp_path / "direct", spec, tmp_path / "hub" / "tokenizer.json")
    convert(tmp_path / "hub", tmp_path / "made")
    said = tokens(tmp_path / "made")
    assert said == tokens(direct)
    assert all(said), "a model that says nothing would prove nothing"
    assert words or len({tuple(each) for each in said}) == len(SOUNDS), "it listens to the sounds"
    for name in "model.bin", "vocabulary.json", "tokenizer.json":
        assert (tmp_path / "made" / name).read_bytes() == (direct / name).read_bytes()
    assert json.loads((tmp_path / "made" / "config.json").read_bytes()) == json.loads(
        (direct / "config.json").read_bytes()
    )


def test_weights_of_16_bit_are_taken_as_well(tmp_path: Path) -> None:
    hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02, half=True)
    convert(tmp_path / "hub", tmp_path / "made")
    assert len(tokens(tmp_path / "made")[0]) == len(WORDS)


def test_what_is_made_is_what_the_ears_take(tmp_path: Path) -> None:
    hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02)
    convert(tmp_path / "hub", tmp_path / "made")
    check(tmp_path / "made", "zh")
    assert not english_only(tmp_path / "made")


def test_a_projection_of_its_own_is_taken_where_the_config_says_so(tmp_path: Path) -> None:
    spec = hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02)
    weights = load_file(tmp_path / "hub" / "model.safetensors")
    weights["proj_out.weight"] = spec.decoder.embeddings.weight
    weights["model.decoder.embed_tokens.weight"] = np.zeros_like(spec.decoder.embeddings.weight)
    save_file(weights, tmp_path / "hub" / "model.safetensors")
    changed(tmp_path / "hub" / "config.json", tie_word_embeddings=False)
    convert(tmp_path / "hub", tmp_path / "made")
    assert len(tokens(tmp_path / "made")[0]) == len(WORDS), "the words are in the projection"


def test_timestamps_that_the_tokenizer_leaves_out_are_added(tmp_path: Path) -> None:
    hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02)
    size = json.loads((tmp_path / "hub" / "config.json").read_bytes())["vocab_size"]
    weights = load_file(tmp_path / "hub" / "model.safetensors")
    tokens_before = weights["model.decoder.embed_tokens.weight"]
    weights["model.decoder.embed_tokens.weight"] = np.pad(tokens_before, ((0, 2), (0, 0)))
    save_file(weights, tmp_path / "hub" / "model.safetensors")
    changed(tmp_path / "hub" / "config.json", vocab_size=size + 2)
    convert(tmp_path / "hub", tmp_path / "made")
    assert json.loads((tmp_path / "made" / "vocabulary.json").read_bytes())[-2:] == ["<|0.00|>", "<|0.02|>"]


def test_more_bands_than_usual_are_told_to_whoever_makes_the_spectrogram(tmp_path: Path) -> None:
    hub_whisper(tmp_path / "hub", WORDS, Shape(16, bands=128), spread=0.0)
    convert(tmp_path / "hub", tmp_path / "made")
    assert json.loads((tmp_path / "made" / "preprocessor_config.json").read_bytes()) == {"feature_size": 128}
    assert len(tokens(tmp_path / "made")[0]) == len(WORDS)


def changed(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_bytes()) | values))


def lacking(folder: Path, name: str) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[name]
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda hub: changed(hub / "config.json", model_type="bert"), "something else than a Whisper"),
        (lambda hub: changed(hub / "config.json", activation_function="relu"), "something else than a Whisper"),
        (lambda hub: (hub / "config.json").write_text("{"), "config.json is damaged"),
        (lambda hub: (hub / "config.json").write_text("[]"), "config.json is damaged"),
        (lambda hub: changed(hub / "config.json", encoder_layers=3), "lacks model.encoder.layers.2."),
        (lambda hub: lacking(hub, "model.decoder.layers.1.fc2.weight"), "lacks model.decoder.layers.1.fc2.weight"),
        (lambda hub: (hub / "model.safetensors").write_bytes(b"\x08" * 100), "cannot be converted"),
        (lambda hub: (hub / "tokenizer.json").write_text("{}"), "is no tokenizer"),
        (lambda hub: changed(hub / "config.json", vocab_size=10), "belongs to another model"),
    ],
)
def test_what_cannot_be_converted_is_told_in_a_sentence(tmp_path: Path, damage: Any, words: str) -> None:
    hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02)
    damage(tmp_path / "hub")
    with pytest.raises(NotPulled) as caught:
        convert(tmp_path / "hub", tmp_path / "made")
    assert words in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_neither_torch_nor_transformers_is_needed(tmp_path: Path) -> None:
    hub_whisper(tmp_path / "hub", WORDS, SHAPE, spread=0.02)
    script = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None; from pathlib import Path;"
        "from models.whisper_weights import convert; convert(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "hub", tmp_path / "made"], check=True, timeout=60, capture_output=True
    )
    assert len(tokens(tmp_path / "made")[0]) == len(WORDS)
