"""This file renders a scripted turn with the voices of the tests."""

from __future__ import annotations

from pathlib import Path

from synthetic import speak

from companion.spoken_turns import Rendered, Turn, rendered


def render(turn: Turn, folder: Path, *, flite: bool | None = None) -> Rendered:
    """A turn as sound; `folder` keeps the words for the next time (one a test session is enough).

    `flite` chooses the engine for English; None takes flite where it is installed, else espeak-ng, which speaks all
    other languages.
    """
    return rendered(turn, lambda words, voice: speak(words, voice, folder, flite=flite))
