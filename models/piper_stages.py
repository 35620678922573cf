"""This file makes the sound of a sentence piece by piece, with a Piper voice that was cut.

The first part runs once for a sentence: it finds how long each phoneme sounds, and draws the noise. The flow makes the
latent of that, some 190 numbers for each frame of 256 samples, and the decoder makes sound of the latent, which takes
most of the time. Both look some frames to either side and no further: run over a few frames and so many more around
them, they make the same as run over all. All noise is in the first part, so a sentence in pieces is the same sentence.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from companion.audio import Samples

Floats = NDArray[np.float32]

SLOWEST: Final = 0.36
"""Real-time factor of the slowest machine that shall speak at once: a medium voice on a Raspberry Pi 4. Every machine
is taken for it until it has shown to be quicker, or slower."""

QUICKEST: Final = 0.01
"""Real-time factor below which it makes no difference any more."""

FLOW, DECODER = 0.17, 0.77
"""Their shares of the time that a medium voice takes [measured]."""

SHORTEST: Final = 8
"""Frames of the first piece, at least: about 0.09 s."""

LATE: Final = 4
"""Frames by which a piece is made before the one before it is over: about 0.05 s, by which a busy computer may be late
with handing it over."""

LARGEST: Final = 128
"""Frames of a piece: about 1.5 s. Larger ones save little; and a piece cannot be stopped once it is begun."""

MOST: Final = 160
"""Frames of a piece with which a sentence ends: a short rest goes along."""

GROWTH: Final = 3
"""So many times as long as the one before it may a piece be: what fits in can still come late."""

HEADROOM: Final = 1.3
"""So many times slower than it was may the machine be with the next piece [what pieces take differs by 20 % here].
Where the first piece would have to be longer than `LARGEST`, a stock of sound is kept (`companion/timed.py`)."""

SLOW: Final = 2 * LARGEST
"""Frames of all pieces there: what is done twice is a tenth of them."""

LATELY: Final = 9
"""Pieces by which is known how fast the machine is: by the second slowest, for what disturbs it once does not count."""

FARTHEST: Final = 48
"""Frames. What looks further is none of Piper's, and nothing would be won: its flows look 32 frames to either side, its
decoders 11 to 14."""

EXACT: Final = 1e-5
"""By how much a sample made in pieces may differ from one made at once, at most: a third of what 16 bits can tell."""

FULL_SCALE: Final = 32767.0

QUIETEST: Final = 1e-3
"""Amplitude. What never becomes louder is silence, and is not made louder than that would be."""


class Uncut(Exception):
    """Why a voice can only be spoken whole sentence by whole sentence."""


class Session(Protocol):
    """What is used of an onnxruntime.InferenceSession."""

    def run(self, names: None, inputs: Mapping[str, Any]) -> list[Any]:
        """All outputs."""
        ...

    def get_inputs(self) -> list[Any]:
        """Each has a name."""
        ...

    def get_outputs(self) -> list[Any]:
        """Each has a name."""
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, before its flow."""

    frames: int
    """How long it is."""
    parts: Mapping[str, Any]
    """What flow and decoder want to know, by name; of some each frame has its own: their last axis is as long."""


