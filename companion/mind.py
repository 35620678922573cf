"""This file is the mind: it asks the chat model, with all that the conversation knows, and does not give up at once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from companion.character import Character
from companion.errors import Cause, NoReply, PromptTooLong
from companion.history import USER, History
from companion.ports import ChatModel, LongTermMemory, Message, Prompt, Usage

BROKEN_OFF = (Cause.BROKEN, Cause.SLOW, Cause.THROTTLED, Cause.UNREACHABLE)
"""How a reply ends that one can ask the service to go on with."""


@dataclass(frozen=True, slots=True)
class Remembering:
    """How the service's long-term memory is used."""

    entries: int
    skip: tuple[str, ...]


class Mind:
    """What the characters of a conversation think with."""

    def __init__(
        self,
        chat: ChatModel,
        history: History,
        *,
        session: str,
        seeds: Iterator[int],
        supplements: Callable[[], str] = str,
        remembering: Remembering | None = None,
    ) -> None:
        """`session` is an opaque id for the service; `seeds` gives a fresh seed for every request; `supplements` what
        to know just now and not to remember: the time, the weather. `remembering`: the service keeps the history."""
        self.history = history
        self._chat = chat
        self._session = session
        self._seeds = seeds
        self._supplements = supplements
        self._remembering = remembering
        self._told: list[str] = []
        self._asked_with = 0
        """How much of that the newest request held."""

    @property
    def patient(self) -> bool:
        """Whether nothing may be asked that is perhaps never heard: the service would remember it."""
        return self._remembering is not None

    async def load(self) -> None:
        """Get ready. Raises NoReply."""
        await self._chat.load()

    async def warm(self) -> bool:
        """Open the way to the service, because somebody is speaking; whether there is one."""
        return await self._chat.warm()

    def tell(self, text: str) -> None:
        """Something to know at the next request, and only then."""
        self._told.append(text)

    async def reply(self, character: Character, heard: str = "") -> AsyncGenerator[str | Usage, None]:
        """What `character` answers to what was just `heard`; nothing was: what it says by itself. Raises NoReply.

        A request that the service finds too long is cut and sent once more. A reply that breaks off in the middle is
        gone on with, once, from where it was.
        """
        self._asked_with = len(self._told)
        supplement = "\n".join(text for text in (self._supplements(), *self._told) if text)
        begun = ""
        asked_again = False
        while True:
            prompt = self._prompt(character, heard, supplement, begun)
            try:
                async with aclosing(self._chat.reply(prompt)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Usage):
                            self.history.correct(prompt.messages, piece.prompt_tokens)
                        else:
                            begun += piece
                        yield piece
                return
            except PromptTooLong as error:
                if not self.history.learn(error.limit):
                    raise
            except NoReply as error:
                if not begun or asked_again or self._remembering or error.cause not in BROKEN_OFF:
                    raise
                asked_again = True

    async def several(self, character: Character, heard: str, count: int) -> tuple[list[str], Usage | None]:
        """`count` different answers to what was `heard`, and what they cost. Raises NoReply."""
        return await self._chat.several(self._prompt(character, heard, self._supplements(), ""), count)

    def remember(self, speaker: str, words: str) -> None:
        """`speaker` said this, and it was heard."""
        self.history.remember(speaker, words)

    def answered(self, heard: str, speaker: str, words: str) -> None:
        """A turn is over: what was heard and what was answered are remembered, if anything was answered."""
        if words:
            del self._told[: self._asked_with]  # it was known; a turn that is lost leaves it to the next one
            self._asked_with = 0
            self.history.remember(USER, heard)
            self.history.remember(speaker, words)
            self.history.known()

    def _prompt(self, character: Character, heard: str, supplement: str, begun: str) -> Prompt:
        """The request; `begun` is what there is of its reply already."""
        remembering = self._remembering
        render = self.history.news if remembering else self.history.messages
        messages = render(character, heard, supplement)
        if begun:
            prefix = messages.pop().content + " " if messages[-1].partial else ""
            messages.append(Message("assistant", prefix + begun, partial=True))
        memory = None
        if remembering:
            memory = LongTermMemory(character.system_message(), remembering.entries, remembering.skip)
        return Prompt(messages, next(self._seeds), self._session_of(character), memory)

    def _session_of(self, character: Character) -> str:
        """One for each character: their requests begin differently."""
        return hashlib.sha256(f"{self._session} {character.name}".encode("utf-8", "replace")).hexdigest()[:32]
