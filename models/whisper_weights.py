"""This file turns a Whisper as the hub keeps it (config.json, model.safetensors, tokenizer.json) into CTranslate2's
format, without torch and without transformers.

CTranslate2 takes the same matrices under other names, with those of queries, keys and values in one. Weights are kept
as one byte each, as they are used.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from companion.errors import NotPulled
from models.manifest import WEIGHTS

if TYPE_CHECKING:
    from ctranslate2.specs import WhisperSpec

BANDS: Final = 80
"""Of the log-mel spectrogram, unless something else is said."""

TIMESTAMP_SECONDS: Final = 0.02
"""Between two of the tokens that tell a time; they come last, and some tokenizers leave them out."""

LANGUAGE: Final = re.compile(r"<\|[a-z]{2,3}\|>")


def convert(folder: Path, made: Path) -> None:
    """Write what `folder` holds, in CTranslate2's format, into the folder `made`, which is made. Raises NotPulled if
    it is no Whisper, or lacks something; OSError."""
    from ctranslate2.specs import WhisperSpec
    from safetensors import SafetensorError, safe_open

    config = _json(folder / "config.json")
    try:
        if config.get("model_type") != "whisper" or config.get("activation_function", "gelu") != "gelu":
            raise NotPulled(f"{folder / 'config.json'} describes something else than a Whisper")
        spec = WhisperSpec(
            config["encoder_layers"],
            config["encoder_attention_heads"],
            config["decoder_layers"],
            config["decoder_attention_heads"],
        )
        with safe_open(folder / WEIGHTS, framework="numpy") as tensors:
            weights = _Weights(tensors)
            _fill(spec, weights, tied=config.get("tie_word_embeddings", True))
        vocabulary = _vocabulary(folder / "tokenizer.json", config["vocab_size"])
        _set_config(spec, config, _json(folder / "generation_config.json"), vocabulary)
        spec.register_vocabulary(vocabulary)
        spec.validate()
    except KeyError as error:
        raise NotPulled(f"{folder} cannot be converted: it lacks {error.args[0]}") from error
    except (SafetensorError, TypeError, ValueError) as error:
        raise NotPulled(f"{folder} cannot be converted: {error}") from error
    spec.optimize("int8")
    made.mkdir()
    spec.save(str(made))
    shutil.copyfile(folder / "tokenizer.json", made / "tokenizer.json")
    if (bands := config.get("num_mel_bins", BANDS)) != BANDS:
        (made / "preprocessor_config.json").write_text(json.dumps({"feature_size": bands}))


class _Weights:
    """The matrices, by their names at the hub."""

    def __init__(self, tensors: Any) -> None:
        self._tensors = tensors
        self._names = set(tensors.keys())

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self._names:
            raise KeyError(name)
        return np.ascontiguousarray(self._tensors.get_tensor(name), dtype=np.float32)

    def bias(self, name: str, outputs: int) -> NDArray[np.float32]:
        """Zeros where there is none: keys have none."""
        return self[f"{name}.bias"] if f"{name}.bias" in self._names else np.zeros(outputs, dtype=np.float32)


def _fill(spec: WhisperSpec, weights: _Weights, *, tied: bool) -> None:
    for conv in "conv1", "conv2":
        layer = getattr(spec.encoder, conv)
        layer.weight, layer.bias = weights[f"model.encoder.{conv}.weight"], weights[f"model.encoder.{conv}.bias"]
    for name, part in ("encoder", spec.encoder), ("decoder", spec.decoder):
        part.position_encodings.encodings = weights[f"model.{name}.embed_positions.weight"]
        _fill_norm(part.layer_norm, weights, f"model.{name}.layer_norm")
        for number, layer in enumerate(part.layer):
            _fill_layer(layer, weights, f"model.{name}.layers.{number}")
    spec.decoder.embeddings.weight = weights["model.decoder.embed_tokens.weight"]
    spec.decoder.projection.weight = spec.decoder.embeddings.weight if tied else weights["proj_out.weight"]


def _fill_layer(layer: Any, weights: _Weights, name: str) -> None:
    """One layer of the encoder or of the decoder, which looks at the encoder's output as well."""
    queries, keys, values = "q_proj", "k_proj", "v_proj"
    _fill_norm(layer.self_attention.layer_norm, weights, f"{name}.self_attn_layer_norm")
    _fuse(layer.self_attention.linear[0], weights, f"{name}.self_attn", (queries, keys, values))
    _fuse(layer.self_attention.linear[1], weights, f"{name}.self_attn", ("out_proj",))
    if hasattr(layer, "attention"):
        _fill_norm(layer.attention.layer_norm, weights, f"{name}.encoder_attn_layer_norm")
        _fuse(layer.attention.linear[0], weights, f"{name}.encoder_attn", (queries,))
        _fuse(layer.attention.linear[1], weights, f"{name}.encoder_attn", (keys, values))
        _fuse(layer.attention.linear[2], weights, f"{name}.encoder_attn", ("out_proj",))
    _fill_norm(layer.ffn.layer_norm, weights, f"{name}.final_layer_norm")
    _fuse(layer.ffn.linear_0, weights, name, ("fc1",))
    _fuse(layer.ffn.linear_1, weights, name, ("fc2",))


