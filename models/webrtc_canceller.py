"""This file takes the toy's own sound out of what its microphone hears with WebRTC's canceller (AEC3), as the package
livekit carries it.

It also takes out what a loudspeaker distorts, which a linear filter cannot, and pays for that with the voice of whoever
speaks more softly than the echo. It neither suppresses noise nor evens out levels: speech-to-text hears worse after
both.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from companion.audio import RATE, Audio
from companion.errors import CompanionError

_BEGINNING: Final = 100
"""Frames of sound (1 s) after which about 20 dB are taken out [tried]."""


class WebrtcCanceller:
    """An EchoCanceller for loudspeakers that distort. Takes 0.02 s of a desk core for a second of sound."""

    def __init__(self) -> None:
        """Raises CompanionError without the package livekit."""
        try:
            from livekit.rtc import AudioFrame, AudioProcessingModule
        except (ImportError, OSError) as error:
            raise CompanionError(f"WebRTC's echo canceller cannot be loaded ({error}): install livekit") from error
        self._frame = AudioFrame
        self._module = AudioProcessingModule
        self.reset()

    def reset(self) -> None:
        """Forget the stream, and the room."""
        self._canceller = self._module(echo_cancellation=True, high_pass_filter=True)
        self._learnt = 0

    @property
    def learning(self) -> bool:
        """Whether less than a second of sound was played since it began."""
        return self._learnt < _BEGINNING

    def cancel(self, captured: Audio, played: Audio) -> Audio:
        """What was captured, without the echo of what was played."""
        self._learnt += bool(played.samples.any())
        self._canceller.process_reverse_stream(self._wrapped(played))
        clean = self._wrapped(captured)
        self._canceller.process_stream(clean)
        return Audio(np.frombuffer(bytes(clean.data), dtype=np.int16))

    def _wrapped(self, audio: Audio) -> Any:
        return self._frame(bytearray(audio.samples.tobytes()), RATE, 1, len(audio.samples))
