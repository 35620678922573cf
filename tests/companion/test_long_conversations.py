"""Long conversations with the service, over real HTTP: windows, caches, memories."""

import asyncio
from itertools import count, pairwise
from pathlib import Path

import pytest
from scene import bo

from companion.character import Character
from companion.errors import NoReply
from companion.history import History, tokens
from companion.mind import Mind, Remembering
from companion.ports import Message, Prompt
from models.mock_qwen import MockQwen
from models.qwen import QwenChat

BO = bo(rehearsal=[{"hears": [], "says": ["{topic} are what I like best. " + "So it goes, and so it went. " * 6]}])


class Noted(QwenChat):
    """The client, noting what it is asked."""

    def __init__(self, server: MockQwen, model: str = "qwen-flash-character") -> None:
        super().__init__(base_url=server.base_url, key="sk-x", model=model)
        self.prompts: list[Prompt] = []

    def reply(self, prompt: Prompt):  # type: ignore[no-untyped-def]
        self.prompts.append(prompt)
        return super().reply(prompt)


async def turn(mind: Mind, heard: str, character: Character = BO) -> str:
    words = "".join([piece async for piece in mind.reply(character, heard) if isinstance(piece, str)])
    mind.answered(heard, character.name, words)
    return words


def test_500_turns_never_exceed_the_window_and_mostly_resend_the_same_beginning() -> None:
    async def talk() -> tuple[list[Prompt], int]:
        async with MockQwen([BO]) as server:
            chat = Noted(server)
            mind = Mind(chat, History(7_200), session="s", seeds=count())
            for number in range(500):
                assert "dragons" in (await turn(mind, f"What about dragons number {number}?")).lower()
            await chat.aclose()
            return chat.prompts, server.connections

    prompts, connections = asyncio.run(talk())
    assert len(prompts) == 500, "nothing was refused, nothing asked twice"
    assert all(prompt.messages[0] == Message("system", BO.system_message()) for prompt in prompts)
    same = sum(
        list(after.messages[: len(before.messages)]) == list(before.messages) for before, after in pairwise(prompts)
    )
    assert same / 499 >= 0.8
    assert connections == 1


def test_the_services_own_limit_is_learned_from_its_refusal() -> None:
    async def talk() -> list[Prompt]:
        async with MockQwen([BO]) as server:
            chat = Noted(server, model="qwen-plus-character-ja")  # takes 7,680; we begin by thinking it takes 30,000
            mind = Mind(chat, History(30_000), session="s", seeds=count())
            for number in range(150):
                await turn(mind, f"What about dragons number {number}?")
            await chat.aclose()
            return chat.prompts

    prompts = asyncio.run(talk())
    assert max(tokens(prompt.messages) for prompt in prompts[-20:]) <= 7_680
    assert len(prompts) <= 152, "it was refused once or twice, and learned"


def test_a_remembering_service_knows_in_the_third_turn_what_it_was_told_in_the_first() -> None:
    async def talk() -> tuple[list[Prompt], str]:
        async with MockQwen([BO]) as server:
            chat = Noted(server)
            mind = Mind(chat, History(7_200), session="s", seeds=count(), remembering=Remembering(20, ()))
            await turn(mind, "My name is Ann.")
            await turn(mind, "What about dragons?")
            known = await turn(mind, "What is my name?")
            await chat.aclose()
            return chat.prompts, known

    prompts, known = asyncio.run(talk())
    assert "Ann" in known
    assert [len(prompt.messages) for prompt in prompts] == [1, 1, 1]


@pytest.mark.parametrize("length", [40_000, 200_000])
def test_more_than_fits_into_one_request_is_refused_before_it_is_sent(length: int) -> None:
    async def talk() -> int:
        async with MockQwen([BO]) as server:
            chat = Noted(server)
            mind = Mind(chat, History(7_200), session="s", seeds=count())
            with pytest.raises(NoReply, match="does not fit"):
                await turn(mind, "dragons " * (length // 8))
            assert "dragons" in (await turn(mind, "What about dragons?")).lower()
            await chat.aclose()
            return len(chat.prompts)

    assert asyncio.run(talk()) == 1


def test_the_session_with_a_memory_is_the_same_after_a_restart(tmp_path: Path) -> None:
    from companion import build
    from companion.settings import load

    environment = {"COMPANION_MEMORY__ENABLED": "true", "COMPANION_MEMORY__STATE": str(tmp_path)}
    settings = load(None, environment)

    async def session() -> str:
        async with build.correspondence(settings, BO, lambda _: None) as post:
            prompt = post.mind._prompt(BO, "Hello", "", "")
            return prompt.session

    first = asyncio.run(session())
    assert asyncio.run(session()) == first
    (tmp_path / "session").unlink()
    assert asyncio.run(session()) != first
