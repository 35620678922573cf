"""A stage for tests: a scripted user and scripted engines around a real conversation, in a simulated world."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from companion.addressed import Addressed
from companion.audio import RATE, Samples
from companion.barge_in import BargeIn
from companion.calling import ByButton, ByName, Calling, Open
from companion.cast import Cast, Member
from companion.character import Character, parse
from companion.conversation import Conversation
from companion.earcons import Earcon, Earcons, sound
from companion.ears import Ears
from companion.echo import UNKNOWN, Echo, Interruptible, Verdict
from companion.face import Face
from companion.history import History
from companion.journal import Journal
from companion.kept_mute import KeptMute
from companion.life import Life
from companion.listening import Listening
from companion.mind import Mind
from companion.mouth import Mouth
from companion.patience import Patience
from companion.ports import (
    ChatModel,
    EchoCanceller,
    Event,
    Microphone,
    Observer,
    SpeechDetector,
    Transcriber,
    Voice,
    WakeWord,
)
from companion.prepared import Prepared
from companion.simulation import acoustics
from companion.worktime import HeldWakeWord
from device.room import Room
from device.scripted_user import Interruption, ScriptedUser
from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker, World
from device.simulated_button import SimulatedButton
from models.kalman_canceller import KalmanCanceller
from models.scripted import ScriptedChat, ScriptedDetector, ScriptedTranscriber, ScriptedVoice

Result = TypeVar("Result")

PERSONA = {
    "name": "Bo",
    "summary": "a test",
    "persona": {"details": "A test.", "style": "Short."},
    "opening": "Hello, I am Bo.",
    "apologies": {"lost": ["Oh dear."], "unreachable": ["Nobody there."]},
}


def bo(**changes: Any) -> Character:
    return parse(PERSONA | changes, "a test")


class Shout:
    """A line of loud noise, with silences in it: seconds of noise, of silence, of noise ..."""

    def __init__(self, *seconds: float, text: str | None = None, amplitude: int = 6_000) -> None:
        self._seconds = seconds
        self._amplitude = amplitude
        self.text = text

    def samples(self) -> Iterator[Samples]:
        noise = np.random.default_rng(1)
        for number, seconds in enumerate(self._seconds):
            count = round(seconds * RATE)
            loud = self._amplitude if number % 2 == 0 else 1
            yield noise.integers(-loud, loud, count, dtype=np.int16, endpoint=True)


class Scene:
    """Everything around a conversation; make it outside of an event loop, and `play` it once."""

    def __init__(
        self,
        *lines: Shout,
        hears: Sequence[str] = (),
        replies: Sequence[Sequence[str]] = (),
        chat: Callable[[World], ChatModel] | None = None,
        transcriber: Callable[[World], Transcriber] | None = None,
        voice: Callable[[World], Voice] | None = None,
        character: Character | Sequence[Character] | None = None,
        microphone: Callable[[Microphone], Microphone] | None = None,
        calling: Calling | None = None,
        patience: Patience | None = None,
        detector: SpeechDetector | None = None,
        interruptions: Sequence[Interruption] = (),
        room: Room | None = None,
        interruptible: Interruptible = Interruptible.BUTTON,
        interrupting: WakeWord | None = None,
        canceller: EchoCanceller | None = None,
        prepared: Sequence[str] = (),
        earcons: bool = False,
        kept_mute: KeptMute | None = None,
        seed: int = 0,
        longest: float = 600.0,
    ) -> None:
        """`interruptible`: as long as there is no `room`. `interrupting`: what hears the words that end a reply; None:
        the name by which the toy is called. `canceller`: of the room's echo; None: the product's own. `prepared`:
        lines that the voice keeps, and makes when the toy is at rest."""
        self.world = World(longest=longest)
        self.light = SimulatedLight(self.world)
        self.button = SimulatedButton()
        held = calling if isinstance(calling, ByButton) else None
        press = self.button.press if held else None
        self.user = ScriptedUser(lines, self.light, np.random.default_rng(seed), press, interruptions)
        self.speaker = SimulatedSpeaker(self.world)
        self.chat = chat(self.world) if chat else ScriptedChat(replies)
        self.voice = voice(self.world) if voice else ScriptedVoice()
        self.transcriber = transcriber(self.world) if transcriber else ScriptedTranscriber(hears)
        self.events: list[Event] = []
        self.observers: list[Observer] = [self.events.append]
        """Whoever is told of what happens; more may be added."""
        characters = [character or bo()] if not isinstance(character, Sequence) else character
        self.supplement = ""
        self.history = History(6_000, cast=len(characters))
        said = [*lines, *(interruption.line for interruption in interruptions)]
        around = (
            asyncio.run(acoustics(room, seed, self.speaker, self.voice, characters[0].opening, said)) if room else None
        )
        self.microphone = SimulatedMicrophone(self.world, self.user.sounds, around)
        journal = Journal(self.world, self._tell)
        heard = microphone(self.microphone) if microphone else self.microphone
        told = Verdict(interruptible, "so says the scene")
        verdicts: list[Verdict] = []
        self.verdicts = verdicts
        """All that was concluded from the echo."""
        canceller = canceller or (KalmanCanceller() if room else None)
        echo = Echo(canceller, UNKNOWN if canceller else told, verdicts.append)
        face = Face(self.light, journal)
        ears = Ears(heard, detector or ScriptedDetector(), patience or Patience(), echo, face.follow)
        self.mind = Mind(
            self.chat, self.history, session="s", seeds=itertools.count(1), supplements=lambda: self.supplement
        )
        named: dict[str, WakeWord] = {"name": calling._name} if isinstance(calling, ByName) else {}
        interrupting = HeldWakeWord(interrupting, self.world) if interrupting else None
        words = interrupting or named.get("name")
        spotters = named | ({"interrupting": interrupting} if interrupting else {})
        addressed = Addressed([one.name for one in characters], "en")
        kept = Prepared(self.voice, prepared)
        signals = Earcons(self.speaker, {earcon: sound(earcon) for earcon in Earcon if earcons})
        members = [Member(one, Mouth(one.name, kept, self.speaker, journal, hush=signals.hush)) for one in characters]
        listening = Listening(
            calling=calling or Open(),
            addressed=addressed,
            barge_in=BargeIn(
                ears=ears,
                echo=echo,
                words=words,
                mouths=[member.mouth for member in members],
                addressed=addressed,
                language="en",
                face=face,
                journal=journal,
            ),
            ears=ears,
            transcriber=self.transcriber,
            end_of_turn=None,
            language="en",
            face=face,
            clock=self.world,
            journal=journal,
            earcons=signals,
            warm=self.mind.warm,
        )
        conversation = Conversation(
            cast=Cast(members),
            listening=listening,
            mind=self.mind,
            face=face,
            clock=self.world,
            journal=journal,
            earcons=signals,
        )
        self.life = Life(
            conversation,
            face=face,
            ears=ears,
            speaker=self.speaker,
            mind=self.mind,
            engines={"ears": self.transcriber, "voice": kept} | spotters,
            button=self.button,
            clock=self.world,
            journal=journal,
            earcons=signals,
            kept_mute=kept_mute,
            held=held,
            voices=[kept],
            hears_since=0.0,
        )

    def play(self, until: Callable[[], Awaitable[Result]] | None = None) -> Result | None:
        """Let the conversation live until the user's script is done, or `until` returns; what it returns."""

        async def act() -> Result | None:
            async with self.world.turning():
                living = asyncio.create_task(self.life.live())
                ending = asyncio.ensure_future(until() if until else self.user.done())
                await asyncio.wait({living, ending}, return_when=asyncio.FIRST_COMPLETED)
                living.cancel()
                await asyncio.wait({living})
                if not living.cancelled():
                    living.result()
                return ending.result()

        return in_world(self.world, act)

    def _tell(self, event: Event) -> None:
        for observe in self.observers:
            observe(event)

    def told(self, name: str) -> list[Event]:
        """The journal's events of one name."""
        return [event for event in self.events if event.name == name]

    def states(self) -> list[str]:
        return [event.fields["state"] for event in self.told("state")]

    async def until_event(self, name: str, **fields: Any) -> Event:
        """Wait, in simulated time, for the first event with these fields."""
        while True:
            for event in self.told(name):
                if fields.items() <= event.fields.items():
                    return event
            await self.world.sleep(0.01)


def in_world(world: World, act: Callable[[], Awaitable[Result]]) -> Result:
    """Run `act` in the event loop of `world`; no task may be left when it returns."""

    async def run() -> Result:
        result = await act()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"
        return result

    with asyncio.Runner(loop_factory=world.event_loop) as runner:
        return runner.run(run())
