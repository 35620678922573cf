"""The lines that a character says word for word are made once, ahead of need; of all else nothing is kept."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from weakref import ref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene import Scene, Shout

from companion.audio import RATE, Audio, Samples, Speech
from companion.errors import NoVoice
from companion.ports import Press
from companion.prepared import Prepared
from device.simulated import World
from models.piper import Piper
from models.random_piper import SMALL, random_piper
from models.scripted import ScriptedChat, ScriptedVoice

OPENING = "Hello, I am Bo."
LINES = [OPENING, "Hmm, let me think.", "Just a moment more.", "Oh dear.", "Nobody there.", "Okay."]


class InPieces:
    """A voice that gives each phrase in as many pieces as it has words, and counts what it is asked for."""

    def __init__(self, mute_on: Sequence[str] = ()) -> None:
        self._mute_on = mute_on
        self.said: list[str] = []
        self.open = self.loads = 0
        self.made: list[ref[Samples]] = []

    async def load(self) -> None:
        self.loads += 1

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        self.said.append(text)
        self.open += 1
        try:
            for word in text.split():
                await asyncio.sleep(0)
                if word in self._mute_on:
                    raise NoVoice("mute")
                whole = [piece async for piece in ScriptedVoice().speak(word)]
                self.made.append(ref(whole[0].samples))
                yield whole.pop()
        finally:
            self.open -= 1


async def pieces(voice: Prepared, text: str, most: int = 99) -> list[Audio]:
    taken: list[Audio] = []
    async with aclosing(voice.speak(text)) as speaking:
        async for piece in speaking:
            taken.append(piece)
            if len(taken) == most:
                break
    return taken


async def at_once() -> None:
    """Nothing else goes on."""


def same(one: Sequence[Audio], other: Sequence[Audio]) -> bool:
    """Whether these are the very same pieces."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def test_a_line_is_made_once_and_comes_in_the_same_pieces_with_the_times_of_its_words() -> None:
    inner = InPieces()
    voice = Prepared(inner, LINES)

    async def act() -> None:
        first = await pieces(voice, OPENING)
        assert len(first) == 4
        assert all(isinstance(piece, Speech) and piece.words for piece in first)
        for _ in range(3):
            assert same(await pieces(voice, OPENING), first)
        assert inner.said == [OPENING]

    asyncio.run(act())


def test_what_a_real_voice_makes_in_pieces_is_the_same_again(tmp_path: Path) -> None:
    voice = Prepared(Piper(random_piper(tmp_path, shape=SMALL), cuts=tmp_path / "cuts"), LINES)

    async def act() -> None:
        first = await pieces(voice, OPENING)
        assert same(await pieces(voice, OPENING), first)

    asyncio.run(act())


def test_of_what_is_no_line_nothing_is_kept() -> None:
    inner = InPieces()
    voice = Prepared(inner, LINES)

    async def act() -> None:
        for text in ("My secret.", "Okay", "okay.", OPENING + " ", ""):
            await pieces(voice, text)
            await pieces(voice, text)
            assert inner.said.count(text) == 2

    asyncio.run(act())
    gc.collect()
    assert not any(made() for made in inner.made)
    assert "secret" not in str(vars(voice))


def test_a_line_that_was_not_spoken_to_its_end_is_made_anew() -> None:
    inner = InPieces()
    voice = Prepared(inner, LINES)

    async def act() -> None:
        await pieces(voice, OPENING, most=3)
        assert inner.open == 0
        assert len(await pieces(voice, OPENING)) == 4
        assert len(await pieces(voice, OPENING, most=1)) == 1
        assert len(await pieces(voice, OPENING)) == 4
        assert inner.said == [OPENING, OPENING]

    asyncio.run(act())


def test_a_line_that_failed_is_made_anew() -> None:
    inner = InPieces(mute_on=["am"])
    voice = Prepared(inner, LINES)

    async def act() -> None:
        for _ in range(2):
            with pytest.raises(NoVoice):
                await pieces(voice, OPENING)
        assert inner.said == [OPENING, OPENING]

    asyncio.run(act())


def test_prepared_it_has_all_lines_in_the_order_in_which_they_are_needed() -> None:
    inner = InPieces()
    voice = Prepared(inner, LINES)

    async def act() -> None:
        await pieces(voice, LINES[2])
        await voice.prepare(at_once)
        await voice.prepare(at_once)
        assert inner.said == [LINES[2], *(line for line in LINES if line != LINES[2])]
        for line in LINES:
            await pieces(voice, line)
        assert len(inner.said) == len(LINES)

    asyncio.run(act())


def test_a_voice_that_fails_ends_the_preparing_without_a_word() -> None:
    inner = InPieces(mute_on=["moment"])
    voice = Prepared(inner, LINES)
    asyncio.run(voice.prepare(at_once))
    assert inner.said == LINES[:3]
    assert inner.open == 0


def test_before_each_line_it_asks_whether_it_may() -> None:
    inner = InPieces()
    asked: list[int] = []

    async def at_rest() -> None:
        assert inner.open == 0
        asked.append(len(inner.said))

    asyncio.run(Prepared(inner, LINES).prepare(at_rest))
    assert asked == list(range(len(LINES)))


def test_whoever_waits_for_a_line_that_is_kept_can_be_cancelled() -> None:
    voice = Prepared(InPieces(), LINES)

    async def act() -> None:
        await pieces(voice, OPENING)
        speaking = asyncio.create_task(pieces(voice, OPENING))
        await asyncio.sleep(0)
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking

    asyncio.run(act())


