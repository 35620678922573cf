"""This file puts a toy into a page of the browser: the same loop and the same engines, with the page as its body.

Who it is and how it is called is chosen in the page: then another toy wakes up in the same body.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from companion import build, character, engines, tables
from companion.audio import Audio
from companion.bodies import Body
from companion.carried import carried
from companion.character import Character, Espeak
from companion.echo import Interruptible, Verdict
from companion.engines import Engines
from companion.errors import DeviceError, SettingsError, TurnError
from companion.hearing import SPHINX
from companion.journal import Journal
from companion.kept_mute import KeptMute
from companion.life import Life
from companion.ports import Observer
from companion.scenario import Part, Scenario
from companion.settings import Called, Settings
from companion.simulation import LONGEST_TEXT, sound_of
from companion.state import State
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
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What is in those of the `names` that are files, as far as it can be read twice."""

    @property
    def who(self) -> str:
        """The same in one word, as the page knows it."""
        return " and ".join(self.names)


class Between:
    """A Control for while there is no toy: whoever mutes it meanwhile finds it muted, and until then nothing hears."""

    def __init__(self, browser: Browser, mute: KeptMute) -> None:
        self._browser = browser
        self._mute = mute
        self._muted = asyncio.Event()

    def set_volume(self, to: float) -> None:
        """How loud the next toy will be."""
        self._browser.speaker.volume = to

    def tell(self, text: str) -> None:
        """There is nobody to know it."""

    async def interrupt(self) -> None:
        """There is nothing to be interrupted."""

    async def mute(self) -> None:
        """Let go of the microphone."""
        self._mute.keep(True)
        self._muted.set()
        await self.show()

    def unmute(self) -> None:
        """The toy will listen."""
        self._mute.keep(False)
        self._browser.light.show(State.BOOTING)

    async def forget(self) -> None:
        """Each toy begins without a memory."""

    def leave(self) -> None:
        """There is no life to end."""

    async def show(self) -> None:
        """Let the light be true while the next toy gets ready, and the microphone as that says."""
        if self._mute.muted:
            await self._browser.microphone.close()
        self._browser.light.show(State.MUTED if self._mute.muted else State.BOOTING)

    async def page(self) -> None:
        """Wait until there is a page whose sound is on; a muted toy waits for none."""
        if not self._mute.muted:
            self._muted.clear()
            await first_of(_heard(self._browser), self._muted.wait())


async def _heard(browser: Browser) -> None:
    while True:
        with suppress(DeviceError):  # a page was there, and has gone before it was heard: another one will come
            await browser.microphone.read()
            return


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
    watching = [browser.observe, scenario.observe, *observers]
    first = replace(first, files=_files(first.names))
    known = {name: Choice(first.settings, (name,), [character.load(name)]) for name in character.bundled()}
    known.setdefault(first.who, first)
    mute = KeptMute(None)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(browser.close)
        await browser.open()
        opened(browser.url)
        before = choice = first
        while True:
            try:
                before, choice = choice, await _live(choice, known, watching, browser, scenario, mute)
            except SettingsError as error:
                if choice is before:
                    raise
                Journal(browser.clock, *watching).write("fault", kind="settings", text=str(error), recovered=False)
                choice = before


async def _live(
    choice: Choice,
    known: Mapping[str, Choice],
    watching: Sequence[Observer],
    browser: Browser,
    scenario: Scenario,
    mute: KeptMute,
) -> Choice:
    """Be one toy until another one is chosen; that choice."""
    chosen: asyncio.Future[Choice] = asyncio.get_running_loop().create_future()
    between = Between(browser, mute)

    def choose(who: str, called: Called) -> None:
        if who in known and not chosen.done():
            chosen.set_result(replace(known[who], settings=choice.settings.with_called(called)))

    async def be() -> None:
        await between.show()
        async with _toy(choice, known, watching, browser, scenario, mute, between) as life:
            browser.control = life
            try:
                await life.live()
            finally:
                browser.control = between

    browser.control = between
    browser.chooses = choose
    await first_of(be(), chosen)
    return choice if chosen.cancelled() else chosen.result()


