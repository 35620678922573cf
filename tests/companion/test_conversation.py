import asyncio
import itertools
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from scene import Scene, Shout

from companion.audio import Audio
from companion.errors import Cause, NoReply, NotHeard
from companion.ports import Prompt, Usage
from device.ramp import FADE_SECONDS
from device.simulated import World
from models.scripted import ScriptedChat, ScriptedTranscriber, ScriptedVoice

HELLO = "Hello, I am Bo."


def gaps(scene: Scene, since: float) -> list[float]:
    """Seconds of silence between the pieces that sounded after `since`."""
    heard = [(began, audio.seconds) for began, audio in scene.speaker.heard if began >= since]
    return [
        round(after - began - seconds, 4)
        for (began, seconds), (after, _) in itertools.pairwise(heard)
        if after - began - seconds > 1e-6
    ]


def test_it_opens_hears_answers_and_listens_again() -> None:
    scene = Scene(Shout(1.0), hears=["how are you"], replies=[["I am ", "fine. And", " you?"]])
    scene.play()
    assert scene.states() == ["booting", "speaking", "listening", "thinking", "speaking", "listening"]
    assert [(event.fields["kind"], event.fields["text"]) for event in scene.told("said")] == [
        ("opening", HELLO),
        ("reply", "I am fine. And you?"),
    ]
    assert scene.told("heard")[0].fields["text"] == "how are you"
    assert [(spoken.speaker, spoken.words) for spoken in scene.history.spoken] == [
        ("Bo", HELLO),
        ("user", "how are you"),
        ("Bo", "I am fine. And you?"),
    ]


def test_the_request_is_the_system_message_the_opening_the_history_and_the_newest_words() -> None:
    scene = Scene(Shout(1.0), Shout(1.0), hears=["one", "two"], replies=[["First."], ["Second."]])
    scene.play()
    chat = scene.chat
    assert isinstance(chat, ScriptedChat)
    assert [(message.role, message.content) for message in chat.prompts[1].messages][1:] == [
        ("assistant", HELLO),
        ("user", "one"),
        ("assistant", "First."),
        ("user", "two"),
    ]
    assert chat.prompts[1].messages[0].role == "system"
    assert chat.prompts[0].seed != chat.prompts[1].seed


def test_what_the_speaker_played_is_the_voice_sample_for_sample() -> None:
    scene = Scene(Shout(1.0), hears=["a"], replies=[["One two three. Four five six! Seven."]])
    scene.play()

    async def spoken() -> Audio:
        phrases = [HELLO, "One two three.", "Four five six!", "Seven."]
        return Audio.join([piece for phrase in phrases async for piece in ScriptedVoice().speak(phrase)])

    played = Audio.join([audio for _, audio in scene.speaker.heard])
    assert np.array_equal(played.samples, asyncio.run(spoken()).samples)


def test_the_next_phrases_are_made_while_this_one_sounds() -> None:
    scene = Scene(
        Shout(1.0),
        hears=["a"],
        replies=[["This is a phrase of some length to begin with. Yes. And a third that takes long to make."]],
        voice=lambda world: ScriptedVoice(clock=world, delay=1.0),
    )
    scene.play()
    assert gaps(scene, scene.told("heard")[0].at) == []


def test_text_that_trickles_in_while_a_phrase_sounds_leaves_no_gap() -> None:
    reply = "This phrase lasts for quite a while. So does the one that follows it. And one more."
    scene = Scene(
        Shout(1.0),
        hears=["a"],
        chat=lambda world: ScriptedChat([[word + " " for word in reply.split()]], clock=world, delay=0.1),
    )
    scene.play()
    assert gaps(scene, scene.told("heard")[0].at) == []


def test_a_gesture_is_told_but_never_spoken_or_remembered() -> None:
    scene = Scene(Shout(1.0), hears=["a"], replies=[["(wags ta", "il) Hello! *jumps* Yes."]])
    scene.play()
    assert [event.fields["text"] for event in scene.told("gesture")] == ["wags tail", "jumps"]
    assert scene.told("said")[-1].fields["text"] == "Hello! Yes."
    assert "wags" not in str(scene.history.spoken)


def test_nothing_read_is_no_turn() -> None:
    scene = Scene(Shout(1.0), hears=[""])
    scene.play()
    assert scene.told("heard") == []
    assert isinstance(scene.chat, ScriptedChat)
    assert scene.chat.prompts == []
    assert scene.states()[-1] == "listening"


