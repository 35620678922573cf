"""The toy on duty, without a body: what it is built with, and whom it tells what."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hands import Hands
from scene import Scene, bo
from supervised import Told

from companion import on_duty, service
from companion.errors import SettingsError
from companion.kept_mute import KeptMute
from companion.life import Life
from companion.liveness import READY_SECONDS, SOUND_SECONDS, Liveness
from companion.ports import Event, Observer
from companion.settings import Settings
from companion.state import State


class Patient(Hands):
    """Who sleeps on it wakes when everybody else has had a turn."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Duty:
    """A toy on duty whose life is what a test makes of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock = Patient()
        self.supervisor = Told()
        self.told: list[Event] = []
        self.lives: list[Sequence[Observer]] = []
        self.read: list[SettingsError | Settings] = []
        self.mistakes: list[SettingsError] = []
        self.liveness: Liveness
        patch.setattr(on_duty, "toy", self._toy)
        patch.setattr(on_duty, "kept_mute", lambda settings, before=None: before or KeptMute(Path("/nowhere/muted")))

    async def serve(self) -> None:
        await service.serve(
            (Settings(), [bo()]),
            self._chosen,
            [self.told.append],
            self.mistakes.append,
            self.supervisor,
            self.clock,
        )

    def tell(self, name: str, **fields: Any) -> None:
        for observe in self.lives[-1]:
            observe(Event(self.clock.now(), name, fields))

    @asynccontextmanager
    async def _toy(
        self, settings: Settings, characters: Any, observers: Sequence[Observer], mute: KeptMute, liveness: Liveness
    ) -> AsyncIterator[Life]:
        self.lives.append(observers)
        self.liveness = liveness
        yield Scene().life

    def _chosen(self) -> tuple[Settings, Any]:
        read = self.read.pop(0)
        if isinstance(read, SettingsError):
            raise read
        return read, [bo()]

    def live(self, act: Callable[[], Awaitable[None]]) -> None:
        """Be on duty, with a life, until `act` returns; then SIGTERM ends it."""

        async def living() -> None:
            serving = asyncio.create_task(self.serve())
            await turns()
            await act()
            signal.raise_signal(signal.SIGTERM)
            async with asyncio.timeout(5):
                await serving

        asyncio.run(living())


async def turns() -> None:
    """Let everybody have their turn."""
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.fixture
def duty(monkeypatch: pytest.MonkeyPatch) -> Duty:
    return Duty(monkeypatch)


def test_as_long_as_it_lives_it_gives_signs_of_that_and_no_longer_and_the_journal_tells_why(duty: Duty) -> None:
    async def act() -> None:
        for state in (State.BOOTING, State.LISTENING):
            duty.tell("state", state=state.value)
        fed = duty.supervisor.fed
        await turns()
        assert duty.supervisor.fed > fed
        duty.clock.time += SOUND_SECONDS + 0.1
        await turns()
        fed = duty.supervisor.fed
        await turns()
        assert duty.supervisor.fed == fed
        (told,) = [event.fields for event in duty.told if event.fields.get("kind") == "standstill"]
        assert told["text"] == "It has heard nothing at all for 15 s"
        assert not told["recovered"]
        duty.tell("state", state=State.MUTED.value)
        await turns()
        assert duty.supervisor.fed > fed

    duty.live(act)
    assert duty.told[-1].fields["recovered"]


def test_a_new_life_has_all_its_time_to_get_ready_and_needs_no_light(duty: Duty) -> None:
    async def act() -> None:
        duty.liveness.shone()
        duty.clock.time += READY_SECONDS
        duty.read.append(Settings())
        signal.raise_signal(signal.SIGHUP)
        await turns()
        assert len(duty.lives) == 2
        fed = duty.supervisor.fed
        duty.clock.time += READY_SECONDS - 1.0
        await turns()
        assert duty.supervisor.fed > fed

    duty.live(act)


def test_settings_with_mistakes_are_told_and_the_life_goes_on_until_there_are_better_ones(duty: Duty) -> None:
    mistake = SettingsError(["toy.character: who?"])

    async def act() -> None:
        duty.read += [mistake, mistake, Settings()]
        for lives in (1, 1, 2):
            signal.raise_signal(signal.SIGHUP)
            await turns()
            assert len(duty.lives) == lives

    duty.live(act)
    assert duty.mistakes == [mistake, mistake]
    assert duty.supervisor.said == ["reloading", "ready", "reloading", "ready", "reloading", "stopping"]


def test_muted_it_tells_after_each_reload_that_it_is_ready(duty: Duty) -> None:
    async def act() -> None:
        duty.read += [Settings(), Settings()]
        for lives in (1, 2, 3):
            assert len(duty.lives) == lives
            ready = duty.supervisor.said.count("ready")
            duty.tell("state", state=State.MUTED.value)
            assert duty.supervisor.said.count("ready") == ready + 1
            if lives < 3:
                signal.raise_signal(signal.SIGHUP)
                await turns()

    duty.live(act)


def test_a_mute_goes_along_when_the_settings_name_another_folder(tmp_path: Path) -> None:
    old, new = (Settings.model_validate({"memory": {"state": str(tmp_path / name)}}) for name in ("old", "new"))
    before = on_duty.kept_mute(old)
    before.keep(True)
    assert on_duty.kept_mute(old, before) is before
    assert on_duty.kept_mute(new, before).muted
    assert on_duty.kept_mute(new).muted, "a restart finds it there"