@asynccontextmanager
async def _toy(
    choice: Choice,
    known: Mapping[str, Choice],
    watching: Sequence[Observer],
    browser: Browser,
    scenario: Scenario,
    mute: KeptMute,
    between: Between,
) -> AsyncIterator[Life]:
    """A toy in a page, once the page's sound is on, or as muted as the last one was. Raises SettingsError."""
    from models.typed import TypedTranscriber

    settings, cast = choice.settings, choice.cast
    async with AsyncExitStack() as stack:
        journal = Journal(browser.clock, *watching)
        chosen = await engines.at_the_desk(settings, cast, stack, journal.warn, usual="hold")
        called = chosen.hearing.called
        browser.introduce(
            who=choice.who,
            known=[_card(one) for one in known.values()],
            called=called,
            engines=[asdict(one) for one in chosen.served],
            stages=STAGES,
        )
        scenario.part = _part(choice, chosen)
        browser.microphone.press = browser.button.press if called == "hold" else None
        browser.writes = _writing(browser, cast[0].language, journal)
        heard = scenario.keeping(TypedTranscriber(chosen.hearing.transcriber, browser.microphone.typed))
        hearing = replace(chosen.hearing, transcriber=heard, canceller=None, interruptible=BY_BROWSER)
        await between.page()
        await between.show()  # whoever muted the last toy in its last moment
        yield build.put_together(
            settings,
            cast,
            Body(
                browser.clock,
                browser.microphone,
                browser.speaker,
                browser.light,
                browser.button,
                hears_since=None if mute.muted else browser.clock.now(),
            ),
            replace(chosen, hearing=hearing),
            watching,
            random.Random(),
            build.surroundings(settings),
            mute,
        )


def _card(choice: Choice) -> Mapping[str, str]:
    names = " and ".join(one.name for one in choice.cast)
    return {"who": choice.who, "name": names, "summary": choice.cast[0].summary}


def _files(names: Sequence[str]) -> Mapping[str, bytes]:
    """What is in the files among these names of characters."""
    found = {}
    for name in names:
        with suppress(OSError, RuntimeError):  # gone since it was loaded, or a pipe, which is read once
            path = Path(name).expanduser()
            if name not in character.bundled() and path.is_file() and path.stat().st_size <= tables.LARGEST_FILE:
                found[name] = path.read_bytes()
    return found


def _part(choice: Choice, chosen: Engines) -> Part:
    """How this toy is replayed, and what of it no command can say."""
    options: list[str] = []
    remarks = [f"It ran on {', '.join(f'{one.part}: {one.name}' for one in chosen.served)}."]
    files = {}
    for number, name in enumerate(choice.names, 1):
        there = name if name in character.bundled() else f"character-{number}.toml"
        if name in choice.files:
            files[there] = choice.files[name]
        elif there != name:
            remarks.append(f"Its file could not be read a second time: put it beside this one, as {there}.")
        options += ["--character", there]
    text, left = carried(choice.settings)
    if text:
        files["settings.toml"] = text.encode(errors="replace")
        options += ["--config", "settings.toml"]
    if left:
        remarks.append(f"Settings that are not in here, for they belong to one computer: {', '.join(left)}.")
    if chosen.hearing.transcriber_served.name != SPHINX:
        remarks.append("What was written (.txt) is read aloud to its ears, which may hear other words.")
    return Part([*options, "--called", chosen.hearing.called], files, remarks)


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
            except TurnError as error:
                journal.write("fault", kind=error.kind, text=str(error), recovered=True)
                return
            while waiting and len(text) + len(waiting[0]) < LONGEST_TEXT:
                text += f" {waiting.popleft()}"
            start = Audio(spoken.samples[: round(WRITTEN_SECONDS * spoken.rate)], spoken.rate)
            if browser.control and not browser.microphone.press:
                await browser.control.interrupt()  # whoever writes means it: nobody coughs by writing
            browser.microphone.say(SpokenText(text, start))

    return write
