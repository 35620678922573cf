"""This file says what the programs that we start find in their environment: all that we do, but for the key."""

from __future__ import annotations

import os

KEY_VARIABLE = "DASHSCOPE_API_KEY"
"""Holds the key to the service of the character, which is nobody else's business."""


def environment() -> dict[str, str]:
    """The environment of every program that we start."""
    return {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
