"""The toy in the browser, as somebody has it: a real process, a real browser, a recording as its microphone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import wave
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pytest
from browser_here import browser_here, missing
from command import COMPANION, companion, journal
from on_duty import BRIEF
from toy_models import toy_whisper

from companion.audio import RATE, Samples
from companion.bench_page import last_sound, measure, waited
from companion.looks import LOOKS, brightness, follow
from companion.motions import MOTIONS, moved
from companion.state import State
from device.chromium import ROOM_RATE, Chromium

HERE = Path(__file__).parents[1]
SPEECH = HERE / "speech"
HELLO = "hello how are you this morning"
WORDS = "hello little fox"
"""What the small Whisper reads in whatever it hears."""
CHARACTER = {"COMPANION_TOY__CHARACTER": BRIEF["COMPANION_TOY__CHARACTER"]}

pytestmark = [pytest.mark.skipif(bool(missing), reason=missing), pytest.mark.usefixtures("heeded")]

Result = TypeVar("Result")


class Simulating:
    """`companion simulate` in a process of its own, and the address of its page."""

    def __init__(self, folder: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self.journal = folder / "journal.jsonl"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPANION_", "DASHSCOPE_"))}
        self.process = subprocess.Popen(
            [str(COMPANION), "simulate", "--no-open", "--journal", str(self.journal), *words],
            env=clean | CHARACTER | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_text().splitlines() if line.endswith("}")]

    def wait_for(self, name: str, count: int = 1, seconds: float = 30.0, **fields: Any) -> dict[str, Any]:
        """The `count`th event of this name with these fields."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            found = [one for one in self.events() if one["event"] == name and fields.items() <= one.items()]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.02)
        raise AssertionError(f"no {name} in {self.events()}")


@contextmanager
def simulating(folder: Path, *words: str, complains: str = "", **environment: str) -> Iterator[Simulating]:
    toy = Simulating(folder, words, environment)
    try:
        yield toy
    finally:
        toy.process.send_signal(signal.SIGINT)
        _, said = toy.process.communicate(timeout=10)
    assert toy.process.returncode == 0
    assert all(complains and complains in line for line in said.splitlines()), said


