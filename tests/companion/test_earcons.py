"""The short sounds: distinct, soft, no speech, and never in the way of an answer."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import soxr
from scene import Scene, Shout, in_world

from companion import earcons
from companion.audio import FRAME_SAMPLES, RATE, Audio
from companion.calling import ByButton, ByName
from companion.earcons import Earcon, Earcons, sound
from companion.errors import DeviceError, NoVoice
from companion.ports import Press
from device.simulated import SimulatedSpeaker, World
from models.scripted import ScriptedChat, ScriptedVoice
from models.scripted_turns import ScriptedWakeWord
from models.speech_detector import SileroDetector


@pytest.mark.parametrize("earcon", Earcon)
def test_an_earcon_is_short_soft_and_does_not_click(earcon: Earcon) -> None:
    audio = sound(earcon)
    assert 0.075 <= audio.seconds <= 0.150
    assert 0.05 < np.abs(audio.samples).max() / 32_768 < 0.2
    assert max(abs(int(audio.samples[0])), abs(int(audio.samples[-1]))) < 50
    assert np.abs(np.diff(audio.samples.astype(int))).max() < 0.1 * 32_768


@pytest.mark.parametrize(("one", "other"), list(combinations(Earcon, 2)))
def test_no_two_earcons_sound_alike(one: Earcon, other: Earcon) -> None:
    """However one is shifted against the other."""
    first, second = sound(one).floats, sound(other).floats
    alike = np.abs(np.correlate(first, second, "full")).max() / np.sqrt(np.sum(first**2) * np.sum(second**2))
    assert alike < 0.7


@pytest.mark.parametrize("earcon", Earcon)
@pytest.mark.parametrize("decibels", [0.0, 12.0, -20.0])
def test_no_earcon_is_speech_to_the_toys_own_ears(earcon: Earcon, decibels: float) -> None:
    """However loud it comes back to the microphone, and three times in a row."""
    silence = np.random.default_rng(0).integers(0, 2, RATE // 2).astype(np.float32)
    played = soxr.resample(sound(earcon).samples.astype(np.float32), earcons.RATE, RATE) * 10 ** (decibels / 20)
    heard = np.clip(np.concatenate([silence, *[played, silence] * 3]), -32_768, 32_767).astype(np.int16)
    detector = SileroDetector()
    frames = heard[: len(heard) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    speech = [detector.probability(Audio(frame)) > 0.5 for frame in frames]
    assert sum(speech) * 0.01 < 0.1


def played_at(scene: Scene, earcon: Earcon) -> list[float]:
    """When an earcon began to sound, in seconds of the world."""
    beginning = sound(earcon).samples[40:200]
    heard = scene.speaker.heard
    pieces = [(began, piece) for began, piece in heard if piece.rate == earcons.RATE]
    found = [began for began, piece in pieces if np.array_equal(piece.samples[40:200], beginning)]
    return [began for number, began in enumerate(found) if not number or began - found[number - 1] > 0.2]


def test_called_by_its_name_alone_it_says_that_it_listens() -> None:
    scene = Scene(
        hears=["bo", "what time is it"],
        replies=[["Late."]],
        calling=ByName(ScriptedWakeWord("bo", sure=False)),
        earcons=True,
    )

    async def act() -> None:
        await scene.until_event("state", state="idle")
        scene.user._lines.extend([Shout(0.4), Shout(1.0)])
        await scene.until_event("said", text="Late.")

    scene.play(until=act)
    [listens] = played_at(scene, Earcon.LISTEN)
    [called] = [event.at for event in scene.told("called")]
    assert listens > called
    assert [event.fields["text"] for event in scene.told("heard")] == ["what time is it"]


def test_whoever_goes_on_after_the_name_is_not_talked_over() -> None:
    scene = Scene(
        hears=["bo what time is it"],
        replies=[["Late."]],
        calling=ByName(ScriptedWakeWord("bo", sure=False)),
        earcons=True,
    )

    async def act() -> None:
        await scene.until_event("state", state="idle")
        scene.user._lines.append(Shout(1.0))
        await scene.until_event("said", text="Late.")

    scene.play(until=act)
    assert [event.fields["by"] for event in scene.told("called")] == ["bo"]
    assert played_at(scene, Earcon.LISTEN) == []
    assert scene.told("said")[-1].fields["text"] == "Late."


def test_whoever_holds_the_button_hears_that_it_listens_and_that_it_has_heard() -> None:
    scene = Scene(
        Shout(1.0),
        hears=["one"],
        chat=lambda world: ScriptedChat([["Yes."]], clock=world, delay=0.5),
        calling=ByButton(),
        earcons=True,
    )
    scene.play()
    [pressed] = [event.at for event in scene.told("called")]
    [listens] = played_at(scene, Earcon.LISTEN)
    [thinks] = [event.at for event in scene.told("state") if event.fields["state"] == "thinking"]
    assert listens == pytest.approx(pressed, abs=0.02)
    [done] = played_at(scene, Earcon.DONE)
    assert done == pytest.approx(thinks, abs=0.02)


def test_no_answer_waits_for_an_earcon() -> None:
    delays = []
    for wanted in (False, True):
        scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], calling=ByButton(), earcons=wanted)
        scene.play()
        ended = scene.user.said[0].ended
        [replied] = [
            event.at for event in scene.told("state") if event.fields["state"] == "speaking" and event.at > ended - 0.01
        ]
        delays.append(replied - ended)
    assert delays[1] - delays[0] <= 0.021, "but for the fade of what is cut off"


def test_muting_and_unmuting_are_heard_and_the_toy_does_not_hear_them() -> None:
    scene = Scene(earcons=True)
    read: list[float] = []
    reading = scene.microphone.read

    async def watched() -> object:
        frame = await reading()
        read.append(frame.ends)
        return frame

    scene.microphone.read = watched  # type: ignore[method-assign, assignment]

    async def act() -> None:
        await scene.until_event("state", state="listening")
        scene.button.press(Press.LONG)
        await scene.world.sleep(2.0)
        scene.button.press(Press.LONG)
        await scene.world.sleep(2.0)

    scene.play(until=act)
    [mutes], [unmutes] = played_at(scene, Earcon.MUTE), played_at(scene, Earcon.UNMUTE)
    assert mutes < unmutes
    assert not any(mutes < moment < unmutes + sound(Earcon.UNMUTE).seconds for moment in read)
    assert read[-1] > unmutes + 1.0


def test_where_nothing_can_be_said_of_what_went_wrong_it_is_heard_all_the_same() -> None:
    class Hoarse(ScriptedVoice):
        def speak(self, text: str):  # type: ignore[no-untyped-def]
            if text != "Hello, I am Bo.":
                raise NoVoice("It has lost its voice")
            return super().speak(text)

    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], voice=lambda world: Hoarse(), earcons=True)
    scene.play()
    assert len(played_at(scene, Earcon.ERROR)) == 1


def test_switched_off_nothing_of_it_is_heard() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], calling=ByButton())

    async def act() -> None:
        await scene.user.done()
        await scene.life.mute()
        await scene.world.sleep(1.0)

    scene.play(until=act)
    assert {piece.rate for _, piece in scene.speaker.heard} == {RATE}


def test_a_speaker_that_is_not_there_is_no_error() -> None:
    world = World(longest=10.0)
    speaker = SimulatedSpeaker(world)

    async def missing(audio: Audio) -> float:
        raise DeviceError("There is no speaker")

    speaker.play = missing  # type: ignore[method-assign]

    async def act() -> None:
        async with world.turning():
            made = Earcons(speaker, {Earcon.MUTE: sound(Earcon.MUTE)})
            await made.play(Earcon.MUTE)
            await made.played(Earcon.MUTE)
            made.hush()

    in_world(world, act)
