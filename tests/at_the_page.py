"""Somebody at a page whose toy does what the test says: the real page and body, in a real browser, without a mind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from page import opened

from companion.ports import Event
from companion.state import State
from device.browser import Browser
from device.chromium import Chromium

ABOUT = {
    "who": "pip",
    "known": [
        {"who": "pip", "name": "Pip", "summary": "A tiny plush fox, explorer of puddles and pockets."},
        {"who": "otto", "name": "Otto", "summary": "A very old tortoise who kept a lighthouse."},
        {"who": "tuantuan", "name": "团团", "summary": "A round little panda who takes naps seriously."},
        {"who": "rosie", "name": "Rosie", "summary": "Somebody of whom nobody has a picture."},
    ],
    "called": "hold",
    "engines": [
        {"part": "ears", "name": "pocketsphinx", "remark": "embedded, limited: English only, no children, no noise"},
        {"part": "character", "name": "rehearsal", "remark": "answers from its own file"},
        {"part": "voice", "name": "espeak-ng", "remark": "embedded"},
    ],
    "stages": [
        {"stage": "transcribe", "words": "hearing what you said", "colour": "#56B4E9"},
        {"stage": "pause", "words": "waiting whether you go on", "colour": "#CC79A7"},
        {"stage": "reply", "words": "thinking of an answer", "colour": "#E69F00"},
        {"stage": "voice", "words": "making the first sound", "colour": "#009E73"},
        {"stage": "play", "words": "reaching the loudspeaker", "colour": "#0072B2"},
    ],
}

STORY: list[tuple[float, str, dict[str, Any]]] = [
    (0.0, "ready", {"part": "ears", "stages": {"load": 0.41}}),
    (4.2, "said", {"kind": "opening", "character": "Pip", "text": "Hello! Hello! It is me, Pip!", "complete": True}),
    (9.1, "heard", {"text": "can you tell me a story about the moon", "engine": "sphinx", "speaker": "user"}),
    (9.9, "gesture", {"text": "points up with one paw"}),
    (
        15.3,
        "said",
        {
            "kind": "reply",
            "character": "Pip",
            "text": "Once the moon fell into my puddle, and I carried it home in a bucket. It was very polite!",
            "complete": True,
        },
    ),
    (
        15.3,
        "turn",
        {
            "voice_to_voice": 0.83,
            "stages": {"transcribe": 0.31, "pause": 0.14, "reply": 0.21, "voice": 0.12, "play": 0.05},
            "usage": {"prompt_tokens": 734, "completion_tokens": 31, "cached_tokens": 512, "cost_usd": 0.000081},
        },
    ),
]


def at_the_page(
    browser: Chromium,
    look: Callable[[Any], Any],
    *,
    state: State | None = None,
    who: str = "pip",
    story: bool = True,
    leaves: bool = False,
    before: str = "0",
    called: str = "hold",
    **context: Any,
) -> Any:
    """What somebody sees who looks at a page with this state; `leaves`: the program has ended before. `before`: a
    script that runs before the page is touched. To the page belongs `page.body`, which does something with the body
    whose page it is."""

    def come(url: str) -> Any:
        page = browser.page(url, **context)
        page.evaluate(before)
        return browser.wake(page) if state else page

    async def show() -> Any:
        async with opened() as body:
            tell(body, who, state, story, called)
            page = await asyncio.wrap_future(browser.do(come, body.url))
            page.body = partial(in_loop, asyncio.get_running_loop(), body)
            try:
                if state:
                    await body.microphone.read()
                if leaves:
                    await body.close()
                seen = await asyncio.wrap_future(browser.do(look, page))
                if not leaves:
                    assert page.troubles.said == [], "nothing is wrong on its console"
                assert all(asked.startswith(body.url) for asked in page.troubles.asked), "and it asks nobody else"
                return seen
            finally:
                await asyncio.wrap_future(browser.do(page.context.close))

    return asyncio.run(asyncio.wait_for(show(), 60))


def in_loop(loop: asyncio.AbstractEventLoop, body: Browser, act: Callable[[Browser], Any]) -> Any:
    """What `act` gives, or what comes of it, in the body's own thread."""

    async def doing() -> Any:
        done = act(body)
        return await done if asyncio.iscoroutine(done) else done

    return asyncio.run_coroutine_threadsafe(doing(), loop).result(20)


def tell(body: Browser, who: str, state: State | None, story: bool, called: str = "hold") -> None:
    body.introduce(**ABOUT | {"who": who, "called": called})
    if story:
        for event in STORY:
            body.observe(Event(*event))
    if state:
        body.light.show(state)
