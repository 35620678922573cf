"""Somebody talks over the toy: it ducks, falls silent, decides; then it goes on, or listens, and remembers."""

from __future__ import annotations

from typing import Any

import pytest
from scene import Scene, Shout, bo

from companion.calling import ByButton, ByName
from companion.echo import Echo, Interruptible
from companion.errors import NotHeard
from companion.ports import Press
from device.ramp import FADE_SECONDS
from device.scripted_user import Interruption, Said
from models.scripted_turns import ScriptedWakeWord

LONG = "This is a reply that goes on for quite a while, and then for a while more."
SHORT = "This is a short one."
DECISIONS = ("duck", "pause", "resume", "interrupted")


def interrupted(*said: Shout, after: float = 1.0, gap: float = 3.0, **more: Any) -> Scene:
    """A scene in which somebody says these into the first reply."""
    settings = {"interruptible": Interruptible.FULL, "replies": [[LONG], [SHORT], [SHORT]]} | more
    times = (after + gap * number for number in range(len(said)))
    return Scene(
        Shout(1.0), interruptions=[Interruption(at, line) for at, line in zip(times, said, strict=True)], **settings
    )


def decisions(scene: Scene) -> list[str]:
    return [event.name for event in scene.events if event.name in DECISIONS]


def said(scene: Scene) -> list[tuple[str, bool]]:
    return [(event.fields["text"], event.fields["complete"]) for event in scene.told("said")][1:]


def test_whoever_keeps_on_is_listened_to_and_answered() -> None:
    scene = interrupted(Shout(1.5), hears=["a story", "no, something else"])
    scene.play()
    assert decisions(scene) == ["duck", "pause", "interrupted"]
    [(cut, complete), (second, whole)] = said(scene)
    assert LONG.startswith(cut)
    assert not complete
    assert (second, whole) == (SHORT, True)
    assert [event.fields["text"] for event in scene.told("heard")] == ["a story", "no, something else"]
    assert scene.chat.open == 0  # type: ignore[attr-defined]


def test_it_pauses_soon_and_gives_up_when_somebody_has_spoken_for_a_while() -> None:
    scene = interrupted(Shout(1.5), hears=["a story", "no, something else"])
    scene.play()
    began = scene.told("heard")[1].at - 1.5
    duck, pause, gave_up = (scene.told(name)[0].at - began for name in ("duck", "pause", "interrupted"))
    assert duck == pytest.approx(0.12, abs=0.03)
    assert pause == pytest.approx(0.24, abs=0.03)
    assert gave_up == pytest.approx(0.70, abs=0.03)


def test_what_was_said_before_it_fell_silent_belongs_to_the_utterance() -> None:
    scene = interrupted(Shout(1.5), hears=["a story", "no, something else"])
    scene.play()
    utterance = scene.transcriber.heard[-1]  # type: ignore[attr-defined]
    assert utterance.ended - utterance.began == pytest.approx(1.5, abs=0.03)
    assert utterance.audio.seconds > 1.5 + 0.6


def test_the_history_holds_the_words_that_were_heard_and_a_dash() -> None:
    scene = interrupted(Shout(1.5), hears=["a story", "no, something else"])
    scene.play()
    cut = scene.history.spoken[2].words
    assert cut.endswith(" —")
    assert LONG.startswith(cut.removesuffix(" —"))
    assert len(cut) > 10


@pytest.mark.parametrize("words", ["", "mm hmm", "Yeah.", "um", "Oh, wow!"])
def test_it_goes_on_when_somebody_only_listens(words: str) -> None:
    scene = interrupted(Shout(0.5), hears=["a story", words])
    scene.play()
    assert decisions(scene) == ["duck", "pause", "resume"]
    assert said(scene) == [(LONG, True)]
    assert len(scene.told("heard")) == 1
    resumed, paused = (scene.told(name)[0].at for name in ("resume", "pause"))
    assert resumed - paused < 1.3 + 0.5 - 0.24


def test_going_on_it_says_at_most_one_word_again() -> None:
    scene = interrupted(Shout(0.5), hears=["a story", "mm hmm"])
    scene.play()
    began = scene.told("said")[0].at
    sounded = sum(audio.seconds for at, audio in scene.speaker.heard if at > began)
    once = sum(map(len, scene.voice.said[1:])) * 0.06  # type: ignore[attr-defined]
    longest_word = max(map(len, LONG.split())) * 0.06
    assert -0.001 <= sounded - once <= longest_word + FADE_SECONDS


def test_a_short_sound_only_ducks_it() -> None:
    scene = interrupted(Shout(0.16), hears=["a story", "no"])
    scene.play()
    assert decisions(scene) == ["duck", "resume"]
    assert said(scene) == [(LONG, True)]


def test_a_sound_that_cannot_be_read_does_not_end_the_reply() -> None:
    scene = interrupted(Shout(0.5), hears=["a story", NotHeard("no")])  # type: ignore[list-item]
    scene.play()
    assert decisions(scene) == ["duck", "pause", "resume"]
    assert said(scene) == [(LONG, True)]


def test_the_light_tells_when_it_listens_and_when_it_goes_on() -> None:
    scene = interrupted(Shout(0.5), hears=["a story", "mm hmm"])
    scene.play()
    assert scene.states()[-4:] == ["speaking", "listening", "speaking", "listening"]
    assert [state.value for _, state in scene.light.shown] == scene.states()


