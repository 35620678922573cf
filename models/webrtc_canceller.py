"""This file takes the toy's own sound out of what its microphone hears with WebRTC's canceller (AEC3), as the package
livekit carries it.

It also takes out what a loudspeaker distorts, which a linear filter cannot, and pays for that with the voice of whoever
speaks more softly than the echo. It neither suppresses noise nor evens out levels: speech-to-text hears worse after
both.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from companion.audio import RATE, Audio, Frame
from companion.errors import CompanionError

SPAN: Final = 50
"""Frames (0.5 s) after the last sample played in which it may still come back."""

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
        self._silent = SPAN + 1
        self._learnt = 0

    @property
    def learning(self) -> bool:
        """Whether less than a second of sound was played since it began."""
        return self._learnt < _BEGINNING

    def cancel(self, frame: Frame) -> Audio:
        """What was captured without the echo of what is played; unchanged where the body has no reference, or nothing
        was played lately."""
        if frame.played is None:
            return frame.captured
        self._silent = 0 if frame.played.samples.any() else self._silent + 1
        if self._silent > SPAN:
            return frame.captured
        self._learnt += self._silent == 0
        self._canceller.process_reverse_stream(self._wrapped(frame.played))
        captured = self._wrapped(frame.captured)
        self._canceller.process_stream(captured)
        return Audio(np.frombuffer(bytes(captured.data), dtype=np.int16))

    def _wrapped(self, audio: Audio) -> Any:
        return self._frame(bytearray(audio.samples.tobytes()), RATE, 1, len(audio.samples))
