"""This file measures how often an answer is begun in vain when people pause as they do, and whether anything is heard
of it.

The product, in simulated time, is told the scripted turns of `spoken_turns.toml`: real sound, real ears, and for the
words the script's own. Service and voice take as long as they do; how fast this machine is does not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from companion.audio import RATE, Samples, Utterance
from companion.bench import Measured
from companion.bench_turn import FIRST_TOKEN_SECONDS, bench_character, hearing_with, put_together, staged
from companion.patience import PATIENCE
from companion.ports import Event, Transcript
from companion.simulation import sound_of
from companion.spoken_turns import VOICES, Rendered, Turn, rendered, trimmed, turns
from companion.state import State
from companion.tasks import first_of

if TYPE_CHECKING:
    from device.scripted_user import ScriptedUser

VOICE_SECONDS: Final = 0.1
"""What the voice takes to the first sound of a phrase."""

SPELLED_SECONDS: Final = 0.2
"""The ears may take the last sound of a word for quiet: by so much a part may end after the utterance that holds it."""


@dataclass(slots=True)
class Counted:
    """What came of some turns."""

    requests: int = 0
    committed: int = 0
    unwanted: int = 0
    """Answers of which something was heard although they had been begun in a mere pause."""
    early: int = 0
    """Answers that were heard before the turn was over."""


def measure(scripted: Sequence[Turn] | None = None) -> list[Measured]:
    """Requests a turn, and what was heard of those in vain. Takes about a minute. Raises NoVoice."""
    counted = Counted()
    chosen = sorted(turns() if scripted is None else scripted, key=_who)
    for (language, speaker), some in groupby(chosen, _who):
        _listen([rendered(turn, _speak) for turn in some], language, speaker, counted)
    requests = counted.requests / counted.committed
    of = f"of {len(chosen)} scripted turns"
    return [
        Measured.of("11_requests_per_turn", f"requests for each turn {of}", [requests], "a turn"),
        Measured.of("11_released_too_early", f"answers begun in vain {of} that were heard", [counted.unwanted], ""),
        Measured.of("answered_before_the_end", f"answers heard before the end {of}", [counted.early], ""),
    ]


def _who(turn: Turn) -> tuple[str, str]:
    return turn.language, turn.speaker


def _listen(sounds: Sequence[Rendered], language: str, speaker: str, counted: Counted) -> None:
    """One conversation: all of these, one after the other."""
    from device.simulated import World
    from models.scripted import ScriptedChat, ScriptedVoice

    world = World()
    scene = staged(world, [one.audio for one in sounds])
    user = scene.user
    chat = ScriptedChat([[f"{number}."] for number in range(10 * len(sounds))], clock=world, delay=FIRST_TOKEN_SECONDS)
    voice = ScriptedVoice(clock=world, delay=VOICE_SECONDS, seconds_per_character=0.5)
    heard = ""
    answered: set[int] = set()

    def notice(event: Event) -> None:
        nonlocal heard
        if event.name == "heard":
            heard = str(event.fields["text"])
            counted.committed += 1
        if event.name == "said" and event.fields["kind"] == "reply":
            number = int(str(event.fields["text"]).rstrip("."))
            wanted = number in answered or chat.prompts[number].messages[-1].content.endswith(heard)
            counted.unwanted += not wanted
            answered.add(number)  # who was asked to, says it again
        if event.name == "state" and event.fields["state"] == State.SPEAKING and user.said:
            over = user.said[-1].began + sounds[len(user.said) - 1].spans[-1].ends / RATE
            counted.early += event.at < over

    hearing = replace(
        hearing_with(_Script(user, sounds)), patience=PATIENCE["child" if speaker == "child" else "adult"]
    )
    character = replace(bench_character(), language=language)
    life = put_together(character, scene.body, hearing, chat, voice, notice)

    async def converse() -> None:
        async with world.turning():
            await first_of(life.live(), user.done())

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        runner.run(converse())
    counted.requests += len(chat.prompts)


class _Script:
    """A Transcriber that reads what the script says of the parts that were spoken so far."""

    def __init__(self, user: ScriptedUser, sounds: Sequence[Rendered]) -> None:
        self._user = user
        self._sounds = sounds

    async def load(self) -> None:
        """There is nothing to load."""

    async def transcribe(self, utterance: Utterance) -> Transcript:
        """The script's own words."""
        await asyncio.sleep(0)  # no engine answers without letting the loop turn
        said, sound = self._user.said[-1], self._sounds[len(self._user.said) - 1]
        ended = utterance.ended + SPELLED_SECONDS - said.began
        parts = sum(span.ends / RATE <= ended for span in sound.spans)
        return Transcript(sound.turn.parts[parts - 1].heard if parts else "", "script")


def _speak(words: str, voice: str) -> Samples:
    from models.espeak import EspeakVoice

    return trimmed(asyncio.run(sound_of(EspeakVoice(VOICES[voice]), words)))
