"""This file is the toy's body in a browser: a page with a microphone, a speaker, a light, and a paw to press.

The page draws what it is told and does what it is asked; it decides nothing. What belongs to what:
`browser_server.py` serves it, `browser_visitors.py` lets one in at a time, `browser_link.py` is the line to it,
`browser_microphone.py` and `browser_speaker.py` are its sound, and `browser_page/` is what runs in the browser.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from companion import looks
from companion.motions import MOTIONS, Motion
from companion.ports import Clock, Control, Event, Press
from companion.state import State
from device.browser_link import GONE, Link, Refused
from device.browser_microphone import BrowserMicrophone
from device.browser_server import BrowserServer
from device.browser_speaker import BrowserSpeaker
from device.browser_visitors import Visitors
from device.presses import Contact, Presses

HOLD_SECONDS = 0.6
"""From here on a press of the paw is a long one: it is a picture, and gives no resistance."""

LONGEST_TEXT = 500
"""Characters that one may write at once."""

EVENTS_KEPT = 500
"""Of the journal, for a page that is opened later."""

MOST_DOING = 50
"""Things asked for that are not done yet. Nobody clicks so fast."""


async def _nothing() -> bytes:
    return b""


class BrowserLight:
    """A Light that the page draws."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._shown: tuple[State, float] | None = None

    def show(self, state: State, level: float = 0.0) -> None:
        """Show `state` from now on; the page knows the level of what it hears and plays, and follows that, too."""
        self._shown = state, level
        self.repeat()

    def gesture(self, motion: Motion) -> None:
        """Let a gesture move the light for a moment; the page knows when it must not."""
        self._link.tell("motion", motion=motion)

    def repeat(self) -> None:
        """Show a page what is shown."""
        if self._shown:
            state, level = self._shown
            self._link.tell("light", state=state.value, level=level)


class BrowserButton:
    """A Button that is the paw in the page."""

    def __init__(self, *, hold_seconds: float = HOLD_SECONDS) -> None:
        self._hold_seconds = hold_seconds
        self._presses = Presses()
        self._contact = Contact(self._presses)
        self._long: asyncio.TimerHandle | None = None

    async def pressed(self) -> Press:
        """What it tells next. May be cancelled and called again: nothing is lost."""
        return await self._presses.next()

    def press(self, press: Press) -> None:
        """It was pressed by something else than a finger: what is written is said as if the paw were held."""
        self._presses.put(press)

    def down(self) -> None:
        """A finger is on it."""
        if not self._contact.is_down:
            loop = asyncio.get_running_loop()
            self._contact.down(loop.time())
            self._long = loop.call_later(self._hold_seconds, self._contact.held)

    def up(self) -> None:
        """The finger is gone, or the page with it."""
        if self._long and self._contact.is_down:
            self._long.cancel()
            self._contact.up(asyncio.get_running_loop().time())


