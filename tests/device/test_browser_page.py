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
from at_the_page import at_the_page, tell
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
            width, height = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            )
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


def test_a_toy_that_dozes_and_a_panda_are_seen(browser: Chromium) -> None:
    at_the_page(
        browser, lambda page: picture(page, "panda-narrow-dark"), who="tuantuan", viewport=NARROW, color_scheme="dark"
    )
    at_the_page(
        browser, lambda page: picture(page, "stranger-wide-light"), state=State.IDLE, who="rosie", viewport=WIDE
    )


BOX = """(id) => { const { left, top, right, bottom } = document.getElementById(id).getBoundingClientRect();
    return [left, top, right, bottom].map(Math.round); }"""


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (390, 844), (844, 390), (1000, 560), (1366, 560), (1280, 820), (1920, 1080)]
)
def test_all_can_be_reached_in_every_window(browser: Chromium, width: int, height: int) -> None:
    def look(page: Any) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = {}
        for part in ("mute", "talk", "volume", "text"):
            page.locator(f"#{part}").scroll_into_view_if_needed()
            left, top, right, bottom = boxes[part] = page.evaluate(BOX, part)
            assert 0 <= left < right <= width, f"{part} is beside the window"
            assert 0 <= top < bottom <= height, f"{part} cannot be scrolled to"
            on_top = "([id, x, y]) => document.getElementById(id).contains(document.elementFromPoint(x, y))"
            assert page.evaluate(on_top, [part, (left + right) / 2, (top + bottom) / 2]), f"something covers {part}"
        picture(page, f"window-{width}-{height}")
        if (width, height) not in ((320, 640), (1000, 560)):
            page.evaluate("scrollTo(0, 0)")
            assert page.evaluate(BOX, "text")[3] <= height, "without scrolling at all"
        if height > 1000:
            assert height - page.evaluate(BOX, "write")[3] < 0.1 * height, "nothing is left empty below"

    at_the_page(browser, look, state=State.LISTENING, viewport={"width": width, "height": height})


def test_behind_the_scenes_opens_whole_on_a_phone(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.locator("#fold").click()
        page.wait_for_function("() => Math.abs(document.getElementById('panel').getBoundingClientRect().top) < 100")
        whole, seen = page.evaluate(
            "[document.getElementById('panel').scrollHeight, document.getElementById('panel').clientHeight]"
        )
        assert whole == seen > 500
        picture(page, "unfolded-narrow-light")

    at_the_page(browser, look, state=State.IDLE, viewport=NARROW, reduced_motion="reduce")


def test_what_is_to_be_touched_has_an_edge(browser: Chromium) -> None:
    def look(page: Any) -> list[float]:
        return page.evaluate("""() => ["#mute", ".volume", "#write button", "#text"].map((one) => {
            const luminance = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255)
                .map((part) => (part <= 0.04 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
                .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
            const { borderTopColor, borderTopWidth } = getComputedStyle(document.querySelector(one));
            const paper = getComputedStyle(document.body).getPropertyValue("--paper").trim();
            const [r, g, b] = [1, 3, 5].map((at) => parseInt(paper.slice(at, at + 2), 16));
            const [dark, light] = [luminance(borderTopColor), luminance(`${r} ${g} ${b}`)].sort((a, b) => a - b);
            return parseFloat(borderTopWidth) ? (light + 0.05) / (dark + 0.05) : 0;
        })""")  # type: ignore[no-any-return]

    for scheme in ("light", "dark"):
        contrasts = at_the_page(browser, look, state=State.IDLE, color_scheme=scheme)
        assert min(contrasts) >= 3


def test_when_the_program_ends_the_page_says_so_and_keeps_trying(browser: Chromium) -> None:
    def look(page: Any) -> str:
        page.get_by_role("alert").filter(has_text="still running").wait_for()
        picture(page, "gone-narrow-dark")
        assert "Out of reach" in page.get_by_test_id("talk").inner_text()
        assert "Hold" not in page.locator("#hint").inner_text()
        return str(page.get_by_test_id("state").inner_text())

    gone = at_the_page(browser, look, state=State.IDLE, leaves=True, viewport=NARROW, color_scheme="dark")
    assert gone == "out of reach"


def test_when_the_program_was_started_again_the_page_says_that_it_has_another_address(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.get_by_role("alert").filter(has_text="was started again: open its new address").wait_for()

    async def story() -> None:
        async with opened(port=free_port()) as before:
            tell(before, "pip", State.IDLE, story=False)
            page = await asyncio.wrap_future(browser.do(lambda: browser.wake(browser.page(before.url))))
            await before.microphone.read()
        async with opened(port=int(before.url.split(":")[2].split("/")[0])) as after:
            assert after.url != before.url
            await asyncio.wrap_future(browser.do(look, page))
        await asyncio.wrap_future(browser.do(page.context.close))

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_message_that_is_too_long_is_refused_in_words_for_people(browser: Chromium) -> None:
    end = """async () => {
        const { Line } = await import(location.href + "line.js");
        const line = new Line();
        const closed = new Promise((over) => line.addEventListener("closed", ({ detail }) => over(detail)));
        line.closed(1009, "over size limit (10000000 > 65536 bytes)"); // what the server's library says
        return closed;
    }"""
    told = at_the_page(browser, lambda page: page.evaluate(end))
    assert told == {"how": "refused", "sentence": "The page sent more at once than it may."}


def free_port() -> int:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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
        async with opened(port=free_port()) as body:
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
