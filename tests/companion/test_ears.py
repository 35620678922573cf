"""Frames become utterances: where speech begins, and where it has ended."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Audio, Frame, Samples, Utterance
from companion.ears import OVER_SECONDS, Ears, KeepsOn, Noticed, Pause, Quiet, SpeechBegan, WentOn
from companion.endpointing import Rhythm
from companion.errors import DeviceError
from companion.loudness import Loudness
from companion.patience import PATIENCE, Age, Ending, Patience
from companion.ports import Wake
from device.simulated import Moments

Result = TypeVar("Result")

LOUD, SOFT, STILL = 1.0, 0.4, 0.0
"""Probabilities: speech; what only goes on speech; silence."""


def frames(seconds: float) -> int:
    return round(seconds / FRAME_SECONDS)


BITS = 1 << np.arange(16)


def numbered(number: int, peak: int) -> Samples:
    """A frame of one loudness that holds its number: in which of its first samples are zero."""
    samples = np.full(FRAME_SAMPLES, peak, np.int16)
    samples[: len(BITS)] *= (number & BITS) > 0
    return samples


def number_of(samples: Samples) -> int:
    return int(BITS[samples[: len(BITS)] != 0].sum())


class Room:
    """A Microphone that hears a script: seconds of one probability of speech, seconds of another ... then silence.

    Each frame holds its own number, so that an utterance tells which frames it is made of (`numbers`), and is as loud
    as its probability says.
    """

    def __init__(self, *script: tuple[float, float]) -> None:
        self.probabilities = [probability for seconds, probability in script for _ in range(frames(seconds))]
        self.peak = 3_000
        self.read_so_far = 0
        self.moments = Moments()
        """When so many frames were read."""
        self.closed = 0
        """How often it was."""

    async def read(self) -> Frame:
        await asyncio.sleep(0)  # here a reader may be cancelled
        number = self.read_so_far
        self.read_so_far += 1
        self.moments.come(self.read_so_far)
        loud = number < len(self.probabilities) and self.probabilities[number] > STILL
        return Frame(Audio(numbered(number, self.peak if loud else 1)), (number + 1) * FRAME_SECONDS)

    async def close(self) -> None:
        self.closed += 1


class Listener:
    """A SpeechDetector that follows the script of a Room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.heard: list[int] = []
        """Numbers of the frames it was shown."""
        self.resets = 0

    def probability(self, frame: Audio) -> float:
        assert len(frame.samples) == FRAME_SAMPLES
        number = number_of(frame.samples)
        self.heard.append(number)
        return self._room.probabilities[number] if number < len(self._room.probabilities) else STILL

    def reset(self) -> None:
        self.resets += 1


def ears_in(room: Room, patience: Patience | None = None) -> Ears:
    return Ears(room, Listener(room), patience or Patience())


def run(act: Callable[[], Awaitable[Result]]) -> Result:
    async def acting() -> Result:
        return await act()

    return asyncio.run(acting())


def noticed(room: Room, count: int = 1, patience: Patience | None = None) -> list[Noticed]:
    """The first things that ears notice in a room, pauses left out; Quiet after five seconds."""
    ears = ears_in(room, patience)

    async def listen() -> list[Noticed]:
        return [await but_for_pauses(ears, 5.0) for _ in range(count)]

    return run(listen)


async def but_for_pauses(ears: Ears, patience: float = float("inf")) -> Noticed:
    while isinstance(found := await ears.next(patience), Pause | WentOn):
        pass
    return found


def told(room: Room, ears: Ears, ending: Ending | None = None) -> list[tuple[float, Noticed]]:
    """All that they notice until it is quiet for five seconds, each with how many seconds were read by then; told in
    each pause how what was said so far ends."""

    async def listen() -> list[tuple[float, Noticed]]:
        found: list[tuple[float, Noticed]] = []
        while not found or not isinstance(found[-1][1], Quiet):
            each = await ears.next(5.0)
            if isinstance(each, Pause) and ending:
                ears.expect(ending)
            found.append((pytest.approx(room.read_so_far * FRAME_SECONDS), each))
        return found

    return run(listen)


def utterance_in(room: Room, patience: Patience | None = None) -> Utterance:
    began, utterance = noticed(room, 2, patience)
    assert isinstance(began, SpeechBegan)
    assert isinstance(utterance, Utterance)
    assert began.at == utterance.began
    return utterance


def numbers(utterance: Utterance) -> list[int]:
    """The frames that an utterance is made of."""
    return [number_of(frame) for frame in utterance.audio.samples.reshape(-1, FRAME_SAMPLES)]


