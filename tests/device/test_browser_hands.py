"""What people do with the page: with fingers, keys and screen readers, with a microphone and without one."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from at_the_page import at_the_page
from browser_here import browser_here

from companion.audio import RATE, Audio, Speech
from companion.ports import Event, Press
from companion.state import State
from device.browser import Browser
from device.chromium import Chromium

SPEECH = Path(__file__).parents[1] / "speech"
HELD = "() => document.getElementById('talk').classList.contains('held')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with browser_here() as made:
        yield made


@pytest.fixture(scope="module")
def forbidden() -> Iterator[Chromium]:
    """A browser that lets nobody listen."""
    with browser_here(microphone=False) as made:
        yield made


async def presses(body: Browser, count: int) -> list[Press]:
    return [await body.button.pressed() for _ in range(count)]


async def loudest(body: Browser, frames: int = 100) -> float:
    """dBFS of the loudest of the next so many hundredths of a second."""
    return max([(await body.microphone.read()).captured.level for _ in range(frames)])


async def until_loud(body: Browser) -> None:
    """Until the microphone hears something: Chromium's false one beeps."""
    while (await body.microphone.read()).captured.level < -40:
        pass


def says(text: str) -> dict[str, Any]:
    return {"kind": "reply", "character": "Pip", "text": text, "complete": True}


class Toy:
    """What is asked of it."""

    def __init__(self, body: Browser) -> None:
        self.asked: list[str] = []
        self.body = body
        body.control = self  # type: ignore[assignment]

    async def mute(self) -> None:
        self.asked.append("mute")
        self.body.light.show(State.MUTED)
        await self.body.microphone.close()

    def unmute(self) -> None:
        self.asked.append("unmute")

    async def forget(self) -> None:
        self.asked.append("forget")

    async def interrupt(self) -> None:
        self.asked.append("interrupt")


class Unmoved(Toy):
    """One that listens on, whatever is asked."""

    async def mute(self) -> None:
        self.asked.append("mute")


# The paw.


def test_the_paw_is_held_with_a_finger_and_what_is_said_meanwhile_is_heard(browser: Chromium) -> None:
    def look(page: Any) -> tuple[list[Press], bool, bool, list[Press]]:
        page.get_by_test_id("talk").hover()
        page.mouse.down()
        down = page.body(lambda body: presses(body, 2))
        page.body(until_loud)
        held = page.evaluate(HELD)
        page.mouse.up()
        page.wait_for_function(f"() => !({HELD})()")
        return down, held, page.evaluate(HELD), page.body(lambda body: presses(body, 1))

    pressed = [Press.DOWN, Press.LONG], True, False, [Press.UP]
    assert at_the_page(browser, look, state=State.IDLE) == pressed


def test_the_space_bar_is_the_paw_also_after_something_else_was_clicked(browser: Chromium) -> None:
    def look(page: Any) -> list[list[Press]]:
        toy = page.body(Unmoved)
        page.locator("#volume").click()
        page.get_by_role("button", name="Mute").click()
        page.locator("#fold").click()
        seen = []
        for _ in range(2):
            page.keyboard.down("Space")
            down = page.body(lambda body: presses(body, 2))
            page.keyboard.up("Space")
            seen.append(down + page.body(lambda body: presses(body, 1)))
        assert toy.asked == ["mute"]
        assert page.locator("#panel").is_hidden()
        return seen

    held = [Press.DOWN, Press.LONG, Press.UP]
    assert at_the_page(browser, look, state=State.IDLE, viewport={"width": 1280, "height": 820}) == [held, held]


def test_who_comes_to_a_button_by_keyboard_pushes_that_with_the_space_bar(browser: Chromium) -> None:
    def look(page: Any) -> list[str]:
        toy = page.body(Toy)
        page.get_by_test_id("talk").focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        page.get_by_test_id("state").filter(has_text="muted").wait_for()
        return toy.asked  # type: ignore[no-any-return]

    assert at_the_page(browser, look, state=State.IDLE) == ["mute"]


def test_the_paw_is_let_go_wherever_the_space_bar_is(browser: Chromium) -> None:
    def look(page: Any) -> tuple[bool, str]:
        page.keyboard.down("Space")
        page.wait_for_function(HELD)
        page.get_by_test_id("text").click()
        page.keyboard.down("Space")  # it repeats
        page.keyboard.up("Space")
        page.wait_for_function(f"() => !({HELD})()")
        page.keyboard.press("a")
        written = page.get_by_test_id("text").input_value()
        page.get_by_test_id("text").blur()
        page.keyboard.down("Space")
        page.wait_for_function(HELD)
        page.evaluate("dispatchEvent(new Event('blur'))")
        return page.evaluate(HELD), written

    assert at_the_page(browser, look, state=State.IDLE) == (False, "a")


