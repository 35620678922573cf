import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from scene import Scene, Shout, bo

from companion.audio import Audio, Frame
from companion.calling import ByButton
from companion.errors import Cause, DeviceError, NoReply, NoVoice
from companion.phrasebook import MUTED
from companion.ports import Microphone, Press, Prompt, Usage
from device.ramp import FADE_SECONDS
from device.simulated import World
from models.scripted import ScriptedChat, ScriptedVoice


class Unplugged:
    """A microphone that is missing between two moments of the world."""

    def __init__(self, microphone: Microphone, since: float, until: float) -> None:
        self._microphone = microphone
        self._since = since
        self._until = until

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        if self._since <= frame.ends < self._until:
            await self.close()
            raise DeviceError("The microphone has gone")
        return frame

    async def close(self) -> None:
        await self._microphone.close()


def test_a_long_press_mutes_and_another_one_unmutes() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])

    async def press() -> None:
        await scene.until_event("state", state="listening")
        scene.button.press(Press.LONG)
        await scene.until_event("state", state="muted")
        await scene.world.sleep(5.0)
        assert scene.states()[-1] == "muted"
        assert scene.told("heard") == []
        scene.button.press(Press.LONG)
        await scene.user.done()

    scene.play(until=press)
    assert scene.states()[:5] == ["booting", "speaking", "listening", "muted", "listening"]
    assert [event.fields["text"] for event in scene.told("heard")] == ["one"]


def test_muted_it_lets_go_of_the_microphone() -> None:
    closed: list[float] = []

    class Watched(Unplugged):
        async def close(self) -> None:
            closed.append(scene.world.now())
            await super().close()

    scene = Scene(microphone=lambda microphone: Watched(microphone, 1e9, 1e9))

    async def press() -> None:
        await scene.until_event("state", state="listening")
        assert closed == []
        scene.button.press(Press.LONG)
        muted = await scene.until_event("state", state="muted")
        assert closed == [muted.at]

    scene.play(until=press)


def test_left_it_ends() -> None:
    scene = Scene()

    async def leave() -> None:
        await scene.until_event("state", state="listening")
        scene.life.leave()
        await scene.world.sleep(60.0)

    with pytest.raises(asyncio.InvalidStateError):  # nobody came to the end of the minute
        scene.play(until=leave)
    assert scene.world.now() < 60.0


def test_while_the_light_is_red_nothing_is_captured() -> None:
    seen: list[tuple[float, bool]] = []

    class Watched(Unplugged):
        async def read(self) -> Frame:
            frame = await super().read()
            seen.append((frame.ends, scene.light.state == "muted"))
            return frame

    scene = Scene(microphone=lambda microphone: Watched(microphone, 1e9, 1e9))

    async def press() -> None:
        for _ in range(5):
            scene.button.press(Press.LONG)
            await scene.world.sleep(0.37)
            scene.button.press(Press.LONG)
            await scene.world.sleep(0.41)

    scene.play(until=press)
    assert any(not red for _, red in seen)
    assert not any(red for _, red in seen)


def test_muted_in_the_middle_of_a_reply_it_is_silent_at_once() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["This is quite a long reply, as replies go."]])

    async def press() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(1.0)
        scene.button.press(Press.LONG)
        muted = await scene.until_event("state", state="muted")
        await scene.world.sleep(1.0)
        assert all(began <= muted.at + FADE_SECONDS for began, _ in scene.speaker.heard)

    scene.play(until=press)
    assert not scene.told("said")[-1].fields["complete"]


def test_a_short_press_stops_it_and_it_listens() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["This is quite a long reply, as replies go."]])

    async def press() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(1.0)
        scene.button.press()
        await scene.world.sleep(0.5)
        assert scene.states()[-1] == "listening"

    scene.play(until=press)
    assert not scene.told("said")[-1].fields["complete"]


def test_told_to_forget_in_the_middle_of_a_reply_it_drops_that_and_remembers_nothing_of_it() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["This is quite a long reply, as replies go."]])

    async def forget() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(1.0)
        await scene.life.forget()
        await scene.world.sleep(3.0)

    scene.play(until=forget)
    assert not scene.told("said")[-1].fields["complete"]
    assert scene.history.spoken == ()


