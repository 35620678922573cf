"""The light in a conversation: it follows what is heard and said, listens as long as it says so, and shows gestures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from scene import Scene, Shout

from companion.audio import Audio, Frame
from companion.calling import ByButton, ByName, Calling, Open
from companion.looks import LOOKS, SAFETY, Look, loudness
from companion.ports import Microphone, Press
from companion.state import State
from device.room import Room
from models.scripted import ScriptedDetector
from models.scripted_turns import ScriptedWakeWord

PROMPT = 0.1
"""Seconds within which the light must tell that somebody is heard."""


class Levels:
    """What a light was told of the sound, state by state."""

    def __init__(self, scene: Scene) -> None:
        self.told: dict[State, list[float]] = {state: [] for state in State}
        show = scene.light.show

        def noting(state: State, level: float = 0.0) -> None:
            if state is scene.light.state:
                self.told[state].append(level)
            show(state, level)

        scene.light.show = noting  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("decibels", "level"), [(float("-inf"), 0.0), (-90.0, 0.0), (-55.0, 0.0), (-37.5, 0.5), (-20.0, 1.0), (0.0, 1.0)]
)
def test_a_level_is_what_is_between_silence_and_a_loud_voice(decibels: float, level: float) -> None:
    assert loudness(decibels) == level


def test_while_it_listens_the_light_follows_who_speaks() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])
    levels = Levels(scene)
    scene.play()
    heard = levels.told[State.LISTENING]
    assert max(heard) > 0.9
    assert min(heard) == 0.0
    loud = sum(level > 0.9 for level in heard)
    assert loud * 0.04 == pytest.approx(1.0, abs=0.15), "a second of noise, told every 40 ms"


def test_while_it_speaks_the_light_follows_its_own_voice_and_not_who_is_there() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["This is quite a long reply."]], room=Room(echo=-20.0))
    levels = Levels(scene)
    scene.play()
    spoken = levels.told[State.SPEAKING]
    assert max(spoken) > 0.5
    assert len(spoken) > 25


def test_what_does_not_follow_a_sound_is_told_of_none() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], room=Room(echo=-20.0))
    levels = Levels(scene)
    scene.play()
    assert {state for state, told in levels.told.items() if told} == {State.LISTENING, State.SPEAKING}


class SeesModels(ScriptedDetector):
    """A detector that notes when it was given a frame."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[float] = []
        self.now: Callable[[], float] = lambda: 0.0

    def probability(self, frame: Audio) -> float:
        self.frames.append(self.now())
        return super().probability(frame)


CALLINGS: dict[str, Callable[[], Calling]] = {
    "open": Open,
    "by name": lambda: ByName(ScriptedWakeWord("bo", sure=False)),
    "by button": ByButton,
}


def shown_at(scene: Scene, moment: float) -> State | None:
    return next((state for at, state in reversed(scene.light.shown) if at <= moment + 1e-9), None)


@pytest.mark.parametrize("name", CALLINGS)
def test_no_model_is_given_a_frame_in_the_dark_or_behind_a_red_light(name: str) -> None:
    detector = SeesModels()
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["bo", "bo"],
        replies=[["One."], ["Two."]],
        calling=CALLINGS[name](),
        detector=detector,
    )
    detector.now = scene.world.now

    async def act() -> None:
        await scene.user.done()
        await scene.life.mute()
        await scene.world.sleep(5.0)
        scene.life.unmute()
        scene.life.trouble()
        await scene.world.sleep(20.0)

    scene.play(until=act)
    assert State.ATTENTION in {state for _, state in scene.light.shown}
    assert len(detector.frames) > 100
    lit = {shown_at(scene, moment) for moment in detector.frames}
    assert None not in lit
    assert not [state for state in lit if state and _is_red(LOOKS[state])]

    red = next(at for at, state in scene.light.shown if state is State.MUTED)
    assert not any(red <= moment < red + 5.0 for moment in detector.frames)


