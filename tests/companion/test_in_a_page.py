"""The toy in a page, without a browser: the page is one in Python, which does what people seldom do."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
from command import COMPANION, journal
from on_duty import BRIEF, HERE
from page import Page, page

from companion import character, in_browser, settings
from companion.choice import Choice
from companion.ports import Event
from companion.tasks import cancelled
from device.browser import Browser
from device.browser_link import STILL_SECONDS

ENOUGH = 120.0
BO = str(HERE / "brief.toml")


@dataclass
class Toy:
    """A toy that lives in a page, and what it tells."""

    url: str
    events: list[Event] = field(default_factory=list)

    def page(self, name: str = "a") -> Any:
        return page(cast(Browser, SimpleNamespace(url=self.url)), name=name)

    async def until(self, event: str, count: int = 1, **fields: Any) -> Event:
        """The `count`th of these events."""
        while True:
            found = [one for one in self.events if one.name == event and fields.items() <= one.fields.items()]
            if len(found) >= count:
                return found[count - 1]
            await asyncio.sleep(0.01)

    async def saved(self) -> Mapping[str, str]:
        """The files of the scenario."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.get(self.url + "scenario.zip")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}


def act(story: Callable[[Toy], Awaitable[None]], who: str = BO, **environment: str) -> None:
    async def acting() -> None:
        opened = asyncio.get_running_loop().create_future()
        toy = Toy("")
        first = Choice(settings.load(None, environment), (who,), [character.load(who)])
        living = asyncio.create_task(in_browser.live(first, [toy.events.append], opened=opened.set_result))
        await asyncio.wait({living, opened}, return_when=asyncio.FIRST_COMPLETED)
        toy.url = opened.result()
        told = asyncio.ensure_future(story(toy))
        await asyncio.wait({living, told}, timeout=ENOUGH, return_when=asyncio.FIRST_COMPLETED)
        ended = living.done()
        await cancelled(living)
        assert not ended, living.exception()
        assert told.done(), f"it never came to an end: {toy.events}"
        await told

    asyncio.run(acting())


def lights(made: Page) -> list[str]:
    return [told["state"] for told in made.told if told["tell"] == "light"]


def captures(made: Page) -> list[int]:
    return [told["capture"] for told in made.told if told["tell"] == "microphone"]


async def shows(made: Page, state: str) -> None:
    """Wait until the page's light shows this."""
    while not (shown := lights(made)) or shown[-1] != state:
        made.changed.clear()
        await made.changed.wait()


def test_a_muted_toy_stays_muted_whoever_takes_its_place() -> None:
    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            await made.say(do="mute")
            await shows(made, "muted")
            before, heard = len(lights(made)), len(captures(made))
            for count, (who, called) in enumerate((("otto", "open"), ("pip", "hold")), 2):
                await made.say(do="choose", character=who, called=called)
                await made.until_told("about", who=who, called=called)
                await toy.until("state", count, state="muted")
            assert set(lights(made)[before:]) == {"muted"}
            assert set(captures(made)[heard:]) <= {0}, "nobody has asked it to listen"
            await made.say(do="unmute")
            await toy.until("said", character="Pip")

    act(story)


def test_muted_while_another_one_wakes_up_it_is_muted_when_it_is_awake() -> None:
    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            await made.say(do="choose", character="otto", called="open")
            await made.say(do="mute")
            await made.until_told("about", who="otto")
            await toy.until("state", state="muted")
            await shows(made, "muted")
            assert captures(made)[-1] == 0
            await asyncio.sleep(0.5)
            assert (lights(made)[-1], captures(made)[-1]) == ("muted", 0)
            assert not [one for one in toy.events if one.fields.get("character") == "Otto"]

    act(story)


def test_a_page_that_leaves_before_it_is_heard_ends_nothing() -> None:
    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            await made.say(do="choose", character="otto", called="open")
        await asyncio.sleep(
            STILL_SECONDS + 4.0
        )  # until Otto is ready and has waited for as long as one waits for a page
        async with toy.page("b") as made:
            await toy.until("state", state="speaking", count=2)

    act(story)


