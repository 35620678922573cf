"""This file hears one of four common names with microWakeWord, whose wheel carries a small network for each.

They weigh 50 to 80 kB and take 6 ms of a desk core for each second of sound: the cheapest and surest ears for a name,
if it may be one of these.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from weakref import finalize

from companion.audio import FRAME_SAMPLES, RATE, Audio
from companion.errors import NotHeard, SettingsError
from companion.ports import Wake
from models.threads import engine_thread

if TYPE_CHECKING:
    from pymicro_wakeword import MicroWakeWord as Network
    from pymicro_wakeword import MicroWakeWordFeatures as Features

PHRASES: Final = ("alexa", "hey jarvis", "hey mycroft", "okay nabu")
"""What it knows. The wheel calls each by the same words, joined by "_"."""

ONCE: Final = 100
"""Frames (1 s) for which the network must have been unsure before the name counts as said again. It stays sure for 0.1
to 1.3 s of one saying [tried], with gaps: it judges every third frame only."""


class MicroWakeWord:
    """Hears one name that it was trained for, and that is enough.

    At their makers' thresholds, in flite's four voices, each found its name in 6 to 9 of 12 sayings; most of those
    missed went on into the next word without a pause. Of 110 other sentences none woke "alexa" or "hey jarvis", two
    woke "hey mycroft" ("my brother ...") and two "okay nabu" ("okay, now ...") [tried].
    """

    def __init__(self, phrase: str) -> None:
        """Costs nothing: the network is loaded by `load`. Raises SettingsError for a name that it does not know."""
        check(phrase)
        self._phrase = phrase
        self._thread = engine_thread("micro-wake")
        self._spotter: _Spotter | None = None

    async def load(self) -> None:
        """Load the network, if it is not loaded yet. Raises NotHeard."""
        if self._spotter is None:
            self._spotter = await asyncio.get_running_loop().run_in_executor(self._thread, _Spotter, self._phrase)

    def hears(self, frame: Audio) -> Wake | None:
        """Whether the name ended in these 10 ms, or within the last tenths of a second. Raises ValueError for a frame
        of any other size or rate."""
        if len(frame.samples) != FRAME_SAMPLES or frame.rate != RATE:
            raise ValueError(f"10 ms at {RATE} Hz expected, not {len(frame.samples)} samples at {frame.rate} Hz")
        if self._spotter is not None and self._spotter.hears(frame.samples.tobytes()):
            return Wake(self._phrase, sure=True)
        return None

    def reset(self) -> None:
        """Forget the stream so far."""
        if self._spotter is not None:
            self._spotter.reset()


class _Spotter:
    """The network, the spectrum that it looks at, and what they remember of the stream."""

    def __init__(self, phrase: str) -> None:
        try:
            from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model  # here: start-up time counts

            self._network: Network = MicroWakeWord.from_builtin(Model(phrase.replace(" ", "_")))
            self._features: Features = MicroWakeWordFeatures()
        except (ImportError, OSError, AttributeError, KeyError, ValueError, RuntimeError) as error:
            raise NotHeard(f"microWakeWord cannot be loaded: {error}") from error
        finalize(self, self._network.close)
        self._unsure = ONCE + 1  # frames since the network was last sure

    def hears(self, sound: bytes) -> bool:
        """Whether the name is told of now."""
        sure = False
        for spectrum in self._features.process_streaming(sound):  # none in the first 30 ms, then one for each frame
            sure = bool(self._network.process_streaming(spectrum)) or sure
        news = sure and self._unsure > ONCE
        self._unsure = 0 if sure else self._unsure + 1
        return news

    def reset(self) -> None:
        self._network.reset()
        self._features.reset()
        self._unsure = ONCE + 1


def check(phrase: str) -> None:
    """Whether it knows this name. Imports nothing. Raises SettingsError with one sentence."""
    if phrase not in PHRASES:
        known = ", ".join(f'"{each}"' for each in PHRASES)
        raise SettingsError([f'microWakeWord has no network for "{phrase}": it knows {known}'])
