"""What the characters think with: requests in all their shapes, replies that break off, several characters."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import count

import pytest
from scene import Scene, Shout, bo

from companion.errors import Cause, NoReply, PromptTooLong
from companion.history import USER, History, tokens
from companion.mind import Mind, Remembering
from companion.ports import Message, Usage
from models.scripted import ScriptedChat

BO = bo()
ADA = bo(name="Ada", opening="Hello, I am Ada.")


def thoughts(mind: Mind, heard: str = "", character: object = BO) -> str:
    async def think() -> str:
        pieces: AsyncGenerator[str | Usage, None] = mind.reply(character, heard)  # type: ignore[arg-type]
        return "".join([piece async for piece in pieces if isinstance(piece, str)])

    return asyncio.run(think())


def mind(*replies: Sequence[str | Usage | NoReply], history: History | None = None, **more: object) -> Mind:
    chat = ScriptedChat(replies)
    made = Mind(chat, history or History(6_000), session="s", seeds=count(1), **more)  # type: ignore[arg-type]
    made.chat = chat  # type: ignore[attr-defined]
    return made


def asked(mind: Mind, number: int = -1) -> list[tuple[str, str]]:
    """Role and content of the messages of a request, without the system message that begins it."""
    messages: list[Message] = mind.chat.prompts[number].messages  # type: ignore[attr-defined]
    assert messages[0].role == "system"
    return [(message.role, message.content) for message in messages[1:]]


def test_what_to_know_just_now_stands_before_the_last_words_and_is_not_remembered() -> None:
    one = mind(["Yes."], ["No."], supplements=lambda: "It is noon.")
    one.tell("The door is open.")
    thoughts(one, "Hello")
    one.answered("Hello", "Bo", "Yes.")
    assert asked(one) == [("system", "It is noon.\nThe door is open."), ("user", "Hello")]
    thoughts(one, "And now?")
    assert asked(one) == [
        ("user", "Hello"),
        ("assistant", "Yes."),
        ("system", "It is noon."),
        ("user", "And now?"),
    ]


def test_what_it_was_told_is_not_lost_with_a_turn() -> None:
    one = mind([NoReply(Cause.SLOW, "slow")], ["Yes."])
    one.tell("The door is open.")
    with pytest.raises(NoReply):
        thoughts(one, "Hello")
    thoughts(one, "Hello?")
    assert asked(one) == [("system", "The door is open."), ("user", "Hello?")]


def test_where_nothing_was_heard_it_goes_on_from_its_name() -> None:
    one = mind(["Are you there?"])
    one.remember("Bo", "Hello!")
    thoughts(one)
    last = one.chat.prompts[0].messages[-1]  # type: ignore[attr-defined]
    assert (last.role, last.content, last.partial) == ("assistant", "Bo:", True)


@pytest.mark.parametrize("cause", [Cause.BROKEN, Cause.SLOW, Cause.THROTTLED, Cause.UNREACHABLE])
def test_a_reply_that_breaks_off_is_gone_on_with_from_where_it_was(cause: Cause) -> None:
    one = mind(["Once upon ", NoReply(cause, "cut")], ["a time."])
    assert thoughts(one, "A story") == "Once upon a time."
    last = one.chat.prompts[1].messages[-1]  # type: ignore[attr-defined]
    assert (last.role, last.content, last.partial) == ("assistant", "Once upon ", True)


@pytest.mark.parametrize(
    "replies",
    [
        [["Once ", NoReply(Cause.BROKEN, "cut")], ["upon ", NoReply(Cause.BROKEN, "cut")], ["never"]],
        [[NoReply(Cause.BROKEN, "cut")], ["never"]],
        [["Once ", NoReply(Cause.MODERATED, "no")], ["never"]],
    ],
)
def test_it_goes_on_only_once_only_after_words_and_only_where_that_can_help(
    replies: list[list[str | NoReply]],
) -> None:
    one = mind(*replies)
    with pytest.raises(NoReply):
        thoughts(one, "A story")


def test_a_limit_of_the_service_is_learned_and_the_request_is_cut_and_sent_once_more() -> None:
    one = mind([PromptTooLong(700, "too long")], ["Yes."])
    for _ in range(40):
        one.answered("What about this?", "Bo", "It is as it is, and always was.")
    assert thoughts(one, "Hello") == "Yes."
    before, after = (prompt.messages for prompt in one.chat.prompts)  # type: ignore[attr-defined]
    assert tokens(before) > 700 >= tokens(after)


def test_a_limit_that_leaving_out_does_not_help_with_is_the_end() -> None:
    one = mind([PromptTooLong(9_000, "too long")], ["never"])
    with pytest.raises(PromptTooLong):
        thoughts(one, "Hello")


def test_a_remembering_service_is_sent_only_what_is_new() -> None:
    one = mind(["First."], ["Second."], remembering=Remembering(50, ("system",)))
    one.remember("Bo", "Hello, I am Bo.")
    thoughts(one, "one")
    one.answered("one", "Bo", "First.")
    thoughts(one, "two")
    first, second = one.chat.prompts  # type: ignore[attr-defined]
    assert [message.content for message in first.messages] == ["Hello, I am Bo.", "one"]
    assert [message.content for message in second.messages] == ["two"]
    assert second.memory is not None
    assert (second.memory.profile, second.memory.entries) == (BO.system_message(), 50)
    assert first.session == second.session


def test_500_turns_fit_the_window_and_mostly_begin_with_the_same_bytes() -> None:
    history = History(7_200)
    one = mind(*[["It is as it is, and always was, and I like it very much so."]] * 500, history=history)
    same = 0
    previous: list[Message] = []
    for number in range(500):
        heard = f"What do you think about number {number}, my friend?"
        words = thoughts(one, heard)
        one.answered(heard, "Bo", words)
        messages = list(one.chat.prompts[-1].messages)  # type: ignore[attr-defined]
        assert messages[0].content == BO.system_message()
        assert tokens(messages) <= 7_200
        same += messages[: len(previous)] == previous
        previous = messages
    assert same / 500 >= 0.8


def test_the_services_own_count_corrects_ours() -> None:
    history = History(1_000)
    for _ in range(60):
        history.remember(USER, "What do you think about this?")
    long = len(history.messages(BO, "Hello"))
    history.correct(history.messages(BO, "Hello"), round(tokens(history.messages(BO, "Hello")) * 1.4))
    assert len(history.messages(BO, "Hello")) < long


def test_several_characters_are_told_apart_by_name_and_asked_to_go_on_from_theirs() -> None:
    one = mind(["Yes."], history=History(6_000, people="Ann", cast=2))
    one.remember("Bo", "Hello, I am Bo.")
    one.answered("Hello you two", "Ada", "Good day.")
    thoughts(one, "How are you?", ADA)
    assert asked(one) == [
        ("user", "Bo: Hello, I am Bo."),
        ("user", "Ann: Hello you two"),
        ("assistant", "Ada: Good day."),
        ("user", "Ann: How are you?"),
        ("assistant", "Ada:"),
    ]


def test_a_colon_in_a_name_does_not_end_it() -> None:
    one = mind(["Yes."], history=History(6_000, people="Dr: Who", cast=2))
    thoughts(one, "Hello", bo(name="B:o"))
    assert asked(one) == [("user", "Dr Who: Hello"), ("assistant", "B o:")]


def both(*lines: Shout, **more: object) -> Scene:
    return Scene(*lines, character=[BO, ADA], **more)  # type: ignore[arg-type]


def who_said_what(scene: Scene) -> list[tuple[str, str, str]]:
    return [(event.fields["character"], event.fields["kind"], event.fields["text"]) for event in scene.told("said")]


def test_both_characters_open_and_then_answer_in_turn() -> None:
    scene = both(Shout(1.0), Shout(1.0), hears=["one", "two"], replies=[["First."], ["Second."]])
    scene.play()
    assert who_said_what(scene) == [
        ("Bo", "opening", "Hello, I am Bo."),
        ("Ada", "opening", "Hello, I am Ada."),
        ("Bo", "reply", "First."),
        ("Ada", "reply", "Second."),
    ]


def test_who_is_called_by_name_answers() -> None:
    scene = both(Shout(1.0), hears=["what do you think ada"], replies=[["I think so."]])
    scene.play()
    assert who_said_what(scene)[-1] == ("Ada", "reply", "I think so.")


def test_a_toy_that_is_called_by_the_other_answers_it_but_never_a_third_in_a_row() -> None:
    scene = both(Shout(1.0), hears=["hello"], replies=[["What do you say, Ada?"], ["Ask Bo!"], ["never"]])
    scene.play()
    assert who_said_what(scene)[2:] == [("Bo", "reply", "What do you say, Ada?"), ("Ada", "reply", "Ask Bo!")]
    assert [spoken.speaker for spoken in scene.history.spoken] == ["Bo", "Ada", USER, "Bo", "Ada"]


def test_asked_and_left_unanswered_it_goes_on_once_and_then_sleeps() -> None:
    scene = Scene(
        Shout(1.0), hears=["hello"], replies=[["Shall we play?"], ["We could play hide and seek?"], ["never"]]
    )

    async def long_after() -> None:
        await scene.user.done()
        await scene.world.sleep(60.0)

    scene.play(until=long_after)
    assert [event.fields["kind"] for event in scene.told("said")] == ["opening", "reply", "nudge"]
    assert scene.states()[-1] == "idle"
    assert scene.history.spoken[-1].words == "We could play hide and seek?"


def test_what_is_asked_for_again_differently_replaces_the_last_answer() -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["tell me a joke", "Say that again differently, please!"],
        replies=[["One joke."], ["Another joke."]],
    )
    scene.play()
    chat = scene.chat
    assert isinstance(chat, ScriptedChat)
    first, second = chat.prompts
    assert first.messages == second.messages
    assert first.seed != second.seed
    assert [spoken.words for spoken in scene.history.spoken][1:] == ["tell me a joke", "Another joke."]


def test_somebody_speaking_opens_the_way_to_the_service() -> None:
    warmed: list[float] = []

    class Warm(ScriptedChat):
        async def warm(self) -> bool:
            warmed.append(scene.world.now())
            return True

    scene = Scene(Shout(2.0), hears=["one"], chat=lambda world: Warm([["Yes."]]))
    scene.play()
    heard = scene.told("heard")[0].at
    at_first, then = warmed
    assert at_first < 0.1
    assert 1.0 < then < heard - 1.0