def test_stop_ends_it_without_asking_anybody() -> None:
    scene = interrupted(Shout(0.4), hears=["a story", "Stop!"], calling=ByName(ScriptedWakeWord("bo", sure=True)))
    scene.play()
    assert decisions(scene)[-1] == "interrupted"
    assert len(scene.chat.prompts) == 1  # type: ignore[attr-defined]
    assert scene.states()[-1] == "idle"
    [(_, complete)] = said(scene)
    assert not complete


def test_told_to_be_quieter_it_is_and_goes_on() -> None:
    scene = interrupted(Shout(0.5), hears=["a story", "quieter"])
    scene.play()
    assert decisions(scene) == ["duck", "pause", "resume"]
    assert said(scene) == [(LONG, True)]
    assert scene.speaker.volume < 1.0


def test_its_own_words_do_not_end_the_reply() -> None:
    scene = interrupted(Shout(0.5), Shout(0.5), hears=["a story", "no, stories", SHORT], replies=[[LONG], [SHORT], []])
    scene.play()
    assert [event.fields["text"] for event in scene.told("heard")] == ["a story", "no, stories"]


def test_somebody_in_the_next_room_is_not_noticed() -> None:
    scene = interrupted(Shout(1.5, amplitude=600), hears=["a story"])
    scene.play()
    assert decisions(scene) == []
    assert said(scene) == [(LONG, True)]


def test_the_opening_line_can_be_interrupted_too() -> None:
    scene = Scene(
        hears=["and who am i"],
        replies=[[SHORT]],
        interruptible=Interruptible.FULL,
        character=bo(opening="Hello, I am Bo, and I have so much to tell you about all that I did today."),
    )

    async def speak() -> None:
        await scene.world.sleep(1.0)
        scene.user._sounding.append(Said(Shout(1.0), scene.world.now()))
        await scene.until_event("said", kind="reply")

    scene.play(until=speak)
    assert decisions(scene) == ["duck", "pause", "interrupted"]
    assert [event.fields["kind"] for event in scene.told("said")] == ["opening", "reply"]
    assert not scene.told("said")[0].fields["complete"]


def test_two_interruptions_in_a_row_are_both_answered() -> None:
    scene = interrupted(
        Shout(1.0),
        Shout(1.0),
        hears=["a story", "no, another", "or a third"],
        replies=[[LONG], [LONG], [SHORT]],
        gap=3.5,
    )
    scene.play()
    assert decisions(scene).count("interrupted") == 2
    assert [complete for _, complete in said(scene)] == [False, False, True]
    assert len(scene.told("heard")) == 3


def test_who_speaks_when_the_reply_ends_is_heard_from_the_first_word() -> None:
    length = len(LONG) * 0.06
    scene = interrupted(Shout(1.0), after=length - 0.05, hears=["a story", "and then"])
    scene.play()
    assert said(scene) == [(LONG, True), (SHORT, True)]
    utterance = scene.transcriber.heard[-1]  # type: ignore[attr-defined]
    assert utterance.ended - utterance.began == pytest.approx(1.0, abs=0.03)


def test_in_the_first_moment_of_a_reply_it_is_interrupted_and_nothing_is_remembered() -> None:
    scene = interrupted(Shout(1.5), after=0.0, hears=["a story", "no, another"])
    scene.play()
    assert decisions(scene)[-1] == "interrupted"
    assert all(spoken.words.strip(" —") for spoken in scene.history.spoken)


@pytest.mark.parametrize("event", ["duck", "pause"])
def test_the_button_ends_it_in_the_middle_of_a_decision(event: str) -> None:
    scene = interrupted(Shout(0.5), hears=["a story", "mm hmm", "again"], replies=[[LONG], [SHORT]])
    scene.user._lines.append(Shout(1.0))

    async def press() -> None:
        await scene.until_event(event)
        scene.button.press(Press.SHORT)
        await scene.user.done()

    scene.play(until=press)
    assert [complete for _, complete in said(scene)] == [False, True]
    assert scene.speaker._ducked == 1.0
    assert not scene.speaker._paused


def test_who_holds_the_button_to_speak_is_not_heard_without_it() -> None:
    scene = interrupted(Shout(1.5), hears=["a story", "no"], calling=ByButton())
    scene.user._press = scene.button.press
    scene.play()
    assert "interrupted" not in decisions(scene)


def test_where_only_words_interrupt_its_name_does() -> None:
    scene = interrupted(
        Shout(1.0),
        hears=["a story", "bo", "what is it"],
        interruptible=Interruptible.WORDS,
        calling=ByName(ScriptedWakeWord("bo", sure=True)),
    )
    scene.play()
    assert decisions(scene) == ["interrupted"]


@pytest.mark.parametrize("how", [Interruptible.FULL, Interruptible.WORDS])
def test_a_word_that_it_says_itself_does_not_interrupt_it(how: Interruptible, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Echo, "says_it_itself", lambda _: True)
    word = ScriptedWakeWord("bo", sure=True)
    scene = interrupted(Shout(0.2), hears=["a story", "bo"], interruptible=how, calling=ByName(word))
    scene.play()
    assert "interrupted" not in decisions(scene)
    assert said(scene) == [(LONG, True)]


def test_where_only_the_button_interrupts_nobody_is_heard() -> None:
    scene = interrupted(Shout(1.5), hears=["a story"], interruptible=Interruptible.BUTTON)
    scene.play()
    assert decisions(scene) == []
    assert said(scene) == [(LONG, True)]
