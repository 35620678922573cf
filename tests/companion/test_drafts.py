"""What was said so far is read in every pause, so that it is known when the pause turns out to be the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import numpy as np
import pytest

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Audio, Frame, Utterance
from companion.drafts import Drafts, Heard
from companion.ears import Ears, Pause, SpeechBegan, WentOn
from companion.endpointing import Rhythm
from companion.errors import NotHeard
from companion.loudness import Loudness
from companion.patience import Ending, Patience
from companion.ports import Transcript
from models.scripted import ScriptedDetector

Result = TypeVar("Result")


def utterance(ended: float = 1.0) -> Utterance:
    return Utterance(Audio(np.full(round(ended * 16_000), 300, np.int16)), began=0.0, ended=ended)


class Hands:
    """A Clock whose hands the test moves."""

    def __init__(self) -> None:
        self.time = 0.0
        self.engines = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a draft does not wait for time")

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()

    def engine_seconds(self) -> float:
        return self.engines


class Listening:
    """Ears that note what they are told to expect."""

    def __init__(self) -> None:
        self.loudness = Loudness()
        self.rhythm = Rhythm(Patience())
        self.held = False
        self.expected: list[Ending] = []

    def expect(self, ending: Ending) -> None:
        self.expected.append(ending)


class Reader:
    """A Transcriber that reads what it is told to, in so many turns of the loop; cancelled it cleans up for as long."""

    def __init__(
        self, *texts: str | NotHeard, turns: int = 1, clock: Hands | None = None, seconds: float = 0.0
    ) -> None:
        """`seconds` of engine time that each reading takes."""
        self._texts = list(texts)
        self._turns = turns
        self._clock = clock
        self._seconds = seconds
        self.asked: list[Utterance] = []
        self.open = 0
        self.most_open = 0
        self.cancelled = 0

    async def load(self) -> None: ...

    async def transcribe(self, utterance: Utterance) -> Transcript:
        text = self._texts[min(len(self.asked), len(self._texts) - 1)]
        self.asked.append(utterance)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            for _ in range(self._turns):
                await asyncio.sleep(0)
            if self._clock:
                self._clock.engines += self._seconds
            if isinstance(text, NotHeard):
                raise text
            return Transcript(text, "test")
        except asyncio.CancelledError:
            self.cancelled += 1
            for _ in range(self._turns):
                await asyncio.sleep(0)
            raise
        finally:
            self.open -= 1


class Judge:
    """An EndOfTurn of one opinion."""

    def __init__(self, probability: float) -> None:
        self._probability = probability
        self.asked: list[Audio] = []

    async def load(self) -> None: ...

    async def probability(self, audio: Audio) -> float:
        await asyncio.sleep(0)
        self.asked.append(audio)
        return self._probability


async def rest() -> None:
    """Let everybody come to rest."""
    for _ in range(200):
        await asyncio.sleep(0)


def run(act: Callable[[], Awaitable[Result]]) -> Result:
    """Run `act`; no task may be left when it returns."""

    async def acting() -> Result:
        result = await act()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(acting())


def late_by(heard: Heard, clock: Hands) -> float:
    """Seconds for which what was heard was waited for, after it was clear that it was over."""
    return heard.turn.seconds - (clock.time - heard.utterance.ended)


def drafts_of(
    reader: Reader, *, ears: Any = None, judge: Judge | None = None, language: str = "en", clock: Hands | None = None
) -> Drafts:
    return Drafts(ears or Listening(), reader, judge, language, clock or Hands())


def test_when_nothing_followed_the_draft_it_is_what_was_said_and_nothing_is_read_again() -> None:
    reader, clock = Reader("I like dinosaurs."), Hands()
    whole = utterance(1.4)

    async def act() -> Heard:
        async with drafts_of(reader, clock=clock) as drafts:
            drafts.begin(utterance(1.15))
            await rest()
            clock.time = 7.0
            return await drafts.commit(whole)

    heard = run(act)
    assert (heard.text, heard.engine) == ("I like dinosaurs.", "test")
    assert heard.utterance is whole
    assert sum(heard.turn.stages.values()) == pytest.approx(7.0 - 1.15)
    assert [each.ended for each in reader.asked] == [1.15]


def test_a_draft_that_is_not_ready_yet_is_waited_for() -> None:
    reader = Reader("Yes.", turns=50)

    async def act() -> Heard:
        async with drafts_of(reader) as drafts:
            drafts.begin(utterance())
            return await drafts.commit(utterance())

    assert run(act).text == "Yes."
    assert len(reader.asked) == 1


def test_what_ended_without_a_pause_is_read_then() -> None:
    reader = Reader("Yes.")

    async def act() -> Heard:
        async with drafts_of(reader) as drafts:
            return await drafts.commit(utterance(30.0))

    assert run(act).text == "Yes."
    assert [each.ended for each in reader.asked] == [30.0]


@pytest.mark.parametrize("turns", [0, 1, 10])
def test_when_somebody_goes_on_nothing_of_the_draft_is_left(turns: int) -> None:
    """`turns` of the loop lie between the pause and its end."""
    reader = Reader("I want", "I want to play.", turns=20)

    async def act() -> Heard:
        async with drafts_of(reader) as drafts:
            drafts.begin(utterance(1.0))
            for _ in range(turns):
                await asyncio.sleep(0)
            await drafts.drop()
            assert reader.open == 0, "it has cleaned up before drop() returned"
            assert asyncio.all_tasks() == {asyncio.current_task()}
            drafts.begin(utterance(2.0))
            return await drafts.commit(utterance(2.0))

    heard = run(act)
    assert reader.most_open == 1
    assert heard.text == ("I want to play." if turns else "I want"), "what was cancelled at once was not even asked"
    assert reader.asked[-1].ended == 2.0


def test_dropping_a_draft_that_is_ready_or_none_at_all_is_no_trouble() -> None:
    async def act() -> None:
        async with drafts_of(Reader("Yes.")) as drafts:
            await drafts.drop()
            drafts.begin(utterance())
            await rest()
            await drafts.drop()
            await drafts.drop()

    run(act)


def test_whoever_leaves_drops_what_is_left() -> None:
    reader = Reader("Yes.", turns=1_000)

    async def act() -> None:
        async with drafts_of(reader) as drafts:
            drafts.begin(utterance())
            await rest()
            assert reader.open == 1
        assert (reader.open, reader.cancelled) == (0, 1)

    run(act)


def test_whoever_is_cancelled_while_waiting_for_a_draft_leaves_none_behind() -> None:
    reader = Reader("Yes.", turns=1_000)

    async def hear() -> None:
        async with drafts_of(reader) as drafts:
            await drafts.commit(utterance())

    async def act() -> None:
        hearing = asyncio.create_task(hear())
        await rest()
        hearing.cancel()
        await asyncio.wait({hearing})
        assert hearing.cancelled()
        assert (reader.open, reader.cancelled) == (0, 1)

    run(act)


def test_what_cannot_be_read_is_told_when_it_was_the_end_and_not_before() -> None:
    async def act() -> None:
        async with drafts_of(Reader(NotHeard("broken"))) as drafts:
            drafts.begin(utterance())
            await rest()
            with pytest.raises(NotHeard, match="broken"):
                await drafts.commit(utterance())

    run(act)


def test_what_could_not_be_read_in_a_pause_is_forgotten_with_the_pause() -> None:
    reader = Reader(NotHeard("broken"), "Yes.")

    async def act() -> Heard:
        async with drafts_of(reader) as drafts:
            drafts.begin(utterance())
            await rest()
            await drafts.drop()
            drafts.begin(utterance(2.0))
            return await drafts.commit(utterance(2.0))

    assert run(act).text == "Yes."


def test_leaving_with_a_draft_that_failed_raises_nothing() -> None:
    async def act() -> None:
        async with drafts_of(Reader(NotHeard("broken"))) as drafts:
            drafts.begin(utterance())
            await rest()

    run(act)


@pytest.mark.parametrize(
    ("took", "pause", "late"), [(0.7, 0.25, 0.45), (0.7, 0.7, 0.0), (0.2, 0.65, 0.0), (0.7, 0.0, 0.7)]
)
def test_a_draft_is_late_by_what_it_took_longer_than_the_pause(took: float, pause: float, late: float) -> None:
    clock = Hands()
    clock.time, clock.engines = 3.0, 11.0
    reader = Reader("Yes.", clock=clock, seconds=took)

    async def act() -> Heard:
        async with drafts_of(reader, clock=clock) as drafts:
            drafts.begin(utterance())
            await rest()
            clock.time += pause
            clock.engines += 5.0  # somebody else's
            return await drafts.commit(utterance())

    assert late_by(run(act), clock) == pytest.approx(late)


def test_of_several_drafts_only_the_last_can_be_late() -> None:
    clock = Hands()
    reader = Reader("I want", "I want to play.", clock=clock, seconds=0.5)

    async def act() -> Heard:
        async with drafts_of(reader, clock=clock) as drafts:
            drafts.begin(utterance())
            await rest()
            clock.time = 1.0
            await drafts.drop()
            clock.time = 2.0
            drafts.begin(utterance(2.0))
            await rest()
            clock.time = 2.3
            return await drafts.commit(utterance(2.0))

    assert late_by(run(act), clock) == pytest.approx(0.2)


def test_what_was_not_read_in_advance_is_late_by_all_it_takes() -> None:
    clock = Hands()
    clock.time = 1.5

    async def act() -> Heard:
        async with drafts_of(Reader("Yes.", clock=clock, seconds=0.5), clock=clock) as drafts:
            return await drafts.commit(utterance())

    heard = run(act)
    assert late_by(heard, clock) == pytest.approx(0.5)


def expected(text: str, judge: Judge | None = None, language: str = "en") -> Ending:
    """What the ears are told to expect of an utterance with this text."""
    ears = Listening()

    async def act() -> None:
        async with drafts_of(Reader(text), ears=ears, judge=judge, language=language) as drafts:
            drafts.begin(utterance())
            await rest()

    run(act)
    (ending,) = ears.expected
    return ending


@pytest.mark.parametrize(
    ("text", "language", "ending"),
    [
        ("What is that?", "en", Ending.CLOSED),
        ("I like dinosaurs.", "en", Ending.TOLD),
        ("I like dinosaurs", "en", Ending.UNKNOWN),
        ("I want to", "en", Ending.HANGING),
        ("", "en", Ending.UNKNOWN),
        ("Ich möchte und", "de", Ending.HANGING),
        ("Ich möchte und", "en", Ending.UNKNOWN),
    ],
)
def test_the_ears_are_told_how_it_ends_as_soon_as_it_was_read(text: str, language: str, ending: Ending) -> None:
    assert expected(text, language=language) is ending


@pytest.mark.parametrize(
    ("text", "probability", "ending", "asked"),
    [
        ("What is that?", 0.1, Ending.CLOSED, 0),
        ("I like dinosaurs.", 0.9, Ending.TOLD, 1),
        ("I like dinosaurs.", 0.1, Ending.UNKNOWN, 1),
        ("I like dinosaurs", 0.9, Ending.CLOSED, 1),
        ("I like dinosaurs", 0.5, Ending.UNKNOWN, 1),
        ("I like dinosaurs", 0.1, Ending.UNKNOWN, 1),
        ("I want to", 0.9, Ending.HANGING, 1),
        ("I want to", 0.1, Ending.HANGING, 1),
    ],
)
def test_the_sound_is_judged_only_where_the_words_leave_it_open(
    text: str, probability: float, ending: Ending, asked: int
) -> None:
    judge = Judge(probability)
    assert expected(text, judge) is ending
    assert len(judge.asked) == asked


def test_what_was_dropped_tells_the_ears_nothing() -> None:
    ears = Listening()

    async def act() -> None:
        async with drafts_of(Reader("What?", turns=20), ears=ears) as drafts:
            drafts.begin(utterance())
            for _ in range(5):
                await asyncio.sleep(0)
            await drafts.drop()
            await rest()

    run(act)
    assert ears.expected == []


def test_engines_hear_it_as_loud_as_they_like_and_the_utterance_stays_as_it_was() -> None:
    ears, reader, judge = Listening(), Reader("I like dinosaurs"), Judge(0.5)
    ears.loudness.level = -36.0
    whole = utterance()

    async def act() -> Heard:
        async with drafts_of(reader, ears=ears, judge=judge) as drafts:
            return await drafts.commit(whole)

    heard = run(act)
    assert reader.asked[0].audio.level == pytest.approx(whole.audio.level + 10.0, abs=0.1)
    assert judge.asked[0].level == pytest.approx(whole.audio.level + 10.0, abs=0.1)
    assert heard.utterance.audio is whole.audio
    assert (reader.asked[0].began, reader.asked[0].ended) == (whole.began, whole.ended)


class Room:
    """A Microphone that hears noise for so many seconds, silence for so many, noise ... a frame each turn."""

    def __init__(self, *seconds: float) -> None:
        self._loud = [
            number % 2 == 0 for number, each in enumerate(seconds) for _ in range(round(each / FRAME_SECONDS))
        ]
        self.read_so_far = 0

    async def read(self) -> Frame:
        await asyncio.sleep(0)
        loud = self.read_so_far < len(self._loud) and self._loud[self.read_so_far]
        self.read_so_far += 1
        return Frame(Audio(np.full(FRAME_SAMPLES, 3_000 if loud else 1, np.int16)), self.read_so_far * FRAME_SECONDS)

    async def close(self) -> None: ...


def heard_in(room: Room, reader: Reader) -> Heard:
    """What is heard of the first utterance in a room, as a conversation hears it."""
    ears = Ears(room, ScriptedDetector(), Patience())

    async def hear() -> Heard:
        async with drafts_of(reader, ears=ears) as drafts:
            while True:
                match await ears.next():
                    case SpeechBegan():
                        pass
                    case Pause(so_far):
                        drafts.begin(so_far)
                    case WentOn():
                        await drafts.drop()
                    case Utterance() as whole:
                        return await drafts.commit(whole)
                    case _:
                        raise AssertionError("somebody speaks")

    return run(hear)


@pytest.mark.parametrize("turns", [1, 10, 25, 60, 400])
def test_through_all_pauses_there_is_one_reading_at_a_time_and_the_last_is_of_all_that_was_said(turns: int) -> None:
    room = Room(0.5, 0.3, 0.5, 0.2, 0.5, 0.35, 0.5, 0.25, 0.5)
    reader = Reader(
        "I want to", "I want to play", "I want to play with", "I want to play with the", "all of it", turns=turns
    )
    heard = heard_in(room, reader)
    assert reader.most_open == 1
    assert (heard.text, len(reader.asked)) == ("all of it", 5), "each pause once, and nothing again at the end"
    assert heard.utterance.ended == pytest.approx(reader.asked[-1].ended)


@pytest.mark.parametrize(
    ("text", "silence"),
    [("What is that?", 0.45), ("I like dinosaurs.", 0.64), ("I like dinosaurs", 0.8), ("I want to play with the", 1.8)],
)
def test_how_soon_it_was_the_end_depends_on_what_was_read(text: str, silence: float) -> None:
    room = Room(1.0)
    heard = heard_in(room, Reader(text))
    assert heard.text == text
    assert room.read_so_far == round((1.0 + silence) / FRAME_SECONDS)


def test_a_reader_that_takes_its_time_ends_a_closed_utterance_as_soon_as_it_has_read() -> None:
    room = Room(1.0)
    heard_in(room, Reader("What is that?", turns=50))  # a frame each: 150 ms and 500 ms, not 800
    assert 1.64 < room.read_so_far * FRAME_SECONDS < 1.7
