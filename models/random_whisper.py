"""This file makes Whispers without training: of any shape, the real ones' too, which hear one text in every sound.

They are for tests and measurements. Whatever does not depend on what was learnt is as in the real ones: how long it
takes, how much memory, and how the libraries that read them behave. numpy and CTranslate2 make one in seconds.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ctranslate2.specs import WhisperSpec

LANGUAGES: Final = ("en", "zh", "de", "es", "fr", "ja")
"""Of the 99 that a real Whisper has tokens for, English-only ones included."""

POSITIONS: Final = 1500
"""Of the encoder, for 30 s; the real ones have no more."""

TOKENS: Final = 448
"""Positions of the decoder."""

HEIGHT: Final = 100.0
"""Of the one-hot vector that stands for the position of a token, among the noise that random layers add (about 1)."""

SURE: Final = 30.0
"""How much more the token to come gets than the others."""

UNSURE: Final = 3.0
"""The same where it is in doubt: among some 300 others, 1 in 15."""

_OUTPUTS: Final = {2: (3, 1), 3: (1, 2, 1)}
"""How many times as wide as its input each linear layer of an attention is, by how many there are: queries, keys and
values in one; or queries alone, since keys and values come from the encoder."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a Whisper is."""

    width: int
    heads: int = 1
    layers: int = 1
    """Of the encoder, and as many of the decoder."""
    hidden: int = 0
    """Width inside of a feed-forward layer; 0 stands for that of the model."""
    bands: int = 80
    """Of the log-mel spectrogram."""
    vocabulary: int = 0
    """Tokens at least: what the text does not need is filled up."""


SHAPES: Final = {
    "tiny": Shape(384, 6, 4, 4 * 384, vocabulary=51_865),
    "base": Shape(512, 8, 6, 4 * 512, vocabulary=51_865),
    "small": Shape(768, 12, 12, 4 * 768, vocabulary=51_865),
}
"""The real ones, as OpenAI published them: those that a toy can have."""


def random_whisper(folder: Path, shape: str = "tiny", tokens: int = 20, mark: str = "") -> Path:
    """A multilingual Whisper of a real shape, random but for this: it hears `tokens` tokens in every sound, and then
    ends, sure of each; the last of them is the `mark` if there is one, such as "?". `folder` comes back: it is made,
    unless it is there already."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        random = np.random.default_rng(0)
        words = ["Ġ" + "".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 4)) for _ in range(tokens)]
        if mark:
            words[-1] = mark
        write_whisper(unfinished, words, SHAPES[shape], spread=0.02, int8=True)
        try:
            unfinished.rename(folder)
        except OSError:  # somebody else was quicker
            shutil.rmtree(unfinished)
    return folder


def write_whisper(
    folder: Path,
    words: Sequence[str] | None,
    shape: Shape,
    *,
    multilingual: bool = True,
    silence: bool = False,
    surety: float = SURE,
    spread: float = 0.0,
    int8: bool = False,
) -> None:
    """Write a Whisper in CTranslate2's format into `folder`, which is made.

    `words`: the tokens that it hears in every sound, spelled as byte-level BPE spells them; None makes one that says
    without end what its weights make of the sound. `silence`: it takes every sound for silence. `surety`: how much more
    each word gets than all other tokens. `spread`: standard deviation of the weights, drawn at random but always the
    same; 0 makes layers that add nothing. `int8`: as the published ones are stored.

    The position of a token, a one-hot vector, goes through the layers into the projection, where the column of a
    position names the token to come.
    """
    vocabulary = write_tokenizer(folder, words or (), shape.vocabulary, multilingual)
    spec = whisper_spec(
        vocabulary, words, shape, multilingual=multilingual, silence=silence, surety=surety, spread=spread
    )
    spec.validate()
    spec.optimize("int8" if int8 else None)
    spec.save(str(folder))
    if shape.bands != 80:
        (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": shape.bands}))


def whisper_spec(
    vocabulary: Sequence[str],
    words: Sequence[str] | None,
    shape: Shape,
    *,
    multilingual: bool = True,
    silence: bool = False,
    surety: float = SURE,
    spread: float = 0.0,
) -> WhisperSpec:
    """The weights of what `write_whisper` writes, as they are before that; `vocabulary` is by number."""
    from ctranslate2.specs import WhisperSpec

    ids = {token: number for number, token in enumerate(vocabulary)}
    draw = _Drawn(spread)
    prompt = 4 if multilingual else 2  # tokens: start, language, task, no timestamps; or the first and last of them
    answers = [] if words is None else [*[None] * (prompt - 1), *words, "<|endoftext|>"]
    tokens, positions = draw(len(vocabulary), shape.width), draw(TOKENS, shape.width)
    for position, token in enumerate(answers):
        if token is not None:  # the layer norm makes a one-hot vector sqrt(width - 1) high
            tokens[ids[token], position] = surety / np.sqrt(shape.width - 1)
    if answers:
        tokens[ids["<|nospeech|>"], 0] = SURE if silence else -SURE
        positions += HEIGHT * np.eye(len(answers), shape.width)[np.minimum(np.arange(TOKENS), len(answers) - 1)]

    spec = WhisperSpec(shape.layers, shape.heads, shape.layers, shape.heads)
    _fill_encoder(spec, shape, draw)
    for layer in spec.decoder.layer:
        _fill_layer(layer, shape, draw)
    _fill_norm(spec.decoder.layer_norm, shape.width, 1.0)
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = tokens
    spec.decoder.position_encodings.encodings = positions.astype(np.float32)
    spec.config.suppress_ids = spec.config.suppress_ids_begin = spec.config.alignment_heads = []
    spec.config.lang_ids = [ids[f"<|{code}|>"] for code in LANGUAGES]
    spec.register_vocabulary(list(vocabulary))
    return spec


def write_tokenizer(folder: Path, words: Sequence[str], size: int, multilingual: bool) -> list[str]:
    """Write tokenizer.json into `folder`, which is made. The vocabulary comes back, by number."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # faster-whisper suppresses the first token of " -", " '" and " ♪": without these merges it would be the space.
    merges = [("Ġ", "-"), ("Ġ", "'"), ("Ġ", "â")]
    spelled = [*letters, *("".join(pair) for pair in merges)]
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), *tasks]
    # The empty token is how CTranslate2 knows a multilingual model; the real ones have it by accident.
    ordinary = list(dict.fromkeys([*spelled, *words, *([""] if multilingual else [])]))
    filling = [f"Ġ{number}" for number in range(size - len(ordinary) - len(special))]
    vocabulary = [*ordinary, *filling, *special]

    folder.mkdir(parents=True)
    known = {token: number for number, token in enumerate([*ordinary, *filling])}
    tokenizer = Tokenizer(models.BPE(known, merges))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    return vocabulary


