"""This file is the way of a sound from a simulated speaker through the room to the microphone."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Frame, Samples
from device.played import TAPS, Between, Floats, Played, rounded
from device.room import RANGES, Room, impulse_response

QUICK = 640
"""Samples. The Fourier transform of a multiple of these is quick, for they have few and small prime factors."""


class Echo:
    """What comes back of what is played. It is made for as many frames at once as the delay allows: that is cheaper."""

    def __init__(self, room: Room, seed: int) -> None:
        response = impulse_response(seed)
        self._pace = 1 / (1 + room.drift * 1e-6)
        self._delay = room.delay / 1000 * RATE
        self._least = RANGES["delay"][0] / 1000 * RATE
        self._most = int(self._delay) // FRAME_SAMPLES + 1
        """Frames made at once."""
        self._size = math.ceil((len(response) + self._most * FRAME_SAMPLES) / QUICK) * QUICK
        self._response = np.fft.rfft(response, self._size)
        self._tail = np.zeros(len(response), np.float32)
        """What the walls will still send back of what was played so far."""
        self._played: list[Samples] = []
        """Lately; nobody needed to know yet what becomes of it."""
        self._arrived = np.zeros(int(self._delay) + TAPS, np.float32)
        """What has come through the room, not yet delayed ..."""
        self._begins = -len(self._arrived)
        """... from this sample on."""
        self._captured = 0
        """Samples made so far ..."""
        self._ready = np.zeros(0, np.float32)
        """... and those of them that are still to be captured."""
        self._between = Between()

    def of(self, played: Samples) -> Floats:
        """What is captured while this, the next 10 ms, is played."""
        self._played.append(played)
        if not len(self._ready):
            self._arrived = np.concatenate([self._arrived, self._through(np.concatenate(self._played))])
            self._played.clear()
            self._ready = self._delayed()
        captured, self._ready = self._ready[:FRAME_SAMPLES], self._ready[FRAME_SAMPLES:]
        return captured

    def _through(self, played: Samples) -> Floats:
        """What comes of the walls while this is played, and of what was played before."""
        whole = np.zeros(self._size, np.float32)
        if played.any():
            whole += np.fft.irfft(np.fft.rfft(played, self._size) * self._response, self._size)
        whole[: len(self._tail)] += self._tail
        self._tail = whole[len(played) : len(played) + len(self._tail)]
        return whole[: len(played)]

    def _delayed(self) -> Floats:
        """As many of the next frames as can be known by now."""
        known = self._begins + len(self._arrived)
        frames = int((known - TAPS // 2 + self._delay) / self._pace - self._captured) // FRAME_SAMPLES
        frames = max(1, min(frames, self._most))
        first = self._captured * self._pace - self._delay
        count = frames * FRAME_SAMPLES
        step = self._pace
        if first + count * step > self._captured + count - self._least:
            first, step = self._captured - self._least, 1.0
        self._captured += count
        first -= self._begins
        echo = self._between(self._arrived, first, step, count) if self._arrived.any() else np.zeros(count, np.float32)
        old = max(0, int(first + count * step) - 2 * TAPS)
        self._arrived = self._arrived[old:]
        self._begins += old
        return echo


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
