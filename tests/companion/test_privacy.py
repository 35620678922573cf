"""What is said to a toy stays between the two: no word in a log or a file, no port, and nobody sees the key."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from on_duty import running, small_store, speech
from recording_server import recording_server, streamed
from sound_server import missing
from supervised import Told

from companion import settings
from companion.audio import Audio
from companion.bench_talk import QUESTION, Heard, talk
from companion.character import Espeak
from companion.children import KEY_VARIABLE
from companion.ports import Event
from companion.service_log import log
from companion.simulation import sound_of
from companion.supervised import telling
from companion.worktime import HeldChat, HeldVoice
from device.simulated import World
from device.sound_server import sound_server
from models.espeak import EspeakVoice
from models.qwen import QwenChat

TURNS = 100

ASKED, ANSWERED = ("yellow", "moon"), ("quokka", "marmalade")
"""Words of what is asked (in `QUESTION`) and of what is answered, that nothing else says."""

KEY = "sk-canary-0123456789"


def words_in(text: str) -> set[str]:
    return {word for word in (*ASKED, *ANSWERED, KEY) if word in text.lower()}


def all_files(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes().decode("utf-8", "replace")


def test_of_a_hundred_turns_no_word_is_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    """Nor by the libraries: nothing of theirs is shown by default, and if it were it would hold none."""
    assert all(word in QUESTION for word in ASKED)
    world = World()
    voice = EspeakVoice(Espeak())
    question: Audio = asyncio.run(sound_of(voice, QUESTION))
    printed, supervisor = io.StringIO(), Told()
    turns = 0
    tell, narrate = telling(supervisor), log(printed)

    def notice(event: Event, _: Heard) -> None:
        nonlocal turns
        turns += event.name == "turn"
        tell(event)
        narrate(event)

    caplog.set_level(logging.DEBUG)
    with recording_server(streamed("(hops) A quokka likes", " marmalade.")) as server:
        chat = QwenChat(base_url=server.base_url, key=KEY, model="qwen-flash-character")

        async def converse() -> None:
            try:
                await talk(world, question, TURNS, HeldChat(chat, world), HeldVoice(voice, world), notice)
            finally:
                await chat.aclose()

        with asyncio.Runner(loop_factory=world.event_loop) as runner:
            runner.run(converse())
    assert turns == TURNS
    assert words_in(str(server.requests[-1])) == {*ASKED, *ANSWERED, KEY}, "they were really said"
    assert printed.getvalue()
    assert supervisor.said
    for text in (printed.getvalue(), " ".join(supervisor.said), caplog.text, repr(chat)):
        assert not words_in(text)


def test_the_key_is_in_nothing_that_settings_show(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    for environment in ({KEY_VARIABLE: KEY}, {"COMPANION_CHAT__KEY_FILE": str(file)}):
        chosen = settings.load(None, environment)
        assert settings.key(chosen, environment) == KEY
        assert not words_in(repr(chosen) + str(chosen) + chosen.model_dump_json())


@pytest.mark.skipif(bool(missing), reason=missing)
def test_a_toy_on_duty_opens_no_port_keeps_no_word_and_shows_no_key(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "api_key").write_text(KEY)
    store = small_store(tmp_path / "store", "yellow moon")
    homes = {name: str(tmp_path / "home" / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    with recording_server(streamed("A quokka likes marmalade.")) as server, sound_server() as sound:
        environment = (
            dict(sound.environment)
            | homes
            | {
                "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials"),
                "COMPANION_CHAT__BASE_URL": server.base_url,
                "COMPANION_MODELS__STORE": str(store),
                "HOME": str(tmp_path / "home"),
            }
        )
        with running(tmp_path, environment) as toy:
            toy.state("listening")
            rate, samples = speech("hello-rms.wav")
            sound.say(samples, rate)
            toy.wait_for(lambda event: event["event"] == "turn")
            process = Path(f"/proc/{toy.process.pid}")
            assert not listening(process)
            shown = (process / "cmdline").read_text() + (process / "environ").read_text()
            children = [
                child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()
            ]
            _, said = toy.end()
    assert len(server.requests) == 1
    assert not children
    assert not words_in(shown + said)
    (tmp_path / "journal.jsonl").unlink()  # which was asked for
    (tmp_path / "credentials" / "api_key").unlink()
    for file in (store / "whisper").rglob("*"):
        if file.is_file():
            file.unlink()  # which knows nothing but these words
    found = [words_in(text) for text in (*all_files(tmp_path), *all_files(sound.folder))]
    assert not any(found)


def listening(process: Path) -> list[str]:
    """The TCP and UDP sockets at which a process listens."""
    mine = {str(handle.readlink()).removeprefix("socket:[").removesuffix("]") for handle in (process / "fd").iterdir()}
    found = []
    for table, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07"}), ("udp6", {"07"})):
        for line in (process / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] in states and fields[9] in mine:
                found.append(f"{table} {fields[1]}")
    return found
