"""How a toy is called, what it does when it is told to, and what is not for it."""

from __future__ import annotations

import pytest
from scene import Scene, Shout

from companion.calling import ByButton, ByName
from companion.patience import PATIENCE
from companion.ports import Press
from models.scripted import ScriptedChat
from models.scripted_turns import ScriptedWakeWord

LONG_REPLY = ["This is quite a long reply, as replies go."]


def by_name(*, sure: bool = True) -> ByName:
    return ByName(ScriptedWakeWord("hey bo", sure=sure))


def heard(scene: Scene) -> list[str]:
    return [event.fields["text"] for event in scene.told("heard")]


def said(scene: Scene) -> list[str]:
    return [event.fields["text"] for event in scene.told("said") if event.fields["kind"] != "opening"]


class Silent(Shout):
    """A line in which nobody speaks, for as long as the follow-up window and more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(0.0, seconds)


def test_out_of_its_window_a_toy_with_a_name_hears_nobody_who_does_not_say_it() -> None:
    scene = Scene(Silent(10.0), Shout(0.1), hears=[], calling=by_name())
    scene.play()
    assert scene.transcriber.heard == []
    assert scene.states()[-1] == "idle"


def test_called_by_its_name_it_answers_what_follows() -> None:
    scene = Scene(Silent(10.0), Shout(1.5), hears=["Hey, Bo, what time is it?"], replies=[["Noon."]], calling=by_name())
    scene.play()
    assert heard(scene) == ["what time is it?"]
    assert said(scene) == ["Noon."]
    assert scene.told("called")[0].fields == {"by": "hey bo"}
    idle, listening = (scene.states().index(state) for state in ("idle", "thinking"))
    assert scene.states()[idle : listening + 1] == ["idle", "listening", "thinking"]


def test_within_the_window_after_a_reply_nobody_needs_to_call() -> None:
    scene = Scene(
        Silent(10.0),
        Shout(1.5),
        Shout(1.0),
        hears=["hey bo, hello", "and how are you"],
        replies=[["Hello."], ["Well."]],
        calling=by_name(),
    )
    scene.play()
    assert said(scene) == ["Hello.", "Well."]
    assert len(scene.told("called")) == 1


def test_its_name_alone_makes_it_listen() -> None:
    scene = Scene(
        Silent(10.0), Shout(0.8), Shout(1.0), hears=["Hey Bo.", "Sing."], replies=[["La."]], calling=by_name()
    )
    scene.play()
    assert heard(scene) == ["Sing."]
    assert said(scene) == ["La."]


def test_a_name_that_may_have_been_another_word_is_believed_when_the_transcript_holds_it() -> None:
    scene = Scene(
        Silent(10.0), Shout(1.5), hears=["hey bow sing a song"], replies=[["La."]], calling=by_name(sure=False)
    )
    scene.play()
    assert heard(scene) == ["sing a song"]


def test_a_name_that_was_another_word_is_not_answered() -> None:
    scene = Scene(Silent(10.0), Shout(1.5), hears=["the train was very late"], calling=by_name(sure=False))
    scene.play()
    assert scene.chat.prompts == []  # type: ignore[attr-defined]
    assert [event.fields["reason"] for event in scene.told("ignored")] == ["it was not the name"]
    assert scene.states()[-1] == "idle"


def test_a_child_has_half_as_long_again_to_answer() -> None:
    def idle_after(**changes: object) -> float:
        scene = Scene(Silent(20.0), calling=by_name(), **changes)  # type: ignore[arg-type]
        scene.play()
        at = {event.fields["state"]: event.at for event in scene.told("state")}
        return at["idle"] - at["listening"]

    assert idle_after() == pytest.approx(8.0, abs=0.05)
    assert idle_after(patience=PATIENCE["child"]) == pytest.approx(12.0, abs=0.05)


def test_a_held_toy_hears_what_is_said_while_it_is_held_and_answers_when_it_is_let_go() -> None:
    scene = Scene(Shout(1.0, 1.5, 1.0), hears=["one long thing"], replies=[["Yes."]], calling=ByButton())
    scene.play()
    assert heard(scene) == ["one long thing"], "a pause does not end it"
    assert said(scene) == ["Yes."]
    assert scene.told("turn")[0].fields["stages"]["pause"] < 0.05


def test_a_tap_makes_it_listen_until_a_pause() -> None:
    scene = Scene(hears=["one"], replies=[["Yes."]], calling=ByButton())

    async def tap() -> None:
        await scene.until_event("state", state="idle")
        scene.button.press(Press.SHORT)
        await scene.world.sleep(0.2)
        assert scene.states()[-1] == "listening"
        scene.user._lines.append(Shout(1.0))
        scene.user._press = lambda _: None
        await scene.until_event("said", kind="reply")

    scene.play(until=tap)
    assert heard(scene) == ["one"]


def test_a_held_toy_is_deaf_until_it_is_pressed() -> None:
    scene = Scene(calling=ByButton())

    async def shout() -> None:
        scene.user._press = lambda _: None
        scene.user._lines.append(Shout(2.0))
        await scene.user.done()

    scene.play(until=shout)
    assert scene.transcriber.heard == []
    assert "listening" not in scene.states()


def test_pressed_while_it_speaks_it_stops_and_hears() -> None:
    scene = Scene(Shout(1.0), hears=["one", "two"], replies=[LONG_REPLY, ["Yes."]], calling=ByButton())

    async def press() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(1.0)
        scene.button.press(Press.DOWN)
        scene.user._press = lambda _: None
        scene.user._lines.append(Shout(1.0))
        await scene.world.sleep(5.0)
        scene.button.press(Press.UP)
        await scene.until_event("said", text="Yes.")

    scene.play(until=press)
    assert heard(scene) == ["one", "two"]
    assert not scene.told("said")[1].fields["complete"]


@pytest.mark.parametrize("words", ["Goodbye!", "go to sleep", "stop"])
def test_told_to_go_it_is_idle_at_once_and_asks_nobody(words: str) -> None:
    scene = Scene(Shout(1.0), hears=[words], calling=by_name())
    scene.play()
    assert scene.chat.prompts == []  # type: ignore[attr-defined]
    last = {event.fields["state"]: event.at for event in scene.told("state")}
    assert last["idle"] - last["thinking"] <= 0.2


def test_stopped_while_it_thinks_it_drops_the_turn() -> None:
    scene = Scene(
        Shout(1.0, 1.0, 0.5),
        hears=["tell me a story", "stop"],
        chat=lambda world: ScriptedChat([["A story."]], clock=world, delay=5.0),
        calling=by_name(),
    )
    scene.play()
    assert said(scene) == []
    assert scene.chat.open == 0  # type: ignore[attr-defined]
    assert scene.states()[-1] == "idle"
    assert scene.history.spoken[1:] == ()


def test_whoever_goes_on_while_it_thinks_is_heard_out_and_answered_once() -> None:
    scene = Scene(
        Shout(1.0, 1.2, 1.0),
        hears=["I want to tell you", "about my dog"],
        chat=lambda world: ScriptedChat([["Too soon."], ["A dog!"]], clock=world, delay=2.0),
    )
    scene.play()
    assert said(scene) == ["Hmm, let me think.", "A dog!"]
    last = scene.chat.prompts[-1].messages[-1]  # type: ignore[attr-defined]
    assert last.content == "I want to tell you about my dog"
    assert scene.chat.open == 0  # type: ignore[attr-defined]
    assert [spoken.words for spoken in scene.history.spoken][1:] == ["I want to tell you about my dog", "A dog!"]


def test_a_cough_while_it_thinks_loses_nothing() -> None:
    scene = Scene(
        Shout(1.0, 1.2, 0.3),
        hears=["how are you", ""],
        chat=lambda world: ScriptedChat([["Never heard."], ["Well."]], clock=world, delay=2.0),
    )
    scene.play()
    assert said(scene) == ["Hmm, let me think.", "Well."]


def test_louder_and_quieter_work_without_asking_anybody() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["quieter please", "louder"])
    scene.speaker.volume = 0.5
    volumes: list[float] = []

    async def watch() -> None:
        for _ in range(2):
            before = scene.speaker.volume
            while scene.speaker.volume == before:
                await scene.world.sleep(0.05)
            volumes.append(scene.speaker.volume)
        await scene.user.done()

    scene.play(until=watch)
    assert volumes[0] < 0.5
    assert volumes[1] == pytest.approx(0.5)
    assert said(scene) == ["Okay.", "Okay."]
    assert scene.chat.prompts == []  # type: ignore[attr-defined]
    assert len(scene.history.spoken) == 1, "only the opening line"


def test_told_while_it_thinks_to_be_louder_it_is_and_answers_all_the_same() -> None:
    scene = Scene(
        Shout(1.0, 1.2, 0.5),
        hears=["how are you", "quieter"],
        chat=lambda world: ScriptedChat([["Never heard."], ["Well."]], clock=world, delay=2.0),
    )
    scene.play()
    assert said(scene) == ["Hmm, let me think.", "Well."]
    assert scene.speaker.volume < 1.0


def test_asked_to_say_that_again_it_repeats_itself_without_asking_anybody() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["hello", "Say that again."], replies=[["Good day to you."]])
    scene.play()
    assert said(scene) == ["Good day to you.", "Good day to you."]
    assert len(scene.chat.prompts) == 1  # type: ignore[attr-defined]
    assert [spoken.words for spoken in scene.history.spoken] == ["Hello, I am Bo.", "hello", "Good day to you."]


def test_with_nothing_said_yet_the_character_answers_who_asks_for_it_again() -> None:
    scene = Scene(Shout(1.0), hears=["say that again"], replies=[["What?"]])
    scene.play()
    assert said(scene) == ["What?"]


def test_its_own_words_are_not_answered() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["hello", "good day to you to"], replies=[["Good day to you too!"]])
    scene.play()
    assert said(scene) == ["Good day to you too!"]
    assert [event.fields["reason"] for event in scene.told("ignored")] == ["it was the toy's own echo"]


def test_what_is_for_somebody_else_is_not_answered() -> None:
    scene = Scene(Shout(1.0), hears=["Mum, can you come here?"])
    scene.play()
    assert said(scene) == []
    assert [event.fields["reason"] for event in scene.told("ignored")] == ["it was for somebody else"]


def test_silence_is_not_answered() -> None:
    scene = Scene(Shout(1.0), hears=["  "])
    scene.play()
    assert said(scene) == []
    assert scene.told("heard") == []