def speech(name: str) -> Samples:
    with wave.open(str(SPEECH / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def recording(path: Path, *parts: float | str) -> Path:
    """A recording of these: seconds of silence, and what is said."""
    silence = np.random.default_rng(0)
    sounds = [
        speech(part) if isinstance(part, str) else silence.integers(0, 2, round(part * RATE), dtype=np.int16)
        for part in parts
    ]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.concatenate(sounds).tobytes())
    return path


def awake(browser: Chromium, url: str, **context: Any) -> Any:
    """The page, when somebody has touched the paw."""
    return browser.wake(browser.page(url, reduced_motion="reduce", **context))


def until(page: Any, testid: str, text: str) -> None:
    """Wait until a part of the page has this text in it."""
    page.get_by_test_id(testid).filter(has_text=text).wait_for(timeout=30_000)


def has_no_trouble(page: Any, url: str) -> bool:
    origin = "/".join(url.split("/")[:3])
    outside = [asked for asked in page.troubles.asked if not asked.startswith((origin, "data:", "blob:"))]
    assert (page.troubles.said, outside) == ([], [])
    return True


def order(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What happened, without when."""
    fields = {"state": "state", "heard": "text", "said": "kind", "ready": "part", "turn": "event", "fault": "text"}
    return [(event["event"], event[fields[event["event"]]]) for event in events if event["event"] in fields]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings with ears so quick that nothing is said while one waits for them."""
    store = tmp_path_factory.mktemp("store")
    (store / "whisper").mkdir()
    toy_whisper(store / "whisper" / "toy", WORDS)
    return {"COMPANION_MODELS__STORE": str(store)}


def test_one_talks_with_it_and_sees_all_that_happens(tmp_path: Path, quick: dict[str, str]) -> None:
    # It listens for 8 s after its first words, which come at some time within the 8 s before this.
    said = recording(tmp_path / "said.wav", 8.0, "hello-rms.wav", 20.0)

    def story(browser: Chromium, toy: Simulating) -> tuple[Any, ...]:
        page = awake(browser, toy.url, ear=True)
        until(page, "heard", WORDS)
        until(page, "waterfall", "from your last word")
        until(page, "state", "listening")
        page.wait_for_timeout(300)
        assert has_no_trouble(page, toy.url)
        return browser.heard(page), page.evaluate("states"), page.get_by_test_id("reply").inner_text()

    with browser_here(said) as browser, simulating(tmp_path, "--called", "open", **quick) as toy:
        sound, states, reply = browser.do(story, browser, toy).result()
        events = toy.events()
    by_wav = ("--wav", SPEECH / "hello-rms.wav", "--journal", tmp_path / "by-wav.jsonl")
    done = companion("simulate", *by_wav, **BRIEF, **quick)
    assert done.returncode == 0
    expected = order(journal(tmp_path / "by-wav.jsonl"))
    assert order(events)[: len(expected)] == expected, "as by --wav"
    assert states[:7] == ["asleep", "booting", "speaking", "listening", "thinking", "speaking", "listening"]
    last = [event for event in events if event["event"] == "said"][-1]
    assert reply == last["text"]
    opening, answer = (event for event in events if event["event"] == "said")
    loud = np.abs(sound.astype(int)) > 500
    sounded = np.flatnonzero(np.convolve(loud, np.ones(ROOM_RATE // 4), "same") > 0)
    assert len(np.flatnonzero(np.diff(sounded) > 1)) == 1, "its first words, and its answer: two sounds"
    assert answer["complete"]
    assert opening["text"] == "Hello there, here I am."


def test_it_falls_silent_when_its_paw_is_touched(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> tuple[float, Samples]:
        page = awake(browser, toy.url, ear=True)
        until(page, "state", "listening")
        page.locator("#file").set_input_files(str(SPEECH / "story-moon-awb.wav"))
        toy.wait_for("state", count=2, state="speaking")
        page.wait_for_timeout(700)
        assert not any(event["event"] == "said" and event["kind"] == "reply" for event in toy.events())
        shown = page.get_by_test_id("reply").inner_text()
        page.get_by_test_id("talk").click()
        toy.wait_for("said", kind="reply")
        page.wait_for_timeout(500)
        sound = browser.heard(page)
        touched = page.evaluate("touched.at(-1) - began")
        assert has_no_trouble(page, toy.url)
        said = page.get_by_test_id("reply").inner_text().removesuffix(" —")
        assert said, "what was heard of it"
        assert shown.startswith(said.split()[0]), "the words are there as soon as they sound"
        return touched, sound

    with browser_here() as browser, simulating(tmp_path, "--called", "open", "--character", "pip", **quick) as toy:
        touched, sound = browser.do(story, browser, toy).result()
        said = next(event for event in toy.events() if event["event"] == "said" and event["kind"] == "reply")
    last = np.flatnonzero(np.abs(sound.astype(int)) > 50)[-1] / ROOM_RATE
    assert not said["complete"]
    assert 0 < last - touched < 0.1


def test_it_is_interrupted_by_a_voice_and_hears_it_out(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> Samples:
        page = awake(browser, toy.url, ear=True)
        until(page, "state", "listening")
        page.locator("#file").set_input_files(str(SPEECH / "story-moon-awb.wav"))
        toy.wait_for("state", count=2, state="speaking")
        page.wait_for_timeout(700)
        page.locator("#file").set_input_files(str(SPEECH / "hello-rms.wav"))
        toy.wait_for("interrupted")
        toy.wait_for("turn", count=1)
        page.wait_for_timeout(300)
        assert has_no_trouble(page, toy.url)
        return browser.heard(page)

    with browser_here() as browser, simulating(tmp_path, "--called", "open", "--character", "pip", **quick) as toy:
        sound = browser.do(story, browser, toy).result()
        events = toy.events()
    cut_off, answer = (event for event in events if event["event"] == "said" and event["kind"] == "reply")
    assert (cut_off["complete"], answer["complete"]) == (False, True)
    assert [event["text"] for event in events if event["event"] == "heard"] == [WORDS, WORDS]
    loud = np.abs(sound.astype(int)) > 500
    sounded = np.flatnonzero(np.convolve(loud, np.ones(ROOM_RATE // 2), "same") > 0)
    assert len(np.flatnonzero(np.diff(sounded) > 1)) == 2, "its first words, what was cut off, and its answer"


def test_a_browser_that_takes_no_echo_out_is_told(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = browser.page(toy.url, reduced_motion="reduce")
        page.evaluate("MediaStreamTrack.prototype.getSettings = () => ({ echoCancellation: false })")
        browser.wake(page)
        page.get_by_role("alert").filter(has_text="wear headphones").wait_for()

    with browser_here() as browser, simulating(tmp_path, "--called", "open", **quick) as toy:
        browser.do(story, browser, toy).result()


def test_one_waits_no_longer_at_the_page_than_the_loop_says(tmp_path: Path, quick: dict[str, str]) -> None:
    names = ["hello-rms.wav", "dog-rms.wav", "birthday-rms.wav", "school-rms.wav", "dark-rms.wav"]

    def story(browser: Chromium, toy: Simulating) -> list[float]:
        page = awake(browser, toy.url, ear=True)
        seen = []
        for number, name in enumerate(names, 1):
            until(page, "state", "listening")
            page.wait_for_timeout(500)
            page.locator("#file").set_input_files(str(SPEECH / name))
            toy.wait_for("turn", count=number)
            seen.append(waited(page, browser, last_sound(speech(name))))
        return seen

    with browser_here() as browser, simulating(tmp_path, "--called", "open", **quick) as toy:
        seen = browser.do(story, browser, toy).result()
        told = [event["voice_to_voice"] for event in toy.events() if event["event"] == "turn"]
    assert abs(median(seen) - median(told)) < 0.08


def test_the_bench_measures_the_same() -> None:
    (figure,), skipped = measure(turns=2)
    assert (figure.name, figure.unit, skipped) == ("16_page_after_loop_ms", "ms", [])
    assert abs(figure.median) < 80


def test_what_one_writes_is_heard_and_what_one_holds_the_paw_for(tmp_path: Path) -> None:
    def story(browser: Chromium, toy: Simulating) -> bytes:
        page = awake(browser, toy.url)
        until(page, "state", "waiting for you")
        page.get_by_test_id("text").fill("What do you know about whales?")
        page.keyboard.press("Enter")
        until(page, "heard", "whales")
        until(page, "state", "waiting for you")
        page.locator("#file").set_input_files(str(SPEECH / "hello-rms.wav"))
        until(page, "heard", HELLO)
        until(page, "state", "waiting for you")
        with page.expect_download() as download:
            page.get_by_role("link", name="Save this conversation").click()
        assert has_no_trouble(page, toy.url)
        return Path(download.value.path()).read_bytes()

    with browser_here() as browser, simulating(tmp_path) as toy:
        saved = tmp_path / "scenario.zip"
        saved.write_bytes(browser.do(story, browser, toy).result())
        engines = [event["engine"] for event in toy.events() if event["event"] == "heard"]
    assert engines == ["typed", "sphinx"]
    with zipfile.ZipFile(saved) as archive:
        archive.extractall(tmp_path / "scenario")
    path = f"{COMPANION.parent}{os.pathsep}{os.environ['PATH']}"
    replayed = subprocess.run(
        ["sh", "replay.sh"], cwd=tmp_path / "scenario", env=os.environ | {"PATH": path}, capture_output=True, check=True
    )
    assert replayed.returncode == 0
    again = [one["text"] for one in journal(tmp_path / "scenario" / "replayed.jsonl") if one["event"] == "heard"]
    assert again == ["What do you know about whales?", HELLO]


LOUD, QUIET = "() => document.getElementById('meter').value > 0.3", "() => document.getElementById('meter').value < 0.2"


@pytest.mark.parametrize("how", ["paw", "space bar"])
def test_what_one_says_while_the_paw_is_held_is_heard(tmp_path: Path, quick: dict[str, str], how: str) -> None:
    said = recording(tmp_path / "said.wav", 8.0, "hello-rms.wav", 20.0)

    def story(browser: Chromium, toy: Simulating) -> list[str]:
        page = awake(browser, toy.url, viewport={"width": 1280, "height": 820})
        until(page, "state", "waiting for you")
        page.get_by_test_id("talk").hover()
        page.mouse.down() if how == "paw" else page.keyboard.down("Space")
        until(page, "state", "listening")
        page.wait_for_function(LOUD)
        page.wait_for_timeout(1500)
        page.wait_for_function(QUIET)
        page.mouse.up() if how == "paw" else page.keyboard.up("Space")
        until(page, "heard", WORDS)
        until(page, "state", "waiting for you")
        assert has_no_trouble(page, toy.url)
        states: list[str] = page.evaluate("states")
        return states

    with browser_here(said) as browser, simulating(tmp_path, **quick) as toy:
        states = browser.do(story, browser, toy).result()
    assert states[-5:] == ["idle", "listening", "thinking", "speaking", "idle"]


def test_without_leave_to_listen_it_says_so_and_one_writes(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = awake(browser, toy.url)
        page.get_by_role("alert").filter(has_text="does not let this page hear you").wait_for()
        page.get_by_test_id("text").fill("Cake")
        page.keyboard.press("Enter")
        until(page, "heard", "Cake")
        toy.wait_for("said", kind="reply")

    with browser_here(microphone=False) as browser, simulating(tmp_path, "--called", "open", **quick) as toy:
        browser.do(story, browser, toy).result()


def test_what_nobody_can_say_is_told_until_there_is_something_to_say(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = awake(browser, toy.url)
        until(page, "state", "listening")
        notice = page.get_by_role("alert").filter(has_text="nothing to say in what was written")
        page.get_by_test_id("text").fill("?")
        page.keyboard.press("Enter")
        notice.wait_for()
        page.get_by_test_id("text").fill("Cake")
        page.keyboard.press("Enter")
        until(page, "heard", "Cake")
        notice.wait_for(state="hidden")

    with (
        browser_here() as browser,
        simulating(tmp_path, "--called", "open", complains="nothing to say", **quick) as toy,
    ):
        browser.do(story, browser, toy).result()


def test_a_tab_closed_in_mid_reply_is_missed_and_another_one_goes_on(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = awake(browser, toy.url)
        until(page, "state", "listening")
        page.get_by_test_id("text").fill("Can you tell me a story about the moon?")
        page.keyboard.press("Enter")
        toy.wait_for("state", count=2, state="speaking")
        page.close()
        toy.wait_for("fault", recovered=False)
        page = awake(browser, toy.url)
        toy.wait_for("fault", recovered=True)
        page.locator("#conversation").filter(has_text="moon").wait_for()
        page.get_by_test_id("text").fill("Cake")
        page.keyboard.press("Enter")
        until(page, "heard", "Cake")
        toy.wait_for("turn", count=1)

    with (
        browser_here() as browser,
        simulating(tmp_path, "--called", "open", "--character", "pip", complains="is gone") as toy,
    ):
        browser.do(story, browser, toy).result()


def test_the_page_comes_back_by_itself_and_a_second_one_is_told(tmp_path: Path, quick: dict[str, str]) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = awake(browser, toy.url)
        until(page, "state", "listening")
        second = browser.page(toy.url)
        second.get_by_role("alert").filter(has_text="awake in another tab").wait_for()
        second.get_by_role("button", name="Use it here").click()
        page.get_by_role("alert").filter(has_text="has moved").wait_for()
        page.get_by_role("button", name="Use it here").click()
        second.get_by_role("alert").filter(has_text="has moved").wait_for()
        until(page, "state", "listening")

    with browser_here() as browser, simulating(tmp_path, "--called", "open", **quick) as toy:
        browser.do(story, browser, toy).result()


def test_who_it_is_and_how_it_is_called_is_chosen_in_the_page_and_all_is_forgotten(
    tmp_path: Path, quick: dict[str, str]
) -> None:
    def story(browser: Chromium, toy: Simulating) -> None:
        page = awake(browser, toy.url)
        until(page, "state", "waiting for you")
        page.locator("#who").select_option("otto")
        page.get_by_role("heading", name="Otto").wait_for()
        toy.wait_for("said", character="Otto")
        page.locator("#called").select_option("open")
        until(page, "state", "listening")
        page.get_by_role("button", name="Forget everything").click()
        page.get_by_role("button", name="Really forget?").click()
        page.locator("#conversation:empty").wait_for(state="attached")
        page.get_by_role("button", name="Mute").click()
        until(page, "state", "muted")
        page.get_by_role("button", name="Unmute").click()
        until(page, "state", "listening")

    with browser_here() as browser, simulating(tmp_path, **quick) as toy:
        browser.do(story, browser, toy).result()


def test_every_look_and_every_gesture_is_rendered_as_by_every_other_light(tmp_path: Path) -> None:
    moments = [(float(second), level) for second in np.arange(0, 4.2, 0.05) for level in (0.0, 0.3, 1.0)]
    script = """async ([all, moments]) => {
      const { brightness, follow, moved: move } = await import(location.href + "light.js");
      return [all.looks.map((look) => moments.map(([seconds, level]) => brightness(all, look, seconds, level))),
              moments.map(([seconds, level]) => follow(all, 0.8, level, seconds)),
              Object.values(all.motions).map((points) => moments.map(([seconds]) => move(points, seconds)))];
    }"""
    from device.browser import LOOKS as TOLD

    with browser_here() as browser, simulating(tmp_path) as toy:
        drawn, followed, moving = browser.do(lambda: browser.page(toy.url).evaluate(script, [TOLD, moments])).result()
    for look, bright in zip(TOLD["looks"], drawn, strict=True):
        truth = LOOKS[State(look["state"])]
        assert bright == pytest.approx([brightness(truth, seconds, level) for seconds, level in moments])
    assert followed == pytest.approx([follow(0.8, level, seconds) for seconds, level in moments])
    for name, bright in zip(MOTIONS, moving, strict=True):
        course = MOTIONS[name]
        truth = [moved(course, seconds) if seconds < course.seconds() else None for seconds, _ in moments]
        assert bright == pytest.approx(truth)
