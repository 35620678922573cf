"""Two short presses: the toy says again what it said last; the first of them is obeyed at once."""

from __future__ import annotations

import pytest
from scene import Scene, Shout

from companion.calling import ByButton, Open
from companion.phrasebook import MUTED
from companion.ports import Press

LONG_REPLY = ["This is quite a long reply, as replies go."]


def said(scene: Scene) -> list[str]:
    return [event.fields["text"] for event in scene.told("said")]


@pytest.mark.parametrize("calling", [Open, ByButton])
def test_pressed_twice_it_says_its_last_reply_again(calling: type[Open | ByButton]) -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]], calling=calling())

    async def act() -> None:
        await scene.until_event("said", kind="reply")
        await scene.world.sleep(1.0)
        scene.button.press(Press.DOUBLE)
        await scene.world.sleep(3.0)

    scene.play(until=act)
    assert said(scene) == ["Hello, I am Bo.", "Yes.", "Yes."]
    assert scene.states()[-1] == ("listening" if calling is Open else "idle"), "and then it is as after any reply"


def test_the_first_press_stops_it_at_once_and_the_second_has_it_say_that_again() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[LONG_REPLY])

    async def act() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(1.5)
        scene.button.press(Press.SHORT)
        await scene.world.sleep(0.02)
        assert len(said(scene)) == 2, "it does not wait for a second press"
        await scene.world.sleep(0.1)
        for press in (Press.DOWN, Press.DOUBLE):
            scene.button._presses.put(press)
        await scene.world.sleep(4.0)

    scene.play(until=act)
    first, second = said(scene)[1:]
    assert first == second
    assert LONG_REPLY[0].startswith(first)


def test_interrupted_before_a_word_was_heard_it_says_the_reply_before_that() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["one", "two"], replies=[["Yes."], LONG_REPLY])

    async def act() -> None:
        await scene.until_event("heard", text="two")
        scene.button.press(Press.DOUBLE)
        await scene.world.sleep(4.0)

    scene.play(until=act)
    assert said(scene)[-2:] == ["Yes.", "Yes."]


def test_with_nothing_to_say_again_it_listens() -> None:
    scene = Scene()

    async def act() -> None:
        await scene.until_event("state", state="idle")
        scene.button.press(Press.DOUBLE)
        await scene.world.sleep(1.0)
        assert scene.states()[-1] == "listening"

    scene.play(until=act)
    assert said(scene) == ["Hello, I am Bo."]


def test_muted_it_says_how_to_unmute_it_instead() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["Yes."]])

    async def act() -> None:
        await scene.until_event("said", kind="reply")
        await scene.life.mute()
        scene.button.press(Press.DOUBLE)
        await scene.world.sleep(3.0)
        assert scene.states()[-1] == "muted"
        scene.life.unmute()
        await scene.world.sleep(3.0)

    scene.play(until=act)
    assert said(scene) == ["Hello, I am Bo.", "Yes.", MUTED["en"]]


def test_what_is_said_again_can_be_interrupted() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[LONG_REPLY])

    async def act() -> None:
        await scene.until_event("said", kind="reply")
        scene.button.press(Press.DOUBLE)
        await scene.world.sleep(1.0)
        scene.button.press(Press.SHORT)
        await scene.world.sleep(2.0)

    scene.play(until=act)
    assert [event.fields["complete"] for event in scene.told("said")] == [True, True, False]


def test_a_reply_said_again_is_not_remembered_twice() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["one", "two"], replies=[["Yes."], ["No."]])

    async def act() -> None:
        await scene.until_event("said", text="Yes.")
        scene.button.press(Press.DOUBLE)
        await scene.until_event("said", text="No.")

    scene.play(until=act)
    asked = [message.content for message in scene.chat.prompts[-1].messages]  # type: ignore[attr-defined]
    assert asked.count("Yes.") == 1
