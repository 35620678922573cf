import asyncio
from collections.abc import Sequence

import pytest

from companion.choosing import BestOf, best
from companion.errors import Cause, NoReply
from companion.ports import Message, Prompt, Usage
from models.scripted import ScriptedChat

PROMPT = Prompt(
    [Message("system", "You are Bo."), Message("assistant", "Well."), Message("user", "Hi")], seed=1, session="s"
)


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (["(nods) Yes.", "Yes, I do indeed."], "Yes, I do indeed."),
        (["Yes, I", "Yes, I do."], "Yes, I do."),
        (["Well.", "Well, well."], "Well, well."),
        (["A longer answer.", "Short."], "Short."),
        (["First.", "Other."], "First."),
        (["", "  ", "(nods)"], "(nods)"),
        ([], ""),
    ],
)
def test_the_best_is_without_directions_complete_new_and_short(texts: Sequence[str], wanted: str) -> None:
    assert best(texts, before=["Well."]) == wanted


def spoken(chat: BestOf) -> list[str | Usage]:
    async def speak() -> list[str | Usage]:
        return [piece async for piece in chat.reply(PROMPT)]

    return asyncio.run(speak())


def test_it_asks_for_several_and_gives_the_best_with_what_all_cost() -> None:
    usage = Usage(10, 20, 0, 0.1)
    warned: list[str] = []
    chat = BestOf(ScriptedChat([["(nods) Yes."], ["Oh, yes!"], ["Yes, but this is longer.", usage]]), 3, warned.append)
    assert spoken(chat) == ["Oh, yes!", usage]
    assert warned == []


def test_where_the_service_gives_only_one_it_warns_once_and_takes_that() -> None:
    refusal = NoReply(Cause.REFUSED, "n is not for this model")
    warned: list[str] = []
    chat = BestOf(ScriptedChat([[refusal], ["One."], ["Two."]]), 3, warned.append)
    assert spoken(chat) == ["One."]
    assert spoken(chat) == ["Two."]
    assert len(warned) == 1
    assert "n is not for this model" in warned[0]


def test_other_failures_are_not_hidden() -> None:
    chat = BestOf(ScriptedChat([[NoReply(Cause.THROTTLED, "slow down")]]), 2, lambda _: None)
    with pytest.raises(NoReply, match="slow down"):
        spoken(chat)
