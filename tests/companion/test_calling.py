"""How a toy gets to know that it is spoken to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np
import pytest
from scene import Scene, Shout

from companion.audio import FRAME_SAMPLES, FRAME_SECONDS, Audio, Frame, Utterance
from companion.calling import BUTTON, ByButton, ByName, Open
from companion.ears import Ears, Noticed, Pause, Quiet, SpeechBegan, WentOn
from companion.patience import Patience
from companion.ports import Press, Wake
from device.simulated import Moments

Result = TypeVar("Result")


class Room:
    """A Microphone and its SpeechDetector: silence for so many seconds, speech for so many, silence ...; the detector
    notes how many frames it was shown."""

    def __init__(self, *seconds: float) -> None:
        self._voiced = [
            number % 2 == 1 for number, each in enumerate(seconds) for _ in range(round(each / FRAME_SECONDS))
        ]
        self.read_so_far = 0
        self.shown = 0
        self._moments = Moments()

    async def read(self) -> Frame:
        await asyncio.sleep(0)
        loud = self.read_so_far < len(self._voiced) and self._voiced[self.read_so_far]
        self.read_so_far += 1
        self._moments.come(self.read_so_far)
        return Frame(Audio(np.full(FRAME_SAMPLES, 3_000 if loud else 1, np.int16)), self.read_so_far * FRAME_SECONDS)

    async def close(self) -> None: ...

    def probability(self, frame: Audio) -> float:
        self.shown += 1
        number = self.read_so_far - 1
        return float(number < len(self._voiced) and self._voiced[number])

    def reset(self) -> None: ...

    async def reached(self, seconds: float) -> None:
        if self.read_so_far < (frames := round(seconds / FRAME_SECONDS)):
            await self._moments.reach(frames)


class Toy:
    """Ears in a room, called by a button."""

    def __init__(self, *seconds: float) -> None:
        self.room = Room(*seconds)
        self.ears = Ears(self.room, self.room, Patience())
        self.calling = ByButton()

    def does(self, *presses: Press) -> None:
        for press in presses:
            self.calling.press(press, self.ears)

    async def utterance(self) -> Noticed:
        """What is said next, or Quiet."""
        while isinstance(found := await self.ears.next(), SpeechBegan | Pause | WentOn):
            pass
        return found


def run(act: Callable[[], Awaitable[Result]]) -> Result:
    async def acting() -> Result:
        result = await act()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(acting())


def test_open_to_everybody_it_waits_until_somebody_speaks_and_nobody_has_called() -> None:
    toy = Toy(2.0, 1.0)

    async def act() -> Noticed:
        assert await Open().wait(toy.ears) is None
        assert toy.ears.hearing
        return await toy.utterance()

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.began == pytest.approx(2.0)


class Name:
    """A WakeWord that hears its name in the 100th frame it is shown."""

    def __init__(self) -> None:
        self._shown = 0

    async def load(self) -> None: ...

    def hears(self, frame: Audio) -> Wake | None:
        self._shown += 1
        return Wake("hey bo", sure=True) if self._shown == 100 else None

    def reset(self) -> None: ...


def test_by_its_name_it_waits_until_that_was_said_and_hears_it_out() -> None:
    toy = Toy(2.0, 1.0)

    async def act() -> Noticed:
        assert await ByName(Name()).wait(toy.ears) == Wake("hey bo", sure=True)
        return await toy.utterance()

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.ended == pytest.approx(3.0)


def test_one_may_speak_on_to_a_toy_that_was_called_but_not_to_one_whose_button_was_let_go() -> None:
    assert (Open().hears_on, ByName(Name()).hears_on, ByButton().hears_on) == (True, True, False)


def test_until_the_button_is_pressed_no_model_sees_a_frame() -> None:
    toy = Toy(1.0, 8.0)

    async def act() -> None:
        waiting = asyncio.create_task(toy.calling.wait(toy.ears))
        await toy.room.reached(5.0)
        assert not waiting.done()
        assert toy.room.shown == 0
        toy.does(Press.DOWN)
        assert await waiting is BUTTON

    run(act)


def test_held_it_hears_through_every_pause_until_it_is_let_go() -> None:
    toy = Toy(1.0, 0.5, 5.0, 0.5)

    async def act() -> Noticed:
        toy.does(Press.DOWN)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(0.9)
        toy.does(Press.LONG)
        await toy.room.reached(10.0)
        assert not hearing.done()
        toy.does(Press.UP)
        heard = await hearing
        assert toy.room.read_so_far <= 1001, "at once"
        return heard

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert (heard.began, heard.ended) == (pytest.approx(1.0), pytest.approx(7.0))


def test_held_in_silence_and_let_go_it_is_quiet() -> None:
    toy = Toy()

    async def act() -> Noticed:
        toy.does(Press.DOWN)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(2.0)
        toy.does(Press.LONG, Press.UP)
        return await hearing

    assert run(act) == Quiet()


def test_tapped_it_hears_until_a_pause() -> None:
    toy = Toy(1.0, 0.5, 5.0, 0.5)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        return await toy.utterance()

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.ended == pytest.approx(1.5)


def test_pressed_before_it_is_known_to_be_a_tap_it_hears_and_then_until_a_pause() -> None:
    toy = Toy(0.1, 0.5, 5.0, 0.5)

    async def act() -> Noticed:
        toy.does(Press.DOWN)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(0.3)
        toy.does(Press.SHORT)
        return await hearing

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.ended == pytest.approx(0.6)


@pytest.mark.parametrize("speech", [1.0, 9.0])
def test_the_second_tap_ends_what_is_being_said(speech: float) -> None:
    toy = Toy(1.0, speech)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(2.1)
        assert not toy.calling.begins(Press.DOWN, toy.ears), "it does not begin anew"
        toy.does(Press.DOWN)
        heard = await hearing
        assert toy.room.read_so_far <= 211
        toy.does(Press.SHORT)  # the end of the same tap means nothing
        return heard

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.ended == pytest.approx(min(2.1, 1.0 + speech), abs=0.02)
    assert toy.calling.begins(Press.DOWN, toy.ears), "and the third begins anew"


def test_the_second_tap_in_silence_ends_the_listening() -> None:
    toy = Toy()

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(2.0)
        assert not toy.calling.begins(Press.DOWN, toy.ears)
        toy.does(Press.DOWN, Press.SHORT)
        return await hearing

    assert run(act) == Quiet()
    assert toy.calling.begins(Press.DOWN, toy.ears), "and the third begins anew"


def test_what_was_tapped_is_over_with_the_utterance_and_the_next_press_begins_anew() -> None:
    toy = Toy(0.5, 0.5)

    async def act() -> None:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        assert isinstance(await toy.utterance(), Utterance)

    run(act)
    assert toy.calling.begins(Press.DOWN, toy.ears), "while it thinks, or speaks"


def test_a_tap_to_which_nobody_spoke_is_over_when_it_waits_again() -> None:
    toy = Toy()

    async def act() -> None:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        assert await toy.ears.next(8.0) == Quiet()
        waiting = asyncio.create_task(toy.calling.wait(toy.ears))
        await toy.room.reached(9.0)
        assert not waiting.done()
        assert toy.calling.begins(Press.DOWN, toy.ears)
        toy.does(Press.DOWN)
        await waiting

    run(act)


@pytest.mark.parametrize("press", Press)
def test_only_a_button_that_goes_down_begins_anything(press: Press) -> None:
    toy = Toy()
    assert toy.calling.begins(press, toy.ears) == (press is Press.DOWN)


def test_pressed_before_it_waits_it_is_called_as_soon_as_it_does_and_once() -> None:
    toy = Toy()

    async def act() -> None:
        toy.does(Press.DOWN)
        assert await toy.calling.wait(toy.ears) is BUTTON
        toy.does(Press.LONG, Press.UP)
        waiting = asyncio.create_task(toy.calling.wait(toy.ears))
        await toy.room.reached(3.0)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})

    run(act)


def test_tapped_before_it_waits_the_second_tap_still_ends_it() -> None:
    toy = Toy(0.5, 9.0)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.SHORT)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(2.0)
        toy.does(Press.DOWN)
        return await hearing

    assert isinstance(run(act), Utterance)


def test_pressed_and_held_again_while_it_was_held_it_is_held() -> None:
    """Of a storm of presses the end of one may be lost."""
    toy = Toy(0.5, 0.5, 3.0, 0.5)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.LONG)
        assert toy.calling.begins(Press.DOWN, toy.ears)
        toy.does(Press.DOWN)
        await toy.calling.wait(toy.ears)
        hearing = asyncio.create_task(toy.utterance())
        await toy.room.reached(6.0)
        assert not hearing.done()
        toy.does(Press.LONG, Press.UP)
        return await hearing

    heard = run(act)
    assert isinstance(heard, Utterance)
    assert heard.ended == pytest.approx(4.5)


def test_let_go_before_it_listens_it_is_not_held_any_more() -> None:
    toy = Toy(0.5, 0.5)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.LONG, Press.UP)
        await toy.calling.wait(toy.ears)
        return await toy.utterance()

    heard = run(act)
    assert isinstance(heard, Utterance), "a pause ends it"


@pytest.mark.parametrize("press", [Press.SHORT, Press.LONG])
def test_pressed_while_it_answers_it_stops_and_listens(press: Press) -> None:
    scene = Scene(
        Shout(1.0), hears=["Tell me a story.", "no more"], replies=[["One two three four five six seven eight."]],
        calling=ByButton(),
    )  # fmt: skip
    scene.user._press = lambda _: None

    async def act() -> None:
        await scene.until_event("state", state="idle")
        scene.button.press(Press.SHORT)
        await scene.until_event("heard")
        await scene.world.sleep(1.0)
        assert scene.states()[-1] == "speaking"
        scene.button.press(press)
        await scene.world.sleep(1.0)

    scene.play(until=act)
    assert not scene.told("said")[-1].fields["complete"], "it fell silent"
    assert len(scene.told("called")) >= 2


@pytest.mark.parametrize("before", [(), (Press.DOWN, Press.SHORT)])
def test_pressed_twice_it_neither_listens_nor_believes_to_be_held(before: tuple[Press, ...]) -> None:
    toy = Toy(0.5, 1.0, 1.0)

    async def act() -> bool:
        toy.does(*before, Press.DOWN, Press.DOUBLE)
        waiting = asyncio.create_task(toy.calling.wait(toy.ears))
        await toy.room.reached(2.0)
        called = waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})
        return called

    assert not run(act)
    assert not toy.ears.held
    assert toy.room.shown == 0


def test_after_a_double_press_it_is_held_and_let_go_as_ever() -> None:
    toy = Toy(0.5, 1.0, 1.0)

    async def act() -> Noticed:
        toy.does(Press.DOWN, Press.SHORT, Press.DOWN, Press.DOUBLE, Press.DOWN)
        assert await toy.calling.wait(toy.ears) == BUTTON
        speaking = asyncio.create_task(toy.utterance())
        await toy.room.reached(2.0)
        assert not speaking.done()
        toy.does(Press.LONG, Press.UP)
        return await speaking

    assert isinstance(run(act), Utterance)
