"""Mute is kept over restarts: it begins with a red light and a closed microphone, and whoever unmutes it is heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from scene import Scene, Shout

from companion.audio import Frame
from companion.kept_mute import KeptMute
from companion.ports import Microphone, Press
from companion.state import State


class Reads:
    """A microphone that notes when it is read, and what the light shows then."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone
        self.seen: list[State | None] = []
        self.scene: Scene

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        self.seen.append(self.scene.light.state)
        return frame

    async def close(self) -> None:
        await self._microphone.close()


def scene_of(mute: KeptMute, *lines: Shout) -> tuple[Scene, Reads]:
    reads: list[Reads] = []

    def watched(microphone: Microphone) -> Reads:
        reads.append(Reads(microphone))
        return reads[0]

    scene = Scene(*lines, hears=["one"], replies=[["Yes."]], microphone=watched, kept_mute=mute, earcons=True)
    reads[0].scene = scene
    return scene, reads[0]


@pytest.mark.parametrize("how", ["button", "control"])
def test_muted_before_it_was_switched_off_it_is_muted_when_it_is_switched_on(tmp_path: Path, how: str) -> None:
    file = tmp_path / "muted"
    before, _ = scene_of(KeptMute(file))

    async def mute() -> None:
        await before.until_event("state", state="listening")
        if how == "button":
            before.button.press(Press.LONG)
        else:
            await before.life.mute()
        await before.until_event("state", state="muted")

    before.play(until=mute)
    after, reads = scene_of(KeptMute(file))

    async def wait() -> None:
        await after.world.sleep(30.0)
        assert reads.seen == [], "its microphone is not even opened"
        if how == "button":
            after.button.press(Press.LONG)
        else:
            after.life.unmute()
        await after.until_event("state", state="listening")
        await after.world.sleep(1.0)

    after.play(until=wait)
    assert after.states() == ["muted", "booting", "speaking", "listening"] or after.states()[0] == "muted"
    assert State.MUTED not in reads.seen
    assert not KeptMute(file).muted


def test_it_is_kept_by_the_time_that_control_says_it_is_done(tmp_path: Path) -> None:
    scene, _ = scene_of(KeptMute(tmp_path / "muted"))

    async def act() -> None:
        await scene.until_event("state", state="listening")
        await scene.life.mute()
        assert KeptMute(tmp_path / "muted").muted
        scene.life.unmute()
        assert not KeptMute(tmp_path / "muted").muted

    scene.play(until=act)


def test_unmuted_while_it_still_gets_ready_it_opens_its_microphone_behind_another_light(tmp_path: Path) -> None:
    mute = KeptMute(tmp_path / "muted")
    mute.keep(True)
    scene, reads = scene_of(mute, Shout(1.0))
    load = scene.transcriber.load

    async def slowly() -> None:
        await scene.world.sleep(5.0)
        await load()

    scene.transcriber.load = slowly  # type: ignore[method-assign]

    async def act() -> None:
        await scene.world.sleep(1.0)
        scene.life.unmute()
        await scene.until_event("said", kind="reply")

    scene.play(until=act)
    assert scene.states()[:3] == ["muted", "booting", "speaking"]
    assert reads.seen
    assert State.MUTED not in reads.seen


@pytest.mark.parametrize("later", [0.0, 0.01, 0.05, 0.2])
def test_pressed_again_as_it_is_unmuted_it_hears_behind_no_red_light(tmp_path: Path, later: float) -> None:
    scene, reads = scene_of(KeptMute(tmp_path / "muted"))

    async def act() -> None:
        await scene.until_event("state", state="speaking")
        await scene.world.sleep(0.3)
        await scene.life.mute()
        await scene.until_event("state", state="muted")
        scene.life.unmute()
        if later:
            await scene.world.sleep(later)
        await scene.life.interrupt()
        await scene.world.sleep(1.0)

    scene.play(until=act)
    assert State.MUTED not in reads.seen
    assert scene.states()[-1] == "listening"


def test_where_it_cannot_be_kept_it_says_so_once_and_mutes_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    scene, _ = scene_of(KeptMute(tmp_path / "state" / "muted"))

    async def act() -> None:
        await scene.until_event("state", state="listening")
        for _ in range(3):
            scene.button.press(Press.LONG)
            await scene.world.sleep(0.5)
            assert scene.light.state is State.MUTED
            scene.button.press(Press.LONG)
            await scene.world.sleep(0.5)

    scene.play(until=act)
    [warning] = scene.told("fault")
    assert warning.fields["text"].startswith("it cannot be kept over a restart whether the toy is muted (")
    assert warning.fields["recovered"]