def test_it_is_loaded_as_the_voice_within() -> None:
    inner = InPieces()
    asyncio.run(Prepared(inner, LINES).load())
    assert inner.loads == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*LINES, "Something else.", "Me."]), st.integers(1, 9)), max_size=30))
def test_whatever_is_said_and_cut_off_it_sounds_as_the_voice_within_and_no_line_is_made_after_it_was_whole(
    script: list[tuple[str, int]],
) -> None:
    inner, whole = InPieces(), set[str]()
    voice = Prepared(inner, LINES)

    async def act() -> None:
        for text, most in script:
            before = len(inner.said)
            spoken = await pieces(voice, text, most)
            expected = [piece async for piece in InPieces().speak(text)][:most]
            assert [piece.samples.tobytes() for piece in spoken] == [piece.samples.tobytes() for piece in expected]
            assert [piece.rate for piece in spoken] == [RATE] * len(expected)
            assert len(inner.said) == before + (text not in whole)
            if text in LINES and most > len(text.split()):
                whole.add(text)
        assert inner.open == 0

    asyncio.run(act())


class Noting(ScriptedVoice):
    """A voice that notes what the toy does when a line is begun."""

    def __init__(self, world: World, delay: float) -> None:
        super().__init__(clock=world, delay=delay)
        self._world = world
        self.begun: list[tuple[str, float]] = []

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        self.begun.append((text, self._world.now()))
        async with aclosing(super().speak(text)) as spoken:
            async for piece in spoken:
                yield piece


def state_at(scene: Scene, moment: float) -> str:
    return [event.fields["state"] for event in scene.told("state") if event.at <= moment + 1e-6][-1]


def test_all_lines_are_made_while_the_toy_is_at_rest_and_a_turn_goes_before() -> None:
    scene = Scene(
        Shout(1.0),
        Shout(1.0),
        hears=["one", "two"],
        chat=lambda world: ScriptedChat([["First."], ["Second."]], clock=world, delay=1.0),
        voice=lambda world: Noting(world, delay=0.3),
        prepared=LINES,
    )

    async def long_after() -> None:
        await scene.user.done()
        await scene.world.sleep(5.0)

    scene.play(until=long_after)
    voice = scene.voice
    assert isinstance(voice, Noting)
    ahead = [(text, at) for text, at in voice.begun if text in LINES[1:]]
    assert [text for text, _ in ahead] == LINES[1:], "each once, in the order of need"
    assert {state_at(scene, at) for _, at in ahead} <= {"listening", "idle"}
    spoken = [(said.began + 0.12, said.ended + 0.8) for said in scene.user.said]
    assert not any(begins < at < ends for begins, ends in spoken for _, at in ahead), "it hears, and does nothing else"
    assert voice.begun[0][0] == OPENING
    assert [event.fields["text"] for event in scene.told("said")] == [OPENING, "First.", "Second."]


def test_a_toy_that_is_muted_before_it_has_said_a_word_prepares_its_opening_too() -> None:
    scene = Scene(prepared=LINES)

    async def mute() -> None:
        await scene.life.mute()
        await scene.world.sleep(5.0)
        assert scene.voice.said == LINES  # type: ignore[attr-defined]
        scene.button.press(Press.LONG)
        await scene.until_event("said", kind="opening")
        assert scene.voice.said == LINES  # type: ignore[attr-defined]

    scene.play(until=mute)


def test_the_engines_are_ready_and_the_opening_is_said_without_waiting_for_it() -> None:
    scene = Scene(voice=lambda world: ScriptedVoice(clock=world, delay=3.0), prepared=LINES)

    async def opened() -> None:
        await scene.until_event("said", kind="opening")

    scene.play(until=opened)
    assert all(event.at < 0.1 for event in scene.told("ready"))
    assert scene.world.now() == pytest.approx(3.0 + 0.06 * len(OPENING), abs=0.05)


def test_switched_off_in_the_middle_of_a_line_nothing_is_left() -> None:
    scene = Scene(voice=lambda world: ScriptedVoice(clock=world, delay=1.0), prepared=LINES)

    async def in_a_line() -> None:
        await scene.until_event("said", kind="opening")
        await scene.world.sleep(0.5)
        assert scene.voice.open == 1  # type: ignore[attr-defined]

    scene.play(until=in_a_line)  # asserts that no task is left
    assert scene.voice.open == 0  # type: ignore[attr-defined]


def test_the_journal_is_the_same_whether_lines_are_prepared_or_not() -> None:
    def told(prepared: Sequence[str]) -> list[object]:
        scene = Scene(Shout(1.0), Shout(1.0), hears=["louder", "two"], replies=[["Second."]], prepared=prepared)
        scene.play()
        return [(event.at, event.name, event.fields) for event in scene.events if event.name != "ready"]

    assert told(()) == told(LINES)


def test_a_voice_that_fails_at_a_line_that_nobody_needs_is_not_told() -> None:
    scene = Scene(voice=lambda world: ScriptedVoice(mute_on=[LINES[2]]), prepared=LINES)

    async def later() -> None:
        await scene.until_event("state", state="idle")

    scene.play(until=later)
    assert scene.voice.said == LINES[:3]  # type: ignore[attr-defined]
    assert scene.told("fault") == []
