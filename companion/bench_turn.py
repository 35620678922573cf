"""This file measures, on this machine, how long one waits for an answer: the product against two plainer ways to build
a voice assistant, with the same engines, the same sound and the same service.

The engines have the real shape and random weights, so the figures are ratios of speed and nothing else. Each way hears
one recorded question on the wall clock, by the same ears; what is counted runs from its last sample to the first sample
of the answer that the speaker plays.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from companion import build
from companion.audio import Audio, Utterance
from companion.bench import Measured, said
from companion.bench_whisper import SHAPE, TOKENS, stock_reader
from companion.bodies import Body
from companion.character import Character, parse
from companion.ears import Ears
from companion.engines import Engines, longest_prompt
from companion.hearing import Hearing
from companion.life import Life
from companion.patience import PATIENCE, Patience
from companion.phrases import Phrase, phrases
from companion.ports import ChatModel, Event, Message, Observer, Prompt, Transcriber, Usage, Voice
from companion.served import Served
from companion.settings import Settings
from companion.simulation import ALONE, sound_of
from companion.state import State
from companion.tasks import first_of
from companion.waterfall_picture import NOTE, Arm

if TYPE_CHECKING:
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedSpeaker, World
    from models.mock_qwen import MockQwen
    from models.piper import Piper
    from models.qwen import QwenChat
    from models.whisper import WhisperTranscriber

FIRST_TOKEN_SECONDS: Final = 0.434
"""What the service takes to its first token: the vendor's own figure."""

TOKENS_PER_SECOND: Final = 60.0

HANGOVER: Final = 0.6
"""Seconds of silence after which every arm takes the question for finished."""

PATIENT_HANGOVER: Final = 1.5

REPETITIONS: Final = 7
"""Of all arms in turn."""

QUESTION: Final = "Could you tell me please why the moon looks so big and so yellow over the trees tonight?"
"""About 4 s."""

ANSWER: Final = (
    "The moon only looks so big, because there are trees and houses beside it to compare it with. "
    "When it has climbed up high it is all alone, and then it seems small to everybody. "
    "Shall we look at it together through a rolled sheet of paper?"
)
"""About 12 s of speech, as a character answers who was asked why."""

_HEARD: Final = "Ġmoon?"
"""The last token that Whisper hears: the mock server takes up what was said, and the answer does so already."""

_SENTENCE: Final = re.compile(r"[^.!?]+[.!?]+")


