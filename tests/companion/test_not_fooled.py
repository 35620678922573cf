"""What is not speech, or not for the toy, asks nobody anything: with the real ears, for minutes; an hour in soak."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from not_speech import grid
from scene import Scene

from companion.audio import Samples
from companion.calling import ByButton, ByName, Calling, Open
from models.micro_wake import MicroWakeWord
from models.speech_detector import SileroDetector
from models.sphinx import SphinxTranscriber
from models.sphinx_wake import SphinxWakeWord

MINUTES = 60.0 if os.environ.get("COMPANION_SOAK") else 6.0

CALLINGS: dict[str, Callable[[], Calling]] = {
    "open": Open,
    "hey pip": lambda: ByName(SphinxWakeWord("hey pip")),
    "hey jarvis": lambda: ByName(MicroWakeWord("hey jarvis")),
    "by button": ByButton,
}


class Sounds:
    """A line that nobody says: what is heard in a room."""

    text = None

    def __init__(self, pieces: Iterator[Samples]) -> None:
        self._pieces = pieces

    def samples(self) -> Iterator[Samples]:
        return self._pieces


@pytest.mark.parametrize("name", CALLINGS)
def test_what_is_no_speech_asks_nobody(name: str) -> None:
    pieces = (samples for kind, samples in grid(MINUTES, seed=1) if name != "open" or "babble" not in kind)
    scene = Scene(
        Sounds(pieces),  # type: ignore[arg-type]
        detector=SileroDetector(),
        transcriber=lambda _: SphinxTranscriber(),
        calling=CALLINGS[name](),
        longest=1e6,
    )
    scene.user._press = lambda _: None
    scene.play()
    assert scene.world.now() > 60.0 * MINUTES * (0.8 if name == "open" else 1.0)
    assert scene.chat.prompts == []  # type: ignore[attr-defined]
    assert scene.told("heard") == []
    assert scene.told("said")[1:] == []
    print(f"\n{name}: {len(scene.told('called'))} times taken for its name, {len(scene.told('ignored'))} ignored")
