"""The page as people see it: in every state, narrow and wide, in the light and in the dark.

With COMPANION_PICTURES=FOLDER the pictures are kept; docs/browser.png is one of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from at_the_page import at_the_page, in_loop, tell
from browser_here import browser_here
from page import opened

from companion.errors import DeviceError
from companion.state import State
from device.browser import Browser
from device.chromium import Chromium

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 820}

@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with browser_here() as made:
        yield made


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
"""The states of which pictures are made."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["narrow", "wide"])
def test_every_state_fits_narrow_and_wide_in_the_light_and_in_the_dark(
    browser: Chromium, size: str, scheme: str
) -> None:
    viewport = NARROW if size == "narrow" else WIDE

    def look(page: Any) -> None:
        for name, state in SHOWN.items():
            page.body(lambda body, state=state: body.light.show(state))
            page.locator(f"[data-state={state.value}]").wait_for()
            picture(page, f"{name}-{size}-{scheme}")
            width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
            assert width <= viewport["width"], "nothing sticks out"
            for part in ("talk", "text", "state"):
                assert page.get_by_test_id(part).is_visible()
            if size == "wide":
                assert height <= viewport["height"]

    at_the_page(browser, look, state=State.IDLE, viewport=viewport, color_scheme=scheme)


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