def test_a_screen_reader_taps_the_paw(browser: Chromium) -> None:
    def look(page: Any) -> list[Press]:
        page.evaluate("document.getElementById('talk').click()")
        return page.body(lambda body: presses(body, 2))  # type: ignore[no-any-return]

    assert at_the_page(browser, look, state=State.IDLE) == [Press.DOWN, Press.SHORT]


def test_a_screen_reader_wakes_it(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.body(lambda body: body.light.show(State.IDLE))
        page.evaluate(DEAF)
        page.get_by_test_id("talk").press("Enter")
        page.get_by_test_id("state").filter(has_text="waiting").wait_for()

    at_the_page(browser, look)


def test_a_muted_toy_says_that_it_hears_nothing_whatever_one_does(browser: Chromium) -> None:
    wave_file = {"name": "hello.wav", "mimeType": "audio/wav", "buffer": (SPEECH / "hello-rms.wav").read_bytes()}

    def look(page: Any) -> list[str]:
        shown = [page.locator("#talk-text").inner_text(), page.locator("#hint").inner_text()]
        alert = page.get_by_role("alert").filter(has_text="unmute it")
        for act in (
            lambda: page.keyboard.press("Space"),
            lambda: page.locator("#file").set_input_files(wave_file),
            lambda: (page.get_by_test_id("text").fill("Hello"), page.keyboard.press("Enter")),
        ):
            act()
            alert.wait_for()
            page.body(lambda body: body.observe(Event(1.0, "turn", TURN)))
            alert.wait_for(state="hidden")
        return shown

    seen = at_the_page(browser, look, state=State.MUTED)
    assert seen == ["Ears covered", "It hears nothing until you unmute it."]


TURN = {
    "voice_to_voice": 1.5,
    "stages": {"reply": 1.0},
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 0, "cost_usd": 0.001},
}


# Recordings.


DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name, { type: "audio/wav" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


def recording(seconds: float = 0.6) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(RATE)
        made.writeframes(np.random.default_rng(0).integers(-9000, 9000, round(seconds * RATE), np.int16).tobytes())
    return base64.b64encode(file.getvalue()).decode()


DEAF = "() => { navigator.mediaDevices.getUserMedia = () => new Promise(() => {}) }"
"""A microphone that is being asked for, for ever: what is heard is not from there."""


def test_a_recording_dropped_on_it_is_heard_with_its_paw_held(browser: Chromium) -> None:
    def look(page: Any) -> tuple[float, list[Press], float]:
        before = page.body(lambda body: loudest(body, 30))
        page.evaluate(DROP, ["hello.wav", recording()])
        heard = page.body(lambda body: loudest(body, 60))
        return before, page.body(lambda body: presses(body, 3)), heard

    before, pressed, heard = at_the_page(browser, look, state=State.IDLE, before=DEAF)
    assert before < -60
    assert heard > -20
    assert pressed == [Press.DOWN, Press.LONG, Press.UP]


def test_a_recording_dropped_on_a_sleeping_toy_is_heard_when_it_is_awake(browser: Chromium) -> None:
    def look(page: Any) -> list[Press]:
        page.evaluate(DEAF)
        page.body(lambda body: body.light.show(State.BOOTING))
        page.evaluate(DROP, ["hello.wav", recording()])
        page.get_by_role("alert").filter(has_text="as soon as I am awake I hear hello.wav").wait_for()
        page.body(lambda body: body.microphone.read())
        page.body(lambda body: body.light.show(State.IDLE))
        assert page.body(lambda body: loudest(body, 150)) > -20
        page.get_by_role("alert").wait_for(state="hidden")
        return page.body(lambda body: presses(body, 3))  # type: ignore[no-any-return]

    assert at_the_page(browser, look) == [Press.DOWN, Press.LONG, Press.UP]


def test_what_is_no_recording_is_named(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.evaluate(DROP, ["cake.wav", base64.b64encode(b"no sound").decode()])
        page.get_by_role("alert").filter(has_text="cake.wav is not a recording").wait_for()

    at_the_page(browser, look, state=State.IDLE)


# The microphone.


def test_without_leave_to_listen_it_says_so_until_it_may(forbidden: Chromium) -> None:
    def look(page: Any) -> tuple[str, str, list[str]]:
        toy = page.body(Toy)
        alert = page.get_by_role("alert").filter(has_text="does not let this page hear you")
        alert.wait_for()
        fault = {"kind": "device", "text": "the page was gone", "recovered": True}
        for event, fields in (("fault", fault), ("said", says("Hello.")), ("turn", TURN)):
            page.body(lambda body, event=event, fields=fields: body.observe(Event(20.0, event, fields)))
        page.get_by_test_id("reply").filter(has_text="Hello.").wait_for()
        assert alert.is_visible(), "nothing of that has mended it"
        words = page.locator("#talk-text").inner_text(), page.locator("#hint").inner_text()
        page.keyboard.down("Space")
        page.locator(".notice.again").wait_for()
        assert not page.evaluate(HELD), "nobody listens to nobody"
        page.keyboard.up("Space")
        page.evaluate(
            "() => { const on = new AudioContext(); navigator.mediaDevices.getUserMedia = "
            "async () => on.createMediaStreamDestination().stream }"
        )
        page.get_by_role("button", name="Try again").click()
        alert.wait_for(state="hidden")
        page.locator("#talk-text").filter(has_text="Hold and talk").wait_for()
        return *words, toy.asked

    paw, hint, asked = at_the_page(forbidden, look, state=State.IDLE)
    assert (paw, asked) == ("No microphone", ["interrupt"])
    assert "write to me" in hint


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NotAllowedError", "allow the microphone"),
        ("NotFoundError", "There is no microphone here"),
        ("NotReadableError", "Another program is using the microphone"),
        ("AbortError", "did not start"),
        ("SecurityError", "open it at 127.0.0.1"),
        ("OverconstrainedError", "(OverconstrainedError)"),
    ],
)
def test_what_keeps_the_microphone_shut_is_told_apart(browser: Chromium, error: str, told: str) -> None:
    refuse = f"() => {{ navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}')) }}"

    def look(page: Any) -> None:
        page.get_by_role("alert").filter(has_text=told).wait_for()

    at_the_page(browser, look, state=State.IDLE, before=refuse)