class _Drawn:
    """Weights drawn one after another from a normal distribution."""

    def __init__(self, spread: float) -> None:
        self.spread = spread
        self._random = np.random.default_rng(0)

    def __call__(self, *shape: int) -> NDArray[np.float32]:
        if not self.spread:
            return np.zeros(shape, dtype=np.float32)
        return np.float32(self.spread) * self._random.standard_normal(shape, dtype=np.float32)


def _fill_encoder(spec: WhisperSpec, shape: Shape, draw: _Drawn) -> None:
    width = shape.width
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = draw(width, shape.bands, 3), draw(width)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = draw(width, width, 3), draw(width)
    spec.encoder.position_encodings.encodings = draw(POSITIONS, width)
    for layer in spec.encoder.layer:
        _fill_layer(layer, shape, draw)
    _fill_norm(spec.encoder.layer_norm, width, 1.0)


def _fill_layer(layer: Any, shape: Shape, draw: _Drawn) -> None:
    """One layer of the encoder or of the decoder."""
    width, hidden = shape.width, shape.hidden or shape.width
    attentions = [getattr(layer, name) for name in ("self_attention", "attention") if hasattr(layer, name)]
    for attention in attentions:
        for linear, outputs in zip(attention.linear, _OUTPUTS[len(attention.linear)], strict=True):
            linear.weight, linear.bias = draw(outputs * width, width), draw(outputs * width)
            if outputs > 1:
                linear.bias[-2 * width : -width] = 0.0  # keys have none
    layer.ffn.linear_0.weight, layer.ffn.linear_0.bias = draw(hidden, width), draw(hidden)
    layer.ffn.linear_1.weight, layer.ffn.linear_1.bias = draw(width, hidden), draw(width)
    for part in *attentions, layer.ffn:
        _fill_norm(part.layer_norm, width, 1.0 if draw.spread else 0.0)


def _fill_norm(norm: Any, width: int, gain: float) -> None:
    norm.gamma, norm.beta = np.full(width, gain, dtype=np.float32), np.zeros(width, dtype=np.float32)
