"""The drawn toy: its light, its mouth, its poses and its gestures, read from the drawing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from at_the_page import at_the_page
from browser_here import browser_here

from companion.audio import RATE, Audio
from companion.looks import LOOKS, brightness
from companion.ports import Event
from companion.state import State
from device.browser import Browser
from device.chromium import Chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with browser_here() as made:
        yield made


WATCH = """(selector) => {
    window.seen = [];
    const next = () => {
        const part = document.querySelector(selector);
        seen.push([document.documentElement.dataset.state, performance.now() / 1000, READ]);
        window.watching = requestAnimationFrame(next);
    };
    cancelAnimationFrame(window.watching);
    next();
}"""
"""Read something of a part of the drawing, again and again: (state, when, what)."""


def watch(page: Any, selector: str, read: str) -> None:
    page.locator(".toy-drawing .head").wait_for()
    page.evaluate(WATCH.replace("READ", read), selector)


def show(page: Any, state: State) -> None:
    page.body(lambda body: body.light.show(state))
    page.locator(f"[data-state={state.value}]").wait_for()


def test_the_lamp_has_the_colour_and_the_rhythm_of_its_look(browser: Chromium) -> None:
    def look(page: Any) -> list[tuple[str, float, list[int] | None]]:
        watch(page, ".lamp-light", "(part.getAttribute('fill') ?? '').match(/[0-9]+/g)?.map(Number)")
        for state in LOOKS:
            show(page, state)
            page.wait_for_function(
                "(state) => seen.at(-1)[1] - seen.find(([shown]) => shown === state)?.[1] > 1.6", arg=state.value
            )
        return page.evaluate("seen")  # type: ignore[no-any-return]

    seen = at_the_page(browser, look, state=State.IDLE)
    for state, its in LOOKS.items():
        (began, _), *shown = [(at, fill) for shown, at, fill in seen if shown == state.value and fill]
        shown = shown[5:]  # the first may still be the look before
        colour = np.array(its.colour)
        bright = [float(np.array(fill) @ colour / (colour @ colour)) for _, fill in shown]
        for (_, fill), strength in zip(shown, bright, strict=True):
            assert np.abs(np.array(fill) - colour * strength).max() <= 1, "the look's own colour, at every moment"
        if its.follows_level:
            assert max(bright) > 0.3
            continue
        for (at, _), strength in zip(shown, bright, strict=True):
            near = [brightness(its, max(0.0, at - began + lag)) for lag in np.arange(-0.15, 0.06, 0.01)]
            assert min(near) - 0.05 <= strength <= max(near) + 0.05


def burst(loudness: int, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.random.default_rng(0).normal(0, loudness, round(seconds * RATE)).clip(-32000, 32000).astype(np.int16)


def test_the_mouth_opens_with_the_sound_and_is_closed_when_it_is_silent(browser: Chromium) -> None:
    said = np.concatenate([burst(9000, 0.4), burst(150, 0.4), burst(9000, 0.4)])

    def look(page: Any) -> list[float]:
        watch(
            page,
            ".mouth",
            "Number(getComputedStyle(part).opacity) && new DOMMatrix(getComputedStyle(part).transform).d",
        )
        show(page, State.SPEAKING)
        page.body(lambda body: body.speaker.play(Audio(said)))
        page.wait_for_function(
            "() => seen.some(([, , open]) => open > 0.3) && seen.slice(-30).every(([, , open]) => !open)"
        )
        return [opening for _, _, opening in page.evaluate("seen")]

    mouth = at_the_page(browser, look, state=State.IDLE)
    assert mouth[0] == 0, "before it speaks"
    widest = max(mouth)
    first, last = (np.flatnonzero(np.array(mouth) > 0.8 * widest)[at] for at in (0, -1))
    assert widest > 0.6
    assert min(mouth[first:last]) < 0.6 * widest, "it closes where it is quieter"
    assert len(set(mouth)) > 8


POSE = """() => {
    const style = (selector) => getComputedStyle(document.querySelector(`.toy-drawing ${selector}`));
    const turned = (selector) => {
        const { a, b, e, f } = new DOMMatrix(style(selector).transform);
        return [Math.round((180 * Math.atan2(b, a)) / Math.PI), Math.round(e), Math.round(f)];
    };
    const there = (selector) => Number(style(selector).opacity) > 0.5;
    return {
        head: turned(".head"), ear: turned(".ear-left"), arm: turned(".arm-left"), gaze: turned(".gaze"),
        open: there(".eyes-open"), closed: there(".eyes-closed"), smiles: there(".smile"),
        zs: there(".sleep"), wonders: there(".wonder"), worries: there(".worry"),
    };
}"""


def test_each_state_has_its_pose(browser: Chromium) -> None:
    def look(page: Any) -> dict[State, dict[str, Any]]:
        page.mouse.move(0, 0)
        poses = {}
        for state in State:
            show(page, state)
            page.wait_for_timeout(250)  # opacities flow, even then
            poses[state] = page.evaluate(POSE)
        return poses

    poses = at_the_page(browser, look, state=State.BOOTING, reduced_motion="reduce")
    assert len({str(pose) for state, pose in poses.items()}) >= len(State) - 2, (
        "offline worries, too; waking up is eyes"
    )
    for state, pose in poses.items():
        assert pose["open"] != pose["closed"]
        assert pose["open"] == (state is not State.MUTED), "its eyes are open unless it hides"
        assert pose["zs"] is False
        assert pose["wonders"] == (state is State.THINKING)
        assert pose["worries"] == (state in (State.ATTENTION, State.OFFLINE))
        assert pose["smiles"] == (state is not State.SPEAKING)
        assert (abs(pose["arm"][0]) > 90) == (state is State.MUTED), "its paws are over its ears"
    assert poses[State.LISTENING]["head"][0] < 0 < poses[State.THINKING]["head"][0]
    assert poses[State.THINKING]["gaze"] != poses[State.LISTENING]["gaze"]


GESTURES = [
    ("waves with the tail", "wag", ".tail"),
    ("waves", "wave", ".arm-right"),
    ("giggles before it starts", "giggle", ".whole"),
    ("yawns, which takes a while", "yawn", ".mouth"),
    ("nods", "nod", ".head"),
    ("shakes its head", "shake", ".head"),
    ("hops up and down", "hop", ".whole"),
    ("spins on the spot", "spin", ".whole"),
    ("blushes", "blush", ".blush"),
    ("sniffs the air", "sniff", ".nose"),
    ("sighs", "sigh", ".head"),
    ("points up with one paw", "point", ".arm-right"),
    ("listens for a long moment", "tilt", ".head"),
    ("curls up in a ball", "doze", ".head"),
    ("does what nobody has thought of", "wiggle", ".whole"),
]

PART = """(selector) => {
    const { transform, opacity } = getComputedStyle(document.querySelector(`.toy-drawing ${selector}`));
    return `${transform} ${opacity}`;
}"""

MOVES = {"wag", "wave", "giggle", "nod", "shake", "hop", "spin", "sniff", "wiggle"}


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_each_gesture_is_made_and_ends(browser: Chromium, motion: str) -> None:
    def gesture(page: Any, words: str, movement: str, part: str) -> None:
        rest = page.evaluate(PART, part)
        page.body(lambda body: body.observe(Event(20.0, "gesture", {"text": words})))
        page.locator(f"[data-gesture={movement}]").wait_for()
        page.wait_for_function(f"([part, rest]) => ({PART})(part) !== rest", arg=[part, rest])
        if motion == "no-preference" and movement in MOVES:
            watch(
                page, f".toy-drawing {part}", "getComputedStyle(part).animationName + getComputedStyle(part).transform"
            )
            page.wait_for_function("() => new Set(seen.map(([, , at]) => at)).size > 5")
            assert all(not at.startswith("none") for _, _, at in page.evaluate("seen.slice(0, 5)"))
        page.clock.fast_forward(2000)
        page.locator("[data-gesture]").wait_for(state="detached")
        if motion == "reduce":
            page.wait_for_function(f"([part, rest]) => ({PART})(part) === rest", arg=[part, rest])

    def look(page: Any) -> None:
        page.clock.install()
        page.locator(".toy-drawing .head").wait_for()
        for one in GESTURES:
            gesture(page, *one)

    at_the_page(browser, look, state=State.IDLE, reduced_motion=motion)


def test_who_wants_less_motion_gets_none_but_the_lights(browser: Chromium) -> None:
    def count(page: Any) -> int:
        page.locator(".toy-drawing .head").wait_for()
        page.wait_for_timeout(700)
        return int(page.evaluate("document.getAnimations().length"))

    assert at_the_page(browser, count, state=State.IDLE) > 0
    assert at_the_page(browser, count, state=State.IDLE, reduced_motion="reduce") == 0


@pytest.mark.parametrize(
    ("who", "drawn", "name"),
    [
        ("pip", ".scarf", "Pip"),
        ("otto", ".glasses", "Otto"),
        ("tuantuan", "#leaf", "团团"),
        ("rosie", "#ribbon", "Rosie"),
    ],
)
def test_each_character_is_drawn_as_itself_and_a_stranger_as_nobody_else(
    browser: Chromium, who: str, drawn: str, name: str
) -> None:
    def look(page: Any) -> tuple[int, str]:
        page.locator(f".toy-drawing {drawn}").first.wait_for(state="attached")
        return page.locator(".toy-drawing").count(), page.locator("#toy").get_attribute("aria-label")

    assert at_the_page(browser, look, state=State.LISTENING, who=who) == (1, f"{name}, listening")


def test_it_stays_awake_for_a_while_after_the_last_word_and_dozes_then(browser: Chromium) -> None:
    reply = {"kind": "reply", "character": "Pip", "text": "Good night.", "complete": True}

    def shown(page: Any) -> tuple[str, bool, bool]:
        pose = page.evaluate(POSE)
        return page.get_by_test_id("state").inner_text(), pose["closed"], pose["zs"]

    def look(page: Any) -> list[tuple[str, bool, bool]]:
        page.clock.install()
        page.body(lambda body: body.observe(Event(16.0, "said", reply)))
        page.get_by_test_id("reply").filter(has_text="Good night").wait_for()
        page.clock.fast_forward(40_000)
        awake = shown(page)
        page.clock.fast_forward(6_000)
        page.get_by_test_id("state").filter(has_text="dozing").wait_for()
        page.wait_for_timeout(300)
        bubble, zs = page.locator("#reply").bounding_box(), page.locator(".sleep").bounding_box()
        assert bubble["y"] + bubble["height"] <= zs["y"], "they do not cover what it said"
        dozing = shown(page)
        page.body(lambda body: body.observe(Event(80.0, "heard", {"text": "wake up", "engine": "typed"})))
        page.get_by_test_id("state").filter(has_text="waiting").wait_for()
        return [awake, dozing]

    seen = at_the_page(browser, look, state=State.IDLE, reduced_motion="reduce")
    assert seen == [("waiting for you", False, False), ("dozing", True, True)]


def test_its_bubble_is_empty_when_it_is_somebody_else(browser: Chromium) -> None:
    def look(page: Any) -> tuple[str, str]:
        page.get_by_test_id("reply").filter(has_text="very polite").wait_for()

        def change(body: Browser) -> None:
            from at_the_page import ABOUT

            body.introduce(**ABOUT | {"who": "tuantuan"})

        page.body(change)
        page.get_by_role("heading", name="团团").wait_for()
        before = page.get_by_test_id("reply").text_content(), page.get_by_test_id("heard").text_content()
        page.reload()
        page.locator("#conversation").filter(has_text="very polite").wait_for()
        return *before, page.get_by_test_id("reply").text_content()

    assert at_the_page(browser, look, state=State.IDLE) == ("", "", "")
