"""This file puts a toy into a page of the browser: the same loop and the same engines, with the page as its body.

Who it is and how it is called is chosen in the page: then another toy wakes up in the same body.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NoReturn

from companion import build, character, engines
from companion.audio import Audio
from companion.between_toys import Between
from companion.bodies import Body
from companion.character import Espeak
from companion.choice import Choice, files, part
from companion.echo import Interruptible, Verdict
from companion.engines import Engines
from companion.errors import NoVoice, SettingsError, TurnError
from companion.hearing import Hearing
from companion.journal import Journal
from companion.kept_mute import KeptMute
from companion.life import Life
from companion.ports import Observer
from companion.scenario import Scenario
from companion.settings import Called
from companion.simulation import LONGEST_TEXT, sound_of
from companion.tasks import first_of
from companion.waterfall import COLOURS, OTHER_COLOURS, WORDS

if TYPE_CHECKING:
    from device.browser import Browser

BY_BROWSER = Verdict(Interruptible.FULL, "the browser takes its own sound out of what its microphone hears")

WRITTEN_SECONDS = 0.8
"""So long whoever writes is heard to speak, however much it is: what was written is known."""


STAGES = [
    {"stage": stage, "words": words.full, "colour": COLOURS.get(stage, OTHER_COLOURS[0])}
    for stage, words in WORDS.items()
]
"""The stages of a turn, in the words and colours of the terminal."""


async def live(
    first: Choice, observers: Sequence[Observer], *, port: int = 0, opened: Callable[[str], None]
) -> NoReturn:
    """Let a toy live in a page on `port` (0: a free one), until cancelled; `opened` is told the page's address. Raises
    DeviceError, and SettingsError."""
    from device.browser import Browser
    from device.wall_clock import WallClock

    scenario = Scenario()
    browser = Browser(WallClock(), port=port, loudest=first.settings.body.volume, scenario=scenario.zip)
    browser.forgets = scenario.forget
    first = replace(first, files=files(first.names))
    known = {name: Choice(first.settings, (name,), [character.load(name)]) for name in character.bundled()}
    known.setdefault(first.who, first)
    stage = _Stage(browser, scenario, [browser.observe, scenario.observe, *observers], known, KeptMute(None))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(browser.close)
        await browser.open()
        opened(browser.url)
        before = choice = first
        while True:
            try:
                before, choice = choice, await stage.live(choice)
            except SettingsError as error:
                if choice is before:
                    raise
                stage.journal.write("fault", kind="settings", text=str(error), recovered=False)
                choice = before


class _Stage:
    """A page, on which one toy after the other lives."""

    def __init__(
        self,
        browser: Browser,
        scenario: Scenario,
        watching: Sequence[Observer],
        known: Mapping[str, Choice],
        mute: KeptMute,
    ) -> None:
        self.journal = Journal(browser.clock, *watching)
        self._browser = browser
        self._scenario = scenario
        self._watching = watching
        self._known = known
        self._mute = mute
        self._between = Between(browser, mute)

    async def live(self, choice: Choice) -> Choice:
        """Be one toy until another one is chosen; that choice. Raises SettingsError."""
        chosen: asyncio.Future[Choice] = asyncio.get_running_loop().create_future()

        def choose(who: str, called: Called) -> None:
            if who in self._known and not chosen.done():
                chosen.set_result(replace(self._known[who], settings=choice.settings.with_called(called)))

        async def be() -> None:
            await self._between.show()
            async with self._toy(choice) as life:
                self._browser.control = life
                try:
                    await life.live()
                finally:
                    self._browser.control = self._between

        self._browser.control = self._between
        self._browser.chooses = choose
        await first_of(be(), chosen)
        return choice if chosen.cancelled() else chosen.result()

    @asynccontextmanager
    async def _toy(self, choice: Choice) -> AsyncIterator[Life]:
        """A toy in the page, once its sound is on, or as muted as the last one was. Raises SettingsError."""
        settings, cast, browser = choice.settings, choice.cast, self._browser
        async with AsyncExitStack() as stack:
            chosen = await engines.at_the_desk(settings, cast, stack, self.journal.warn, usual="hold")
            self._introduce(choice, chosen)
            await self._between.page()
            await self._between.show()  # whoever muted the last toy in its last moment
            since = None if self._mute.muted else browser.clock.now()
            yield build.put_together(
                settings,
                cast,
                Body(
                    browser.clock, browser.microphone, browser.speaker, browser.light, browser.button, hears_since=since
                ),
                replace(chosen, hearing=self._hearing(chosen.hearing)),
                self._watching,
                random.Random(),
                build.surroundings(settings),
                self._mute,
            )

    def _introduce(self, choice: Choice, chosen: Engines) -> None:
        """Let the page know who is there, and what it can do with it."""
        browser, called = self._browser, chosen.hearing.called
        browser.introduce(
            who=choice.who,
            known=[one.card for one in self._known.values()],
            called=called,
            engines=[asdict(one) for one in chosen.served],
            stages=STAGES,
        )
        self._scenario.part = part(choice, chosen)
        browser.microphone.press = browser.button.press if called == "hold" else None
        browser.writes = _writing(browser, choice.cast[0].language, self.journal)

    def _hearing(self, hearing: Hearing) -> Hearing:
        """The same, by the browser's microphone, and for what is written; what is heard can be saved."""
        from models.typed import TypedTranscriber

        heard = self._scenario.keeping(TypedTranscriber(hearing.transcriber, self._browser.microphone.typed))
        return replace(hearing, transcriber=heard, canceller=None, interruptible=BY_BROWSER)


def _writing(browser: Browser, language: str, journal: Journal) -> Callable[[str], Coroutine[Any, Any, None]]:
    """What says a text that was written, as if it had been spoken. What comes while one is being made into sound is
    said with it, for the next one would interrupt it before it is heard."""
    one_at_a_time = asyncio.Lock()
    waiting: deque[str] = deque()

    async def write(text: str) -> None:
        from device.recording import SpokenText
        from models.espeak import EspeakVoice

        waiting.append(text.encode(errors="replace").decode())
        async with one_at_a_time:
            if not waiting:
                return
            text = waiting.popleft()
            try:
                spoken = await sound_of(EspeakVoice(Espeak(voice=language)), text)
                if not spoken.samples.any():
                    raise NoVoice("There is nothing to say in what was written")
            except TurnError as error:
                journal.write("fault", kind=error.kind, text=str(error), recovered=False)
                return
            while waiting and len(text) + len(waiting[0]) < LONGEST_TEXT:
                text += f" {waiting.popleft()}"
            start = Audio(spoken.samples[: round(WRITTEN_SECONDS * spoken.rate)], spoken.rate)
            if browser.control and not browser.microphone.press:
                await browser.control.interrupt()  # whoever writes means it: nobody coughs by writing
            browser.microphone.say(SpokenText(text, start))

    return write