class Browser:
    """The body, whichever page it is in; it is made, opened, used and closed within one event loop."""

    def __init__(
        self, clock: Clock, *, port: int = 0, loudest: float = 1.0, scenario: Callable[[], Awaitable[bytes]] = _nothing
    ) -> None:
        """`port` 0 takes a free one. `loudest`: the highest volume that can be set, 0 to 1. `scenario` gives the file
        that the page saves."""
        self.clock = clock
        self.link = Link(clock)
        self.microphone = BrowserMicrophone(clock, self.link)
        self.speaker = BrowserSpeaker(clock, self.link, loudest=loudest)
        self.light = BrowserLight(self.link)
        self.button = BrowserButton()
        self.link.leaves.append(self.button.up)
        self.control: Control | None = None
        """The toy whose body this is just now."""
        self.writes: Callable[[str], Coroutine[Any, Any, None]] | None = None
        """What becomes of something written in the page."""
        self.chooses: Callable[[str, Literal["open", "wake", "hold"]], None] | None = None
        """What becomes of a choice: who, of those that are known, and how the toy is called."""
        self.forgets: Callable[[], None] | None = None
        """What else is to be forgotten when the toy forgets everything."""
        self._about: Mapping[str, Any] = {}
        self._events: deque[Mapping[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self._doing: set[asyncio.Task[None]] = set()
        self._server = BrowserServer(port, line=Visitors(self.link, self._welcome, self._do).visit, scenario=scenario)

    @property
    def url(self) -> str:
        """Where the page is; known once it is open."""
        return self._server.url

    async def open(self) -> None:
        """Serve the page. Raises DeviceError."""
        await self._server.open()

    async def close(self) -> None:
        """Serve it no more."""
        await self._server.close()

    def introduce(self, **about: Any) -> None:
        """Tell the page what there is to know of the toy; see `about` in the page's main.js."""
        self._about = about
        self.link.tell("about", **about)

    def observe(self, event: Event) -> None:
        """An observer: the page tells each event of the journal. That it was closed for a while is no fault to whoever
        has come back."""
        told = {"at": round(event.at, 3), "event": event.name, **event.fields}
        if event.name == "fault" and event.fields["text"] == GONE:
            told = {"at": told["at"], "event": "page", "here": event.fields["recovered"]}
        self._events.append(told)
        self.link.tell("event", **told)

    def _welcome(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield "looks", LOOKS
        yield "about", self._about
        yield "journal", {"events": list(self._events)}
        yield "volume", {"to": self.speaker.volume}
        self.light.repeat()

    def _do(self, message: Mapping[str, Any]) -> None:
        """What a page says is done. Raises Refused for what it cannot say."""
        match message:
            case {"do": "sound", "rate": int(rate), "latency": int() | float() as latency}:
                self.link.sound(rate, latency)
            case {"do": "press", "down": bool(down)}:
                (self.button.down if down else self.button.up)()
            case {"do": "say", "text": str(text)} if len(text) <= LONGEST_TEXT:
                if text.strip() and self.writes:
                    self._begin(self.writes(text.strip()))
            case {"do": "volume", "to": int() | float() as to} if 0 <= to <= 1:
                self.speaker.volume = float(to)
            case {"do": "interrupt"} if self.control:
                self._begin(self.control.interrupt())
            case {"do": "mute"} if self.control:
                self._begin(self.control.mute())
            case {"do": "unmute"} if self.control:
                self.control.unmute()
            case {"do": "forget"}:
                self._begin(self._forget())
            case {"do": "choose", "character": str(name), "called": "open" | "wake" | "hold" as called}:
                if self.chooses:
                    self.chooses(name, called)
            case {"do": "interrupt" | "mute" | "unmute"}:
                pass  # there is no toy just now that could
            case _:
                raise Refused(1008, "The page asked for something that there is not.")

    async def _forget(self) -> None:
        """Last what the page and the scenario hold: what was just being said is told before it is dropped."""
        if self.control:
            await self.control.forget()
        if self.forgets:
            self.forgets()
        self._events.clear()
        self.link.tell("journal", events=[])

    def _begin(self, doing: Coroutine[Any, Any, None]) -> None:
        """Beside what the page says next: that is also what the sound plays, which this may wait for. Raises Refused
        for more than somebody can mean."""
        if len(self._doing) >= MOST_DOING:
            doing.close()
            raise Refused(1008, "The page asked for too much at once.")
        task = asyncio.create_task(doing)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)


def _looks() -> Sequence[Mapping[str, Any]]:
    return [{"state": state.value, **asdict(look)} for state, look in looks.LOOKS.items()]


LOOKS: Mapping[str, Any] = {
    "looks": _looks(),
    "motions": {name: course.points for name, course in MOTIONS.items()},
    "safety": sorted(state.value for state in looks.SAFETY),
    "dimmest": looks.DIMMEST,
    "quietest": looks.QUIETEST,
    "flash_seconds": looks.FLASH_SECONDS,
    "flash_every": looks.FLASH_EVERY,
    "fall": looks.FALL,
}
"""What the page needs to draw every look as any other light would."""
