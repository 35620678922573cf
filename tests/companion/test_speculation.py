"""The answer is on its way before the pause is over; nothing of it is heard, or left, when somebody goes on."""

from __future__ import annotations

import asyncio

import pytest
from scene import Scene, Shout

from companion.audio import Utterance
from companion.patience import Patience
from companion.ports import Transcript
from companion.worktime import HeldTranscriber
from device.simulated import World
from models.scripted import ScriptedChat, ScriptedTranscriber, ScriptedVoice

PATIENT = Patience(closed=1.5, told=1.5, unknown=1.5)


def scene(*lines: Shout, hears: list[str], transcribe: float = 0.1, chat: float = 0.3, voice: float = 0.1) -> Scene:
    """Engines that take audio time, and a user who is waited for."""
    return Scene(
        *lines,
        patience=PATIENT,
        chat=lambda world: ScriptedChat([["I am fine."]] * 50, clock=world, delay=chat),
        transcriber=lambda world: ScriptedTranscriber(hears, clock=world, delay=transcribe),
        voice=lambda world: ScriptedVoice(clock=world, delay=voice),
    )


def voice_to_voice(played: Scene) -> list[float]:
    return [event.fields["voice_to_voice"] for event in played.told("turn")]


def test_the_reply_sounds_when_the_pause_is_over() -> None:
    played = scene(Shout(1.0), hears=["How are you?"])
    played.play()
    assert voice_to_voice(played) == [pytest.approx(1.5, abs=0.06)]
    assert list(played.told("turn")[0].fields["stages"]) == ["transcribe", "reply", "voice", "pause", "play"]


def test_engines_that_take_longer_than_the_pause_are_waited_for_and_no_longer() -> None:
    played = scene(Shout(1.0), hears=["How are you?"], chat=2.0)
    played.play()
    assert voice_to_voice(played) == [pytest.approx(0.15 + 0.1 + 2.0 + 0.1, abs=0.06)]


def test_who_goes_on_is_answered_once_to_all_of_it() -> None:
    played = scene(Shout(1.0, 1.0, 1.0), hears=["How are you?"])
    played.play()
    chat = played.chat
    assert isinstance(chat, ScriptedChat)
    assert len(chat.prompts) == 2
    assert chat.open == 0
    assert played.voice.open == 0  # type: ignore[attr-defined]
    assert len(played.told("said")) == 2
    assert len(played.told("heard")) == 1
    heard = played.told("heard")[0].at
    assert min(began for began, _ in played.speaker.heard if began > 2.0) > heard + 1.4


def test_the_request_of_a_dropped_draft_is_closed_before_the_next_begins() -> None:
    most: list[int] = []

    class Counting(ScriptedChat):
        async def warm(self) -> bool:
            most.append(self.open)
            return True

    played = Scene(
        Shout(1.0, 0.4, 1.0, 0.4, 1.0),
        hears=["How are you?"],
        patience=PATIENT,
        chat=lambda world: Counting([["I am fine."]] * 9, clock=world, delay=5.0),
    )
    played.play()
    assert max(most, default=0) <= 1
    assert played.chat.open == 0  # type: ignore[attr-defined]


def test_who_pauses_forty_times_pays_for_two_drafts_and_the_answer() -> None:
    played = scene(Shout(*[0.3, 0.3] * 40, 0.5), hears=["How are you?"])
    played.play()
    assert len(played.chat.prompts) == 3  # type: ignore[attr-defined]
    assert len(played.told("turn")) == 1


@pytest.mark.parametrize("so_far", ["I want to", "and then", "because"])
def test_nothing_is_asked_while_the_words_hang_in_the_air(so_far: str) -> None:
    played = scene(Shout(1.0, 0.5, 0.6), hears=[so_far])
    played.play()
    assert len(played.chat.prompts) == 1  # type: ignore[attr-defined]


def test_what_it_was_told_for_its_next_answer_is_not_lost_with_a_draft() -> None:
    played = scene(Shout(1.0, 1.2, 1.0), hears=["How are you?"])
    played.mind.tell("It is raining.")
    played.play()
    chat = played.chat
    assert isinstance(chat, ScriptedChat)
    assert ["It is raining." in str(prompt.messages) for prompt in chat.prompts] == [True, True]
    played.mind.answered("a", "Bo", "b")
    assert not played.mind._told


@pytest.mark.parametrize("hears", ["Stop!", "louder"])
def test_nothing_is_asked_for_what_the_toy_does_itself(hears: str) -> None:
    played = scene(Shout(0.6), hears=[hears])
    played.play()
    assert played.chat.prompts == []  # type: ignore[attr-defined]


def test_stopped_in_the_pause_nothing_of_the_draft_is_left() -> None:
    played = scene(Shout(1.0), hears=["How are you?"], chat=0.05)

    async def stop() -> None:
        while not played.voice.said[1:]:  # type: ignore[attr-defined]
            await played.world.sleep(0.01)
        await played.life.interrupt()
        assert played.chat.open == 0  # type: ignore[attr-defined]
        assert played.voice.open == 0  # type: ignore[attr-defined]
        assert len(played.told("said")) == 1

    played.play(until=stop)


def test_simulated_engines_that_were_done_in_the_pause_cost_nothing() -> None:
    """In a world that stands still while engines work: their time is hidden by the pause as far as it is long."""

    class Slow:
        async def load(self) -> None: ...

        async def transcribe(self, utterance: Utterance) -> Transcript:
            await asyncio.to_thread(sum, range(1_000_000))
            return Transcript("How are you?", "slow")

    def held(world: World) -> HeldTranscriber:
        return HeldTranscriber(Slow(), world)

    played = Scene(Shout(1.0), replies=[["I am fine."]], patience=PATIENT, transcriber=held)
    played.play()
    assert voice_to_voice(played) == [pytest.approx(1.5, abs=0.03)]


def test_told_to_be_quieter_while_it_thinks_it_asks_again_and_answers() -> None:
    played = scene(Shout(1.0, 2.0, 0.6), hears=["How are you?", "Quieter!"], chat=3.0)
    played.play()
    assert played.speaker.volume < 1.0
    assert [event.fields["kind"] for event in played.told("said")] == ["opening", "filler", "reply"]
    assert played.told("said")[1].at - played.told("heard")[0].at > 2.6 + 1.5 + 1.5, "who spoke waits anew"
    assert played.chat.open == 0  # type: ignore[attr-defined]
