"""Whether the toy lives, as the watchdog is told: a conversation in a simulated world, in which things stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hands import Hands
from scene import Scene, Shout

from companion.audio import Frame, Utterance
from companion.errors import DeviceError
from companion.liveness import (
    HANGING_SECONDS,
    LIGHT_SECONDS,
    READY_SECONDS,
    SOUND_SECONDS,
    Liveness,
    NotedClock,
    NotedMicrophone,
)
from companion.ports import Event, Microphone, Press, Transcript
from companion.state import State
from companion.supervised import FEEDS, watched
from companion.tasks import cancelled, meanwhile
from device.boards import BOARDS
from device.light import GpioLight
from models.scripted import ScriptedTranscriber

PATIENCE = 30.0
"""Seconds: the unit's WatchdogSec."""

FEED = PATIENCE / FEEDS


class Watchdog:
    """A Supervisor that notes when it was fed."""

    patience: float | None = PATIENCE

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.fed: list[float] = []
        self.told: list[str] = []

    def ready(self) -> None: ...

    def reloading(self) -> None: ...

    def stopping(self) -> None: ...

    def status(self, sentence: str) -> None:
        self.told.append(sentence)

    def alive(self) -> None:
        self.fed.append(self._now())

    @property
    def longest(self) -> float:
        """Seconds for which it waited at most."""
        times = [0.0, *self.fed, self._now()]
        return max(later - earlier for earlier, later in pairwise(times))


class Stuck:
    """A microphone that gives nothing more from some moment on, and says nothing of it."""

    def __init__(self, microphone: Microphone, since: float) -> None:
        self._microphone = microphone
        self._since = since

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        if frame.ends >= self._since:
            await asyncio.Event().wait()
        return frame

    async def close(self) -> None:
        await self._microphone.close()


class Gone(Stuck):
    """A microphone that is missing from some moment on, and says so."""

    async def read(self) -> Frame:
        frame = await self._microphone.read()
        if frame.ends >= self._since:
            await self.close()
            raise DeviceError("The microphone has gone")
        return frame


class Watched:
    """A toy with a light on pins, and its watchdog."""

    def __init__(
        self,
        pins: MockFactory,
        *lines: Shout,
        microphone: Callable[[Microphone], Microphone] = lambda one: one,
        **more: Any,
    ) -> None:
        self.scene = Scene(*lines, microphone=lambda one: NotedMicrophone(microphone(one), self._heard), **more)
        self.liveness = Liveness(self.scene.world)
        self.scene.observers.append(self.liveness.observe)
        self.watchdog = Watchdog(self.scene.world.now)
        self.noted: list[tuple[str, bool]] = []
        self._lamps = GpioLight(
            BOARDS["generic-rgb"], NotedClock(self.scene.world, self.liveness.shone), pin_factory=pins
        )
        self.shining: asyncio.Task[None]

    def live(self, act: Callable[[], Awaitable[None]]) -> Watchdog:
        """Let it live until `act` returns; its watchdog, then."""

        async def until() -> None:
            async with meanwhile() as begin:
                self.shining = begin(self._lamps.shine())
                begin(
                    watched(
                        self.watchdog, PATIENCE, self.liveness, self.scene.world, lambda *told: self.noted.append(told)
                    )
                )
                await act()

        self.scene.play(until)
        self._lamps.close()
        return self.watchdog

    def _heard(self) -> None:
        self.liveness.heard()


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def test_a_toy_that_lives_is_fed_in_good_time(pins: MockFactory) -> None:
    toy = Watched(pins, Shout(1.0), hears=["one"], replies=[["Yes."]])

    async def an_hour_in_short() -> None:
        await toy.scene.user.done()
        await toy.scene.world.sleep(100.0)

    watchdog = toy.live(an_hour_in_short)
    assert len(watchdog.fed) >= 100.0 / FEED
    assert watchdog.longest == pytest.approx(FEED, abs=0.1)
    assert toy.noted == []


