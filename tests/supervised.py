"""Somebody who started the toy, for tests."""

from __future__ import annotations


class Told:
    """A Supervisor that notes what it is told, but for signs of life, which it counts."""

    patience: float | None = 30.0

    def __init__(self) -> None:
        self.said: list[str] = []
        self.fed = 0

    def ready(self) -> None:
        self.said.append("ready")

    def reloading(self) -> None:
        self.said.append("reloading")

    def stopping(self) -> None:
        self.said.append("stopping")

    def status(self, sentence: str) -> None:
        self.said.append(sentence)

    def alive(self) -> None:
        self.fed += 1