def test_speech_has_begun_when_120_of_160_ms_were_voiced() -> None:
    room = Room((1.0, STILL), (2.0, LOUD))
    (began,) = noticed(room)
    assert began == SpeechBegan(at=pytest.approx(1.0))
    assert room.read_so_far == frames(1.0 + 0.12), "as soon as that"


@pytest.mark.parametrize(
    ("script", "begins"),
    [
        ([(0.11, LOUD)], False),
        ([(0.12, LOUD)], True),
        ([(0.06, LOUD), (0.04, STILL), (0.06, LOUD)], True),
        ([(0.06, LOUD), (0.05, STILL), (0.06, LOUD)], False),
        ([(0.05, LOUD)], False),
        ([(0.05, LOUD), (0.5, STILL)] * 5, False),
        ([(1.0, SOFT)], False),
    ],
)
def test_a_click_starts_nothing_and_a_syllable_does(script: list[tuple[float, float]], begins: bool) -> None:
    (first,) = noticed(Room((0.5, STILL), *script))
    assert isinstance(first, SpeechBegan) == begins


def test_an_utterance_begins_and_ends_exact_to_a_frame() -> None:
    utterance = utterance_in(Room((2.0, STILL), (1.5, LOUD)))
    assert utterance.began == pytest.approx(2.0, abs=1e-9)
    assert utterance.ended == pytest.approx(3.5, abs=1e-9)


def test_an_utterance_holds_the_pre_roll_before_it_and_the_pause_after_it_and_every_frame_between() -> None:
    utterance = utterance_in(Room((2.0, STILL), (1.5, LOUD)))
    held = numbers(utterance)
    assert held == list(range(held[0], held[-1] + 1)), "none lost, none twice"
    assert frames(2.0 - 0.64) <= held[0] <= frames(2.0 - 0.6), "600 ms of pre-roll, and what is left of the window"
    assert held[-1] == frames(3.5 + 0.8) - 1


def test_speech_right_at_the_start_has_no_more_pre_roll_than_there_is() -> None:
    utterance = utterance_in(Room((0.5, LOUD)))
    assert utterance.began == 0.0
    assert numbers(utterance)[0] == 0


def test_speech_that_begins_haltingly_began_with_its_first_voiced_frame() -> None:
    utterance = utterance_in(Room((1.0, STILL), (0.06, LOUD), (0.03, STILL), (0.06, LOUD)))
    assert (utterance.began, utterance.ended) == (pytest.approx(1.0), pytest.approx(1.15))


@pytest.mark.parametrize("pause", [0.3, 0.7, 1.2])
def test_a_pause_ends_an_utterance_and_a_shorter_one_does_not(pause: float) -> None:
    patience = Patience(unknown=pause)
    shorter = Room((0.5, STILL), (0.5, LOUD), (pause - FRAME_SECONDS, STILL), (0.5, LOUD))
    assert utterance_in(shorter, patience).ended == pytest.approx(1.5 + pause - FRAME_SECONDS)
    just = Room((0.5, STILL), (0.5, LOUD), (pause, STILL), (0.5, LOUD))
    assert utterance_in(just, patience).ended == pytest.approx(1.0)
    assert just.read_so_far == frames(1.0 + pause), "and not a frame later"


def test_speech_goes_on_at_a_probability_at_which_it_does_not_begin() -> None:
    assert utterance_in(Room((0.5, LOUD), (2.0, SOFT), (0.5, LOUD))).ended == pytest.approx(3.0)


def test_an_endless_utterance_is_cut_and_what_follows_is_the_next() -> None:
    room = Room((1.0, STILL), (45.0, LOUD))
    began, first, again, second = noticed(room, 4)
    assert isinstance(first, Utterance)
    assert isinstance(second, Utterance)
    assert first.audio.seconds == pytest.approx(30.0)
    assert first.ended == pytest.approx(first.began + 30.0, abs=0.7), "it holds the pre-roll too"
    assert numbers(second)[0] == numbers(first)[-1] + 1, "no frame is lost at the cut"
    assert second.ended == pytest.approx(46.0)
    assert isinstance(began, SpeechBegan)
    assert isinstance(again, SpeechBegan)


def test_two_utterances_share_no_frame() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (0.8, STILL), (0.5, LOUD))
    first, second = (each for each in noticed(room, 4) if isinstance(each, Utterance))
    assert numbers(second)[0] > numbers(first)[-1]
    assert second.began == pytest.approx(1.8)


def test_in_endless_silence_the_ears_keep_no_more_than_what_may_come_before_speech() -> None:
    room = Room()
    ears = ears_in(room)

    async def listen() -> None:
        for _ in range(3):
            assert await ears.next(20.0) == Quiet()

    run(listen)
    assert len(ears._recent) == frames(OVER_SECONDS)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 2.0, 8.0, 60.0])