class FirstPart:
    """Stands where a voice has its session, and stops before the flow: Piper turns text into its inputs, and its
    durations into alignments, as ever. What Piper takes for the sound is empty; the sentence lies here."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        """`sessions`: of all parts."""
        self._session = sessions[0]
        self._names = [each.name for each in sessions[0].get_outputs()]
        self._wanted = {each.name for session in sessions[1:] for each in session.get_inputs()}
        self.sentence: Sentence | None = None
        """The newest."""

    def run(self, names: None, inputs: Mapping[str, Any]) -> list[Any]:
        """As Piper asks its session: what stands for the sound, and the durations where they are known."""
        made = dict(zip(self._names, self._session.run(names, inputs), strict=True))
        frames = made[self._names[0]].shape[2]
        self.sentence = Sentence(frames, {name: made.pop(name) for name in self._names if name in self._wanted})
        durations = [each for each in made.values() if round(float(np.sum(each))) == frames]
        return [np.zeros((1, 1, 1), dtype=np.float32), *durations]


@dataclass(frozen=True, slots=True)
class Measures:
    """What was found out about the flow or the decoder of a voice when it was cut."""

    hop: int
    """How many of what comes out are one frame."""
    reach: int
    """Frames it has to see before and behind those that it works on."""


class Stage:
    """The flow or the decoder of a voice."""

    def __init__(self, session: Session, measures: Measures) -> None:
        self._session = session
        self._input, *self._others = [each.name for each in session.get_inputs()]
        self.measures = measures

    def over(self, frames: Floats, sentence: Sentence, begins: int, ends: int) -> Floats:
        """What comes out for these frames, of those there are so far: [1, channels, hop * (ends - begins)]."""
        seen = max(0, begins - self.measures.reach)
        part = slice(seen, min(frames.shape[2], ends + self.measures.reach))
        others = {name: _along(sentence, sentence.parts[name], part) for name in self._others}
        made: Floats = self._session.run(None, {self._input: frames[:, :, part], **others})[0]
        hop = self.measures.hop
        return made[:, :, (begins - seen) * hop : (ends - seen) * hop]


class Speed:
    """How fast this machine makes the sound of a voice, beside all else that it does."""

    def __init__(self, frame_seconds: float, timer: Callable[[], float] = time.perf_counter) -> None:
        """`frame_seconds`: how long a frame sounds. `timer` tells the time, in seconds."""
        self._frame_seconds = frame_seconds
        self._timer = timer
        self._factors = deque([SLOWEST] * LATELY, LATELY)

    @property
    def factor(self) -> float:
        """Seconds it takes for a second of sound; more than 0."""
        return max(QUICKEST, sorted(self._factors)[-2])

    @contextmanager
    def measuring(self, frames: float) -> Iterator[None]:
        """What is done inside is as much as the whole voice does for so many frames."""
        began = self._timer()
        yield
        self._factors.append((self._timer() - began) / (frames * self._frame_seconds))


class Pieces:
    """Flow, where it could be cut off, and decoder of a voice."""

    def __init__(self, sessions: Sequence[Session], measures: Sequence[Measures], speed: Speed | None = None) -> None:
        """`sessions`: of all parts; `measures`: of all but the first. `speed`: what is found out about the machine;
        None: it is taken for the slowest that speaks at once."""
        self._speed = speed
        self._begin = sessions[1].get_inputs()[0].name
        *flow, self._decoder = map(Stage, sessions[1:], measures)
        self._flow = flow[0] if flow else None

    def seconds(self, sentence: Sentence, rate: int) -> float:
        """How long it will sound, at so many Hertz."""
        return sentence.frames * self._decoder.measures.hop / rate

    def of(self, sentence: Sentence) -> Iterator[Floats]:
        """The samples of a sentence, of which each piece is made when it is asked for: the same to some 1e-7 as if all
        were made at once."""
        beginning: Floats = sentence.parts[self._begin]
        latent = beginning[:, :, :0] if self._flow else beginning
        reach, flow = self._decoder.measures.reach, self._flow.measures.reach if self._flow else 0
        factor = self._speed.factor if self._speed else SLOWEST
        for begins, ends in pairwise(bounds(sentence.frames, reach, flow, factor)):
            wanted = min(sentence.frames, ends + reach)
            flowing = latent.shape[2], wanted
            work = DECODER * _seen(begins, ends, reach, sentence.frames)
            work += FLOW * _seen(*flowing, flow, sentence.frames) if self._flow and wanted > flowing[0] else 0.0
            with self._speed.measuring(work) if self._speed else nullcontext():
                if self._flow and wanted > flowing[0]:
                    more = self._flow.over(beginning, sentence, *flowing)
                    latent = np.concatenate([latent, more], axis=2)
                piece = self._decoder.over(latent, sentence, begins, ends).reshape(-1)
            yield piece


class Gain:
    """Makes a voice as loud as it can be without being clipped, by one factor for all that it says.

    Piper divides each sentence by its loudest sample, which nobody knows while its first piece sounds. Here the factor
    comes from the loudest sample there has been in anything it said: first in the phrase it was tried with, and where a
    piece becomes louder, the factor has gone down gradually when that sample comes. It never goes up again. So nothing
    is clipped and nothing jumps; after some sentences the factor stays as it is, and whoever listens hears every
    sentence as loud as the voice speaks it. Samples are at most 1 high before, so it never becomes softer than the
    voice is by itself.
    """

    def __init__(self, loudest: float) -> None:
        """`loudest`: amplitude of a phrase's loudest sample."""
        self._loudest = max(QUIETEST, loudest)

    def applied(self, samples: Floats) -> Samples:
        """The next piece, louder."""
        heights = np.abs(samples)
        before, self._loudest = self._loudest, max(self._loudest, float(heights.max(initial=0.0)))
        louder = int(np.argmax(heights > before)) if self._loudest > before else len(samples)
        falling = np.linspace(1 / before, 1 / self._loudest, louder + 1)[: len(samples)]
        factors = np.pad(falling, (0, len(samples) - len(falling)), constant_values=1 / self._loudest)
        return np.clip(samples * factors * FULL_SCALE, -FULL_SCALE, FULL_SCALE).astype(np.int16)