def test_when_no_frames_come_it_starves(pins: MockFactory) -> None:
    toy = Watched(pins, microphone=lambda one: Stuck(one, since=20.0))
    watchdog = toy.live(lambda: toy.scene.world.sleep(100.0))
    assert 20.0 <= watchdog.fed[-1] <= 20.0 + SOUND_SECONDS
    assert watchdog.longest > PATIENCE, "it is started again"
    assert toy.noted == [("It has heard nothing at all for 15 s", False)]
    assert watchdog.told == ["Not alive: It has heard nothing at all for 15 s"]


def test_when_the_light_turns_no_more_it_starves(pins: MockFactory) -> None:
    toy = Watched(pins)

    async def broken_later() -> None:
        await toy.scene.world.sleep(20.0)
        await cancelled(toy.shining)
        await toy.scene.world.sleep(80.0)

    watchdog = toy.live(broken_later)
    assert 20.0 <= watchdog.fed[-1] <= 20.0 + LIGHT_SECONDS + FEED
    assert watchdog.longest > PATIENCE
    assert toy.noted == [("Its light has stood still for 5 s", False)]


class Hanging(ScriptedTranscriber):
    """Hangs in some thread, and nobody can tell."""

    async def transcribe(self, utterance: Utterance) -> Transcript:
        await asyncio.Event().wait()
        raise AssertionError


def test_when_whoever_reads_what_was_said_hangs_it_starves(pins: MockFactory) -> None:
    toy = Watched(pins, Shout(1.0), transcriber=lambda world: Hanging([]))
    watchdog = toy.live(lambda: toy.scene.world.sleep(100.0))
    assert watchdog.longest > PATIENCE


def test_muted_it_is_fed_for_as_long_as_that_lasts(pins: MockFactory) -> None:
    toy = Watched(pins)

    async def mute() -> None:
        await toy.scene.until_event("state", state="listening")
        toy.scene.button.press(Press.LONG)
        await toy.scene.until_event("state", state="muted")
        await toy.scene.world.sleep(200.0)
        assert toy.scene.states()[-1] == "muted"
        toy.scene.button.press(Press.LONG)
        await toy.scene.world.sleep(40.0)

    assert toy.live(mute).longest == pytest.approx(FEED, abs=0.1)


def test_muted_and_with_a_light_that_turns_no_more_it_starves(pins: MockFactory) -> None:
    toy = Watched(pins)

    async def mute() -> None:
        await toy.scene.until_event("state", state="listening")
        toy.scene.button.press(Press.LONG)
        await cancelled(toy.shining)
        await toy.scene.world.sleep(60.0)

    assert toy.live(mute).longest > PATIENCE


def test_a_toy_that_waits_for_a_microphone_is_alive_and_is_not_started_again_and_again(pins: MockFactory) -> None:
    toy = Watched(pins, microphone=lambda one: Gone(one, since=0.0))
    watchdog = toy.live(lambda: toy.scene.world.sleep(200.0))
    assert toy.scene.states()[-1] == "attention"
    assert watchdog.longest == pytest.approx(FEED, abs=0.1)


def test_when_it_has_its_microphone_again_frames_are_due_again(pins: MockFactory) -> None:
    class Back(Stuck):
        """Missing until some moment, stuck from a later one on."""

        async def read(self) -> Frame:
            frame = await self._microphone.read()
            if frame.ends < 50.0:
                await self.close()
                raise DeviceError("The microphone has gone")
            if frame.ends >= self._since:
                await asyncio.Event().wait()
            return frame

    toy = Watched(pins, microphone=lambda one: Back(one, since=100.0))
    watchdog = toy.live(lambda: toy.scene.world.sleep(180.0))
    assert 100.0 <= watchdog.fed[-1] <= 100.0 + SOUND_SECONDS + FEED


def test_a_sound_system_that_hangs_is_waited_for_a_minute_and_then_it_starves(pins: MockFactory) -> None:
    toy = Watched(pins, microphone=lambda one: Gone(one, since=0.0))
    toy.liveness.hangs_for = lambda: max(0.0, toy.scene.world.now() - 20.0)
    watchdog = toy.live(lambda: toy.scene.world.sleep(200.0))
    assert watchdog.fed[-1] == pytest.approx(20.0 + HANGING_SECONDS, abs=FEED)
    assert toy.noted == [("The sound system has hung for 60 s", False)]


