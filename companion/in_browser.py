"""This file puts a toy into a page of the browser: the same loop and the same engines, with the page as its body.

Who it is and how it is called is chosen in the page: then another toy wakes up in the same body.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from companion import build, character, engines
from companion.audio import Audio
from companion.bodies import Body
from companion.character import Character, Espeak
from companion.echo import Interruptible, Verdict
from companion.errors import SettingsError, TurnError
from companion.journal import Journal
from companion.life import Life
from companion.ports import Event, Observer
from companion.scenario import Scenario
from companion.settings import Called, Settings
from companion.simulation import sound_of
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


@dataclass(frozen=True, slots=True)
class Choice:
    """Who the toy is, and what it is made of."""

    settings: Settings
    names: tuple[str, ...]
    """Of characters or their files, as they are given to `--character`."""
    cast: Sequence[Character]

    @property
    def who(self) -> str:
        """The same in one word, as the page knows it."""
        return " and ".join(self.names)


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
    known = {name: Choice(first.settings, (name,), [character.load(name)]) for name in character.bundled()}
    known.setdefault(first.who, first)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(browser.close)
        await browser.open()
        opened(browser.url)
        before = choice = first
        while True:
            try:
                before, choice = choice, await _live(choice, known, observers, browser, scenario)
            except SettingsError as error:
                if choice is before:
                    raise
                fault = {"kind": "settings", "text": str(error), "recovered": False}
                browser.observe(Event(browser.clock.now(), "fault", fault))
                choice = before


async def _live(
    choice: Choice, known: Mapping[str, Choice], observers: Sequence[Observer], browser: Browser, scenario: Scenario
) -> Choice:
    """Be one toy until another one is chosen; that choice."""
    chosen: asyncio.Future[Choice] = asyncio.get_running_loop().create_future()

    def choose(who: str, called: Called) -> None:
        if who in known and not chosen.done():
            chosen.set_result(replace(known[who], settings=choice.settings.with_called(called)))

    async def be() -> None:
        async with toy(choice, known, observers, browser, scenario) as life:
            browser.control = life
            try:
                await life.live()
            finally:
                browser.control = None

    browser.chooses = choose
    await first_of(be(), chosen)
    return choice if chosen.cancelled() else chosen.result()


@asynccontextmanager
async def toy(
    choice: Choice, known: Mapping[str, Choice], observers: Sequence[Observer], browser: Browser, scenario: Scenario
) -> AsyncIterator[Life]:
    """A toy in a page, once the page's sound is on. Raises SettingsError."""
    from models.typed import TypedTranscriber

    settings, cast = choice.settings, choice.cast
    watching = [browser.observe, scenario.observe, *observers]
    async with AsyncExitStack() as stack:
        chosen = await engines.at_the_desk(settings, cast, stack, Journal(browser.clock, *watching).warn, usual="hold")
        called = chosen.hearing.called
        browser.introduce(
            who=choice.who,
            known=[_card(one) for one in known.values()],
            called=called,
            engines=[asdict(one) for one in chosen.served],
            stages=STAGES,
        )
        scenario.options = [*(word for name in choice.names for word in ("--character", name)), "--called", called]
        browser.microphone.press = browser.button.press if called == "hold" else None
        browser.writes = _writing(browser, cast[0].language)
        heard = scenario.keeping(TypedTranscriber(chosen.hearing.transcriber, browser.microphone.typed))
        hearing = replace(chosen.hearing, transcriber=heard, canceller=None, interruptible=BY_BROWSER)
        await browser.microphone.read()
        yield build.put_together(
            settings,
            cast,
            Body(
                browser.clock,
                browser.microphone,
                browser.speaker,
                browser.light,
                browser.button,
                hears_since=browser.clock.now(),
            ),
            replace(chosen, hearing=hearing),
            watching,
            random.Random(),
            build.surroundings(settings),
        )


def _card(choice: Choice) -> Mapping[str, str]:
    names = " and ".join(one.name for one in choice.cast)
    return {"who": choice.who, "name": names, "summary": choice.cast[0].summary}


def _writing(browser: Browser, language: str) -> Callable[[str], Coroutine[Any, Any, None]]:
    """What says a text that was written, as if it had been spoken."""

    async def write(text: str) -> None:
        from device.recording import SpokenText
        from models.espeak import EspeakVoice

        try:
            spoken = await sound_of(EspeakVoice(Espeak(voice=language)), text)
        except TurnError as error:
            browser.observe(
                Event(browser.clock.now(), "fault", {"kind": error.kind, "text": str(error), "recovered": True})
            )
            return
        start = Audio(spoken.samples[: round(WRITTEN_SECONDS * spoken.rate)], spoken.rate)
        if browser.control and not browser.microphone.press:
            await browser.control.interrupt()  # whoever writes means it: nobody coughs by writing
        browser.microphone.say(SpokenText(text, start))

    return write
