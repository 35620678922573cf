"""A Whisper as the hub keeps it: the weights of a CTranslate2 model under the names that they have there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs import WhisperSpec
from numpy.typing import NDArray
from safetensors.numpy import save_file

from models.random_whisper import LANGUAGES, Shape, whisper_spec, write_tokenizer

Array = NDArray[np.float32]


def hub_whisper(
    folder: Path, words: list[str] | None, shape: Shape, *, spread: float, half: bool = False
) -> WhisperSpec:
    """Write config.json, generation_config.json, model.safetensors and tokenizer.json into `folder`, which is made; the
    same weights come back as CTranslate2 takes them, not yet optimized. `half`: of 16 bit."""
    vocabulary = write_tokenizer(folder, words or (), shape.vocabulary, multilingual=True)
    spec = whisper_spec(vocabulary, words, shape, spread=spread)
    weights = {name: np.ascontiguousarray(array) for name, array in named(spec).items()}
    if half:
        weights = {name: array.astype(np.float16) for name, array in weights.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "model_type": "whisper",
        "activation_function": "gelu",
        "encoder_layers": shape.layers,
        "encoder_attention_heads": shape.heads,
        "decoder_layers": shape.layers,
        "decoder_attention_heads": shape.heads,
        "vocab_size": len(vocabulary),
        "num_mel_bins": shape.bands,
        "d_model": shape.width,
    }
    (folder / "config.json").write_text(json.dumps(config))
    numbers = {token: number for number, token in enumerate(vocabulary)}
    generation = {
        "suppress_tokens": [],
        "begin_suppress_tokens": [],
        "alignment_heads": [],
        "lang_to_id": {f"<|{code}|>": numbers[f"<|{code}|>"] for code in LANGUAGES},
    }
    (folder / "generation_config.json").write_text(json.dumps(generation))
    return spec


def named(spec: WhisperSpec) -> dict[str, Array]:
    """All weights, by their names at the hub."""
    found: dict[str, Array] = {
        "model.encoder.embed_positions.weight": spec.encoder.position_encodings.encodings,
        "model.decoder.embed_positions.weight": spec.decoder.position_encodings.encodings,
        "model.decoder.embed_tokens.weight": spec.decoder.embeddings.weight,
        "proj_out.weight": np.zeros(1, dtype=np.float32),  # what nobody shall take, since it is the same as the last
    }
    for conv in "conv1", "conv2":
        found |= linear(f"model.encoder.{conv}", getattr(spec.encoder, conv))
    for name, part in ("encoder", spec.encoder), ("decoder", spec.decoder):
        found |= norm(f"model.{name}.layer_norm", part.layer_norm)
        for number, layer in enumerate(part.layer):
            above = f"model.{name}.layers.{number}"
            found |= attention(f"{above}.self_attn", layer.self_attention)
            if name == "decoder":
                found |= attention(f"{above}.encoder_attn", layer.attention)
            found |= norm(f"{above}.final_layer_norm", layer.ffn.layer_norm)
            found |= linear(f"{above}.fc1", layer.ffn.linear_0) | linear(f"{above}.fc2", layer.ffn.linear_1)
    return found


def attention(above: str, layer: Any) -> dict[str, Array]:
    *fused, last = layer.linear
    weights = np.split(np.concatenate([each.weight for each in fused]), 3)
    biases = np.split(np.concatenate([each.bias for each in fused]), 3)
    found = norm(f"{above}_layer_norm", layer.layer_norm) | linear(f"{above}.out_proj", last)
    for name, weight, bias in zip(("q_proj", "k_proj", "v_proj"), weights, biases, strict=True):
        found[f"{above}.{name}.weight"] = weight
        if name == "k_proj":
            assert not bias.any(), "at the hub keys have none"
        else:
            found[f"{above}.{name}.bias"] = bias
    return found


def linear(name: str, layer: Any) -> dict[str, Array]:
    return {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}


def norm(name: str, layer: Any) -> dict[str, Array]:
    return {f"{name}.weight": layer.gamma, f"{name}.bias": layer.beta}
