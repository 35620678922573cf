"""The page as people see it: in every state, narrow and wide, in the light and in the dark.

With COMPANION_PICTURES=FOLDER the pictures are kept; docs/browser.png is one of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from browser_here import browser_here
from page import opened

from companion.errors import DeviceError
from companion.ports import Event
from companion.state import State
from device.browser import Browser
from device.chromium import Chromium

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 820}

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


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with browser_here() as made:
        yield made


def at_the_page(
    browser: Chromium,
    look: Callable[[Any], Any],
    *,
    state: State | None = None,
    who: str = "pip",
    story: bool = True,
    leaves: bool = False,
    **context: Any,
) -> Any:
    """What somebody sees who looks at a page with this state; `leaves`: the program has ended before."""

    def come(url: str) -> Any:
        page = browser.page(url, **context)
        return browser.wake(page) if state else page

    async def show() -> Any:
        async with opened() as body:
            tell(body, who, state, story)
            page = await asyncio.wrap_future(browser.do(come, body.url))
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


def tell(body: Browser, who: str, state: State | None, story: bool) -> None:
    body.introduce(**ABOUT | {"who": who})
    if story:
        for event in STORY:
            body.observe(Event(*event))
    if state:
        body.light.show(state)


def settle(page: Any) -> None:
    """Until nothing moves any more but what moves for ever."""
    page.locator(".toy-drawing .head").wait_for()
    page.wait_for_timeout(700)


def picture(page: Any, name: str) -> bytes:
    settle(page)
    taken: bytes = page.screenshot()
    if folder := os.environ.get("COMPANION_PICTURES"):
        Path(folder, f"{name}.png").write_bytes(taken)
    return taken


SHOWN = {
    "idle": State.IDLE,
    "listening": State.LISTENING,
    "thinking": State.THINKING,
    "speaking": State.SPEAKING,
    "muted": State.MUTED,
    "error": State.ATTENTION,
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_no_two_states_look_alike_in_the_page_and_all_fits(browser: Chromium, size: str, scheme: str) -> None:
    viewport = NARROW if size == "narrow" else WIDE

    def look(page: Any, name: str) -> bytes:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], "nothing sticks out"
        for part in ("talk", "text", "state"):
            assert page.get_by_test_id(part).is_visible()
        if size == "wide":
            assert page.evaluate("document.documentElement.scrollHeight") <= viewport["height"]
        return picture(page, f"{name}-{size}-{scheme}")

    pictures = []
    for name, state in SHOWN.items():
        seen = partial(look, name=name)
        pictures.append(at_the_page(browser, seen, state=state, viewport=viewport, color_scheme=scheme))
    assert len(set(pictures)) == len(SHOWN)


def test_before_it_is_woken_it_sleeps_and_says_how_to_wake_it(browser: Chromium) -> None:
    def look(page: Any) -> str:
        picture(page, "asleep-wide-light")
        return str(page.get_by_test_id("talk").inner_text())

    assert at_the_page(browser, look, story=False, viewport=WIDE) == "Wake Pip up"


def test_otto_is_somebody_else(browser: Chromium) -> None:
    def look(page: Any) -> str:
        picture(page, "otto-wide-dark")
        return str(page.get_by_role("img").get_attribute("aria-label"))

    shown = at_the_page(browser, look, state=State.LISTENING, who="otto", viewport=WIDE, color_scheme="dark")
    assert shown == "Otto, listening"


def test_when_the_program_ends_the_page_says_so_and_keeps_trying(browser: Chromium) -> None:
    def look(page: Any) -> str:
        page.get_by_role("alert").filter(has_text="still running").wait_for()
        picture(page, "gone-narrow-dark")
        return str(page.get_by_test_id("state").inner_text())

    gone = at_the_page(browser, look, state=State.IDLE, leaves=True, viewport=NARROW, color_scheme="dark")
    assert gone == "out of reach"


async def read_on(body: Browser) -> None:
    while True:
        await body.microphone.read()


def test_when_the_program_is_back_the_page_comes_back_by_itself(browser: Chromium) -> None:
    def gone(page: Any) -> None:
        page.get_by_role("alert").filter(has_text="still running").wait_for()

    def back(page: Any) -> None:
        page.get_by_test_id("state").filter(has_text="listening").wait_for()
        page.locator("#notice").wait_for(state="hidden")

    async def story() -> None:
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with opened(port=port) as body:
            tell(body, "pip", State.LISTENING, story=False)
            page = await asyncio.wrap_future(browser.do(lambda: browser.wake(browser.page(body.url))))
            await body.microphone.read()
            await body.close()
            await asyncio.wrap_future(browser.do(gone, page))
            with pytest.raises(DeviceError, match="is gone"):
                await read_on(body)
            await body.open()
            await body.microphone.read()
            await asyncio.wrap_future(browser.do(back, page))
            await asyncio.wrap_future(browser.do(page.context.close))

    asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.parametrize(
    ("words", "movement"),
    [
        ("waves with the tail", "wag"),
        ("waves", "wave"),
        ("giggles before it starts", "giggle"),
        ("yawns, which takes a while", "yawn"),
        ("nods", "nod"),
        ("hops up and down", "hop"),
        ("spins on the spot", "spin"),
        ("sniffs the air", "sniff"),
        ("points up with one paw", "point"),
        ("listens for a long moment", "tilt"),
        ("curls up in a ball", "doze"),
        ("does what nobody has thought of", "wiggle"),
    ],
)
def test_a_gesture_is_made(browser: Chromium, words: str, movement: str) -> None:
    script = "([words]) => import(location.href + 'toy.js').then(({ Toy }) => { \
        const place = document.createElement('div'); return new Toy(place, place).gesture(words); })"
    made = at_the_page(browser, lambda page: page.evaluate(script, [words]), story=False)
    assert made == movement


def test_it_can_be_used_with_the_keyboard_alone(browser: Chromium) -> None:
    def use(page: Any) -> list[bool]:
        reached = []
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        assert {"talk", "mute", "volume", "text", "fold", "who", "called", "forget", "scenario"} <= set(reached)
        page.evaluate("document.activeElement.blur()")
        held = []
        page.keyboard.down("Space")
        held.append(page.evaluate("document.getElementById('talk').classList.contains('held')"))
        page.keyboard.up("Space")
        held.append(page.evaluate("document.getElementById('talk').classList.contains('held')"))
        return held

    assert at_the_page(browser, use, state=State.IDLE, viewport=WIDE) == [True, False]


def test_who_wants_less_motion_gets_none_but_the_lights(browser: Chromium) -> None:
    count = "document.getAnimations().length"
    moving = at_the_page(browser, lambda page: (settle(page), page.evaluate(count))[1], state=State.IDLE)
    calm = at_the_page(
        browser, lambda page: (settle(page), page.evaluate(count))[1], state=State.IDLE, reduced_motion="reduce"
    )
    assert moving > 0
    assert calm == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_no_serious_fault_is_found_by_who_looks_for_barriers(browser: Chromium, size: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

    def look(page: Any) -> list[str]:
        settle(page)
        if size == "narrow":
            page.locator("#fold").click()
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        found = axe.Axe().run(page).response["violations"]
        return [
            f"{one['id']}: {node['html']}: {node['failureSummary']}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    viewport = NARROW if size == "narrow" else WIDE
    assert at_the_page(browser, look, state=State.LISTENING, viewport=viewport, color_scheme=scheme) == []
