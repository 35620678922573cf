"""This file plays the scripted turns to the product's ears, and judges when they would have answered.

A transcript is the script's own, so that the words are judged apart from whoever reads them: "what is heard so far"
is looked up by how many parts have been said.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean

from companion.audio import FRAME_SAMPLES, RATE, Audio, Frame, Utterance
from companion.drafts import LEAD_SECONDS, MOST_ANSWERS
from companion.ears import Ears, Pause, SpeechBegan, WentOn
from companion.endings import ending
from companion.patience import Ending, Patience
from companion.ports import SpeechDetector
from companion.spoken_turns import Rendered, Turn

THINKING_SECONDS = 1.0
"""Whoever goes on so soon after a commit is known to have been cut off: nothing has sounded yet."""

Reader = Callable[[Turn, int, Utterance], str]
"""The transcript of a turn up to its pause number n, of which this utterance is the sound."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one turn was taken."""

    turn: Turn
    cut_off: float | None
    """Length of the first pause that was taken for the end, in seconds; None if there was none."""
    latency: float
    """Seconds from the last sample of speech to the commit."""
    requests: int
    """Answers begun, the one that was wanted included."""
    hidden: bool
    """Whether the one that was wanted had begun in the pause."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a set of turns was taken."""

    verdicts: tuple[Verdict, ...]

    @property
    def cut_offs(self) -> float:
        """Share of the turns that were cut off."""
        return mean(verdict.cut_off is not None for verdict in self.verdicts)

    @property
    def latency(self) -> float:
        """Mean seconds from the last sample of speech to the commit."""
        return mean(verdict.latency for verdict in self.verdicts)

    @property
    def requests(self) -> float:
        """Answers begun for each turn."""
        return mean(verdict.requests for verdict in self.verdicts)

    @property
    def hidden(self) -> float:
        """Share of the turns whose answer had begun in the pause."""
        return mean(verdict.hidden for verdict in self.verdicts)

    def __add__(self, other: Judgement) -> Judgement:
        return Judgement(self.verdicts + other.verdicts)


class Recording:
    """A Microphone that plays a recording, and then is silent by dither."""

    def __init__(self, audio: Audio) -> None:
        self._audio = audio
        self._place = 0

    async def read(self) -> Frame:
        samples = self._audio.samples[self._place : self._place + FRAME_SAMPLES]
        if len(samples) < FRAME_SAMPLES:
            raise EOFError
        self._place += FRAME_SAMPLES
        return Frame(Audio(samples), self._place / RATE)

    async def close(self) -> None: ...


def scripted(turn: Turn, pause: int, _: Utterance) -> str:
    """The script's own transcript."""
    return turn.parts[pause].heard


def judge(
    rendered: Iterable[Rendered],
    patience: Patience,
    detector: SpeechDetector,
    read: Reader = scripted,
) -> Judgement:
    """Plays turn after turn of one speaker to one pair of ears, as a conversation would."""
    verdicts = []
    ears = Ears(Recording(Audio.silence(0.0)), detector, patience)
    for one in rendered:
        ears._microphone = Recording(one.audio)  # the same ears: what they learnt of the speaker stays
        verdicts.append(asyncio.run(_take(one, ears, read)))
    return Judgement(tuple(verdicts))


async def _take(one: Rendered, ears: Ears, read: Reader) -> Verdict:
    await ears.ignore(0.0)
    spans = one.spans
    truth = spans[-1].ends / RATE
    cut_off: float | None = None
    committed = 0.0
    requests = 0
    starts = math.inf
    while True:
        noticed = await ears.next()
        match noticed:
            case SpeechBegan() if committed:
                if noticed.at - committed < THINKING_SECONDS:
                    ears.rhythm.cut_off()
                committed = 0.0
            case Pause(so_far):
                said = sum(span.ends / RATE <= so_far.ended + 0.2 for span in spans)
                if said:
                    how = ending(read(one.turn, said - 1, so_far), one.turn.language)
                    ears.expect(how)
                    lead = math.inf if how is Ending.CLOSED else LEAD_SECONDS
                    starts = so_far.ended + max(ears.patience.draft, ears.rhythm.silence(how) - lead)
            case WentOn():
                requests += requests < MOST_ANSWERS and ears._microphone._place / RATE > starts  # type: ignore[attr-defined]
                starts = math.inf
            case Utterance():
                # The commit came with the frame just read: that is how far the recording was played.
                committed = ears._microphone._place / RATE  # type: ignore[attr-defined]
                said = sum(span.ends / RATE <= noticed.ended + 0.2 for span in spans)
                if said == len(spans):
                    if cut_off is None:
                        ears.rhythm.finished()
                    hidden = requests < MOST_ANSWERS and starts < committed
                    return Verdict(one.turn, cut_off, committed - truth, requests + 1, hidden)
                if cut_off is None:
                    cut_off = one.turn.parts[max(0, said - 1)].pause
