"""This file cuts the microphone's frames into utterances: where speech begins, where it pauses, where it has ended.

Everything is counted in frames heard, never in wall time, so that a recording gives the same cuts every time. How
long a pause may be depends on what was said before it; whoever reads that tells the ears, with `expect`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from companion.audio import FRAME_SECONDS, Audio, Frame, Utterance, frames
from companion.echo import Echo
from companion.endpointing import Rhythm
from companion.errors import Deaf, DeviceError
from companion.loudness import Loudness
from companion.patience import Ending, Patience
from companion.ports import Microphone, SpeechDetector, Wake, WakeWord

Follower = Callable[[Audio, Audio | None], None]
"""Told of each 10 ms what was heard, without the toy's own sound, and what was played meanwhile, if that is known."""

SPEECH = 0.5
"""Probability at which a frame counts as speech. Silero's own default."""

STILL_SPEECH = 0.35
"""Probability at which speech that has begun goes on: 0.15 lower, Silero's own hysteresis."""

SOFTEST = 35.0
"""Decibels below the usual level of speech from which on a frame is none, whatever the detector says: it lags behind
the end of speech by 80 ms, which somebody would wait for. Soft endings lie 20 to 30 below [tried on flite's voices]."""

DOUBT_SECONDS = 0.15
"""A commit waits so long at most while something is audible: it may be the next word, which the detector takes up to
0.1 s to believe in."""

SMOOTH = 0.2
"""Of the level of a frame in that of speech, which is measured over 50 ms: syllables have gaps."""

OVER_SECONDS = 1.5
"""Sound kept from before somebody is noticed who talks over the toy: soft first words do not count then, and belong to
it."""

GATE_SECONDS = 1.0
"""A name is listened for while there may be speech, and for so long after: a whole name, with the pauses in it."""

NAME_SECONDS = 1.5
"""Sound kept while a name is listened for: the longest name and what came just before."""

WORD_SECONDS = 0.3
"""Somebody must have spoken so lately for a word to be taken for said: what is left of the toy's own sound, far too
soft to be speech, holds nearly any word."""

DEAD_SECONDS = 5.0
"""Nothing but zeros for so long is no silence: the quietest room makes a microphone count to one now and then."""

PROOF_SECONDS = 0.5
"""How long a microphone may take to give more than zeros, when it was dead before."""


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody has begun to speak; the utterance will follow."""

    at: float
    """First sample of speech: seconds on the body's clock."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody who speaks is silent for a moment."""

    so_far: Utterance


@dataclass(frozen=True, slots=True)
class WentOn:
    """It was only a pause."""


@dataclass(frozen=True, slots=True)
class KeepsOn:
    """Somebody has spoken for a while, told once at each of the marks one has asked for."""

    voiced: float
    """Seconds, without the silences."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Nobody has spoken for as long as was asked."""


Noticed = SpeechBegan | Pause | WentOn | KeepsOn | Wake | Utterance | Quiet


