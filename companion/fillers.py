"""This file lets nobody wait in silence: when an answer is late the character says a filler, and later another."""

from __future__ import annotations

from collections import deque

from companion.answer import Answer
from companion.character import Character
from companion.journal import Turn
from companion.phrases import just
from companion.ports import Clock
from companion.tasks import first_of

AFTER_SECONDS = (1.5, 4.0)
"""Of waiting, until each filler is said. After these no more: the reply follows, or an apology."""


class Fillers:
    """What the characters of a conversation say while somebody waits: never the same twice in a row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[str, deque[str]] = {}
        """Of each character, by its name; the next one first."""
        self._newest = ""

    def until(self, answer: Answer, turn: Turn) -> Waiting:
        """Somebody waits for this answer."""
        return Waiting(answer, turn.awaited_since, self, self._clock)

    def next(self, character: Character) -> str:
        """What it may say next."""
        lines = self._lines.setdefault(character.name, deque(character.fillers))
        if lines[0] == self._newest:  # said by somebody else, who has the same lines
            lines.rotate(-1)
        return lines[0]

    def said(self, character: Character) -> None:
        """It says that."""
        lines = self._lines[character.name]
        self._newest = lines[0]
        lines.rotate(-1)


class Waiting:
    """Somebody waits for an answer."""

    def __init__(self, answer: Answer, since: float, fillers: Fillers, clock: Clock) -> None:
        """`since`, in seconds on the `clock`: who has waited long already, because reading what they said took long,
        hears the first filler at once, and the others as much later."""
        first = max(since + AFTER_SECONDS[0], clock.now())
        self._due = deque(first + seconds - AFTER_SECONDS[0] for seconds in AFTER_SECONDS)
        self._answer = answer
        self._fillers = fillers
        self._clock = clock
        self._filler: Answer | None = None

    async def filler(self) -> Answer | None:
        """A filler, made, when it is to be said; None when the first sound of the answer is there, or what became of
        it is known."""
        if not self._due:
            await self._answer.sounds.ready()
            return None
        await first_of(self._answer.sounds.ready(), self._make())
        if self._answer.sounds.begun:
            if self._filler:
                await self._filler.drop()
            return None
        self._fillers.said(self._answer.member.character)
        return self._filler

    async def drop(self) -> None:
        """Nobody waits any more. Returns when nothing of the answer, or of a filler, is left; twice is once."""
        for sound in (self._filler, self._answer):
            if sound:
                await sound.drop()

    async def _make(self) -> None:
        """A filler, when it is time for one."""
        await self._clock.sleep(max(0.0, self._due.popleft() - self._clock.now()))
        member = self._answer.member
        words = just(self._fillers.next(member.character))
        self._filler = Answer(member, member.mouth.make(words, Turn(self._clock, self._clock.now())))
        await self._filler.sounds.ready()