@dataclass(frozen=True, slots=True)
class Waited:
    """How long somebody waited for an answer, in seconds after the last sample of the question."""

    committed: float
    """Until it was taken for finished."""
    sounded: float
    """Until the first sample of the answer."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """What they were spent on, in the order of time."""


def measure(
    told: Callable[[str], None] = lambda _: None, repetitions: int = REPETITIONS
) -> tuple[list[Measured], list[Arm]]:
    """How the product compares, how much of the silence it hides, and where the time of one turn of each way went.

    Takes about five minutes, which are spent waiting for answers; `told` hears how far it is. Raises NoVoice.
    """
    with TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder), told, repetitions))


async def _measured(folder: Path, told: Callable[[str], None], repetitions: int) -> tuple[list[Measured], list[Arm]]:
    from models.mock_qwen import MockQwen

    character = bench_character()
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            MockQwen([character], first_token_seconds=FIRST_TOKEN_SECONDS, tokens_per_second=TOKENS_PER_SECOND)
        )
        studio = await _Studio.built(folder, character, server)
        stack.push_async_callback(studio.chat.aclose)
        arms: dict[str, Callable[[], Awaitable[Waited]]] = {
            "naive": lambda: studio.plain(studio.naive),
            "streaming": lambda: studio.plain(studio.streaming),
            "product": lambda: studio.product(HANGOVER),
            "at once": lambda: studio.product(PATIENCE["adult"].draft),
            "patient": lambda: studio.product(PATIENT_HANGOVER),
        }
        for arm in arms.values():
            await arm()  # the first time takes longer
        rounds: list[dict[str, Waited]] = []
        alone: list[float] = []
        for number in range(repetitions):
            told(f"turns, round {number + 1} of {repetitions}")
            rounds.append({name: await arm() for name, arm in arms.items()})
            alone.append(await studio.alone())
        told("where the time of a turn goes")
        drawn = [
            Arm("naive sequential", (await studio.plain(studio.naive)).stages),
            Arm("sentence streaming", (await studio.plain(studio.streaming)).stages),
            Arm("Companion", (await studio.product(HANGOVER, whole=True)).stages),
        ]
        return _figures(rounds, alone), drawn


def _figures(rounds: list[dict[str, Waited]], alone: list[float]) -> list[Measured]:
    def ratios(over: str) -> list[float]:
        return [each[over].sounded / each["product"].sounded for each in rounds]

    def milliseconds(arm: str) -> list[float]:
        return [1000 * each[arm].sounded for each in rounds]

    draft = PATIENCE["adult"].draft
    critical = [each["product"].sounded / (draft + engines) for each, engines in zip(rounds, alone, strict=True)]
    hidden = [1 - (each["product"].sounded - each["at once"].sounded) / HANGOVER for each in rounds]
    late = [1000 * (each["patient"].sounded - each["patient"].committed) for each in rounds]
    what = f"voice to voice ({NOTE})"
    return [
        Measured.of("1_naive_over_product", f"{what}: naive sequential over ours", ratios("naive"), "times"),
        Measured.of(
            "2_sentence_streaming_over_product",
            f"{what}: sentence streaming over ours",
            ratios("streaming"),
            "times",
        ),
        Measured.of(
            "3_product_over_critical_path",
            f"{what}: ours over {draft:g} s of pause and what our engines take alone",
            critical,
            "times",
        ),
        Measured.of("4_hangover_hidden", f"share of {HANGOVER:g} s of silence that nobody waits for", hidden, ""),
        Measured.of(
            "commit_to_sound_ms", f"from the end of {PATIENT_HANGOVER:g} s of silence to the first sound", late, "ms"
        ),
        Measured.of("naive_ms", f"{what}: naive sequential", milliseconds("naive"), "ms", digits=0),
        Measured.of("sentence_streaming_ms", f"{what}: sentence streaming", milliseconds("streaming"), "ms", digits=0),
        Measured.of("product_ms", f"{what}: ours", milliseconds("product"), "ms", digits=0),
        Measured.of(
            "engines_ms", "Whisper, reply and voice alone", [1000 * engines for engines in alone], "ms", digits=0
        ),
    ]


class _Studio:
    """Engines of the real shape, and a simulated body on the wall clock for each turn."""

    def __init__(
        self,
        character: Character,
        question: Audio,
        ours: WhisperTranscriber,
        stock: Callable[[Audio], str],
        cut: Piper,
        whole: Piper,
        chat: QwenChat,
    ) -> None:
        self.chat = chat
        self._character = character
        self._question = question
        self._ours = ours
        self._stock = stock
        self._cut = cut
        self._whole = whole

    @classmethod
    async def built(cls, folder: Path, character: Character, server: MockQwen) -> _Studio:
        """With models made in `folder`, warm. Raises NoVoice and NotHeard."""
        from models.piper import Piper
        from models.random_piper import random_piper
        from models.random_whisper import random_whisper
        from models.whisper import WhisperTranscriber

        model = await asyncio.to_thread(random_whisper, folder / SHAPE, SHAPE, TOKENS, _HEARD)
        onnx = await asyncio.to_thread(random_piper, folder)
        ours = WhisperTranscriber(model, language="en")
        chat = chat_with(server)
        cut, whole = Piper(onnx, cuts=folder / "cuts"), Piper(onnx)
        for engine in ours, chat, cut, whole:
            await engine.load()
        stock = await asyncio.to_thread(stock_reader, model)
        return cls(character, await said(QUESTION), ours, stock, cut, whole, chat)

    async def product(self, hangover: float, *, whole: bool = False) -> Waited:
        """One turn of the product, as it is put together for everybody; `whole`: to the end of its answer, when its
        account is known."""
        stage = _Stage(self._question, "turn" if whole else "state")
        hearing = replace(hearing_with(self._ours), patience=_patience(hangover))
        life = put_together(self._character, stage.body, hearing, self.chat, self._cut, stage.notice)
        return await stage.until_answered(life.live())

    async def plain(self, answer: Callable[[_Stage], Awaitable[None]]) -> Waited:
        """One turn of a toy that does one thing after the other."""
        from models.speech_detector import SileroDetector

        stage = _Stage(self._question)

        async def live() -> None:
            ears = Ears(stage.body.microphone, SileroDetector(), _patience(HANGOVER))
            stage.body.light.show(State.LISTENING)
            while not isinstance(await ears.next(), Utterance):
                pass
            stage.body.light.show(State.THINKING)
            stage.spent("pause")
            await answer(stage)

        return await stage.until_answered(live())

    async def naive(self, stage: _Stage) -> None:
        """Whisper, then the whole answer, then all of its sound."""
        text = await asyncio.to_thread(self._stock, self._question)
        stage.spent("transcribe")
        [answer], _ = await self.chat.several(self._prompt(text), 1)
        stage.spent("reply")
        await stage.sound(await sound_of(self._whole, answer))

    async def streaming(self, stage: _Stage) -> None:
        """Whisper, then sentence by sentence: each is spoken as soon as it is there, whole."""
        text = await asyncio.to_thread(self._stock, self._question)
        stage.spent("transcribe")
        async with aclosing(_sentences(self.chat.reply(self._prompt(text)))) as sentences:
            async for sentence in sentences:
                stage.spent("reply")
                await stage.sound(await sound_of(self._whole, sentence))

    async def alone(self) -> float:
        """Seconds that our engines take until the first piece of sound, one after the other with nothing beside
        them."""
        began = time.perf_counter()
        utterance = Utterance(self._question, began=0.0, ended=self._question.seconds)
        text = (await self._ours.transcribe(utterance)).text
        async with aclosing(phrases(self.chat.reply(self._prompt(text)), lambda _: None)) as reply:
            first = await anext(reply)
        assert isinstance(first, Phrase)
        async with aclosing(self._cut.speak(first.text)) as pieces:
            await anext(pieces)
        return time.perf_counter() - began

    def _prompt(self, text: str) -> Prompt:
        messages = [Message("system", self._character.system_message()), Message("user", text)]
        return Prompt(messages, 0, "bench")


@dataclass(frozen=True, slots=True)
class Staged:
    """A simulated body, and somebody in front of it."""

    body: Body
    user: ScriptedUser
    light: SimulatedLight
    speaker: SimulatedSpeaker


def staged(world: World, lines: Sequence[Audio]) -> Staged:
    """A body in this world, and a user who says these."""
    from device.recording import SpokenText
    from device.scripted_user import ScriptedUser
    from device.simulated import SimulatedLight, SimulatedMicrophone, SimulatedSpeaker
    from device.simulated_button import SimulatedButton

    light, speaker = SimulatedLight(world), SimulatedSpeaker(world)
    user = ScriptedUser([SpokenText("", line) for line in lines], light, np.random.default_rng(0))
    body = Body(world, SimulatedMicrophone(world, user.sounds), speaker, light, SimulatedButton())
    return Staged(body, user, light, speaker)


class _Stage:
    """A simulated body on the wall clock, with somebody in front of it who asks one question."""

    def __init__(self, question: Audio, over: str = "state") -> None:
        """`over`: the event of the product's journal with which its turn is over: a state that speaks, or "turn"."""
        from device.simulated import World

        self._world = World(realtime=True)
        scene = staged(self._world, [question])
        self.body, self._user, self._light, self._speaker = scene.body, scene.user, scene.light, scene.speaker
        self._answered = asyncio.Event()
        self._over = over
        self._spent: dict[str, float] = {}
        """Until when each stage lasted, in seconds of the world."""
        self._account: Mapping[str, float] = {}

    def spent(self, name: str) -> None:
        """A stage of a plain arm ends now, for the first time."""
        self._spent.setdefault(name, self._world.now())

    def notice(self, event: Event) -> None:
        """The journal of the product: whether the answer sounds."""
        if not self._user.said or event.name != self._over:
            return
        if event.name == "turn":
            self._account = event.fields["stages"]
        if event.name == "turn" or event.fields["state"] == State.SPEAKING:
            self._answered.set()

    async def sound(self, audio: Audio) -> None:
        """Let the answer be heard; the turn is over when it begins."""
        self.spent("voice")
        await self._speaker.reach(await self._speaker.play(audio))
        self.spent("play")
        self._answered.set()

    async def until_answered(self, living: Awaitable[None]) -> Waited:
        """Let the toy live until its answer sounds."""
        async with self._world.turning():
            await first_of(living, self._answered.wait())
        ended = self._user.said[0].ended
        sounded = next(at for at, _ in self._speaker.heard if at > ended)
        committed = next(at for at, state in self._light.shown if state is State.THINKING)
        ends = [ended, *self._spent.values()]
        stages = {name: after - before for name, (before, after) in zip(self._spent, pairwise(ends), strict=True)}
        return Waited(committed - ended, sounded - ended, self._account or stages)