def _fill_norm(norm: Any, weights: _Weights, name: str) -> None:
    norm.gamma, norm.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _fuse(linear: Any, weights: _Weights, above: str, names: Sequence[str]) -> None:
    """Several linear layers in one."""
    parts = [weights[f"{above}.{name}.weight"] for name in names]
    linear.weight = np.concatenate(parts)
    linear.bias = np.concatenate(
        [weights.bias(f"{above}.{name}", len(part)) for name, part in zip(names, parts, strict=True)]
    )


def _vocabulary(file: Path, size: int) -> list[str]:
    """All tokens, by number."""
    from tokenizers import Tokenizer

    try:
        known = Tokenizer.from_file(str(file)).get_vocab(with_added_tokens=True)
    except Exception as error:  # the tokenizers library raises nothing narrower
        raise NotPulled(f"{file} is no tokenizer: {error}") from error
    tokens = [""] * (max(known.values()) + 1)  # an empty one, which stands for nothing, some tokenizers leave out
    for token, number in known.items():
        tokens[number] = token
    if tokens.count("") > 1 or len(tokens) > size:
        raise NotPulled(f"{file} belongs to another model: it has not the {size} tokens of this one")
    return tokens + [f"<|{TIMESTAMP_SECONDS * number:.2f}|>" for number in range(size - len(tokens))]


def _set_config(spec: WhisperSpec, config: dict[str, Any], generation: dict[str, Any], vocabulary: list[str]) -> None:
    """What CTranslate2 keeps beside the weights; the newer file at the hub before the older one."""
    said = config | generation
    spec.config.suppress_ids = said.get("suppress_tokens") or []
    spec.config.suppress_ids_begin = said.get("begin_suppress_tokens") or []
    languages = said.get("lang_to_id")
    spec.config.lang_ids = (
        sorted(languages.values())
        if languages
        else [number for number, token in enumerate(vocabulary) if LANGUAGE.fullmatch(token)]
    )
    last_half = range(config["decoder_layers"] // 2, config["decoder_layers"])
    guess = [[layer, head] for layer in last_half for head in range(config["decoder_attention_heads"])]
    aligned = said.get("alignment_heads")
    spec.config.alignment_heads = guess if aligned is None else aligned


def _json(file: Path) -> dict[str, Any]:
    """Empty if there is none. Raises NotPulled, OSError."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise NotPulled(f"{file} is damaged") from error
    if not isinstance(content, dict):
        raise NotPulled(f"{file} is damaged")
    return content
