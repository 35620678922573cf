"""This file is what the vendor's page says of its models, as data: windows in tokens, prices in US dollars.

Source: the vendor's page on Qwen-Character. Its pages disagree by a few hundred tokens and change, so that these
are where a client begins, not what it insists on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from companion.ports import Usage


@dataclass(frozen=True, slots=True)
class QwenModel:
    """One row of the vendor's table."""

    longest_input: int
    """Tokens."""
    longest_output: int
    """Tokens."""
    usd_per_million_in: float
    usd_per_million_out: float

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars of one request, at most: what the service had cached costs less, how much less it does not say."""
        return (prompt_tokens * self.usd_per_million_in + completion_tokens * self.usd_per_million_out) / 1e6


MODELS: Mapping[str, QwenModel] = MappingProxyType(
    {
        "qwen-plus-character": QwenModel(30_000, 4_000, 0.5, 1.4),
        "qwen-flash-character": QwenModel(8_000, 4_096, 0.05, 0.4),
        "qwen-plus-character-ja": QwenModel(7_680, 512, 0.5, 1.4),
    }
)
"""By the name that a request carries."""

DEFAULT = "qwen-flash-character"
"""The quickest and cheapest of them."""


def usage(model: str, counted: Mapping[str, Any]) -> Usage:
    """What the service counted. The cost is an upper bound: cached tokens count in full, and a model that is not in
    the table costs 0."""
    prompt, completion = _count(counted, "prompt_tokens"), _count(counted, "completion_tokens")
    details = counted.get("prompt_tokens_details")
    price = MODELS.get(model)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=_count(details, "cached_tokens") if isinstance(details, dict) else 0,
        cost_usd=price.cost(prompt, completion) if price else 0.0,
    )


def _count(counted: Mapping[str, Any], name: str) -> int:
    value = counted.get(name)
    return value if isinstance(value, int) and value >= 0 else 0