def put_together(
    character: Character, body: Body, hearing: Hearing, chat: ChatModel, voice: Voice, observer: Observer
) -> Life:
    """The product, as it is put together for everybody."""
    nobody = Served("", "", "")
    return build.put_together(
        Settings(),
        [character],
        body,
        Engines(hearing, chat, (voice,), longest_prompt(Settings()), nobody, nobody),
        [observer],
        random.Random(0),
        build.Surroundings(time=str, state=None),
    )


def chat_with(server: MockQwen) -> QwenChat:
    """The client of the service, for a server of our own."""
    from models.qwen import QwenChat
    from models.qwen_models import DEFAULT

    return QwenChat(base_url=server.base_url, key="sk-bench", model=DEFAULT)


def hearing_with(transcriber: Transcriber) -> Hearing:
    """Ears that hear whoever speaks, in a room that does not answer."""
    from models.speech_detector import SileroDetector

    served = Served("", "", "")
    return Hearing(
        detector=SileroDetector(),
        patience=PATIENCE["adult"],
        transcriber=transcriber,
        transcriber_served=served,
        end_of_turn=None,
        canceller=None,
        interruptible=ALONE,
        called="open",
        called_served=served,
    )


def _patience(hangover: float) -> Patience:
    """Whatever was heard, so much silence ends it."""
    return replace(PATIENCE["adult"], closed=hangover, told=hangover, unknown=hangover, hanging=hangover)


def bench_character() -> Character:
    """Who answers everything alike, as long as characters do."""
    table: Mapping[str, object] = {
        "name": "Bench",
        "summary": "Answers everything alike.",
        "opening": "Yes?",
        "persona": {"details": "A stop watch.", "style": "Always the same."},
        "apologies": {"lost": ["Once more, please."]},
        "rehearsal": [{"says": [ANSWER]}],
    }
    return parse(table, "the bench's character")


async def _sentences(reply: AsyncGenerator[str | Usage, None]) -> AsyncGenerator[str, None]:
    """The sentences of a reply, each as soon as its full stop is there."""
    text = ""
    async with aclosing(reply):
        async for piece in reply:
            text += piece if isinstance(piece, str) else ""
            while whole := _SENTENCE.match(text):
                yield whole.group().strip()
                text = text[whole.end() :]
    if text.strip():
        yield text.strip()