def test_it_is_quiet_when_nobody_spoke_for_as_long_as_was_asked(seconds: float) -> None:
    room = Room()

    async def listen() -> Noticed:
        return await ears_in(room).next(seconds)

    assert run(listen) == Quiet()
    assert room.read_so_far == frames(seconds)


def test_nobody_is_told_of_quiet_while_somebody_speaks() -> None:
    room = Room((0.5, STILL), (6.0, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        assert isinstance(await ears.next(1.0), SpeechBegan)
        return await but_for_pauses(ears, 1.0)

    assert isinstance(run(listen), Utterance)


def test_patience_that_ends_in_the_first_syllable_loses_nothing_of_it() -> None:
    room = Room((0.5, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        assert await ears.next(0.55) == Quiet()
        return await ears.next()

    assert run(listen) == SpeechBegan(at=pytest.approx(0.5))


@given(st.lists(st.integers(0, 260), min_size=1, max_size=12))
@settings(deadline=None, max_examples=30)
def test_ears_that_are_cancelled_and_asked_again_lose_no_frame(after: list[int]) -> None:
    """Cancelled once so many frames were read: before speech, within it, in the pause."""
    room = Room((0.8, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> Utterance:
        for count in sorted(after):
            asking = asyncio.ensure_future(ears.next())
            for _ in range(count - room.read_so_far):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait({asking})
            if not asking.cancelled() and isinstance(found := asking.result(), Utterance):
                return found
        while not isinstance(found := await ears.next(), Utterance):
            pass
        return found

    utterance = run(listen)
    held = numbers(utterance)
    assert held == list(range(held[0], held[-1] + 1))
    assert (utterance.began, utterance.ended) == (pytest.approx(0.8), pytest.approx(1.8))


def test_what_was_in_progress_is_forgotten_by_ignoring() -> None:
    room = Room((0.5, STILL), (2.0, LOUD), (2.0, STILL), (0.5, LOUD))
    ears = ears_in(room)

    async def listen() -> Utterance:
        assert isinstance(await ears.next(), SpeechBegan)
        await ears.ignore(1.99)
        assert isinstance(await ears.next(), SpeechBegan)
        utterance = await but_for_pauses(ears)
        assert isinstance(utterance, Utterance)
        return utterance

    utterance = run(listen)
    assert utterance.began == pytest.approx(4.5), "not the one that was ignored"
    assert numbers(utterance)[0] >= frames(0.62 + 1.99)


def test_what_came_before_ignoring_is_no_pre_roll_of_what_comes_after() -> None:
    room = Room((1.0, STILL), (0.11, LOUD), (0.02, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        assert await ears.next(1.11) == Quiet()
        await ears.ignore(0.02)
        await ears.next()
        return await but_for_pauses(ears)

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert utterance.began == pytest.approx(1.13)
    assert numbers(utterance)[0] == frames(1.13)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 7.0])
def test_ignored_frames_are_read_and_shown_to_no_detector(seconds: float) -> None:
    room = Room((10.0, LOUD))
    listener = Listener(room)
    ears = Ears(room, listener, Patience())

    async def listen() -> None:
        await ears.ignore(seconds)
        await ears.next()

    run(listen)
    assert listener.heard[0] == frames(seconds)
    assert listener.resets == 1, "it starts afresh on what comes after"


def test_ignoring_for_ever_reads_on_until_it_is_cancelled() -> None:
    room = Room((10.0, LOUD))
    listener = Listener(room)
    ears = Ears(room, listener, Patience())

    async def listen() -> None:
        ignoring = asyncio.ensure_future(ears.ignore())
        for _ in range(500):
            await asyncio.sleep(0)
        assert room.read_so_far >= 490
        ignoring.cancel()
        await asyncio.wait({ignoring})

    run(listen)
    assert listener.heard == []


def test_without_a_patience_they_wait_as_long_as_it_takes() -> None:
    room = Room((60.0, STILL), (1.0, LOUD))

    async def listen() -> Noticed:
        return await ears_in(room).next()

    assert run(listen) == SpeechBegan(at=pytest.approx(60.0))


def test_a_pause_is_told_once_after_150_ms_and_so_is_that_it_was_only_a_pause() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (0.6, STILL), (0.5, LOUD), (0.2, STILL), (0.5, LOUD))
    began, pause, went_on, again, and_on, last, utterance, quiet = told(room, ears_in(room))
    assert began == (0.62, SpeechBegan(at=pytest.approx(0.5)))
    assert pause[0] == 1.15
    assert went_on == (1.61, WentOn())
    assert (again[0], and_on) == (2.25, (2.31, WentOn()))
    assert last[0] == 2.95
    assert utterance[0] == 3.6
    assert quiet == (8.6, Quiet())
    for (_, each), ended in ((pause, 1.0), (again, 2.1), (last, 2.8)):
        assert isinstance(each, Pause)
        assert (each.so_far.began, each.so_far.ended) == (pytest.approx(0.5), pytest.approx(ended))
        assert numbers(each.so_far) == list(range(frames(ended + 0.15))), "all that was heard so far"


def test_what_is_shorter_than_a_pause_is_none() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (0.14, STILL), (0.5, LOUD))
    kinds = [type(each) for _, each in told(room, ears_in(room))]
    assert kinds == [SpeechBegan, Pause, Utterance, Quiet]


@pytest.mark.parametrize(
    ("age", "ending", "silence"),
    [
        ("adult", None, 0.8),
        ("adult", Ending.CLOSED, 0.45),
        ("adult", Ending.TOLD, 0.64),
        ("adult", Ending.UNKNOWN, 0.8),
        ("adult", Ending.HANGING, 1.8),
        ("child", Ending.CLOSED, 0.55),
        ("child", Ending.TOLD, 1.15),
        ("child", Ending.UNKNOWN, 1.6),
        ("child", Ending.HANGING, 2.6),
    ],
)
def test_how_much_silence_ends_an_utterance_depends_on_how_it_ends(
    age: Age, ending: Ending | None, silence: float
) -> None:
    room = Room((0.5, STILL), (0.5, LOUD))
    (_, _, (heard_at, utterance), _) = told(room, ears_in(room, PATIENCE[age]), ending)
    assert isinstance(utterance, Utterance)
    assert heard_at == 1.0 + silence, "to the frame"
    assert utterance.ended == pytest.approx(1.0)
    assert numbers(utterance)[-1] == frames(1.0 + silence) - 1


@pytest.mark.parametrize("ending", [Ending.CLOSED, Ending.HANGING])
def test_what_was_expected_of_one_pause_is_not_expected_of_the_next(ending: Ending) -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (0.3, STILL), (0.5, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        assert isinstance(await ears.next(), SpeechBegan)
        assert isinstance(await ears.next(), Pause)
        ears.expect(ending)
        assert await ears.next() == WentOn()
        assert isinstance(await ears.next(), Pause)
        return await ears.next()

    assert isinstance(run(listen), Utterance)
    assert room.read_so_far == frames(1.8 + 0.8), "as if nobody had read it"


async def until_read(room: Room, seconds: float) -> None:
    if room.read_so_far < frames(seconds):
        await room.moments.reach(frames(seconds))


def test_told_late_that_it_was_the_end_they_say_so_at_once() -> None:
    room = Room((0.5, STILL), (0.5, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        assert isinstance(await waiting, SpeechBegan)
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        await until_read(room, 1.0 + 0.6)
        ears.expect(Ending.CLOSED)
        utterance = await waiting
        assert room.read_so_far <= frames(1.0 + 0.6) + 1
        return utterance

    assert isinstance(run(listen), Utterance)


def test_told_late_that_it_hangs_they_wait_on() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (1.5, STILL), (0.5, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        assert isinstance(await waiting, SpeechBegan)
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        await until_read(room, 1.0 + 0.7)
        ears.expect(Ending.HANGING)
        return await waiting

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert utterance.ended == pytest.approx(3.0)


def test_what_nobody_says_has_no_ending() -> None:
    room = Room((0.5, STILL), (0.5, LOUD))
    ears = ears_in(room)
    ears.expect(Ending.CLOSED)
    (_, _, (heard_at, _), _) = told(room, ears)
    assert heard_at == 1.8, "not sooner"


class Noting(Rhythm):
    """A Rhythm that notes what it was to learn from."""

    def __init__(self) -> None:
        super().__init__(Patience())
        self.pauses: list[float] = []

    def paused(self, seconds: float) -> None:
        self.pauses.append(seconds)
        super().paused(seconds)


@pytest.mark.parametrize(
    ("ending", "learned"),
    [(None, [0.3, 0.15]), (Ending.UNKNOWN, [0.3, 0.15]), (Ending.HANGING, [0.3, 0.15]), (Ending.CLOSED, [])],
)
def test_a_rhythm_is_learned_from_pauses_in_the_middle_of_a_sentence_only(
    ending: Ending | None, learned: list[float]
) -> None:
    room = Room(
        (0.5, STILL), (0.5, LOUD), (0.3, STILL), (0.5, LOUD), (0.15, STILL), (0.5, LOUD), (0.1, STILL), (0.5, LOUD)
    )
    ears = ears_in(room)
    ears.rhythm = Noting()
    told(room, ears, ending)
    assert ears.rhythm.pauses == pytest.approx(learned), "and not from the last one, nor from one too short to be told"


@pytest.mark.parametrize("ending", [Ending.CLOSED, Ending.TOLD])
def test_somebody_who_pauses_for_long_is_waited_for_longer_unless_they_have_asked(ending: Ending) -> None:
    room = Room((0.5, STILL), *[(0.2, LOUD), (0.75, STILL)] * 20, (0.2, LOUD))
    ears = ears_in(room)

    async def listen() -> float:
        await ears.next()
        pauses = 0
        while not isinstance(found := await ears.next(), Utterance):
            pauses += isinstance(found, Pause)
            if pauses == 21:
                ears.expect(ending)
        return room.read_so_far * FRAME_SECONDS - found.ended

    assert run(listen) == pytest.approx(ears.rhythm.silence(ending), abs=FRAME_SECONDS)
    assert ears.rhythm.silence(Ending.CLOSED) == 0.45 < 0.64 < ears.rhythm.silence(Ending.TOLD) < 0.75


def test_held_the_utterance_lasts_through_all_pauses_until_it_is_finished() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (5.0, STILL), (0.5, LOUD))
    ears = ears_in(room)
    ears.hold()

    async def listen() -> Noticed:
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        assert isinstance(await waiting, SpeechBegan)
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        await until_read(room, 12.0)
        assert not waiting.done()
        ears.finish()
        utterance = await waiting
        assert room.read_so_far <= frames(12.0) + 1, "at once"
        return utterance

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert (utterance.began, utterance.ended) == (pytest.approx(0.5), pytest.approx(6.5))


def test_while_it_is_held_the_pauses_are_told_so_that_it_can_be_read() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (4.0, STILL), (0.5, LOUD))
    ears = ears_in(room)
    ears.hold()

    async def listen() -> list[type[Noticed]]:
        return [type(await ears.next()) for _ in range(4)]

    assert run(listen) == [SpeechBegan, Pause, WentOn, Pause]


def test_even_held_an_utterance_is_cut_when_it_is_too_long() -> None:
    room = Room((0.5, LOUD))
    ears = ears_in(room)
    ears.hold()

    async def listen() -> Noticed:
        assert isinstance(await ears.next(), SpeechBegan)
        return await but_for_pauses(ears)

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert utterance.audio.seconds == pytest.approx(30.0)


def test_released_a_pause_ends_it_as_usual() -> None:
    room = Room((0.5, STILL), (0.5, LOUD))
    ears = ears_in(room)
    ears.hold()

    async def listen() -> Noticed:
        assert isinstance(await ears.next(), SpeechBegan)
        waiting = asyncio.ensure_future(but_for_pauses(ears))
        await until_read(room, 3.0)
        assert not waiting.done()
        ears.release()
        return await waiting

    assert isinstance(run(listen), Utterance)
    assert room.read_so_far <= frames(3.0) + 1


def test_finished_in_the_middle_of_a_word_all_of_it_so_far_is_heard_and_the_rest_is_the_next() -> None:
    room = Room((0.5, STILL), (2.0, LOUD))
    ears = ears_in(room)

    async def listen() -> list[Noticed]:
        await ears.next()
        waiting = asyncio.ensure_future(ears.next())
        await until_read(room, 1.5)
        ears.finish()
        return [await waiting, await ears.next(), await but_for_pauses(ears)]

    first, began, second = run(listen)
    assert isinstance(first, Utterance)
    assert isinstance(second, Utterance)
    assert isinstance(began, SpeechBegan)
    assert first.ended == pytest.approx(1.5, abs=1.5 * FRAME_SECONDS)
    assert numbers(second)[0] == numbers(first)[-1] + 1


def test_finished_before_anybody_spoke_it_is_quiet_at_once_and_only_once() -> None:
    room = Room((8.0, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> list[Noticed]:
        waiting = asyncio.ensure_future(ears.next())
        await until_read(room, 2.0)
        ears.finish()
        found = [await waiting]
        assert room.read_so_far <= frames(2.0) + 1
        return [*found, await ears.next(), await but_for_pauses(ears)]

    quiet, began, utterance = run(listen)
    assert (quiet, began) == (Quiet(), SpeechBegan(at=pytest.approx(8.0)))
    assert isinstance(utterance, Utterance)


@pytest.mark.parametrize("before", [Ears.hold, Ears.finish])
def test_what_a_button_asked_for_is_forgotten_by_ignoring(before: Callable[[Ears], None]) -> None:
    room = Room((0.5, STILL), (0.5, LOUD))
    ears = ears_in(room)
    before(ears)
    run(lambda: ears.ignore(0.1))
    assert [type(each) for _, each in told(room, ears)] == [SpeechBegan, Pause, Utterance, Quiet]
    assert ears.utterances == 1


def test_who_waits_for_speech_is_told_when_it_begins_and_the_utterance_is_still_to_come() -> None:
    room = Room((3.0, STILL), (0.5, LOUD))
    ears = ears_in(room)

    async def listen() -> Noticed:
        assert not ears.hearing
        await ears.speech()
        assert ears.hearing
        assert room.read_so_far == frames(3.12)
        return await but_for_pauses(ears)

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert utterance.began == pytest.approx(3.0)
    assert not ears.hearing


class Unchanging(Loudness):
    """Learns nothing, so that frames can be told apart by their numbers."""

    def hears(self, frame: Audio) -> None: ...


class Name:
    """A WakeWord that hears its name in the given frames."""

    def __init__(self, *ends_in: int) -> None:
        self._ends_in = ends_in
        self.heard: list[int] = []
        """Numbers of the frames it was shown."""
        self.sounds: list[Audio] = []
        self.resets: list[int] = []
        """How many frames it had been shown by then."""

    async def load(self) -> None: ...

    def hears(self, frame: Audio) -> Wake | None:
        self.sounds.append(frame)
        self.heard.append(number_of(frame.samples))
        return Wake("hey bo", sure=False) if self.heard[-1] in self._ends_in else None

    def reset(self) -> None:
        self.resets.append(len(self.heard))


def calling_in(room: Room, name: Name) -> Ears:
    ears = ears_in(room)
    ears.loudness = Unchanging()
    return ears


def listened_for(room: Room, name: Name, seconds: float, ears: Ears | None = None) -> None:
    """Wait for the name for so long, in vain."""
    ears = ears or calling_in(room, name)

    async def listen() -> None:
        waiting = asyncio.ensure_future(ears.called(name))
        await until_read(room, seconds)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})

    run(listen)


def test_in_silence_nothing_reaches_the_wake_word() -> None:
    name = Name()
    listened_for(Room((60.0, 0.34)), name, 60.0)
    assert name.heard == []


@pytest.mark.parametrize("probability", [LOUD, SOFT])
def test_a_name_is_listened_for_from_what_came_before_the_speech_to_a_second_after_it(probability: float) -> None:
    name = Name()
    listened_for(Room((2.0, STILL), (0.8, probability)), name, 8.0)
    assert name.heard == list(range(frames(2.0 - 1.5) + 1, frames(2.8 + 1.0) - 1)), "none lost, none twice"
    assert name.resets == [0, len(name.heard)], "before it, and when the gate closes"


def test_what_follows_within_a_second_goes_through_the_same_gate_and_nothing_is_heard_twice() -> None:
    name = Name()
    listened_for(Room((2.0, STILL), (0.3, LOUD), (0.9, STILL), (0.3, LOUD)), name, 8.0)
    assert name.heard == list(range(name.heard[0], frames(3.5 + 1.0) - 1))
    assert len(name.resets) == 2


def test_a_click_opens_the_gate_and_the_next_one_later_opens_it_anew() -> None:
    name = Name()
    listened_for(Room((3.0, STILL), (0.01, LOUD), (5.0, STILL), (0.01, LOUD)), name, 12.0)
    one = list(range(frames(1.5) + 1, frames(3.01 + 1.0) - 1))
    other = list(range(frames(8.01 - 1.5) + 1, frames(8.02 + 1.0) - 1))
    assert name.heard == one + other
    assert name.resets == [0, len(one), len(one) + len(other)]


def test_called_the_utterance_holds_the_sound_of_the_name_and_what_follows() -> None:
    room = Room((2.0, STILL), (2.0, LOUD))
    name = Name(frames(2.6))
    ears = calling_in(room, name)

    async def listen() -> tuple[Wake, Noticed]:
        wake = await ears.called(name)
        assert room.read_so_far == frames(2.6) + 1, "as soon as the name was heard"
        assert ears.hearing
        return wake, await but_for_pauses(ears)

    wake, utterance = run(listen)
    assert wake == Wake("hey bo", sure=False)
    assert isinstance(utterance, Utterance)
    held = numbers(utterance)
    assert held == list(range(held[0], frames(4.0 + 0.8))), "none lost, none twice"
    assert held[0] <= frames(2.0)
    assert utterance.began <= 2.0
    assert utterance.ended == pytest.approx(4.0)


def test_the_name_alone_is_an_utterance_of_its_own() -> None:
    room = Room((2.0, STILL), (0.6, LOUD))
    name = Name(frames(2.75))
    ears = calling_in(room, name)

    async def listen() -> Noticed:
        await ears.called(name)
        return await but_for_pauses(ears)

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert set(range(frames(2.0), frames(2.6))) <= set(numbers(utterance))
    assert room.read_so_far == frames(2.76 + 0.8)


def test_a_name_in_what_came_before_the_gate_opened_is_heard_too() -> None:
    room = Room((2.0, STILL), (0.3, LOUD))
    name = Name(frames(1.9))
    ears = calling_in(room, name)
    assert run(lambda: ears.called(name)) == Wake("hey bo", sure=False)
    assert room.read_so_far == frames(2.0) + 1


def test_waiting_to_be_called_what_was_in_progress_is_forgotten() -> None:
    room = Room((0.5, STILL), (0.5, LOUD), (3.0, STILL), (1.0, LOUD))
    name = Name(frames(4.5))
    ears = calling_in(room, name)

    async def listen() -> Noticed:
        assert isinstance(await ears.next(), SpeechBegan)
        ears.hold()
        await ears.called(name)
        return await but_for_pauses(ears)

    utterance = run(listen)
    assert isinstance(utterance, Utterance)
    assert utterance.began >= 3.0 - FRAME_SECONDS
    assert utterance.ended == pytest.approx(5.0), "and it is not held any more"


def test_a_name_is_heard_as_loud_as_engines_like_it() -> None:
    room = Room((2.0, STILL), (4.0, LOUD))
    room.peak = 300
    name = Name()
    ears = ears_in(room)
    listened_for(room, name, 6.0, ears)
    assert ears.loudness.level < -35, "somebody is far away"
    assert name.sounds[-1].level == pytest.approx(-26.0, abs=3.0)


class Wire:
    """A Microphone that gives zeros, but for the frames whose sound is given."""

    def __init__(self, sounds: Callable[[int], int]) -> None:
        self._sounds = sounds
        self.read_so_far = 0
        self.closed = 0

    async def read(self) -> Frame:
        await asyncio.sleep(0)
        samples = np.zeros(FRAME_SAMPLES, np.int16)
        samples[17] = self._sounds(self.read_so_far)
        self.read_so_far += 1
        return Frame(Audio(samples), self.read_so_far * FRAME_SECONDS)

    async def close(self) -> None:
        self.closed += 1


class Deaf:
    """A SpeechDetector that hears none."""

    def probability(self, frame: Audio) -> float:
        return 0.0

    def reset(self) -> None: ...


def ears_on(wire: Wire) -> Ears:
    return Ears(wire, Deaf(), Patience())


@pytest.mark.parametrize(
    "listen", [lambda ears: ears.next(), lambda ears: ears.ignore(), lambda ears: ears.called(Name())]
)
def test_nothing_but_zeros_for_five_seconds_is_a_dead_microphone_and_it_is_closed(
    listen: Callable[[Ears], Awaitable[object]],
) -> None:
    wire = Wire(lambda number: int(number == 100))
    with pytest.raises(DeviceError, match="nothing but zeros"):
        run(lambda: listen(ears_on(wire)))
    assert wire.read_so_far == 101 + frames(5.0), "counted from the last sign of life"
    assert wire.closed == 1


@pytest.mark.parametrize("every", [1, 2, 499])
def test_the_quietest_room_is_no_dead_microphone(every: int) -> None:
    wire = Wire(lambda number: int(number % every == 0))
    run(lambda: ears_on(wire).ignore(60.0))
    assert wire.closed == 0


def test_a_microphone_that_was_dead_must_give_a_sign_of_life_within_half_a_second() -> None:
    wire = Wire(lambda _: 0)
    ears = ears_on(wire)
    with pytest.raises(DeviceError):
        run(lambda: ears.ignore())
    for attempt in (1, 2):
        with pytest.raises(DeviceError, match="nothing but zeros"):
            run(ears.prove)
        assert wire.read_so_far == frames(5.0 + 0.5 * attempt)
        assert wire.closed == 1 + attempt


def test_a_microphone_that_lives_is_proved_by_its_first_sound_and_has_five_seconds_again() -> None:
    wire = Wire(lambda number: int(number == 520))
    ears = ears_on(wire)
    with pytest.raises(DeviceError):
        run(lambda: ears.ignore())
    run(ears.prove)
    assert wire.read_so_far == 521
    run(lambda: ears.ignore(4.99))
    with pytest.raises(DeviceError):
        run(lambda: ears.ignore(0.01))


LETTERS = {SpeechBegan: "B", Pause: "P", WentOn: "W", Utterance: "U", Quiet: "Q"}


@given(
    st.lists(st.tuples(st.integers(1, 250), st.sampled_from([LOUD, SOFT, STILL])), max_size=12),
    st.lists(st.sampled_from([None, *Ending]), max_size=12),
)
@settings(deadline=None, max_examples=150)
def test_whatever_is_heard_all_speech_is_in_exactly_one_utterance_and_every_pause_is_over_once(
    script: list[tuple[int, float]], endings: list[Ending | None]
) -> None:
    room = Room(*((count * FRAME_SECONDS, probability) for count, probability in script))
    ears = ears_in(room)
    reading = iter(endings)

    async def listen() -> list[Noticed]:
        found: list[Noticed] = []
        while room.read_so_far < len(room.probabilities) or not isinstance(found[-1], Quiet):
            found.append(await ears.next(5.0))
            if isinstance(found[-1], Pause) and (ending := next(reading, None)):
                ears.expect(ending)
        return found

    found = run(listen) if script else []
    assert re.fullmatch("(Q*B(PW)*PU)*Q*", "".join(LETTERS[type(each)] for each in found))
    utterances = [each for each in found if isinstance(each, Utterance)]
    held = [number for utterance in utterances for number in numbers(utterance)]
    assert len(held) == len(set(held)), "no frame is in two"
    assert ears.utterances == len(utterances)
    loud = "".join("1" if probability >= 0.5 else "0" for probability in room.probabilities)
    spoken = {number for run_ in re.finditer("1{12,}", loud) for number in range(*run_.span())}
    assert spoken <= set(held), "no speech is in none"
    for before, after in itertools.pairwise(found):
        if isinstance(before, Pause) and isinstance(after, Utterance):
            assert numbers(before.so_far) == numbers(after)[: len(numbers(before.so_far))]
            assert (before.so_far.began, before.so_far.ended) == (after.began, after.ended), "nothing followed"


def test_how_loud_somebody_speaks_is_learned_from_speech_alone() -> None:
    room = Room((1.0, STILL), (0.2, LOUD), (0.3, SOFT), (0.3, STILL), (0.2, LOUD))
    ears = ears_in(room)
    learned: list[int] = []

    class Noted(Loudness):
        def hears(self, frame: Audio) -> None:
            learned.append(number_of(frame.samples))

    ears.loudness = Noted()
    told(room, ears)
    begun = frames(1.0 + 0.12)
    assert learned == [*range(begun, frames(1.5)), *range(frames(1.8), frames(2.0))], (
        "from when it is known to be speech"
    )


def test_the_detectors_lag_behind_the_end_of_speech_is_not_waited_for() -> None:
    room = Room((0.5, STILL), (1.0, LOUD), (5.0, STILL))
    believed = list(room.probabilities)
    believed[150:158] = [LOUD] * 8
    ears = ears_in(room)
    ears._detector = Believing(believed)

    async def listen() -> Noticed:
        while not isinstance(found := await ears.next(), Utterance):
            pass
        return found

    found = run(listen)
    assert isinstance(found, Utterance)
    assert found.ended == pytest.approx(1.5)


def test_a_commit_waits_a_moment_for_what_may_be_the_next_word() -> None:
    room = Room((0.5, STILL), (1.0, LOUD), (0.78, STILL), (0.5, LOUD))
    believed = list(room.probabilities)
    believed[228:236] = [STILL] * 8  # it is audible, and not believed yet
    ears = ears_in(room)
    ears._detector = Believing(believed)

    async def listen() -> list[type]:
        return [type(await ears.next()) for _ in range(3)]

    assert run(listen) == [SpeechBegan, Pause, WentOn]


class Believing:
    """A SpeechDetector that believes what it is told, frame by frame."""

    def __init__(self, probabilities: list[float]) -> None:
        self._probabilities = probabilities

    def probability(self, frame: Audio) -> float:
        number = number_of(frame.samples)
        return self._probabilities[number] if number < len(self._probabilities) else STILL

    def reset(self) -> None: ...


def test_somebody_who_keeps_on_is_told_of_once_at_each_mark() -> None:
    ears = ears_in(Room((0.5, STILL), (1.0, LOUD)))
    ears.marks = (0.24, 0.7)

    async def listen() -> list[Noticed]:
        return [await ears.next(5.0) for _ in range(3)]

    began, first, second = run(listen)
    assert isinstance(began, SpeechBegan)
    assert first == KeepsOn(pytest.approx(0.24))
    assert second == KeepsOn(pytest.approx(0.7))
