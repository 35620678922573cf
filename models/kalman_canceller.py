"""This file takes the toy's own sound out of what its microphone hears: an adaptive filter in the frequency domain.

It learns how the loudspeaker sounds at the microphone, up to 0.5 s later, predicts that, and subtracts it: nothing
else is changed, so somebody who speaks meanwhile stays as clear as they were. WebRTC's canceller takes out a little
more, and with it most of whoever speaks more softly than the echo: of a voice as loud as the echo the first word is
lost, of one 6 dB softer nearly all [tried].

The method is the partitioned-block frequency-domain Kalman filter of F. Kuech, E. Mabande and G. Enzner, "State-space
architecture of the partitioned-block-based acoustic echo controller" (ICASSP 2014): how fast it learns follows, for
each frequency, from how sure it is of the echo and how loud everything else is, so that it need not be told when
somebody speaks.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.audio import FRAME_SAMPLES, Audio, frames

SPAN_SECONDS: Final = 0.5
"""Of the echo that can be predicted: delay, and the room's answer after it."""

_BLOCKS: Final = frames(SPAN_SECONDS)
_BINS: Final = FRAME_SAMPLES + 1

_UNSURE: Final = 0.012
"""Variance of each coefficient before anything is known, against the power that comes back of what is played. Of 0.4,
0.04 and 0.004, 0.012 was 10 dB down soonest [tried]."""

_FAINTEST: Final = 3e-3
"""What comes back at least, to begin with: -25 dB."""

_FORGETS: Final = 0.99
"""How much of the echo's path is the same 10 ms later: of people who walk around, and of clocks that drift apart. With
0.999 an echo was 30 dB down in the end, and 20 dB where one clock was 50 ppm slow; so 27 and 24 [tried]."""

_SMOOTH: Final = 0.5
"""Of the loudness of everything that is no echo, from one block to the next."""

_WORTH: Final = 0.5
"""Of a prediction that is right, the captured sound holds all of it, whoever speaks meanwhile: their product is the
prediction's power. Of one that holds for less than half, as little would be left if it were not subtracted: the sound
card has lost samples, or a clock has jumped."""

_DROWNS: Final = 0.02
"""In the power of everything that is captured so little of the prediction is lost by chance: in a voice that is 14 dB
louder than the echo, all that would be missed."""

_LASTING: Final = 15
"""Frames (0.15 s) for which a prediction must be wrong: the first 10 ms of a loud syllable may well look like that."""

_LATELY: Final = 0.95
"""How much of these powers is kept with each frame: they are of about 0.2 s."""

_UNHEARD: Final = 1e-3
"""Power of a prediction of that length which is too soft to be judged."""

_BEGINNING: Final = 100
"""Frames of sound (1 s) after which about 10 dB are taken out."""

_Floats = NDArray[np.float32]


class KalmanCanceller:
    """An EchoCanceller for a loudspeaker that does not distort. Takes 0.03 s of a desk core for a second of sound."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream, and the room."""
        self._far = np.zeros((_BLOCKS, _BINS), dtype=np.complex64)
        self._last = np.zeros(2 * FRAME_SAMPLES, dtype=np.float32)
        self._unlearn()

    @property
    def learning(self) -> bool:
        """Whether less than a second of sound was played since it began, or began anew."""
        return self._learnt < _BEGINNING

    def cancel(self, captured: Audio, played: Audio) -> Audio:
        """What was captured, without the echo of what was played."""
        self._hear(played)
        near = captured.floats
        predicted = np.fft.irfft((self._far * self._path).sum(axis=0))[FRAME_SAMPLES:].astype(np.float32)
        rest: _Floats = near - predicted
        self._watch(near, predicted)
        if self.learning:
            self._guess(near)
        self._learn(rest)
        self._learnt += bool(played.samples.any())
        return Audio(np.clip(np.rint(rest * 32768.0), -32768, 32767).astype(np.int16))

    def _unlearn(self) -> None:
        self._path = np.zeros((_BLOCKS, _BINS), dtype=np.complex64)
        self._back = _FAINTEST
        self._doubt = np.full((_BLOCKS, _BINS), _UNSURE * _FAINTEST, dtype=np.float32)
        self._sent = self._came = 0.0
        self._others = np.zeros(_BINS, dtype=np.float32)
        self._power = self._found = self._heard = 0.0
        self._learnt = self._wrong = 0

    def _hear(self, played: Audio) -> None:
        self._last[:FRAME_SAMPLES] = self._last[FRAME_SAMPLES:]
        self._last[FRAME_SAMPLES:] = played.floats
        self._far[1:] = self._far[:-1].copy()
        self._far[0] = np.fft.rfft(self._last)

    def _watch(self, near: _Floats, predicted: _Floats) -> None:
        """Begin anew when the prediction is of something that is no more."""
        self._power = _LATELY * self._power + float(np.square(predicted).sum())
        self._found = _LATELY * self._found + float((predicted * near).sum())
        self._heard = _LATELY * self._heard + float(np.square(near).sum())
        wrong = self._found < _WORTH * self._power - _DROWNS * self._heard - _UNHEARD
        self._wrong = self._wrong + 1 if wrong else 0
        if self._wrong == _LASTING:
            self._unlearn()

    def _guess(self, near: _Floats) -> None:
        """How much comes back: what is unknown is as large as that."""
        self._sent += float(np.square(self._last[FRAME_SAMPLES:]).sum())
        self._came += float(np.square(near).sum())
        if self._came > self._back * self._sent > 0:
            self._doubt *= np.float32(self._came / self._sent / self._back)
            self._back = self._came / self._sent

    def _learn(self, rest: _Floats) -> None:
        error = np.fft.rfft(np.concatenate([np.zeros(FRAME_SAMPLES, dtype=np.float32), rest])).astype(np.complex64)
        power = np.square(self._far.real) + np.square(self._far.imag)
        self._others += np.float32(1 - _SMOOTH) * (np.square(np.abs(error)) - self._others)
        # A block of 2 n samples of which n are zeros holds half of the power.
        gain = self._doubt / (0.5 * (self._doubt * power).sum(axis=0) + self._others + np.float32(1e-7))
        step = np.fft.irfft(gain * self._far.conj() * error, axis=1)
        step[:, FRAME_SAMPLES:] = 0.0  # what a path of 10 ms cannot hold
        self._path += np.fft.rfft(step, axis=1).astype(np.complex64)
        path = np.square(self._path.real) + np.square(self._path.imag)
        self._doubt *= np.float32(_FORGETS**2) * (1 - np.float32(0.5) * gain * power)
        self._doubt += np.float32(1 - _FORGETS**2) * path + np.float32(1e-10)
