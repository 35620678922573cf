"""However often somebody says "louder": no toy is louder than its owner allows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scene import Scene, Shout

from companion.conversation import VOLUME_STEP
from companion.journal import Journal
from companion.mouth import QUIETEST, Mouth
from companion.ports import Speaker
from device.simulated import SimulatedSpeaker, World
from device.sound_cards import PortAudio
from device.speaker import SoundCardSpeaker
from device.wall_clock import WallClock
from models.scripted import ScriptedVoice

SPEAKERS: dict[str, Callable[[float], Speaker]] = {
    "simulated": lambda loudest: SimulatedSpeaker(World(), loudest=loudest),
    "sound card": lambda loudest: SoundCardSpeaker(WallClock(), PortAudio(), loudest=loudest),
}


@pytest.mark.parametrize("name", SPEAKERS)
@given(
    cap=st.floats(QUIETEST, 1.0),
    asked=st.lists(st.sampled_from([VOLUME_STEP, 1 / VOLUME_STEP, 100.0, 0.0]), max_size=12),
)
def test_no_asking_makes_it_louder_than_allowed_or_silent(name: str, cap: float, asked: list[float]) -> None:
    speaker = SPEAKERS[name](cap)
    mouth = Mouth("Bo", ScriptedVoice(), speaker, Journal(World()))
    assert speaker.volume == cap, "at first it is as loud as it may be"
    for factor in asked:
        mouth.change_volume(factor)
        assert QUIETEST <= speaker.volume <= cap


def test_told_to_be_louder_it_stays_below_the_cap() -> None:
    scene = Scene(*[Shout(1.0)] * 3, hears=["louder", "louder", "louder"])
    scene.speaker._loudest = 0.4
    scene.speaker.volume = 0.2
    scene.play()
    assert scene.speaker.volume == 0.4