def test_a_microphone_that_another_program_has_is_tried_once_more(browser: Chromium) -> None:
    taken = """() => {
        const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.tries = 0;
        window.told = [];
        const place = document.getElementById("deafness");
        new MutationObserver(() => told.push(place.innerText)).observe(place, { subtree: true, childList: true });
        navigator.mediaDevices.getUserMedia = (wishes) =>
            ++tries === 1 ? Promise.reject(new DOMException("", "NotReadableError")) : get(wishes);
    }"""

    def look(page: Any) -> int:
        page.wait_for_function("() => told.some((one) => one.includes('Another program'))")
        page.locator("#deafness").wait_for(state="hidden")
        page.body(until_loud)
        return int(page.evaluate("tries"))

    assert at_the_page(browser, look, state=State.IDLE, before=taken) == 2


def test_the_meter_moves_with_what_is_heard(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.wait_for_function("() => document.getElementById('meter').value > 0.2")
        page.wait_for_function("() => document.getElementById('meter').value < 0.1")

    at_the_page(browser, look, state=State.LISTENING, viewport={"width": 1280, "height": 820})


# What it says.


def test_the_volume_is_that_of_what_is_played(browser: Chromium) -> None:
    tone = Audio((8000 * np.sin(np.arange(RATE // 2) / 4)).astype(np.int16))

    async def play(body: Browser) -> None:
        await body.speaker.reach(await body.speaker.play(tone) + 0.49)

    def look(page: Any) -> list[float]:
        heard, before = [], 0
        for volume in ("1", "0.25"):
            page.locator("#volume").fill(volume)
            page.body(play)
            page.wait_for_timeout(300)
            sound = browser.heard(page).astype(float)
            loud = np.flatnonzero(np.abs(sound[before:]) > 500) + before
            heard.append(float(np.std(sound[(loud[0] + loud[-1]) // 2 : loud[-1]])))
            before = len(sound)
        return heard

    full, quarter = at_the_page(browser, look, state=State.SPEAKING, ear=True)
    assert full == pytest.approx(8000 / np.sqrt(2), rel=0.05)
    assert quarter == pytest.approx(full / 4, rel=0.05)


NOTING = """() => {
  const reply = document.querySelector("[data-testid=reply]");
  window.noted = [reply.textContent];
  new MutationObserver(() => noted.at(-1) === reply.textContent || noted.push(reply.textContent))
    .observe(reply, { childList: true, characterData: true, subtree: true });
}"""
"""Has the page note all that its bubble shows from now on."""


def test_the_bubble_shows_each_phrase_as_it_begins_and_nothing_of_the_reply_before(browser: Chromium) -> None:
    first, second = "There was a moon.", "It was round."
    sound = np.zeros(RATE, np.int16) + np.arange(RATE).astype(np.int16) % 7

    async def tell(body: Browser) -> None:
        body.light.show(State.SPEAKING)
        await body.speaker.play(Speech(sound, text=first))
        await body.speaker.play(Speech(sound, text=second))

    def look(page: Any) -> list[str]:
        reply = page.get_by_test_id("reply")
        reply.filter(has_text="very polite").wait_for()
        page.body(lambda body: body.observe(Event(20.0, "heard", {"text": "and then", "engine": "typed"})))
        page.get_by_test_id("heard").filter(has_text="and then").wait_for()
        page.evaluate(NOTING)
        page.body(tell)
        reply.filter(has_text=second).wait_for()
        page.body(lambda body: body.observe(Event(22.0, "said", says(f"{first} {second}"))))
        page.locator("#journal li").last.filter(has_text=second).wait_for(state="attached")
        page.body(lambda body: body.speaker.play(Speech(sound, text="Hello again.")))
        reply.filter(has_text="Hello again.").wait_for()
        seen: list[str] = page.evaluate("noted")
        return seen

    seen = at_the_page(browser, look, state=State.LISTENING)
    assert seen == ["", first, f"{first} {second}", "Hello again."]


def test_a_long_reply_can_be_read_to_its_end_on_a_phone(browser: Chromium) -> None:
    def look(page: Any) -> list[Any]:
        page.body(lambda body: body.observe(Event(20.0, "said", says("The moon is far away. " * 20))))
        reply = page.locator("#reply.below")
        reply.wait_for()
        seen = [reply.get_attribute("tabindex")]
        reply.evaluate("part => (part.scrollTop = part.scrollHeight)")
        page.locator("#reply.above:not(.below)").wait_for()
        page.body(lambda body: body.observe(Event(20.0, "said", says("Hello."))))
        page.locator("#reply:not(.above):not(.below)").filter(has_text="Hello.").wait_for()
        return [*seen, page.locator("#reply").get_attribute("tabindex")]

    assert at_the_page(browser, look, state=State.IDLE, viewport={"width": 390, "height": 844}) == ["0", None]


def test_behind_the_scenes_is_all_that_happened(browser: Chromium) -> None:
    def look(page: Any) -> None:
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        engines = page.locator("#engines").inner_text()
        for told in ("pocketsphinx", "embedded, limited", "rehearsal", "espeak-ng"):
            assert told in engines
        cost = page.locator("#cost").inner_text()
        assert "734 tokens in (512 cached), 31 out" in cost
        assert "$0.000081" in cost
        assert "rehearsal, and free" in cost
        page.body(lambda body: body.observe(Event(21.5, "turn", TURN)))
        page.locator("#cost").filter(has_text="834 tokens in (512 cached), 41 out: at most $0.001081").wait_for()
        lines = page.locator("#journal li").all_inner_texts()
        assert [line.split()[:2] for line in lines] == [
            ["0.00", "ready"],
            ["4.20", "said"],
            ["9.10", "heard"],
            ["9.90", "gesture"],
            ["15.30", "said"],
            ["15.30", "turn"],
            ["21.50", "turn"],
        ]
        assert "can you tell me a story about the moon" in lines[2]
        said = page.locator("#conversation li").all_inner_texts()
        assert said[1] == "You can you tell me a story about the moon"
        assert page.locator("#waterfall figcaption").all_inner_texts() == [
            "1.50 s from your last word to its first",
            "0.83 s from your last word to its first",
        ]
        widths = (
            page.locator("#waterfall figure")
            .last.locator(".bar")
            .evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
        )
        assert widths[0] == pytest.approx(widths[1] * 0.31 / 0.14, rel=0.05)

    at_the_page(browser, look, state=State.IDLE, viewport={"width": 1280, "height": 820})


def test_it_asks_once_more_before_it_forgets_everything(browser: Chromium) -> None:
    def look(page: Any) -> list[list[str]]:
        toy = page.body(Toy)
        page.clock.install()
        button = page.locator("#forget")
        button.click()
        page.get_by_role("button", name="Really forget?").wait_for()
        page.clock.fast_forward(6000)
        page.get_by_role("button", name="Forget everything").wait_for()
        button.click()
        seen = [list(toy.asked)]
        button.click()
        page.locator("#conversation:empty").wait_for(state="attached")
        page.get_by_role("button", name="Forget everything").wait_for()
        return [*seen, toy.asked]

    wide = {"width": 1280, "height": 820}
    assert at_the_page(browser, look, state=State.IDLE, viewport=wide) == [[], ["forget"]]
