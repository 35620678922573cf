"""A user who follows a script, and looks at the light."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import numpy as np
import pytest
from scene import Scene, Shout, in_world

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, RATE, Audio, Samples, Utterance
from companion.ports import Press
from companion.state import State
from device.recording import SpokenText
from device.scripted_user import INVITING, PATIENT_SECONDS, POLITE_SECONDS, PUZZLING, Interruption, ScriptedUser
from device.simulated import SimulatedLight, World

Result = TypeVar("Result")


class Stage:
    """A user in front of a light that the test switches."""

    def __init__(self, *lines: Shout | SpokenText, interruptions: Sequence[Interruption] = ()) -> None:
        self.world = World(longest=120.0)
        self.light = SimulatedLight(self.world)
        self.presses: list[tuple[float, Press]] = []
        """When, in seconds of the world, and what the button did."""
        self.user = ScriptedUser(lines, self.light, np.random.default_rng(0), self._press, interruptions)
        self.frames: list[Samples] = []
        self.world.add(lambda now: self.frames.append(self.user.sounds(now)))

    def _press(self, press: Press) -> None:
        self.presses.append((self.world.now(), press))

    def live(self, act: Callable[[], Awaitable[Result]]) -> Result:
        async def living() -> Result:
            async with self.world.turning():
                return await act()

        return in_world(self.world, living)

    def spoke(self) -> list[tuple[float, float]]:
        """When the user was loud: from, to, in seconds; silences of less than a frame left out."""
        loud = [number for number, frame in enumerate(self.frames) if np.abs(frame).max() > 1]
        runs: list[list[int]] = []
        for number in loud:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        return [(run[0] * FRAME_SECONDS, (run[-1] + 1) * FRAME_SECONDS) for run in runs]


def test_a_user_waits_until_the_light_invites() -> None:
    stage = Stage(Shout(1.0))

    async def act() -> None:
        await stage.world.sleep(5.0)
        for state in State:
            if state not in INVITING + PUZZLING:
                stage.light.show(state)
                await stage.world.sleep(5.0)

    stage.live(act)
    assert stage.spoke() == []


def test_a_user_speaks_to_a_toy_that_asks_for_attention_too_but_not_so_soon() -> None:
    stage = Stage(Shout(1.0))

    async def act() -> None:
        stage.light.show(State.ATTENTION)
        await stage.world.sleep(3.4)
        assert stage.spoke() == []
        await stage.world.sleep(1.5)

    stage.live(act)
    assert len(stage.spoke()) == 1


@pytest.mark.parametrize("inviting", [State.LISTENING, State.IDLE])
def test_a_user_speaks_half_a_second_after_the_toy_has_answered(inviting: State) -> None:
    stage = Stage(Shout(1.0), Shout(1.0))

    async def act() -> float:
        stage.light.show(State.SPEAKING)
        await stage.world.sleep(1.0)
        stage.light.show(inviting)
        await stage.world.sleep(3.0)
        stage.light.show(State.SPEAKING)
        await stage.world.sleep(2.0)
        stage.light.show(inviting)
        await stage.world.sleep(3.0)
        return stage.world.now()

    stage.live(act)
    assert stage.spoke() == [
        (pytest.approx(1.0 + POLITE_SECONDS), pytest.approx(2.0 + POLITE_SECONDS)),
        (pytest.approx(6.0 + POLITE_SECONDS), pytest.approx(7.0 + POLITE_SECONDS)),
    ]


def test_a_user_who_gets_no_answer_says_the_next_thing_after_a_while() -> None:
    stage = Stage(Shout(1.0), Shout(1.0))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(10.0)

    stage.live(act)
    (_, ended), (began, _) = stage.spoke()
    assert began - ended == pytest.approx(PATIENT_SECONDS, abs=2 * FRAME_SECONDS)


def test_a_user_who_has_begun_speaks_to_the_end_whatever_the_light_does() -> None:
    stage = Stage(Shout(2.0))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(1.0)
        stage.light.show(State.MUTED)
        await stage.world.sleep(5.0)

    stage.live(act)
    ((began, ended),) = stage.spoke()
    assert ended - began == pytest.approx(2.0)


@pytest.mark.parametrize("seconds", [0.003, 0.01, 0.255, 1.0])
def test_what_the_user_says_is_the_recording_sample_for_sample(seconds: float) -> None:
    line = Shout(seconds)
    stage = Stage(line)

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(3.0 + seconds)

    stage.live(act)
    assert all(len(frame) == FRAME_SAMPLES for frame in stage.frames)
    heard = np.concatenate(stage.frames)
    said = np.concatenate(list(line.samples()))
    begins = int(np.flatnonzero(np.abs(heard) > 1)[0])
    begins -= begins % FRAME_SAMPLES
    assert np.array_equal(heard[begins : begins + len(said)], said)
    assert np.abs(heard[begins + len(said) :]).max() <= 1


def test_silence_is_dither_of_one_bit_and_never_all_zeros() -> None:
    stage = Stage()

    async def act() -> None:
        await stage.world.sleep(2.0)

    stage.live(act)
    for frame in stage.frames:
        assert set(frame.tolist()) == {0, 1}
    assert not np.array_equal(stage.frames[0], stage.frames[1])


def test_the_script_is_done_when_the_toy_has_answered_or_had_time_enough_to() -> None:
    stage = Stage(Shout(1.0))

    async def act() -> float:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        waiting = asyncio.ensure_future(stage.user.done())
        await stage.world.sleep(2.0)
        stage.light.show(State.THINKING)
        await stage.world.sleep(20.0)
        assert not waiting.done(), "the toy is at it"
        stage.light.show(State.LISTENING)
        answered = stage.world.now()
        await waiting
        return stage.world.now() - answered

    assert stage.live(act) == pytest.approx(PATIENT_SECONDS, abs=0.1)


def test_an_empty_script_is_done_once_the_light_has_invited_for_a_while() -> None:
    stage = Stage()

    async def act() -> float:
        await stage.world.sleep(1.0)
        stage.light.show(State.LISTENING)
        await stage.user.done()
        return stage.world.now()

    assert stage.live(act) == pytest.approx(1.0 + PATIENT_SECONDS, abs=0.1)


def utterance(began: float, ended: float) -> Utterance:
    return Utterance(Audio.silence(ended - began), began, ended)


def test_what_was_typed_is_known_of_the_utterance_it_was_made_of_and_of_no_other() -> None:
    stage = Stage(Shout(1.0, text="one"), Shout(1.0))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(10.0)

    stage.live(act)
    (first, second) = stage.spoke()
    assert stage.user.typed(utterance(0.0, first[0])) is None, "before it"
    assert stage.user.typed(utterance(*second)) is None, "spoken, not typed"
    assert stage.user.typed(utterance(first[0], first[0] + 0.4)) == "one"
    assert stage.user.typed(utterance(first[0] + 0.6, first[1])) == "", "its second half holds nothing more"


def test_asked_again_about_the_same_utterance_longer_what_was_typed_is_the_same() -> None:
    stage = Stage(Shout(1.0, text="one"), Shout(1.0, text="two"))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(10.0)

    stage.live(act)
    (began, ended), (later, last) = stage.spoke()
    for seconds in (0.3, 0.5, 0.9, 1.5):
        assert stage.user.typed(utterance(began, began + seconds)) == "one"
    assert stage.user.typed(utterance(began + 0.6, ended)) == ""
    assert stage.user.typed(utterance(began, ended)) == "one", "and still, when the second half was asked about"
    assert stage.user.typed(utterance(later, last)) == "two"


def test_the_button_is_held_from_the_first_sample_of_each_line_to_its_last() -> None:
    stage = Stage(Shout(1.0), Shout(0.5))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(10.0)

    stage.live(act)
    assert len(stage.spoke()) == 2
    held = [
        (press, pytest.approx(at))
        for began, ended in stage.spoke()
        for press, at in ((Press.DOWN, began), (Press.UP, ended))
    ]
    assert [(press, at) for at, press in stage.presses] == held


def test_a_line_needs_no_button_where_nobody_has_to_be_called() -> None:
    user = ScriptedUser([Shout(0.05)], (light := SimulatedLight(World())), np.random.default_rng(0))
    light.show(State.LISTENING)
    frames = [user.sounds(number * FRAME_SECONDS) for number in range(500)]
    assert sum(np.abs(frame).max() > 1 for frame in frames) == 5


def test_a_typed_line_is_known_while_it_is_still_being_said() -> None:
    stage = Stage(Shout(3.0, text="one"))

    async def act() -> None:
        await stage.world.sleep(0.01)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(POLITE_SECONDS + PATIENT_SECONDS + 1.0)
        began = stage.spoke()[0][0]
        assert stage.user.typed(utterance(began, stage.world.now())) == "one"

    stage.live(act)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000])
def test_a_typed_line_is_heard_at_the_rate_of_the_ears(rate: int) -> None:
    sine = (10_000 * np.sin(2 * np.pi * 440 / rate * np.arange(rate))).astype(np.int16)
    line = SpokenText("hello", Audio(sine, rate))
    samples = np.concatenate(list(line.samples()))
    assert len(samples) == pytest.approx(RATE, abs=40)
    assert np.concatenate(list(line.samples())).tolist() == samples.tolist(), "and again, when asked again"
    assert line.text == "hello"
    assert Audio(samples).level == pytest.approx(Audio(sine).level, abs=0.2)


def answered(stage: Stage, *, speaks: float, then: float = 10.0, replies: int = 1) -> Callable[[], Awaitable[None]]:
    """A toy that opens the conversation and gives each line a reply, `speaks` seconds long."""

    async def act() -> None:
        stage.light.show(State.SPEAKING)
        await stage.world.sleep(2.0)
        for _ in range(replies):
            said = len(stage.spoke())
            stage.light.show(State.LISTENING)
            while len(stage.spoke()) == said or np.abs(stage.frames[-1]).max() > 1:
                await stage.world.sleep(FRAME_SECONDS)
            stage.light.show(State.THINKING)
            await stage.world.sleep(0.5)
            stage.light.show(State.SPEAKING)
            await stage.world.sleep(speaks)
        stage.light.show(State.LISTENING)
        await stage.world.sleep(then)

    return act


@pytest.mark.parametrize("after", [0.0, 0.5, 1.23, 3.0, 7.777])
def test_an_interruption_is_said_exactly_so_long_after_the_first_reply_became_audible(after: float) -> None:
    stage = Stage(Shout(1.0), interruptions=[Interruption(after, Shout(0.5))])
    stage.live(answered(stage, speaks=5.0))
    replied = [at for at, state in stage.light.shown if state is State.SPEAKING][1]
    _, (began, ended) = stage.spoke()
    assert replied + after - FRAME_SECONDS / 2 < began < replied + after + FRAME_SECONDS / 2 + 1e-9
    assert ended - began == pytest.approx(0.5)


def test_it_is_the_first_reply_that_is_interrupted_and_no_other() -> None:
    stage = Stage(Shout(1.0), Shout(1.0), interruptions=[Interruption(0.5, Shout(0.2))])
    stage.live(answered(stage, speaks=2.0, replies=2))
    assert [round(ended - began, 2) for began, ended in stage.spoke()] == [1.0, 0.2, 1.0]


def test_several_interruptions_are_said_in_the_order_of_their_times() -> None:
    stage = Stage(Shout(1.0), interruptions=[Interruption(2.0, Shout(0.2)), Interruption(1.0, Shout(0.4))])
    stage.live(answered(stage, speaks=5.0))
    assert [round(ended - began, 2) for began, ended in stage.spoke()] == [1.0, 0.4, 0.2]


def test_what_is_said_at_once_is_mixed_and_clipped() -> None:
    stage = Stage(Shout(1.0), interruptions=[Interruption(1.0, Shout(1.0))] * 8)
    stage.live(answered(stage, speaks=5.0))
    _, (began, ended) = stage.spoke()
    heard = np.concatenate(stage.frames)[round(began * RATE) : round(ended * RATE)].astype(int)
    once = np.concatenate(list(Shout(1.0).samples())).astype(int)
    assert np.array_equal(heard, np.clip(8 * once, -32_768, 32_767))


def test_a_line_does_not_begin_while_an_interruption_is_being_said() -> None:
    stage = Stage(Shout(1.0), Shout(1.0), interruptions=[Interruption(1.0, Shout(4.0))])
    stage.live(answered(stage, speaks=2.0))
    (_, _), (_, ended), (began, _) = stage.spoke()
    assert began - ended == pytest.approx(PATIENT_SECONDS, abs=2 * FRAME_SECONDS), "nobody has answered it"


def test_the_button_is_held_while_an_interruption_is_said_too() -> None:
    overlapping = [Interruption(1.0, Shout(1.0)), Interruption(1.5, Shout(1.0)), Interruption(4.0, Shout(0.5))]
    stage = Stage(Shout(1.0), interruptions=overlapping)
    stage.live(answered(stage, speaks=8.0))
    assert len(stage.spoke()) == 3
    held = [
        (press, pytest.approx(at))
        for began, ended in stage.spoke()
        for press, at in ((Press.DOWN, began), (Press.UP, ended))
    ]
    assert [(press, at) for at, press in stage.presses] == held


@pytest.mark.parametrize("after", [1.0, 30.0])
def test_the_script_is_done_when_the_toy_had_time_to_answer_the_last_interruption(after: float) -> None:
    stage = Stage(Shout(1.0), interruptions=[Interruption(after, Shout(0.5))])

    async def act() -> float:
        living = asyncio.create_task(answered(stage, speaks=2.0, then=60.0)())
        await stage.user.done()
        now = stage.world.now()
        living.cancel()
        await asyncio.wait({living})
        return now

    done = stage.live(act)
    assert len(stage.spoke()) == 2
    rests = max(stage.light.since, stage.spoke()[-1][1])
    assert done - rests == pytest.approx(PATIENT_SECONDS, abs=3 * FRAME_SECONDS)


def test_where_no_reply_ever_comes_an_interruption_is_given_up() -> None:
    stage = Stage(Shout(1.0), interruptions=[Interruption(0.0, Shout(0.5))])

    async def act() -> float:
        stage.light.show(State.SPEAKING)
        await stage.world.sleep(2.0)
        stage.light.show(State.LISTENING)
        await stage.user.done()
        return stage.world.now()

    assert stage.live(act) == pytest.approx(2.0 + POLITE_SECONDS + 1.0 + PATIENT_SECONDS, abs=0.1)
    assert len(stage.spoke()) == 1


def test_what_was_typed_to_interrupt_is_known_of_its_utterance() -> None:
    stage = Stage(Shout(1.0, text="one"), interruptions=[Interruption(1.0, Shout(1.0, text="stop"))])
    stage.live(answered(stage, speaks=5.0))
    line, interruption = stage.spoke()
    assert stage.user.typed(utterance(*line)) == "one"
    assert stage.user.typed(utterance(*interruption)) == "stop"


def test_in_a_conversation_the_first_reply_is_interrupted_and_not_the_opening() -> None:
    scene = Scene(
        Shout(1.0),
        hears=["one", "two"],
        replies=[["A reply that is long enough."], ["Another."]],
        interruptions=[Interruption(0.5, Shout(0.4))],
    )
    scene.play()
    speaking = [at for at, state in scene.light.shown if state is State.SPEAKING]
    line, interruption = scene.user.said
    assert line.began > speaking[0]
    assert interruption.began == pytest.approx(speaking[1] + 0.5)