def test_it_falls_idle_when_nobody_speaks_and_wakes_when_somebody_does() -> None:
    scene = Scene(Shout(1.0), hears=["a"], replies=[["Yes."]])

    async def long_after() -> None:
        await scene.user.done()
        await scene.world.sleep(10.0)

    scene.play(until=long_after)
    assert scene.states()[-2:] == ["listening", "idle"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoReply(Cause.UNREACHABLE, "Cannot reach it"), "Nobody there."),
        (NoReply(Cause.SLOW, "Too slow"), "Oh dear."),
    ],
)
def test_a_lost_reply_is_told_in_the_characters_voice_and_the_next_turn_works(error: NoReply, line: str) -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["one", "two"],
        chat=lambda world: ScriptedChat([[error], ["Second."]]),
    )
    scene.play()
    assert [(event.fields["kind"], event.fields["text"]) for event in scene.told("said")][1:] == [
        ("apology", line),
        ("reply", "Second."),
    ]
    assert [event.fields["kind"] for event in scene.told("fault")] == [error.kind]
    assert [spoken.words for spoken in scene.history.spoken] == [HELLO, "two", "Second."]


def test_a_reply_that_breaks_off_keeps_what_was_heard_of_it() -> None:
    error = NoReply(Cause.BROKEN, "Cut")
    scene = Scene(Shout(1.0), hears=["one"], chat=lambda world: ScriptedChat([["All is well. But then", error]]))
    scene.play()
    said = [(event.fields["kind"], event.fields["text"], event.fields["complete"]) for event in scene.told("said")]
    assert said[1:] == [("reply", "All is well.", False), ("apology", "Oh dear.", True)]
    assert scene.history.spoken[-1].words == "All is well. —"


def test_ears_that_fail_lose_the_turn_only() -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        transcriber=lambda world: ScriptedTranscriber([NotHeard("Broken"), "two"]),
        replies=[["Second."]],
    )
    scene.play()
    assert [event.fields["text"] for event in scene.told("said")][1:] == ["Oh dear.", "Second."]


def test_a_voice_that_fails_loses_its_tongue_but_not_its_life() -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["one", "two"],
        replies=[["First."], ["Second."]],
        voice=lambda world: ScriptedVoice(mute_on=["First.", "Oh dear."]),
    )
    scene.play()
    assert [event.fields["text"] for event in scene.told("said")] == [HELLO, "Second."]
    assert [event.fields["recovered"] for event in scene.told("fault")] == [True, False]


def slow_scene() -> Scene:
    """Every stage takes long enough to be met in the middle."""
    return Scene(
        Shout(1.0),
        Shout(1.0),
        transcriber=lambda world: ScriptedTranscriber(["one", "two", "three"], clock=world, delay=0.5),
        chat=lambda world: ScriptedChat(
            [["It takes me a while ", "to say all of this. ", "And this too."], ["Yes."], ["Yes."]],
            clock=world,
            delay=0.5,
        ),
        voice=lambda world: ScriptedVoice(clock=world, delay=0.5),
    )


STAGES = {
    "opening": ("state", {"state": "booting"}, 0.2),
    "speaking the opening": ("state", {"state": "speaking"}, 0.2),
    "listening": ("state", {"state": "listening"}, 0.2),
    "hearing": ("state", {"state": "listening"}, 1.0),
    "transcribing": ("state", {"state": "thinking"}, 0.2),
    "waiting for the reply": ("heard", {}, 0.2),
    "making the first sound": ("heard", {}, 1.7),
    "speaking": ("said", {"kind": "opening"}, 5.5),
}


@pytest.mark.parametrize("stage", STAGES)
def test_cancelled_at_any_stage_it_leaves_no_task_no_stream_and_no_sound(stage: str) -> None:
    scene = slow_scene()
    event, fields, later = STAGES[stage]

    async def in_the_middle() -> None:
        await scene.until_event(event, **fields)
        await scene.world.sleep(later)

    scene.play(until=in_the_middle)  # asserts that no task is left
    assert isinstance(scene.chat, ScriptedChat)
    assert isinstance(scene.voice, ScriptedVoice)
    assert (scene.chat.open, scene.voice.open) == (0, 0)
    ended = scene.world.now()
    assert all(began + audio.seconds <= ended + 1e-6 for began, audio in scene.speaker.heard)


