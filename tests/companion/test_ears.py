"""Frames become utterances: where speech begins, and where it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Audio, Frame, Utterance
from companion.ears import Ears, Patience, Quiet, SpeechBegan

Result = TypeVar("Result")

LOUD, SOFT, STILL = 1.0, 0.4, 0.0
"""Probabilities: speech; what only goes on speech; silence."""


def frames(seconds: float) -> int:
    return round(seconds / FRAME_SECONDS)


class Room:
    """A Microphone that hears a script: seconds of one probability of speech, seconds of another ... then silence.

    Each frame's samples are its own number, so that an utterance tells which frames it is made of.
    """

    def __init__(self, *script: tuple[float, float]) -> None:
        self.probabilities = [probability for seconds, probability in script for _ in range(frames(seconds))]
        self.read_so_far = 0

    async def read(self) -> Frame:
        await asyncio.sleep(0)  # here a reader may be cancelled
        number = self.read_so_far
        self.read_so_far += 1
        return Frame(Audio(np.full(FRAME_SAMPLES, number, np.int16)), (number + 1) * FRAME_SECONDS)

    async def close(self) -> None: ...


class Listener:
    """A SpeechDetector that follows the script of a Room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.heard: list[int] = []
        """Numbers of the frames it was shown."""
        self.resets = 0

    def probability(self, frame: Audio) -> float:
        assert len(frame.samples) == FRAME_SAMPLES
        number = int(frame.samples[0])
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


def noticed(room: Room, count: int = 1, patience: Patience | None = None) -> list[SpeechBegan | Utterance | Quiet]:
    """The first things that ears notice in a room; Quiet after five seconds."""
    ears = ears_in(room, patience)

    async def listen() -> list[SpeechBegan | Utterance | Quiet]:
        return [await ears.next(5.0) for _ in range(count)]

    return run(listen)


def utterance_in(room: Room, patience: Patience | None = None) -> Utterance:
    began, utterance = noticed(room, 2, patience)
    assert isinstance(began, SpeechBegan)
    assert isinstance(utterance, Utterance)
    assert began.at == utterance.began
    return utterance


def numbers(utterance: Utterance) -> list[int]:
    """The frames that an utterance is made of."""
    return [int(number) for number in utterance.audio.samples[::FRAME_SAMPLES]]


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
    assert held[-1] == frames(3.5 + 0.7) - 1


def test_speech_right_at_the_start_has_no_more_pre_roll_than_there_is() -> None:
    utterance = utterance_in(Room((0.5, LOUD)))
    assert utterance.began == 0.0
    assert numbers(utterance)[0] == 0


def test_speech_that_begins_haltingly_began_with_its_first_voiced_frame() -> None:
    utterance = utterance_in(Room((1.0, STILL), (0.06, LOUD), (0.03, STILL), (0.06, LOUD)))
    assert (utterance.began, utterance.ended) == (pytest.approx(1.0), pytest.approx(1.15))


@pytest.mark.parametrize("pause", [0.3, 0.7, 1.2])
def test_a_pause_ends_an_utterance_and_a_shorter_one_does_not(pause: float) -> None:
    patience = Patience(pause=pause)
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


def test_in_endless_silence_the_ears_keep_only_the_pre_roll() -> None:
    room = Room()
    ears = ears_in(room)

    async def listen() -> None:
        for _ in range(3):
            assert await ears.next(20.0) == Quiet()

    run(listen)
    assert len(ears._recent) == frames(0.6 + 0.16)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 2.0, 8.0, 60.0])
def test_it_is_quiet_when_nobody_spoke_for_as_long_as_was_asked(seconds: float) -> None:
    room = Room()

    async def listen() -> SpeechBegan | Utterance | Quiet:
        return await ears_in(room).next(seconds)

    assert run(listen) == Quiet()
    assert room.read_so_far == frames(seconds)


def test_nobody_is_told_of_quiet_while_somebody_speaks() -> None:
    room = Room((0.5, STILL), (6.0, LOUD))
    ears = ears_in(room)

    async def listen() -> SpeechBegan | Utterance | Quiet:
        assert isinstance(await ears.next(1.0), SpeechBegan)
        return await ears.next(1.0)

    assert isinstance(run(listen), Utterance)


def test_patience_that_ends_in_the_first_syllable_loses_nothing_of_it() -> None:
    room = Room((0.5, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> SpeechBegan | Utterance | Quiet:
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
        utterance = await ears.next()
        assert isinstance(utterance, Utterance)
        return utterance

    utterance = run(listen)
    assert utterance.began == pytest.approx(4.5), "not the one that was ignored"
    assert numbers(utterance)[0] >= frames(0.62 + 1.99)


def test_what_came_before_ignoring_is_no_pre_roll_of_what_comes_after() -> None:
    room = Room((1.0, STILL), (0.11, LOUD), (0.02, STILL), (1.0, LOUD))
    ears = ears_in(room)

    async def listen() -> SpeechBegan | Utterance | Quiet:
        assert await ears.next(1.11) == Quiet()
        await ears.ignore(0.02)
        await ears.next()
        return await ears.next()

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

    async def listen() -> SpeechBegan | Utterance | Quiet:
        return await ears_in(room).next()

    assert run(listen) == SpeechBegan(at=pytest.approx(60.0))
