"""Lost samples, clocks that run apart, echoes that come too late: the toy does not interrupt itself, and says what it
can no longer do."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from barge_in.stage import TOYS, Show, said

from companion.audio import Frame, Samples
from companion.echo import Interruptible
from companion.ports import Microphone, Press
from device.room import Room

ROOM = Room(echo=0, delay=120, noise=-60)

QUESTION = "Could we talk about dinosaurs instead?"

GAP, JUMP = 6, 20
"""Frames."""

LOST_AT = 12.0
"""Seconds of the world: in the midst of the reply, 2 s after it began."""

WORKS_AGAIN = 4.0
"""Seconds after samples were lost."""


class LosesCaptured:
    """A microphone that loses some of what it captures, while what is played goes on: what comes later comes sooner."""

    def __init__(self, microphone: Microphone, frames: int) -> None:
        self._microphone = microphone
        self._frames = frames
        self._waiting: deque[Frame] = deque()

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        self._waiting.append(frame)
        if frame.ends < LOST_AT:
            return self._waiting.popleft()
        while len(self._waiting) <= self._frames:
            self._waiting.append(await self._microphone.read())
        played = self._waiting.popleft()
        return replace(self._waiting[self._frames - 1], played=played.played)

    async def close(self) -> None:
        await self._microphone.close()


class HearsLate(LosesCaptured):
    """One whose captured sound comes later from some moment on, against what is played."""

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        self._waiting.append(frame)
        if frame.ends < LOST_AT:
            return self._waiting.popleft() if len(self._waiting) > self._frames else frame
        if len(self._waiting) > self._frames + 1:
            self._waiting.popleft()
        return replace(frame, captured=self._waiting[0].captured)


class Deaf:
    """One that does not know what is played."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone

    async def read(self) -> Frame:
        return replace(await self._microphone.read(), played=None)

    async def close(self) -> None:
        await self._microphone.close()


def events(show: Show, *names: str) -> list[tuple[float, str]]:
    return [(round(event.at, 2), event.name) for event in show.scene.events if event.name in names]


@pytest.mark.parametrize(
    "microphone",
    [lambda inner: LosesCaptured(inner, GAP), lambda inner: HearsLate(inner, JUMP)],
    ids=["60 ms are lost", "it jumps by 200 ms"],
)
def test_after_lost_samples_it_is_not_fooled_and_hears_others_again_within_four_seconds(microphone: object) -> None:
    asked = said(QUESTION, "awb")
    show = Show((6.6, asked), room=ROOM, seed=3, sentences=6, microphone=microphone).play()  # type: ignore[arg-type]
    (outcome,) = show.outcomes()
    print(f"\nsamples lost {outcome.begins - LOST_AT:.1f} s before: {outcome.reacted} s to the pause")
    before = [at for at, _ in events(show, "pause", "interrupted") if at < outcome.begins]
    assert not before
    assert outcome.begins - LOST_AT <= WORKS_AGAIN + 0.5
    assert outcome.reacted is not None
    assert outcome.reacted < 1.5


def test_an_echo_beyond_400_ms_is_refused_with_the_reason() -> None:
    show = Show((5.0, said(QUESTION, "awb")), room=Room(echo=0, delay=450, noise=-60), seed=1, sentences=4).play()
    verdict = show.scene.verdicts[-1]
    print(f"\n450 ms: {verdict.how.value}, {verdict.why}")
    assert verdict.how is Interruptible.WORDS
    assert "450 ms" in verdict.why
    assert not events(show, "duck", "pause", "interrupted")