def test_a_toy_that_never_gets_ready_is_fed_no_longer_than_a_start_may_take(pins: MockFactory) -> None:
    class Loading(ScriptedTranscriber):
        async def load(self) -> None:
            await asyncio.Event().wait()

    toy = Watched(pins, transcriber=lambda world: Loading([]))
    watchdog = toy.live(lambda: toy.scene.world.sleep(200.0))
    assert READY_SECONDS - FEED <= watchdog.fed[-1] <= READY_SECONDS


def test_what_stood_still_and_goes_on_is_fed_again(pins: MockFactory) -> None:
    class Slow(ScriptedTranscriber):
        async def transcribe(self, utterance: Utterance) -> Transcript:
            await toy.scene.world.sleep(25.0)
            return await super().transcribe(utterance)

    toy = Watched(pins, Shout(1.0), transcriber=lambda world: Slow(["one"]), replies=[["Yes."]])

    async def one_turn() -> None:
        await toy.scene.user.done()
        await toy.scene.world.sleep(20.0)

    watchdog = toy.live(one_turn)
    assert toy.noted == [
        ("It has heard nothing at all for 15 s", False),
        ("It has heard nothing at all for 15 s", True),
    ]
    assert watchdog.longest < PATIENCE, "a slow board is not started again"
    assert toy.scene.told("said")[-1].fields["text"] == "Yes."


def test_without_a_light_none_is_asked_for() -> None:
    scene = Scene(microphone=lambda one: NotedMicrophone(one, lambda: liveness.heard()))
    liveness = Liveness(scene.world)
    scene.observers.append(liveness.observe)
    watchdog = Watchdog(scene.world.now)

    async def until() -> None:
        async with meanwhile() as begin:
            begin(watched(watchdog, PATIENCE, liveness, scene.world, lambda *_: None))
            await scene.world.sleep(60.0)

    scene.play(until)
    assert watchdog.longest == pytest.approx(FEED, abs=0.1)


def state(state: State) -> Event:
    return Event(0.0, "state", {"state": state.value})


def lost(*, back: bool = False) -> Event:
    return Event(0.0, "fault", {"kind": "device", "text": "The microphone has gone", "recovered": back})


LONG = 10 * SOUND_SECONDS


@pytest.mark.parametrize(
    "excused",
    [
        [state(State.BOOTING)],
        [state(State.BOOTING), state(State.MUTED)],
        [state(State.BOOTING), lost(), state(State.ATTENTION)],
    ],
)
def test_from_when_it_is_to_listen_again_it_has_as_long_as_ever_to_hear_something(excused: list[Event]) -> None:
    clock = Hands()
    liveness = Liveness(clock)
    for event in excused:
        liveness.observe(event)
    clock.time += LONG if len(excused) > 1 else READY_SECONDS
    liveness.observe(state(State.LISTENING))
    clock.time += SOUND_SECONDS - 0.1
    assert liveness.ails() == ""
    clock.time += 0.2
    assert liveness.ails() != ""


@pytest.mark.parametrize(
    "after",
    [
        [lost(back=True)],  # and still something else needs the owner
        [state(State.MUTED), state(State.LISTENING)],  # pressed meanwhile
    ],
)
def test_it_is_excused_no_longer_than_it_waits_for_its_device(after: list[Event]) -> None:
    clock = Hands()
    liveness = Liveness(clock)
    for event in (state(State.BOOTING), lost(), state(State.ATTENTION)):
        liveness.observe(event)
    clock.time += LONG
    assert liveness.ails() == ""
    for event in after:
        liveness.observe(event)
    clock.time += LONG
    assert "nothing at all" in liveness.ails()


def test_what_was_missing_from_the_beginning_is_not_waited_for() -> None:
    clock = Hands()
    liveness = Liveness(clock)
    for event in (lost(), state(State.BOOTING), state(State.ATTENTION)):  # such as the light
        liveness.observe(event)
    clock.time += LONG
    assert "nothing at all" in liveness.ails()