def bounds(frames: int, decoder: int, flow: int, factor: float = SLOWEST) -> Iterator[int]:
    """Where the pieces of a sentence begin, and the last one ends: a short one, which sounds soon, then longer ones, of
    which each is ready before the one before it is over.

    What flow and decoder have to see around a piece, in frames, is work that is done twice. The slower the machine, by
    its real-time `factor`, the longer its first piece, which must win what is lost so. One that is slower than the
    sound makes whole sentences: it falls silent between them, and not within.
    """
    slow = HEADROOM * factor
    twice = 2 * decoder * DECODER + 2 * flow * FLOW
    won = 1 / slow - (DECODER + FLOW)  # frames that sound while a frame is made, but for that frame
    size = max(SHORTEST, math.ceil((twice + LATE / slow) / won)) if won > 0 else SLOW
    size, largest = (size, LARGEST) if size <= LARGEST else (SLOW, SLOW)
    at, late = 0, LATE
    yield at
    while factor < 1 and frames - at > min(size, largest + MOST - LARGEST):
        at += (made := min(size, largest))
        yield at
        size = max(made, min(GROWTH * made, int(((made - late) / slow - twice) / (DECODER + FLOW))))
        late = 0  # what the second is early, all are
    if frames:
        yield frames


def measured(sessions: Sequence[Session], sentence: Sentence, whole: Floats) -> tuple[list[Measures], float]:
    """What there is to know of flow and decoder, from a sentence and its sound; and by how much the samples they make
    of it, piece by piece, differ at most. Raises Uncut if that is too much."""
    begin: Floats = sentence.parts[sessions[1].get_inputs()[0].name]
    found: list[Measures] = []
    for session in sessions[1:]:
        found.append(_looking(session, begin, sentence))
        begin = Stage(session, found[-1]).over(begin, sentence, 0, sentence.frames)
    pieces = list(Pieces(sessions, found).of(sentence))
    sound = np.concatenate(pieces)
    if len(pieces) < 2 or sound.shape != whole.shape:
        raise Uncut("its pieces are not as long as the whole")
    error = float(np.abs(sound - whole).max())
    if not error < EXACT:
        raise Uncut(f"its pieces differ from the whole by {error:.1g}")
    return found, error


def _looking(session: Session, frames: Floats, sentence: Sentence) -> Measures:
    """How far it looks is tried out: where one frame is another, so much of what comes out is another."""
    name, *others = [each.name for each in session.get_inputs()]
    middle = 2 * FARTHEST
    repeated = np.arange(2 * middle + 1) % sentence.frames
    inputs = {each: _along(sentence, sentence.parts[each], repeated) for each in others}
    one = frames[:, :, repeated]
    other = one.copy()
    other[:, :, middle] = 1.0 - 2.0 * other[:, :, middle]
    once, again = (session.run(None, {name: each, **inputs})[0] for each in (one, other))
    hop, rest = divmod(once.shape[2], len(repeated))
    changed = np.flatnonzero((once != again).any(axis=(0, 1))) // max(1, hop)
    if rest or not len(changed):
        raise Uncut("it does not make equally many samples of each frame")
    reach = int(max(middle - changed[0], changed[-1] - middle))
    if reach > FARTHEST:
        raise Uncut("it looks at the whole sentence for every sample")
    return Measures(hop, reach)


def _seen(begins: int, ends: int, reach: int, frames: int) -> int:
    """How many of the `frames` of a sentence are looked at for these."""
    return min(frames, ends + reach) - max(0, begins - reach)


def _along(sentence: Sentence, part: Any, places: slice | NDArray[np.int64]) -> Any:
    """Of what each frame has its own, that of these frames; of anything else all."""
    return part[..., places] if part.ndim == 3 and part.shape[-1] == sentence.frames else part