def _is_red(look: Look) -> bool:
    red, *others = look.colour
    return red > 3 * max(others)


def test_whoever_holds_the_button_sees_the_listening_light_before_a_model_hears_anything() -> None:
    detector = SeesModels()
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], calling=ByButton(), detector=detector)
    detector.now = scene.world.now
    scene.play()
    assert detector.frames
    for moment in detector.frames:
        lit = [shown_at(scene, moment + later) for later in (-0.005, 0.0, PROMPT)]  # the last frame ends it
        assert State.LISTENING in lit


@pytest.mark.parametrize("name", ["open", "by name"])
def test_whoever_begins_to_speak_sees_the_listening_light_within_100_ms(name: str) -> None:
    """Of the first frame that is speech to the detector, and that is believed."""
    scene = Scene(Shout(1.0), hears=["bo, hello"], replies=[["Yes."]], calling=CALLINGS[name]())

    async def act() -> None:
        await scene.until_event("state", state="idle")  # nobody has spoken for long
        scene.user._lines.append(Shout(1.0))
        await scene.until_event("said", kind="reply")

    scene.user._lines.clear()
    scene.play(until=act)
    began = scene.user.said[0].began
    lit = next(at for at, state in scene.light.shown if at >= began and state is State.LISTENING)
    needed = 0.2  # of voice until it is believed, or of the name until it is known
    assert lit <= began + needed + PROMPT


def test_the_red_light_means_that_no_frame_is_consumed() -> None:
    read: list[tuple[float, State | None]] = []

    class Watched:
        def __init__(self, microphone: Microphone) -> None:
            self._microphone = microphone

        async def read(self) -> Frame:
            frame = await self._microphone.read()
            read.append((frame.ends, scene.light.state))
            return frame

        async def close(self) -> None:
            await self._microphone.close()

    scene = Scene(Shout(1.0), hears=["one"], replies=[["A reply."]], microphone=Watched)

    async def act() -> None:
        for wait in (0.5, 3.3, 1.7, 0.02):
            await scene.world.sleep(wait)
            scene.button.press(Press.LONG)
            await scene.world.sleep(1.0)
            scene.button.press(Press.LONG)

    scene.play(until=act)
    assert State.MUTED in [state for _, state in scene.light.shown]
    assert {state for _, state in read} - {None} <= {State.BOOTING, State.LISTENING, State.SPEAKING, State.THINKING}


def test_the_gestures_of_a_reply_move_the_light_in_their_order() -> None:
    reply = "(giggles) That is funny. (yawns) And now I am tired. (waves)"
    scene = Scene(Shout(1.0), hears=["one"], replies=[[reply]])
    scene.play()
    assert [motion for _, motion in scene.light.moved] == ["flicker", "fade", "sweep"]


def test_a_gesture_is_in_the_journal_when_the_light_shows_it() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["(nods) Yes. (looks up) Rain."]])
    scene.play()
    told = [(event.at, event.fields["text"]) for event in scene.told("gesture")]
    assert [text for _, text in told] == ["nods", "looks up"]
    assert [at for at, _ in told] == [at for at, _ in scene.light.moved]
    assert [motion for _, motion in scene.light.moved] == ["bounce", "glint"]


def test_no_gesture_is_shown_over_a_state_one_must_be_able_to_rely_on() -> None:
    scene = Scene()
    for state in State:
        scene.light.show(state)
        scene.life._face.gesture("waves")
        assert bool(scene.light.moved) == (state not in SAFETY)
        scene.light.moved.clear()
    assert len(scene.told("gesture")) == len(State), "that it did so is told all the same"


def test_the_light_listens_as_long_as_somebody_may_speak_without_calling() -> None:
    scene = Scene()

    async def act() -> None:
        await scene.until_event("state", state="idle")
        await asyncio.sleep(0)

    scene.play(until=act)
    assert [state for _, state in scene.light.shown] == [
        State.BOOTING,
        State.SPEAKING,
        State.LISTENING,
        State.IDLE,
    ]
