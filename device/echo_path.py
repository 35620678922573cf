"""This file is the way of a sound from a simulated speaker through the room to the microphone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from device.played import TAPS, Between, Floats, Played, rounded
from device.room import RANGES, Room, impulse_response


class Echo:
    """What comes back of it."""

    def __init__(self, room: Room, seed: int) -> None:
        response = impulse_response(seed)
        blocks = np.pad(response, (0, -len(response) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
        spectra = np.fft.rfft(blocks, 2 * FRAME_SAMPLES)
        self._count = len(spectra)
        self._responses = np.concatenate([spectra, spectra])
        """Of each 10 ms of the response, twice, so that they can be turned to wherever the newest frame is."""
        self._sent = np.zeros_like(spectra)
        """Spectra of the last frames sent, each with the frame before it; a ring."""
        self._newest = 0
        self._silent = self._count + 1
        """Frames of silence sent lately."""
        self._before = np.zeros(FRAME_SAMPLES, np.float32)
        self._read = Between()
        self._pace = 1 / (1 + room.drift * 1e-6)
        self._delay = room.delay / 1000 * RATE
        self._least = RANGES["delay"][0] / 1000 * RATE
        self._frames = 0
        self._arrived = np.zeros(0, np.float32)
        """What has gone through the room, not yet delayed ..."""
        self._forgotten = 0
        """... without so many samples at its beginning."""

    def of(self, played: Samples) -> Floats:
        """What is captured while this, the next 10 ms, is played."""
        self._arrived = np.concatenate([self._arrived, self._through(played.astype(np.float32))])
        captured = self._frames * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)
        self._frames += 1
        sent = np.minimum(captured * self._pace - self._delay, captured - self._least) - self._forgotten
        echo = self._read(self._arrived, sent) if self._arrived.any() else np.zeros(FRAME_SAMPLES, np.float32)
        old = max(0, int(sent[0]) - TAPS)
        self._arrived = self._arrived[old:]
        self._forgotten += old
        return echo

    def _through(self, played: Floats) -> Floats:
        """The next 10 ms with all that still comes of the frames before: convolved, 10 ms of the response at a time."""
        self._silent = 0 if played.any() else self._silent + 1
        if self._silent > self._count + 1:
            return played
        self._newest = (self._newest - 1) % self._count
        self._sent[self._newest] = np.fft.rfft(np.concatenate([self._before, played]))
        self._before = played
        turned = self._responses[self._count - self._newest : 2 * self._count - self._newest]
        return np.fft.irfft((self._sent * turned).sum(axis=0))[FRAME_SAMPLES:].astype(np.float32)


class Acoustics:
    """All that a microphone in a room hears."""

    def __init__(self, room: Room, seed: int, gain: float, heard: Sequence[tuple[float, Audio]]) -> None:
        """`gain` of the echo, an amplitude. `heard`: what the speaker has played so far, a sequence that grows."""
        self._played = Played(heard)
        self._echo = Echo(room, seed)
        self._gain = np.float32(gain)
        self._noise = 0.0 if room.noise is None else 32_768 * 10 ** (room.noise / 20)
        self._chance = np.random.default_rng([seed, 2])
        self._waiting: deque[tuple[float, Samples]] = deque()

    def frame(self, begins: float, said: Samples) -> Frame | None:
        """Take the 10 ms from `begins` on, in which the user says `said`; the frame before it, as it was captured."""
        self._waiting.append((begins, said))
        if len(self._waiting) == 1:
            return None
        begins, said = self._waiting.popleft()
        played = self._played.frame(begins)
        captured = said + self._gain * self._echo.of(played)
        if self._noise:
            captured = captured + self._noise * self._chance.standard_normal(FRAME_SAMPLES, np.float32)
        return Frame(Audio(rounded(captured)), begins + FRAME_SECONDS, Audio(played))
