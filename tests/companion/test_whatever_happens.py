"""Whatever happens, in whatever order: the microphone has its one reader, the light is true, and the mute is a mute."""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from scene import Scene, Shout

from companion.audio import Audio, Frame, Utterance
from companion.calling import ByButton, ByName, Calling, Open
from companion.errors import DeviceError
from companion.ports import Microphone, Press, Transcript
from companion.state import State
from models.scripted import ScriptedChat
from models.scripted_turns import ScriptedWakeWord

SOAK = bool(os.environ.get("COMPANION_SOAK"))

SEQUENCES = 10_000 if SOAK else 150
"""Of up to `LONGEST` things that happen."""

LONGEST = 12

CALLINGS: dict[str, Callable[[], Calling]] = {
    "open": Open,
    "by name": lambda: ByName(ScriptedWakeWord("bo", sure=False)),
    "by button": ByButton,
}


class OneReader:
    """A microphone that knows whether it is read, by how many, and what the light shows meanwhile."""

    def __init__(self, microphone: Microphone, scene: list[Scene]) -> None:
        self._microphone = microphone
        self._scene = scene
        self._readers = 0
        self.broken = False
        self.last_read = 0.0

    async def read(self) -> Frame:
        assert self._readers == 0, "one reader"
        self._readers += 1
        try:
            if self.broken:
                raise DeviceError("The microphone has gone")
            frame = await self._microphone.read()
        finally:
            self._readers -= 1
        scene = self._scene[0]
        assert scene.light.state is not State.MUTED, "the light is red: no frame is heard"
        self.last_read = frame.ends
        return frame

    async def close(self) -> None:
        await self._microphone.close()


class Anything:
    """A transcriber that reads something for every sound, and checks what the light shows."""

    def __init__(self, scene: list[Scene], chance: Random) -> None:
        self._scene = scene
        self._chance = chance

    async def load(self) -> None: ...

    async def transcribe(self, utterance: Utterance) -> Transcript:
        await self._scene[0].world.sleep(self._chance.choice((0.0, 0.1, 0.6)))
        state = self._scene[0].light.state
        assert state not in (State.MUTED, State.IDLE, State.ATTENTION), f"somebody is heard while it shows {state}"
        text = self._chance.choice(("", "Hello, Bo.", "bo", "stop", "louder", "goodbye", "and then", "Mum, look!"))
        return Transcript(text, "anything")


def sequence(seed: int, calling: Calling) -> list[str]:
    """Let a toy live through what `seed` makes happen; what that was."""
    chance = Random(seed)
    about: list[Scene] = []
    microphones: list[OneReader] = []

    def watched(microphone: Microphone) -> Microphone:
        microphones.append(OneReader(microphone, about))
        return microphones[0]

    scene = Scene(
        calling=calling,
        microphone=watched,
        transcriber=lambda _: Anything(about, chance),
        chat=lambda world: ScriptedChat([["(nods) I am a reply."]] * 99, clock=world, delay=chance.choice((0.0, 0.3))),
        earcons=True,
    )
    about.append(scene)
    scene.user._press = lambda _: None
    [microphone] = microphones
    happened: list[str] = []

    async def happen() -> None:
        for _ in range(chance.randint(3, LONGEST)):
            await scene.world.sleep(chance.choice((0.0, 0.01, 0.3, 1.1, 2.5)))
            what = chance.choice(
                ("speak", "speak", "tap", "twice", "hold", "down", "up", "mute", "unmute", "stop", "forget", "break")
            )
            happened.append(f"{scene.world.now():.2f} {what}")
            match what:
                case "speak":
                    scene.user._lines.append(Shout(chance.choice((0.2, 0.6, 1.5)), chance.choice((0.0, 0.3))))
                case "tap":
                    scene.button.press(Press.SHORT)
                case "twice":
                    scene.button.press(Press.DOUBLE)
                case "hold":
                    scene.button.press(Press.LONG)
                case "down" | "up":
                    scene.button.press(Press(what))
                case "mute":
                    await scene.life.mute()
                case "unmute":
                    scene.life.unmute()
                case "stop":
                    await scene.life.interrupt()
                case "forget":
                    await scene.life.forget()
                case "break":
                    microphone.broken = True
                    await scene.world.sleep(chance.choice((0.1, 1.5)))
                    microphone.broken = False
        # In the end all is well again, whatever came before.
        scene.button.press(Press.UP)
        await scene.world.sleep(0.1)
        if scene.states()[-1] == "muted":
            scene.life.unmute()
        for _ in range(60):  # seconds, for all that somebody may still have to say
            await scene.world.sleep(1.0)
            heard = scene.world.now() - microphone.last_read < 0.05
            if heard and scene.states()[-1] in ("idle", "attention") and not scene.user._lines:
                break
        assert scene.world.now() - microphone.last_read < 0.05, "the microphone is read"
        assert scene.states()[-1] in ("idle", "attention"), scene.states()
        shown = [state.value for _, state in scene.light.shown]
        assert shown == scene.states(), "the light and the journal tell the same"

    scene.play(until=happen)
    sounding = [(began, began + piece.seconds) for began, piece in scene.speaker.heard]
    for began, state in scene.light.shown:
        if state is State.MUTED:
            assert not any(a < began + 0.001 < b - 0.03 for a, b in sounding), "muted it is silent"
    return happened


@pytest.mark.parametrize("name", CALLINGS)
def test_whatever_happens_the_reader_the_light_and_the_mute_are_right(name: str) -> None:
    for seed in range(SEQUENCES // len(CALLINGS)):
        sequence(seed, CALLINGS[name]())


def test_a_sequence_is_the_same_every_time() -> None:
    assert sequence(7, Open()) == sequence(7, Open())


class Walls:
    """A microphone in a room that answers: the speaker's last frames come back, later and softer."""

    def __init__(self, microphone: Microphone, scene: list[Scene], delay: float) -> None:
        self._microphone = microphone
        self._scene = scene
        self._delay = delay

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        heard = self._scene[0].speaker.heard
        echo = [piece for began, piece in heard[-60:] if abs(began + self._delay - (frame.ends - 0.01)) < 0.006]
        if not echo:
            return frame
        samples = np.zeros_like(frame.captured.samples)
        samples[: len(echo[0].samples)] = echo[0].samples[: len(samples)] // 2
        return Frame(Audio(samples), frame.ends)

    async def close(self) -> None:
        await self._microphone.close()


def test_no_follow_up_window_is_opened_by_its_own_last_words() -> None:
    """1,000 of them in `make soak`; in rooms whose walls answer for up to 0.25 s."""
    count = 1_000 if SOAK else 60
    about: list[Scene] = []
    scene = Scene(
        *[Shout(0.3)] * count,
        hears=["hello"] * count,
        replies=[["I am a reply."]] * count,
        microphone=lambda microphone: Walls(microphone, about, 0.25),
        longest=1e6,
    )
    about.append(scene)
    scene.play()
    assert len(scene.told("turn")) == count
    assert len(scene.told("heard")) == count
    assert scene.told("ignored") == []
    assert scene.told("fault") == []
