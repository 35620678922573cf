"""This file chooses the `logit_bias` that keeps the model from writing what cannot be spoken.

A bias only makes stage directions rare; that none is ever spoken, the filter of `companion.phrases` guarantees.
The ids stand in `spoken_bias.json`, together with their source and the models for which that vocabulary is proven.
It is used for all of them: an id that meant something else would cost a model one token of its 151,643.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

SpokenBias = Literal["prose", "vendor", "off"] | Mapping[int, float] | Mapping[str, float]
"""What an owner may choose: a preset, or own token ids with their weights."""

LOWEST, HIGHEST = -100, 100
"""Weights: the lowest bans a token, the highest leaves no other."""

UNSPEAKABLE = "()（）*【】"
"""Characters whose coming shows that a ban of them is not kept."""


@dataclass(frozen=True, slots=True)
class Bias:
    """A `logit_bias`, and what must not arrive while it is in force."""

    weights: Mapping[str, float]
    """By token id, as a request carries them."""
    banned: str
    """Those of UNSPEAKABLE whose own token it bans."""


OFF = Bias({}, "")


def chosen(choice: SpokenBias) -> Bias:
    """The bias of a choice. "prose" bans the 13 tokens of the vendor's sample, those that fill its holes ("(S" is a
    token of its own), *actions* and 【: 300 ids, 4 KB a request. Raises ValueError."""
    table = _table()
    if isinstance(choice, Mapping):
        return _bias({_id(token): _weight(token, weight) for token, weight in choice.items()})
    match choice:
        case "prose":
            return _bias(dict.fromkeys([*table["parentheses"], *table["asterisks"], *table["brackets"]], LOWEST))
        case "vendor":
            return _bias(dict.fromkeys(table["vendor"], LOWEST))
        case "off":
            return OFF
    raise ValueError(f'The spoken bias is "prose", "vendor", "off" or token ids with weights, not {choice!r}')


def _bias(weights: Mapping[str, float]) -> Bias:
    table = _table()
    texts = {**table["parentheses"], **table["asterisks"], **table["brackets"]}
    banned = {texts.get(token) for token, weight in weights.items() if weight == LOWEST}
    return Bias(weights, "".join(character for character in UNSPEAKABLE if character in banned))


def _id(token: int | str) -> str:
    text = str(token)
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"A token id of the spoken bias is a whole number from 0, not {text:.40}")
    return str(int(text))


def _weight(token: int | str, weight: float) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not LOWEST <= weight <= HIGHEST:
        raise ValueError(f"The weight of token {token} in the spoken bias is in [-100, 100], not {weight!r}")
    return weight


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("spoken_bias.json").read_text(encoding="utf-8"))
    return table
