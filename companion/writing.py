"""This file is a conversation in writing: lines in, replies out, phrase by phrase as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from rich.console import Console

from companion.character import Character
from companion.errors import TurnError
from companion.mind import Mind
from companion.phrases import Gesture, Phrases, phrases
from companion.ports import Usage
from companion.saying import joined

HELP = """\
/again     another answer to what you said last, instead of the one it gave
/more N    N different answers (2 to 4) to what you said last; the conversation keeps the one it gave
/tell TEXT something it should know for its next answer, and only then
/forget    begin anew
/cost      tokens and dollars so far
An empty line or Ctrl-D ends it."""

MOST = 4
"""Answers that the service gives at once."""


class Writing:
    """A character that answers what is written to it."""

    def __init__(self, character: Character, mind: Mind, out: Console, complain: Callable[[str], None]) -> None:
        self._character = character
        self._mind = mind
        self._out = out
        self._complain = complain
        self._spent: list[Usage] = []

    async def go_on(self, next_line: Callable[[], Awaitable[str]]) -> None:
        """Open, then answer line by line until an empty one."""
        self._line(self._character.opening)
        self._mind.remember(self._character.name, self._character.opening)
        while line := (await next_line()).strip():
            try:
                await self._obey(line)
            except TurnError as error:
                self._complain(str(error))

    def cost(self) -> str:
        """What all answers cost so far."""
        asked, answered, cached = (
            sum(getattr(usage, kind) for usage in self._spent)
            for kind in ("prompt_tokens", "completion_tokens", "cached_tokens")
        )
        dollars = sum(usage.cost_usd for usage in self._spent)
        return f"{asked} tokens in ({cached} cached), {answered} out: at most ${dollars:.6f} at the vendor's prices"

    async def _obey(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "/again":
                await self._again()
            case "/more":
                await self._more(rest)
            case "/tell" if rest:
                self._mind.tell(rest)
            case "/forget":
                self._mind.history.forget()
            case "/cost":
                self._out.print(self.cost(), soft_wrap=True)
            case _ if command.startswith("/"):
                self._out.print(HELP, soft_wrap=True, markup=False)
            case _:
                await self._answer(line)

    async def _answer(self, line: str) -> None:
        words: list[str] = []
        self._out.print(f"{self._character.name}:", end="", markup=False)
        try:
            async with aclosing(phrases(self._mind.reply(self._character, line), self._spent.append)) as coming:
                async for phrase in coming:
                    if isinstance(phrase, Gesture):
                        self._out.print(f" *{phrase.text}*", style="dim italic", end="", soft_wrap=True, markup=False)
                    else:
                        self._out.print(f" {phrase.text}", end="", soft_wrap=True, markup=False)
                        words.append(phrase.text)
        finally:
            self._out.print()
            self._mind.answered(line, self._character.name, joined(words))

    async def _again(self) -> None:
        if heard := self._mind.history.take_back():
            await self._answer(heard)
        else:
            self._complain("There is nothing to say again yet")

    async def _more(self, count: str) -> None:
        if not count.isdecimal() or not 2 <= int(count) <= MOST:
            self._complain(f"/more takes a number from 2 to {MOST}")
            return
        spoken = self._mind.history.spoken
        heard = self._mind.history.take_back()
        if not heard:
            self._complain("There is nothing to say differently yet")
            return
        try:
            texts, usage = await self._mind.several(self._character, heard, int(count))
        finally:
            for said in spoken[len(self._mind.history.spoken) :]:
                self._mind.remember(said.speaker, said.words)
        if usage:
            self._spent.append(usage)
        for text in texts:
            cutter = Phrases()
            parts = [*cutter.feed(text), *cutter.finish()]
            self._line(joined(part.text for part in parts if not isinstance(part, Gesture)))

    def _line(self, words: str) -> None:
        self._out.print(f"{self._character.name}: {words}", soft_wrap=True, markup=False)