@pytest.mark.parametrize("stage", ["transcribing", "waiting for the reply", "making the first sound", "speaking"])
def test_interrupted_at_any_stage_it_is_silent_at_once_and_the_next_turn_works(stage: str) -> None:
    scene = slow_scene()
    event, fields, later = STAGES[stage]

    async def interrupt() -> None:
        await scene.until_event(event, **fields)
        await scene.world.sleep(later)
        await scene.life.interrupt()
        interrupted = scene.world.now()
        assert isinstance(scene.chat, ScriptedChat)
        assert isinstance(scene.voice, ScriptedVoice)
        assert (scene.chat.open, scene.voice.open) == (0, 0), "closed before interrupt() returned"
        await scene.until_event("state", state="listening")
        await scene.world.sleep(0.4)
        late = [began for began, _ in scene.speaker.heard if began >= interrupted + FADE_SECONDS]
        assert late == [], "no sound of an old turn"
        await scene.user.done()

    scene.play(until=interrupt)
    assert scene.told("said")[-1].fields["complete"]
    assert scene.states()[-1] == "listening"


def test_an_interrupted_reply_is_remembered_up_to_the_last_word_of_which_half_was_heard() -> None:
    scene = Scene(Shout(1.0), hears=["one"], replies=[["One two three four five six seven eight nine ten."]])

    async def interrupt() -> None:
        await scene.until_event("heard")
        reply = await scene.until_event("state", state="thinking")
        await scene.world.sleep(reply.at + 1.6 - scene.world.now())
        await scene.life.interrupt()

    scene.play(until=interrupt)
    said = scene.told("said")[-1]
    assert (said.fields["text"], said.fields["complete"]) == ("One two three four five six", False)
    assert scene.history.spoken[-1].words == "One two three four five six —"


def test_interrupted_before_its_first_sound_it_remembers_nothing() -> None:
    scene = slow_scene()

    async def interrupt() -> None:
        await scene.until_event("heard")
        await scene.life.interrupt()

    scene.play(until=interrupt)
    assert [spoken.words for spoken in scene.history.spoken] == [HELLO]
    assert [event.fields["kind"] for event in scene.told("said")] == ["opening"]


def test_voice_to_voice_counts_from_the_last_sample_of_speech_to_the_first_of_the_reply() -> None:
    scene = slow_scene()
    scene.play()
    turn = scene.told("turn")[0].fields
    heard = scene.told("heard")[0].at
    first_sound = min(began for began, _ in scene.speaker.heard if began > heard)
    assert turn["voice_to_voice"] == pytest.approx(first_sound - heard, abs=0.002)
    assert sum(turn["stages"].values()) == pytest.approx(turn["voice_to_voice"], abs=0.005)
    assert list(turn["stages"]) == ["transcribe", "pause", "reply", "voice", "play"], "in the order in which they end"


def test_the_light_shows_what_the_journal_tells() -> None:
    scene = slow_scene()
    scene.play()
    assert [(at, state.value) for at, state in scene.light.shown] == [
        (event.at, event.fields["state"]) for event in scene.told("state")
    ]


class ReluctantChat(ScriptedChat):
    """A chat whose stream takes a while to close."""

    def __init__(self, world: World) -> None:
        super().__init__([])
        self._world = world

    async def reply(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        self.open += 1
        try:
            for number in range(20):
                yield f"This is sentence number {number}. "
        finally:
            await self._world.sleep(0.2)
            self.open -= 1


def test_interrupted_with_all_its_phrases_made_ahead_it_waits_until_the_stream_is_closed() -> None:
    scene = Scene(Shout(1.0), hears=["one"], chat=ReluctantChat)

    async def interrupt() -> None:
        await scene.until_event("heard")
        await scene.world.sleep(2.0)
        chat = scene.chat
        assert isinstance(chat, ReluctantChat)
        assert chat.open == 1
        await scene.life.interrupt()
        assert chat.open == 0

    scene.play(until=interrupt)


def test_its_own_last_words_coming_back_from_the_walls_are_not_answered() -> None:
    scene = Scene(Shout(1.0, 1.3, 0.5), hears=["one"], replies=[["This is what I say."]])
    scene.play()
    reply = scene.told("said")[-1]
    assert scene.told("heard")[0].at + 1.3 < reply.at < scene.told("heard")[0].at + 1.7, "the noise spans its end"
    assert scene.told("fault") == []


def test_what_is_said_while_it_speaks_is_not_answered() -> None:
    scene = Scene(Shout(1.0, 0.8, 1.0), hears=["one"], replies=[["I speak on and on while you go on speaking too."]])
    scene.play()
    assert [event.fields["text"] for event in scene.told("heard")] == ["one"]
    assert scene.told("fault") == []