def test_what_is_forgotten_in_the_middle_of_a_reply_is_nowhere() -> None:
    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            await made.say(do="say", text="Can you tell me a story about the moon?")
            await toy.until("heard")
            await shows(made, "speaking")
            await asyncio.sleep(0.7)
            made.told.clear()
            await made.say(do="forget")
            emptied = await made.until_told("journal")
            assert emptied["events"] == []
            after = made.told[made.told.index(emptied) :]
            await toy.until("said", kind="reply", complete=False)
            await asyncio.sleep(1.0)
            assert not [told for told in after if told.get("event") in ("said", "heard", "turn", "gesture")]
            files = await toy.saved()
            assert "moon" not in "".join(files.values())
            assert '"said"' not in files["journal.jsonl"]
        async with toy.page("b") as later:
            events = (await later.until_told("journal"))["events"]
            assert not [event for event in events if event["event"] in ("said", "heard")]

    act(story, "pip")


def test_a_closed_tab_that_comes_back_is_no_fault_to_whoever_comes_back() -> None:
    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
        await toy.until("fault", recovered=False)
        async with toy.page("b") as made:
            await toy.until("fault", recovered=True)
            await made.until_told("event", event="page", here=True)
            events = (await made.until_told("journal"))["events"]
            assert [event["here"] for event in events if event["event"] == "page"] == [False]
            assert not [told for told in [*events, *made.told] if told.get("event") == "fault"]

    act(story)


def replay(folder: Path, files: Mapping[str, str], **environment: str) -> None:
    """What somebody does who was sent a scenario."""
    for name, held in files.items():
        (folder / name).write_text(held)
    path = f"{COMPANION.parent}{os.pathsep}{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COMPANION_", "DASHSCOPE_"))}
    done = subprocess.run(
        ["sh", "replay.sh"], cwd=folder, env=clean | {"PATH": path} | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_saved_conversation_is_replayed_with_each_toy_that_was_there(tmp_path: Path) -> None:
    saved: dict[str, str] = {}
    own = tmp_path / "of my own.toml"
    own.write_text(Path(BO).read_text())

    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            await made.say(do="say", text="Hello fox")
            await toy.until("turn")
            await made.say(do="choose", character="otto", called="open")
            await toy.until("ready", 2, part="voice")
            await made.say(do="say", text="Good evening tortoise")
            await toy.until("turn", 2)
            saved.update(await toy.saved())

    act(story, str(own), COMPANION_CHAT__SUPPLEMENT="It rains.")
    assert str(tmp_path) not in "".join(saved.values())
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    replay(folder, saved)
    for number, (name, text) in {"": ("Bo", "Hello fox"), "-2": ("Otto", "Good evening tortoise")}.items():
        again = journal(folder / f"replayed{number}.jsonl")
        assert [event["text"] for event in again if event["event"] == "heard"] == [text]
        assert {event["character"] for event in again if event["event"] == "said"} == {name}


def test_settings_travel_with_the_conversation_and_keys_and_places_stay(tmp_path: Path) -> None:
    saved: dict[str, str] = {}
    secret = tmp_path / "secret"
    secret.write_text("sk-secret")

    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "listening")
            await made.say(do="say", text="Hello")
            await toy.until("heard")
            saved.update(await toy.saved())

    wishes = {
        "COMPANION_CHAT__ENGINE": "rehearsal",
        "COMPANION_CHAT__KEY_FILE": str(secret),
        "COMPANION_CHAT__BASE_URL": "https://mind.example/v1",
        "COMPANION_TOY__PERSON": "Ada",
        "COMPANION_MODELS__STORE": str(tmp_path / "store"),
    }
    act(story, **wishes | {"COMPANION_EARS__CALLED": BRIEF["COMPANION_EARS__CALLED"]})
    told = "".join(saved.values())
    assert saved["settings.toml"] == '[toy]\nperson = "Ada"\n[chat]\nengine = "rehearsal"\n'
    assert not [private for private in ("secret", "mind.example", str(tmp_path)) if private in told]
    assert "chat.base_url, chat.key_file, models.store" in saved["replay.sh"]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    replay(folder, saved)
    assert [one["text"] for one in journal(folder / "replayed.jsonl") if one["event"] == "heard"] == ["Hello"]


def test_what_is_written_at_once_is_heard_at_once_and_in_its_order() -> None:
    texts = ["This is a rather long sentence that takes a while to be made into sound, as long ones do.", "Two", "3"]

    async def story(toy: Toy) -> None:
        async with toy.page() as made:
            await shows(made, "idle")
            for text in texts:
                await made.say(do="say", text=text)
            await toy.until("heard", text=" ".join(texts))
            await toy.until("turn")

    act(story)