class Ears:
    """The one reader of the microphone."""

    def __init__(
        self,
        microphone: Microphone,
        detector: SpeechDetector,
        patience: Patience,
        echo: Echo | None = None,
        follower: Follower = lambda heard, played: None,
    ) -> None:
        """`echo`: what the microphone hears of the toy itself, which is taken out; None: it hears nothing of it.
        `follower`: who follows all that is heard, such as a light."""
        self.patience = patience
        self.rhythm = Rhythm(patience)
        """Of whoever speaks to the toy."""
        self.loudness = Loudness()
        """Of whoever speaks to the toy."""
        self.utterances = 0
        """How many were heard so far."""
        self.marks: Sequence[float] = ()
        """Seconds of speech in an utterance at which `next` tells that somebody keeps on."""
        self.listens_for: WakeWord | None = None
        """What `next` tells as soon as it is said."""
        self.softest = -math.inf
        """dBFS of the softest speech that counts."""
        self._microphone = microphone
        self._echo = echo
        self._follower = follower
        self._detector = detector
        self._recent: deque[tuple[Frame, bool]] = deque(maxlen=frames(OVER_SECONDS))
        self._speech: _Speech | None = None
        self._held = self._finished = False
        self._zeros = 0
        self._power = 0.0
        self._woken: Wake | None = None
        self._voiceless = 0
        """Frames since the last of speech."""

    async def next(self, patience: float = math.inf) -> Noticed:
        """What the ears notice next; Quiet after `patience` seconds without speech. May be cancelled and called
        again: it goes on where it was. Raises Deaf."""
        frames_left = patience / FRAME_SECONDS
        while True:
            frame = await self._read()
            if self.listens_for and (wake := self.listens_for.hears(self.loudness.evened(frame.captured))):
                self._woken = wake
            if noticed := self._hear(frame):
                return noticed
            wake, self._woken = self._woken, None
            if wake and self._voiceless <= frames(WORD_SECONDS):
                return wake
            frames_left -= 1
            if self._speech is None and (frames_left < 0.5 or self._finished):
                self._finished = False
                return Quiet()

    async def speech(self) -> None:
        """Wait until somebody begins to speak; the utterance comes with `next`. Raises Deaf."""
        while not isinstance(await self.next(), SpeechBegan):
            pass

    @property
    def hearing(self) -> bool:
        """Whether somebody is speaking."""
        return self._speech is not None

    @property
    def held(self) -> bool:
        """Whether somebody holds a button, and no pause ends the utterance."""
        return self._held

    async def called(self, name: WakeWord, enough: Callable[[], bool] = lambda: False) -> Wake | None:
        """Wait until the toy is called by its name; None when that is `enough`. The utterance which the name begins,
        or is all of, comes with `next`. Raises Deaf."""
        self.forget()
        name.reset()
        kept: deque[Frame] = deque(maxlen=frames(NAME_SECONDS))
        fed = open_for = 0
        while not enough():
            frame = await self._read()
            kept.append(frame)
            probability = self._probability(frame)
            if probability >= STILL_SPEECH:
                self.loudness.hears(frame.captured)
            open_for = frames(GATE_SECONDS) if probability >= STILL_SPEECH else open_for - 1
            if open_for <= 0:
                if fed:
                    name.reset()
                fed = 0
                continue
            # The first time it hears what was before the gate opened, too.
            for heard in [frame] if fed else list(kept):
                fed += 1
                if wake := name.hears(self.loudness.evened(heard.captured)):
                    self._speech = _Speech(list(kept), kept[0].ends - FRAME_SECONDS, frame.ends)
                    return wake
        return None

    def forget(self) -> None:
        """Begin anew: what somebody says just now is not for the toy."""
        self._speech = None
        self._held = self._finished = False
        self._recent.clear()
        self._detector.reset()

    async def ignore(self, seconds: float = math.inf) -> None:
        """Let `seconds` of sound pass unheard, and forget what came before: no model sees these frames."""
        self.forget()
        frames_left = seconds / FRAME_SECONDS
        while frames_left > 0.5:
            await self._read()
            frames_left -= 1

    async def prove(self) -> None:
        """Wait for a sign of life from the microphone. Raises Deaf when there is none."""
        self._zeros = frames(DEAD_SECONDS - PROOF_SECONDS)
        while self._zeros:
            await self._read()

    def expect(self, ending: Ending) -> None:
        """What was said up to this pause ends like this."""
        if self._speech:
            self._speech.ending = ending

    def hold(self) -> None:
        """Whatever pauses there are: the utterance lasts until `finish`, because somebody holds a button."""
        self._held = True

    def release(self) -> None:
        """A pause ends the utterance, as usual."""
        self._held = False

    def finish(self) -> None:
        """The utterance ends here; if there is none, `next` is Quiet."""
        self._held = False
        self._finished = True

    async def close(self) -> None:
        """Let go of the microphone, until somebody wants to hear again."""
        self.forget()
        await self._microphone.close()

    async def _read(self) -> Frame:
        """The next frame. Raises Deaf, also when a microphone has given nothing but zeros for too long."""
        try:
            frame = await self._microphone.read()
        except DeviceError as error:
            raise Deaf(str(error)) from error
        self._zeros = 0 if frame.captured.samples.any() else self._zeros + 1
        if self._zeros and self._zeros >= frames(DEAD_SECONDS):
            await self._microphone.close()
            raise Deaf("the microphone gives nothing but zeros: is it switched off, or may the toy not use it?")
        clean = self._echo.cleaned(frame) if self._echo else frame
        if self._echo and self._echo.held_back:
            self._recall({held.ends: held for held in self._echo.held_back})
        self._follower(clean.captured, frame.played)
        return clean

    def _recall(self, whole: Mapping[float, Frame]) -> None:
        """Some frames, by their ends, are now known as they were."""
        if self._speech:
            self._speech.frames = [whole.get(frame.ends, frame) for frame in self._speech.frames]
        kept = [(whole.get(frame.ends, frame), voiced) for frame, voiced in self._recent]
        self._recent.clear()
        self._recent.extend(kept)

    def _hear(self, frame: Frame) -> Noticed | None:
        probability = self._probability(frame)
        self._voiceless = 0 if probability >= STILL_SPEECH else self._voiceless + 1
        if self._speech is None:
            self._recent.append((frame, probability >= SPEECH))
            return self._begin() if probability >= SPEECH else None  # only with speech there is more of it
        return self._go_on(self._speech, frame, probability)

    def _probability(self, frame: Frame) -> float:
        """How likely speech that counts is."""
        probability = self._detector.probability(frame.captured)
        if self.softest == -math.inf:
            return probability
        self._power += SMOOTH * (10 ** (frame.captured.level / 10) - self._power)
        return probability if 10.0 * math.log10(self._power + 1e-10) >= self.softest else 0.0

    def _begin(self) -> SpeechBegan | None:
        window = list(self._recent)[-frames(self.patience.start_within) :]
        voiced = [frame for frame, is_voiced in window if is_voiced]
        if len(voiced) < frames(self.patience.start_voiced):
            return None
        kept = OVER_SECONDS if self.marks else self.patience.pre_roll + self.patience.start_within
        heard, began = [frame for frame, _ in self._recent][-frames(kept) :], voiced[0].ends - FRAME_SECONDS
        self._speech = _Speech(heard, began, voiced[-1].ends, voiced=len(voiced))
        self._recent.clear()
        return SpeechBegan(self._speech.began)

    def _go_on(self, speech: _Speech, frame: Frame, probability: float) -> Noticed | None:
        speech.frames.append(frame)
        audible = frame.captured.level > self.loudness.level - SOFTEST
        voiced = audible and probability >= STILL_SPEECH
        paused = frame.ends - FRAME_SECONDS - speech.ended
        if voiced:
            self.loudness.hears(frame.captured)
            speech.ended = frame.ends
            speech.voiced += 1
        silence = frame.ends - speech.ended
        needed = self.rhythm.silence(speech.ending) + (DOUBT_SECONDS if audible else 0.0)
        too_long = len(speech.frames) >= frames(self.patience.longest)
        over = silence >= needed - FRAME_SECONDS / 2 and not self._held
        if self._finished or too_long or over:
            self._speech, self._finished = None, False
            self.utterances += 1
            return speech.utterance()
        if voiced and speech.pausing:
            if speech.ending is not Ending.CLOSED:
                self.rhythm.paused(paused)
            speech.pausing, speech.ending = False, Ending.UNKNOWN
            return WentOn()
        if not speech.pausing and silence >= self.patience.draft - FRAME_SECONDS / 2:
            speech.pausing = True
            return Pause(speech.utterance())
        if speech.passed < (passed := sum(speech.voiced >= frames(mark) for mark in self.marks)):
            speech.passed = passed
            return KeepsOn(speech.voiced * FRAME_SECONDS)
        return None


@dataclass(slots=True)
class _Speech:
    frames: list[Frame]
    began: float
    ended: float
    ending: Ending = Ending.UNKNOWN
    pausing: bool = False
    """Whether a pause was told, and it is not over."""
    voiced: int = 0
    """Frames of speech."""
    passed: int = 0
    """Marks that were told."""

    def utterance(self) -> Utterance:
        return Utterance(Audio.join([frame.captured for frame in self.frames]), self.began, self.ended)