def test_a_short_press_calls_it_when_it_is_idle() -> None:
    scene = Scene()

    async def press() -> None:
        await scene.until_event("state", state="idle")
        scene.button.press()
        await scene.world.sleep(0.5)
        assert scene.states()[-1] == "listening"

    scene.play(until=press)


def test_a_storm_of_presses_does_no_harm() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])

    async def press() -> None:
        for number in range(60):
            scene.button.press(Press.LONG if number % 7 == 0 else Press.SHORT)
            await scene.world.sleep(0.02 * (number % 5))
        if scene.states()[-1] == "muted":
            scene.button.press(Press.LONG)
        await scene.user.done()

    scene.play(until=press)
    assert scene.told("said")[-1].fields["text"] == "Yes."


def test_without_a_microphone_it_shows_attention_and_says_why_and_opens_when_one_comes() -> None:
    scene = Scene(
        Shout(1.0),  # lost: there is nothing to hear it with
        Shout(1.0),
        hears=["one"],
        replies=[["Yes."]],
        microphone=lambda one: Unplugged(one, since=0.0, until=4.0),
    )
    scene.play()
    assert scene.states()[:3] == ["booting", "attention", "speaking"]
    faults = scene.told("fault")
    assert [(event.fields["text"], event.fields["recovered"]) for event in faults] == [
        ("The microphone has gone", False),
        ("The microphone has gone", True),
    ]
    assert [event.fields["text"] for event in scene.told("said")][-2:] == ["Hello, I am Bo.", "Yes."]


def test_without_a_speaker_it_says_so_once_and_opens_when_one_comes() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])
    play = scene.speaker.play

    async def opened() -> None:
        if scene.world.now() < 2.5:
            raise DeviceError("There is no speaker")

    async def played(audio: Audio) -> float:
        await opened()
        return await play(audio)

    scene.speaker.open, scene.speaker.play = opened, played  # type: ignore[method-assign]
    scene.play()
    assert scene.states()[:3] == ["booting", "attention", "speaking"]
    faults = scene.told("fault")
    assert [(event.fields["text"], event.fields["recovered"]) for event in faults] == [
        ("There is no speaker", False),
        ("There is no speaker", True),
    ]
    assert faults[1].at > 2.5
    assert [event.fields["text"] for event in scene.told("said")] == ["Hello, I am Bo.", "Yes."]


def test_a_microphone_lost_in_the_middle_of_a_reply_is_waited_for_and_the_next_turn_works() -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["one", "two"],
        replies=[["This is quite a long reply, as replies go."], ["Yes."]],
        microphone=lambda one: Unplugged(one, since=5.0, until=7.5),
    )
    scene.play()
    lost, back = (event.at for event in scene.told("fault"))
    assert lost == pytest.approx(5.01, abs=0.05)
    assert back - 7.5 < 5.0, "idle again within five seconds of its return"
    assert "attention" in scene.states()
    assert scene.told("said")[-1].fields["text"] == "Yes."


def test_refused_by_the_service_it_asks_for_attention_until_a_turn_works() -> None:
    refusal = NoReply(Cause.REFUSED, "Wrong key")
    scene = Scene(
        Shout(1.0), Shout(1.0), hears=["one", "two"], chat=lambda world: ScriptedChat([[refusal], ["Better now."]])
    )

    async def later() -> None:
        await scene.until_event("state", state="attention")
        await scene.world.sleep(1.0)

    scene.play(until=later)
    assert scene.states()[-3:] == ["thinking", "speaking", "attention"]


def test_troubled_it_asks_for_attention_at_rest_and_talks_all_the_same() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])
    scene.life.trouble()
    scene.play()
    assert scene.states() == [
        *("booting", "speaking", "attention", "listening"),
        *("thinking", "speaking", "attention"),
    ]
    assert scene.told("said")[-1].fields["text"] == "Yes."


class OutOfReach(ScriptedChat):
    """A service to which there is no way between two moments of the world."""

    def __init__(self, world: World, since: float, until: float) -> None:
        super().__init__([["Yes."], ["Again."]])
        self._away = lambda: since <= world.now() < until

    async def warm(self) -> bool:
        return not self._away()

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        if self._away():
            raise NoReply(Cause.UNREACHABLE, "There is no network")
        async with aclosing(super().reply(prompt)) as pieces:
            async for piece in pieces:
                yield piece


