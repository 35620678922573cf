"""A program for tests: ROUNDS times somebody who keeps writing a state file, as fast as can be, is killed at some
moment (kill -9). Its arguments: the file, ROUNDS, a seed. It prints, as JSON, how often the file was then neither the
old one nor the new one ("broken"), how often somebody was killed in the middle of a write ("unfinished": a file was
left), how many writes there were ("written"), and what lies in the folder in the end ("left")."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from companion.keeping import keep

LONGEST = 300_000
"""Characters of a state: many pages, so that half of it would be seen."""

SECONDS = 0.02
"""After which a writer is killed at the latest."""


def state(number: int) -> str:
    """Whole if it ends as it begins."""
    return f"{number}:{'x' * (LONGEST - number % 1000)}:{number}"


def whole(text: str, since: int) -> bool:
    number = int(text.partition(":")[0] or 0)
    return text == state(number) and number >= since


def write(file: Path, since: int) -> None:
    while True:
        since += 1
        keep(file, state(since))


def main(file: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    broken = unfinished = number = 0
    keep(file, state(number))
    for _ in range(rounds):
        if (child := os.fork()) == 0:
            write(file, number)
        time.sleep(chance.uniform(0, SECONDS))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        text = file.read_text()
        broken += not whole(text, number)
        unfinished += (file.parent / f".{file.name}.{child}").exists()
        number = int(text.partition(":")[0] or number)
    keep(file, state(number))
    left = sorted(path.name for path in file.parent.iterdir())
    print(json.dumps({"broken": broken, "unfinished": unfinished, "written": number, "left": left}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
