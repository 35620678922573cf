"""Whoever waits long for an answer hears a short filler at once and another one later, and the answer all the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scene import Scene, Shout, bo

from companion.calling import ByButton, ByName
from companion.echo import Interruptible
from companion.errors import Cause, NoReply
from companion.patience import Patience
from companion.ports import Press
from device.ramp import FADE_SECONDS
from device.scripted_user import Interruption
from models.scripted import ScriptedChat, ScriptedTranscriber, ScriptedVoice
from models.scripted_turns import ScriptedWakeWord

PATIENT = Patience(closed=1.5, told=1.5, unknown=1.5)

IN_THE_PAUSE = 1.5 - 0.15
"""Seconds for which an answer has been on its way when somebody who asks has finished."""

FIRST, SECOND = "Hmm, let me think.", "Just a moment more."

FRAMES = 0.021
"""Two, in seconds."""


def scene(
    *lines: Shout, late: float, replies: int = 9, transcribe: float = 0.0, speaks: float = 0.0, **more: Any
) -> Scene:
    """Somebody asks, and the first sound of the answer is there `late` seconds after they have finished."""
    return Scene(
        *(lines or [Shout(1.0)]),
        patience=PATIENT,
        **{
            "chat": lambda world: ScriptedChat(
                [["I am fine."]] * replies, clock=world, delay=IN_THE_PAUSE + late - speaks
            ),
            "transcriber": lambda world: ScriptedTranscriber(["How are you?"] * 9, clock=world, delay=transcribe),
            "voice": lambda world: ScriptedVoice(clock=world, delay=speaks),
        }
        | more,
    )


def said(played: Scene) -> list[tuple[str, str]]:
    """What it said after its opening."""
    return [(event.fields["kind"], event.fields["text"]) for event in played.told("said")][1:]


def kinds(played: Scene) -> list[str]:
    return [kind for kind, _ in said(played)]


def committed(played: Scene) -> float:
    """When it was clear that somebody had finished."""
    return next(event.at for event in played.told("state") if event.fields["state"] == "thinking")


def sounds(played: Scene) -> list[tuple[float, float]]:
    """When something began to sound, and when it was silent again, in seconds after that."""
    since = committed(played)
    heard = [(at - since, at + audio.seconds - since) for at, audio in played.speaker.heard if at > since]
    begins = [heard[0][0], *(after for (_, before), (after, _) in pairwise(heard) if after > before + 1e-6)]
    ends = [*(before for (_, before), (after, _) in pairwise(heard) if after > before + 1e-6), heard[-1][1]]
    return list(zip(begins, ends, strict=True))


def closed(played: Scene) -> bool:
    return (played.chat.open, played.voice.open) == (0, 0)  # type: ignore[attr-defined]


def test_a_filler_sounds_after_a_second_and_a_half_another_after_four_and_then_no_more() -> None:
    played = scene(late=9.0)
    played.play()
    assert said(played) == [("filler", FIRST), ("filler", SECOND), ("reply", "I am fine.")]
    begins = [begin for begin, _ in sounds(played)]
    assert begins == [pytest.approx(at, abs=FRAMES) for at in (1.5, 4.0, 9.0)]


@pytest.mark.parametrize(
    ("late", "fillers"), [(-1.0, 0), (0.0, 0), (1.4, 0), (1.6, 1), (3.9, 1), (4.1, 2), (6.0, 2), (30.0, 2)]
)
def test_there_are_as_many_fillers_as_one_waits_for(late: float, fillers: int) -> None:
    played = scene(late=late)
    played.play()
    assert kinds(played) == ["filler"] * fillers + ["reply"]


def test_the_light_tells_at_once_that_it_thinks_and_again_after_the_filler() -> None:
    played = scene(late=3.5)
    played.play()
    assert played.states() == [
        *("booting", "speaking", "listening"),
        *("thinking", "speaking", "thinking", "speaking", "listening"),
    ]
    commit = played.told("heard")[0].at + 1.5
    assert committed(played) == pytest.approx(commit, abs=FRAMES)


def test_a_filler_is_no_part_of_the_conversation() -> None:
    played = scene(Shout(1.0), Shout(1.0), late=6.0)
    played.play()
    assert [spoken.words for spoken in played.history.spoken] == [
        "Hello, I am Bo.",
        *("How are you?", "I am fine."),
        *("How are you?", "I am fine."),
    ]
    prompts = str(played.chat.prompts)  # type: ignore[attr-defined]
    assert FIRST not in prompts
    assert SECOND not in prompts


def test_the_reply_follows_a_filler_at_once() -> None:
    played = scene(late=2.0)
    played.play()
    assert said(played) == [("filler", FIRST), ("reply", "I am fine.")]
    [(began, ended)] = sounds(played)
    assert (began, ended) == (
        pytest.approx(1.5, abs=FRAMES),
        pytest.approx(1.5 + 0.06 * len(FIRST + "I am fine."), abs=2 * FRAMES),
    )
    assert all(event.fields["complete"] for event in played.told("said"))


def test_the_account_of_the_turn_ends_with_the_first_sample_of_the_reply() -> None:
    played = scene(late=3.0)
    played.play()
    [turn] = played.told("turn")
    reply = sounds(played)[1][0] + committed(played)
    assert turn.fields["voice_to_voice"] == pytest.approx(reply - played.told("heard")[0].at, abs=0.002)
    assert list(turn.fields["stages"]) == ["transcribe", "pause", "reply", "voice", "play"]


def test_the_journal_tells_of_fillers_in_the_order_in_which_they_sound() -> None:
    played = scene(late=6.0)
    played.play()
    names = [event.name for event in played.events if event.name in ("heard", "said", "turn")]
    assert names == ["said", "heard", "said", "said", "said", "turn"]
    ends = [event.at - committed(played) for event in played.told("said")[1:3]]
    assert ends == [pytest.approx(end, abs=0.001) for _, end in sounds(played)[:2]]


def test_no_filler_is_said_twice_in_a_row_over_all_turns() -> None:
    lines = ["Hm.", "Well, well.", "Oh, my."]
    played = scene(*[Shout(1.0)] * 4, late=2.5, character=bo(fillers=lines))
    played.play()
    assert [text for kind, text in said(played) if kind == "filler"] == [*lines, lines[0]]


@pytest.mark.parametrize("late", [2.5, 6.0])
def test_two_characters_with_the_same_lines_do_not_repeat_each_other(late: float) -> None:
    played = scene(*[Shout(1.0)] * 3, late=late, character=[bo(), bo(name="Al")])
    played.play()
    fillers = [event.fields for event in played.told("said") if event.fields["kind"] == "filler"]
    assert {filler["character"] for filler in fillers} == {"Bo", "Al"}
    assert all(one["text"] != after["text"] for one, after in pairwise(fillers))


def test_what_somebody_says_into_a_filler_interrupts_it() -> None:
    played = scene(
        late=6.0,
        transcriber=lambda world: ScriptedTranscriber(["How are you?", "No, tell me a story."]),
        interruptions=[Interruption(0.2, Shout(1.5))],
        interruptible=Interruptible.FULL,
    )
    played.play()
    assert [event.name for event in played.events if event.name in ("duck", "pause", "interrupted")] == [
        *("duck", "pause", "interrupted")
    ]
    first = played.told("said")[1].fields
    assert first["kind"] == "filler"
    assert not first["complete"]
    assert [event.fields["text"] for event in played.told("heard")] == ["How are you?", "No, tell me a story."]
    prompts = played.chat.prompts  # type: ignore[attr-defined]
    assert [prompt.messages[-1].content for prompt in prompts] == ["How are you?", "No, tell me a story."]
    assert kinds(played)[-1] == "reply"
    assert len(played.told("turn")) == 1
    assert closed(played)


def test_a_filler_into_which_somebody_only_coughs_goes_on_and_the_reply_follows() -> None:
    played = scene(
        late=6.0,
        transcriber=lambda world: ScriptedTranscriber(["How are you?", "mm hmm"]),
        interruptions=[Interruption(0.2, Shout(0.5))],
        interruptible=Interruptible.FULL,
    )
    played.play()
    assert said(played) == [("filler", FIRST), ("filler", SECOND), ("reply", "I am fine.")]
    assert len(played.chat.prompts) == 1  # type: ignore[attr-defined]


def test_told_to_stop_in_a_filler_it_stops_and_nothing_is_left_of_the_answer() -> None:
    played = scene(
        late=6.0,
        transcriber=lambda world: ScriptedTranscriber(["How are you?", "Stop!"]),
        interruptions=[Interruption(0.2, Shout(0.6))],
        interruptible=Interruptible.FULL,
    )
    played.play()
    assert kinds(played) == ["filler"]
    assert closed(played)


def test_called_by_its_name_alone_in_a_filler_it_listens() -> None:
    played = scene(
        late=6.0,
        transcriber=lambda world: ScriptedTranscriber(["Bo, how are you?", "Bo!"]),
        interruptions=[Interruption(0.2, Shout(0.6))],
        interruptible=Interruptible.FULL,
        calling=ByName(ScriptedWakeWord("bo", sure=True)),
    )
    played.play()
    assert kinds(played) == ["filler"]
    assert not played.told("said")[-1].fields["complete"]
    assert played.states()[-2:] == ["thinking", "listening"]
    assert closed(played)


def test_asked_to_say_it_differently_whoever_goes_on_is_answered_to_the_same_question() -> None:
    played = scene(
        Shout(1.0),
        Shout(1.0, 1.5 + 0.5, 0.6),
        late=1.0,
        transcriber=lambda world: ScriptedTranscriber(["Who are you?", "Try again.", ""]),
    )
    played.play()
    prompts = [prompt.messages[-1].content for prompt in played.chat.prompts]  # type: ignore[attr-defined]
    assert prompts == ["Who are you?"] * 3


def test_who_goes_on_before_the_first_filler_is_answered_once_to_all_of_it() -> None:
    played = scene(Shout(1.0, 1.5 + 1.0, 0.6), late=1.2)
    played.play()
    assert said(played) == [("filler", FIRST), ("reply", "I am fine.")]
    again = played.told("heard")[1].at + 1.5
    assert played.told("said")[1].at == pytest.approx(again + 1.5 + 0.06 * len(FIRST), abs=2 * FRAMES)
    assert played.chat.prompts[-1].messages[-1].content == "How are you? How are you?"  # type: ignore[attr-defined]
    assert closed(played)


def test_the_request_is_closed_as_soon_as_somebody_goes_on() -> None:
    played = scene(Shout(1.0, 1.5 + 1.0, 2.0), late=9.0)

    async def gone_on() -> None:
        await played.until_event("state", state="thinking")
        assert not closed(played)
        await played.world.sleep(1.0 + 0.12 + 0.05)
        assert played.states()[-1] == "listening"
        assert closed(played)
        await played.user.done()

    played.play(until=gone_on)


def test_who_speaks_into_a_filler_of_a_toy_that_hears_nothing_then_is_not_answered() -> None:
    played = scene(Shout(1.0, 1.5 + 2.0, 0.8), late=3.5)
    played.play()
    assert said(played) == [("filler", FIRST), ("reply", "I am fine.")]
    assert len(played.told("heard")) == len(played.chat.prompts) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("interruptible", [Interruptible.BUTTON, Interruptible.FULL])
def test_who_goes_on_in_the_silence_after_a_filler_is_answered_once_to_all_of_it(interruptible: Interruptible) -> None:
    played = scene(Shout(1.0, 1.5 + 3.1, 0.6), late=3.9, interruptible=interruptible)
    played.play()
    assert [text for _, text in said(played)] == [FIRST, SECOND, FIRST, "I am fine."]
    assert played.chat.prompts[-1].messages[-1].content == "How are you? How are you?"  # type: ignore[attr-defined]
    assert len(played.told("turn")) == 1
    assert closed(played)


def test_who_begins_to_speak_in_the_last_moment_of_a_filler_is_heard_out_from_the_first_word() -> None:
    played = scene(
        late=6.0, interruptions=[Interruption(0.06 * len(FIRST) - 0.2, Shout(1.0))], interruptible=Interruptible.FULL
    )
    played.play()
    assert played.chat.prompts[-1].messages[-1].content == "How are you? How are you?"  # type: ignore[attr-defined]
    utterance = played.transcriber.heard[-1]  # type: ignore[attr-defined]
    assert utterance.ended - utterance.began == pytest.approx(1.0, abs=0.03)
    assert closed(played)


@pytest.mark.parametrize("how", ["button", "mute", "interrupt"])
@pytest.mark.parametrize("into", [0.5, 0.9, 2.0, 2.7])
def test_stopped_in_a_filler_or_after_it_it_is_silent_at_once_and_nothing_is_left(how: str, into: float) -> None:
    played = scene(late=9.0)

    async def stop() -> None:
        thinking = await played.until_event("state", state="thinking")
        await played.world.sleep(thinking.at + 1.5 + into - played.world.now())
        if how == "button":
            played.button.press(Press.SHORT)
        elif how == "mute":
            await played.life.mute()
        else:
            await played.life.interrupt()
        stopped = played.world.now()
        await played.world.sleep(0.02)
        assert closed(played)
        await played.world.sleep(5.0)
        assert all(at < stopped + 0.02 + FADE_SECONDS for at, _ in played.speaker.heard)
        assert played.states()[-1] == ("muted" if how == "mute" else "listening")

    played.play(until=stop)
    assert set(kinds(played)) == {"filler"}


def test_switched_off_in_a_filler_nothing_is_left() -> None:
    played = scene(late=9.0)

    async def in_the_filler() -> None:
        thinking = await played.until_event("state", state="thinking")
        await played.world.sleep(thinking.at + 2.0 - played.world.now())

    played.play(until=in_the_filler)  # asserts that no task is left
    assert closed(played)


def test_an_apology_follows_the_fillers_when_there_is_no_reply() -> None:
    played = scene(
        late=0.0,
        chat=lambda world: ScriptedChat([[NoReply(Cause.SLOW, "Too slow")]], clock=world, delay=IN_THE_PAUSE + 6.0),
    )
    played.play()
    assert said(played) == [("filler", FIRST), ("filler", SECOND), ("apology", "Oh dear.")]
    assert [event.fields["kind"] for event in played.told("fault")] == ["slow"]
    assert sounds(played)[2][0] == pytest.approx(6.0, abs=FRAMES)
    assert len(played.history.spoken) == 1


def test_an_apology_is_not_ended_by_what_a_toy_hears_that_cannot_tell_its_own_voice() -> None:
    lines = {"lost": ["Oh dear, oh dear, I have lost my thread."]}
    played = scene(
        Shout(1.0, 1.5 + 0.4, 0.5),
        late=0.0,
        character=bo(apologies=lines),
        chat=lambda world: ScriptedChat([[NoReply(Cause.SLOW, "Too slow")]], clock=world, delay=IN_THE_PAUSE + 0.1),
    )
    played.play()
    assert [event.fields["complete"] for event in played.told("said")] == [True, True]
    assert len(played.told("heard")) == 1


def test_without_a_voice_for_fillers_the_turn_goes_on() -> None:
    played = scene(late=6.0, voice=lambda world: ScriptedVoice(mute_on=[FIRST, SECOND]))
    played.play()
    assert said(played) == [("reply", "I am fine.")]
    assert [event.fields["kind"] for event in played.told("fault")] == ["no_voice", "no_voice"]
    assert [event.fields["recovered"] for event in played.told("fault")] == [True, True]
    assert closed(played)


def test_a_filler_that_is_made_too_late_is_not_said() -> None:
    played = scene(late=2.2, speaks=1.0)

    async def answered() -> None:
        thinking = await played.until_event("state", state="thinking")
        await played.world.sleep(thinking.at + 2.3 - played.world.now())
        assert closed(played), "nobody works for a filler any more"
        await played.user.done()

    played.play(until=answered)
    assert said(played) == [("reply", "I am fine.")]
    assert sounds(played)[0][0] == pytest.approx(2.2, abs=FRAMES)
    assert FIRST in played.voice.said  # type: ignore[attr-defined]
    assert closed(played)


def test_what_was_made_too_late_to_be_said_is_the_next_to_be_said() -> None:
    played = scene(Shout(1.0), Shout(1.0), late=2.2, speaks=1.0)
    played.play()
    assert kinds(played) == ["reply", "reply"]
    assert played.voice.said.count(FIRST) == 2  # type: ignore[attr-defined]


def test_where_reading_takes_long_the_first_filler_comes_at_once_and_the_second_as_much_later() -> None:
    played = scene(late=9.0, transcribe=IN_THE_PAUSE + 2.0)
    played.play()
    assert kinds(played) == ["filler", "filler", "reply"]
    assert [begin for begin, _ in sounds(played)][:2] == [pytest.approx(at, abs=FRAMES) for at in (2.0, 4.5)]


def test_who_holds_the_button_to_speak_hears_fillers_too() -> None:
    played = scene(late=9.0, calling=ByButton())
    played.play()
    assert kinds(played) == ["filler", "filler", "reply"]
    assert [begin for begin, _ in sounds(played)][:2] == [pytest.approx(at, abs=FRAMES) for at in (1.5, 4.0)]


def test_what_the_toy_does_itself_needs_no_filler() -> None:
    played = scene(late=9.0, transcriber=lambda world: ScriptedTranscriber(["louder"]))
    played.play()
    assert said(played) == [("filler", "Okay.")]


def test_a_toy_that_goes_on_by_itself_hurries_for_nobody() -> None:
    played = scene(
        late=0.0,
        chat=lambda world: ScriptedChat([["Are you?"], ["I am."]], clock=world, delay=IN_THE_PAUSE + 6.0),
    )

    async def nudged() -> None:
        await played.until_event("said", kind="nudge")

    played.play(until=nudged)
    assert kinds(played) == ["filler", "filler", "reply", "nudge"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(late=st.integers(-130, 800), takes=st.integers(0, 120))
def test_whenever_the_answer_comes_nothing_sounds_at_the_same_time_or_after_it(late: int, takes: int) -> None:
    """`late` and what the voice `takes` for a phrase are in hundredths of a second."""
    played = scene(late=late / 100, speaks=min(takes / 100, late / 100 + IN_THE_PAUSE))
    played.play()
    *fillers, reply = played.told("said")[1:]
    assert reply.fields["kind"] == "reply"
    assert len(fillers) <= 2
    assert all(event.fields["complete"] for event in played.told("said"))
    began = [event.at - 0.06 * len(event.fields["text"]) - committed(played) for event in fillers]
    assert all(at < max(0.0, late / 100) + FRAMES for at in began), "none begins when the reply could"
    first = reply.at - 0.06 * len("I am fine.") - committed(played)
    wanted = max([late / 100, 0.0, *(event.at - committed(played) for event in fillers)])
    assert first == pytest.approx(wanted, abs=2 * FRAMES)
    assert closed(played)