@pytest.mark.parametrize(("delay", "echo", "seed"), [(450, 10, 2), (600, 10, 0), (600, 0, 1), (900, 10, 1)])
def test_with_an_echo_beyond_400_ms_it_neither_interrupts_nor_answers_itself(
    delay: float, echo: float, seed: int
) -> None:
    """A loudspeaker that is reached by radio may play so late. Some of what it says sounds like "stop"."""
    voice = list(TOYS)[seed % len(TOYS)]
    show = Show(room=Room(echo=echo, delay=delay, noise=-60), seed=seed, voice=voice, otherwise="and then").play()
    print(f"\n{delay} ms: {[verdict.how.value for verdict in show.scene.verdicts]}, {show.count('heard')} heard")
    assert not events(show, "duck", "pause", "interrupted")
    assert show.count("heard") == 1


@pytest.mark.parametrize("drift", [-500, 500])
def test_clocks_that_are_500_ppm_apart_do_not_make_it_interrupt_itself(drift: float) -> None:
    show = Show(room=Room(echo=0, delay=150, noise=-60, drift=drift), seed=2, sentences=4, otherwise="and then").play()
    print(f"\n{drift} ppm: {[verdict.how.value for verdict in show.scene.verdicts]}, {show.count('duck')} ducks")
    assert not events(show, "pause", "interrupted")
    assert show.count("heard") == 1


def test_without_a_reference_there_is_the_button_only() -> None:
    show = Show((3.0, said(QUESTION, "awb")), room=ROOM, sentences=3, microphone=Deaf).play()
    assert show.scene.verdicts[-1].how is Interruptible.BUTTON
    assert not events(show, "duck", "pause", "interrupted")


@pytest.mark.parametrize("after", [0.03, 5.0])
def test_what_is_said_at_the_very_beginning_and_at_the_end_of_a_reply_is_not_lost(after: float) -> None:
    if after > 1.0:  # the reply is one sentence: where does it end?
        whole = Show(room=ROOM, seed=4, sentences=1).play()
        spoke = [event.at for event in whole.scene.told("state") if event.fields["state"] == "speaking"][-1]
        after = whole.scene.told("said")[-1].at - spoke - 0.03
        show = Show((after, said(QUESTION, "awb")), room=ROOM, seed=4, replies=2, sentences=1).play()
    else:
        show = Show((after, said(QUESTION, "awb")), room=ROOM, seed=4, sentences=4).play()
    print(f"\nsaid {after:.2f} s after the reply began: {[event.fields['text'] for event in show.scene.told('heard')]}")
    assert show.scene.told("heard")[-1].fields["text"] == QUESTION
    assert show.count("turn") >= 1


def test_two_interruptions_in_a_row_are_both_answered() -> None:
    show = Show(
        (3.0, said(QUESTION, "awb")), (7.0, said("Where do whales go in winter?", "kal16")), room=ROOM, seed=5
    ).play()
    assert show.count("interrupted") == 2
    heard = [event.fields["text"] for event in show.scene.told("heard")]
    assert heard[1:] == [QUESTION, "Where do whales go in winter?"]


@pytest.mark.parametrize("moment", ["duck", "pause"])
def test_a_button_pressed_while_it_is_soft_or_silent_leaves_the_next_sound_in_full_voice(moment: str) -> None:
    show = Show((3.0, said(QUESTION, "awb")), room=ROOM, seed=5, sentences=5)
    pressed: list[float] = []

    async def act() -> None:
        pressed.append((await show.scene.until_event(moment)).at)
        show.scene.button.press(Press.DOWN)
        show.scene.button.press(Press.SHORT)
        await show.scene.user.done()

    show.scene.play(act)
    speaking = [event.at for event in show.scene.told("state") if event.fields["state"] == "speaking"]
    again = next(at for at in speaking if at > pressed[0])
    sound, _ = show.heard_between(again, again + 1.5)
    first, _ = show.heard_between(speaking[1], speaking[1] + 1.5)
    assert loudest(sound) > 0.5 * loudest(first)
    assert show.count("said") == len(speaking)
    kinds = [name for _, name in events(show, "duck", "pause", "resume", "said")]
    assert all(pair != ("pause", "pause") for pair in itertools.pairwise(kinds))


def loudest(sound: Samples) -> float:
    return float(np.abs(sound.astype(float)).max(initial=0.0))