@pytest.mark.parametrize("since", [0.0, 1.0], ids=["from the start", "later"])
def test_without_a_way_to_the_service_the_light_says_so_at_rest_until_there_is_one(since: float) -> None:
    scene = Scene(Shout(1.0), hears=["one", "two"], chat=lambda world: OutOfReach(world, since, until=30.0))

    async def look() -> None:
        lost = await scene.until_event("said", kind="apology")
        assert lost.fields["text"] == "Nobody there."
        await scene.world.sleep(1.0)
        assert scene.states()[-1] == scene.light.state == "offline"
        await scene.world.sleep(41.0 - scene.world.now())
        assert scene.light.state == "idle", "without anybody having asked anything"

    scene.play(until=look)
    assert ("offline" in scene.states()[:3]) == (since == 0.0), "in the beginning it looks for itself"


def test_a_service_that_is_reached_but_refuses_is_not_out_of_reach() -> None:
    slow = NoReply(Cause.SLOW, "Too slow")
    scene = Scene(Shout(1.0), hears=["one"], chat=lambda world: ScriptedChat([[slow], ["Better now."]]))
    scene.play()
    assert "offline" not in scene.states()


def test_without_a_microphone_it_says_so_in_its_own_voice_and_the_light_shows_it_meanwhile() -> None:
    character = bo(apologies={"lost": ["Oh dear."], "deaf": ["My ears are gone."]})
    scene = Scene(character=character, microphone=lambda one: Unplugged(one, since=5.0, until=9.0))

    async def look() -> None:
        told = await scene.until_event("said", kind="apology")
        assert told.fields["text"] == "My ears are gone."
        assert scene.light.state == "attention"
        back = await scene.until_event("fault", recovered=True)
        assert back.at < 9.0 + 5.0

    scene.play(until=look)


def test_pressed_while_it_is_muted_it_says_how_to_unmute_it_and_nothing_is_captured() -> None:
    read: list[float] = []

    class Counted(Unplugged):
        async def read(self) -> Frame:
            frame = await super().read()
            read.append(frame.ends)
            return frame

    scene = Scene(microphone=lambda microphone: Counted(microphone, 1e9, 1e9))

    async def press() -> None:
        await scene.until_event("state", state="listening")
        scene.button.press(Press.LONG)
        await scene.until_event("state", state="muted")
        captured = len(read)
        for number in range(1, 3):
            scene.button.press(Press.SHORT if number == 1 else Press.DOUBLE)
            await scene.world.sleep(8.0)
            assert [event.fields["text"] for event in scene.told("said")[1:]] == number * [MUTED["en"]]
        assert scene.states()[-1] == scene.light.state == "muted"
        assert len(read) == captured

    scene.play(until=press)


def test_held_to_speak_while_it_is_muted_it_says_so_and_a_long_press_unmutes_it() -> None:
    scene = Scene(calling=ByButton())

    async def press() -> None:
        await scene.until_event("state", state="idle")
        await scene.life.mute()
        scene.button.press(Press.SHORT)
        await scene.world.sleep(8.0)
        assert scene.told("said")[-1].fields["text"] == MUTED["en"]
        assert scene.states()[-1] == "muted"
        scene.button.press(Press.LONG)
        await scene.world.sleep(2.0)
        assert scene.states()[-1] != "muted"

    scene.play(until=press)


@pytest.mark.parametrize("gone", [3.0, 18.0, 300.0])
def test_however_long_a_microphone_was_gone_it_is_used_within_five_seconds_of_its_return(gone: float) -> None:
    scene = Scene(microphone=lambda one: Unplugged(one, since=5.0, until=5.0 + gone))

    async def wait() -> None:
        await scene.world.sleep(5.0 + gone + 5.0)
        assert scene.told("fault")[-1].fields["recovered"]
        assert scene.states()[-1] != "attention"

    scene.play(until=wait)


class Silent(ScriptedVoice):
    async def load(self) -> None:
        raise NoVoice("There is no such voice")


def test_an_engine_that_cannot_be_loaded_is_told_and_the_others_are_ready() -> None:
    scene = Scene(voice=lambda world: Silent())
    scene.play()
    assert [event.fields["part"] for event in scene.told("ready")] == ["microphone", "character", "ears", "voice"]
    assert scene.told("fault")[0].fields["text"] == "There is no such voice"
