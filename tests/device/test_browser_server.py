"""The page's server and its line: who is let in, and what becomes of whoever misbehaves."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from page import block, line_of, opened, origin_of, page
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from companion.errors import DeviceError
from companion.ports import Event, Press
from companion.state import State
from device.browser import HOLD_SECONDS, MOST_DOING, Browser
from device.browser_link import GONE
from device.browser_visitors import BUSY, MOVED

ENOUGH = 10.0


def act(story: Callable[[Browser], Awaitable[None]], **wishes: Any) -> None:
    async def acting() -> None:
        async with opened(**wishes) as browser:
            await asyncio.wait_for(story(browser), ENOUGH)

    asyncio.run(acting())


async def fetched(url: str, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers)


async def lives_on(browser: Browser) -> None:
    """Another page can be the body."""
    async with page(browser, name="another") as other:
        await other.until_told("looks")
        await browser.microphone.read()


def test_the_page_comes_with_headers_that_keep_it_here() -> None:
    async def story(browser: Browser) -> None:
        answer = await fetched(browser.url)
        assert answer.status_code == 200
        assert "main.js" in answer.text
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert (await fetched(browser.url + "main.js")).headers["content-type"].startswith("text/javascript")

    act(story)


def test_it_listens_on_this_computer_only() -> None:
    async def story(browser: Browser) -> None:
        port = int(browser.url.split(":")[2].split("/")[0])
        addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
        for address in addresses - {"127.0.0.1"}:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(address, port)

    act(story)


@pytest.mark.parametrize(
    ("path", "headers", "status", "told"),
    [
        ("", {"host": "toy.example:80"}, 421, "not mine"),
        ("", {"origin": "http://toy.example"}, 403, "elsewhere"),
        ("", {"origin": "null"}, 403, "elsewhere"),
        ("main.js", {"sec-fetch-site": "cross-site"}, 403, "elsewhere"),
        ("../", {}, 404, "token"),
        ("../wrong-token/", {}, 404, "token"),
        ("../../etc/passwd", {}, 404, "token"),
        ("..%2f..%2fbrowser.py", {}, 404, ""),
    ],
)
def test_who_comes_by_a_wrong_address_is_refused(path: str, headers: dict[str, str], status: int, told: str) -> None:
    async def story(browser: Browser) -> None:
        answer = await fetched(browser.url + path, **headers)
        assert answer.status_code == status
        assert told in answer.text
        await lives_on(browser)

    act(story)


def test_another_origin_gets_no_line() -> None:
    async def story(browser: Browser) -> None:
        for origin in ("http://toy.example", "http://127.0.0.1:1", None):
            with pytest.raises(InvalidStatus) as refused:
                await connect(line_of(browser), origin=origin)  # type: ignore[arg-type]
            assert refused.value.response.status_code == 403
        with pytest.raises(InvalidStatus) as refused:
            await connect(line_of(browser).replace("/line", "x/line"), origin=origin_of(browser))  # type: ignore[arg-type]
        assert refused.value.response.status_code == 404
        await lives_on(browser)

    act(story)


async def ended(line: Any) -> tuple[int, str]:
    """How a line ended."""
    with suppress(ConnectionClosed):
        async for _ in line:
            pass
    return line.close_code, line.close_reason


HELLO = json.dumps({"do": "hello", "name": "a", "take": False})
SOUND = json.dumps({"do": "sound", "rate": 16_000, "latency": 0.0})


@pytest.mark.parametrize(
    ("messages", "code", "told"),
    [
        (["hello"], 1007, "no JSON"),
        (["[1]"], 1007, "no object"),
        (["[" * 50_000], 1007, "no JSON"),
        ([block()], 1007, ""),
        ([json.dumps({"do": "hello", "name": "", "take": False})], 1008, "hello"),
        ([HELLO, "{}"], 1008, "there is not"),
        ([HELLO, json.dumps({"do": "volume", "to": 7})], 1008, "there is not"),
        ([HELLO, json.dumps({"do": "say", "text": "x" * 501})], 1008, "there is not"),
        ([HELLO, json.dumps({"do": "sound", "rate": 10**9, "latency": 0})], 1008, "of no use"),
        ([HELLO, block()], 1008, "before it said"),
        ([HELLO, SOUND, b"short"], 1007, "cannot be read"),
        ([HELLO, SOUND, block() + b"x"], 1007, "cannot be read"),
        ([HELLO, SOUND, block(ends=float("nan"))], 1007, "no time"),
        ([HELLO, SOUND, block(heard_at=2.0, ends=1.0)], 1007, "no time"),
        ([HELLO, SOUND, block(ends=1e300)], 1007, "no time"),
        ([HELLO, SOUND, bytes(10_000_000)], 1009, ""),
        ([HELLO, "x" * 10_000_000], 1009, ""),
    ],
)
def test_a_page_that_sends_what_it_must_not_is_told_and_sent_away(
    messages: list[str | bytes], code: int, told: str
) -> None:
    async def story(browser: Browser) -> None:
        async with connect(line_of(browser), origin=origin_of(browser)) as line:  # type: ignore[arg-type]
            with suppress(ConnectionClosed):
                for message in messages:
                    await line.send(message)
            ends, why = await ended(line)
        assert ends == code
        assert told in why
        await lives_on(browser)

    act(story)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x05hello",  # not masked
        b"\xf1\x80\x00\x00\x00\x00",  # with reserved bits
        b"\x83\x80\x00\x00\x00\x00",  # of a kind that there is not
        b"\x81\x82\x00\x00\x00\x00\xff\xfe",  # text that is none
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # longer than anything
        b"\x00" * 1_000,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_frames_that_are_none_end_the_line(frame: bytes) -> None:
    async def story(browser: Browser) -> None:
        host, port = browser.url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        path = line_of(browser).split(port, 1)[1]
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {origin_of(browser)}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(frame)
        rest = await reader.read()
        assert rest[:1] in (b"\x88", b""), "it is told that the line ends, and why"
        writer.close()
        await lives_on(browser)

    act(story)


def test_a_thousand_messages_a_second_are_too_many() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser) as made:
            with suppress(ConnectionClosed):
                for _ in range(5_000):
                    await made.say(do="volume", to=0.5)
                    await asyncio.sleep(0.001)
            assert (made.line.close_code, made.line.close_reason) == (1008, "The page sent too many messages at once.")
        await lives_on(browser)

    act(story)


def test_what_an_honest_page_sends_in_a_minute_is_not_too_much() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser) as made:
            for _ in range(700):  # 14 s of blocks at once, after a moment in which the page stood still
                await made.line.send(block(ends=1.0))
            await made.say(do="volume", to=0.5)
            await made.until_told("volume", to=0.5)

    act(story)


def test_a_second_tab_is_told_and_may_take_over() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser, name="first") as first, page(browser, name="second") as second:
            await second.line.wait_closed()
            assert (second.line.close_code, second.line.close_reason) == (
                BUSY,
                "The toy is awake in another tab or window.",
            )
            async with connect(line_of(browser), origin=origin_of(browser)) as third:  # type: ignore[arg-type]
                await third.send(json.dumps({"do": "hello", "name": "third", "take": True}))
                assert json.loads(await third.recv())["tell"] == "looks"
                await first.line.wait_closed()
                assert first.line.close_code == MOVED

    act(story)


def test_a_tab_that_was_loaded_anew_is_the_same_one() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser, name="one") as before, page(browser, name="one") as after:
            await after.until_told("looks")
            await before.line.wait_closed()
            assert before.line.close_code == MOVED
            await browser.microphone.read()

    act(story)


def test_who_opens_the_page_later_is_told_what_was() -> None:
    async def story(browser: Browser) -> None:
        browser.light.show(State.THINKING)
        browser.introduce(called="hold")
        browser.observe(Event(1.0, "heard", {"text": "half a \ud83d pair", "engine": "typed", "speaker": "user"}))
        async with page(browser) as made:
            await made.until_told("light", state="thinking")
            await made.until_told("about", called="hold")
            journal = await made.until_told("journal")
            assert [event["event"] for event in journal["events"]] == ["heard"]

    act(story)


def test_the_paw_tells_how_long_it_is_held_and_is_let_go_with_the_page() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser) as made:
            await made.say(do="press", down=True)
            assert [await browser.button.pressed() for _ in range(2)] == [Press.DOWN, Press.LONG]
        assert await browser.button.pressed() is Press.UP

    act(story)
    assert HOLD_SECONDS < ENOUGH


def test_the_paw_is_let_go_when_the_toy_moves_to_another_tab() -> None:
    async def story(browser: Browser) -> None:
        async with page(browser) as made:
            await made.say(do="press", down=True)
            assert [await browser.button.pressed() for _ in range(2)] == [Press.DOWN, Press.LONG]
            async with page(browser):
                assert await browser.button.pressed() is Press.UP

    act(story)


def test_what_is_asked_for_while_there_is_no_toy_harms_nobody() -> None:
    async def story(browser: Browser) -> None:
        forgotten = asyncio.Event()
        browser.forgets = forgotten.set
        browser.observe(Event(1.0, "heard", {"text": "a secret", "engine": "typed", "speaker": "user"}))
        async with page(browser) as made:
            for what in ("interrupt", "mute", "unmute", "forget"):
                await made.say(do=what)
            await made.until_told("journal", events=[])
            assert forgotten.is_set()

    act(story)


def test_more_than_anybody_can_ask_for_at_once_is_refused() -> None:
    async def story(browser: Browser) -> None:
        async def write(text: str) -> None:
            await asyncio.Event().wait()

        browser.writes = write
        async with page(browser) as made:
            with suppress(ConnectionClosed):
                for _ in range(MOST_DOING + 1):
                    await made.say(do="say", text="x")
            await made.line.wait_closed()
            assert (made.line.close_code, made.line.close_reason) == (1008, "The page asked for too much at once.")
        await lives_on(browser)

    act(story)


def test_that_the_page_was_closed_for_a_while_is_told_and_is_no_fault() -> None:
    async def story(browser: Browser) -> None:
        for text, recovered in ((GONE, False), (GONE, True), ("another", True)):
            browser.observe(Event(1.0, "fault", {"kind": "device", "text": text, "recovered": recovered}))
        async with page(browser) as made:
            events = (await made.until_told("journal"))["events"]
            assert [(event["event"], event.get("here")) for event in events] == [
                ("page", False),
                ("page", True),
                ("fault", None),
            ]

    act(story)


def test_a_port_that_is_taken_is_named() -> None:
    async def story(browser: Browser) -> None:
        port = int(browser.url.split(":")[2].split("/")[0])
        with pytest.raises(DeviceError, match=f"port {port} of 127.0.0.1"):
            await Browser(browser.clock, port=port).open()

    act(story)
